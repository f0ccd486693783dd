"""Conversion of queries of the contract to domain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from mlsdm_grpc._gen.mlsdm.v1 import memory_pb2, memory_query_pb2
from mlsdm_grpc.core.model.recall_mode import RecallMode
from mlsdm_grpc.wire import bounds, limits
from mlsdm_grpc.wire.fields import Fields
from mlsdm_grpc.wire.reading import Parts
from mlsdm_grpc.wire.requests import moment
from mlsdm_grpc.workers.space_codec import Ask

__all__ = ["QueryParts", "ask", "sources"]

_NO_SOURCE: Final = -1
# Fields that restrict the memories searched.
_LIMITING: Final = frozenset({"sources", "conversation_id", "after", "before", "metadata"})

QueryParts: TypeAlias = Parts[
    memory_query_pb2.BatchQueryMemoriesRequest, memory_query_pb2.MemoryQuery
]


def ask(
    fields: Fields,
    path: str,
    message: memory_query_pb2.QueryMemoriesRequest | memory_query_pb2.MemoryQuery,
) -> Ask:
    """Return a query with defaults filled in; ``path`` is empty or ends with a dot."""
    given = {field.name for field, _ in message.ListFields()}  # most queries give few fields
    vector, text = None, ""
    if "embedding" in given:
        vector = fields.embedding(f"{path}embedding", message.embedding)
        if "words" in given:
            text = fields.text(f"{path}words", message.words)
    elif message.WhichOneof("query") == "text":
        text = fields.text(f"{path}text", message.text, required=True)
        if "words" in given:
            fields.fault(f"{path}words", "must be empty if there is a text")
    else:
        fields.fault(f"{path}query", "requires an embedding or a text")
    top_k = fields.count(f"{path}top_k", message.top_k, low=0, high=limits.MAX_TOP_K)

    def optional(name: str, *, low: float = 0.0, high: float = 1.0) -> float | None:
        if name not in given:
            return None
        return fields.number(f"{path}{name}", getattr(message, name), low=low, high=high)

    phase, tolerance = optional("phase"), optional("phase_tolerance")
    # A tolerance below 1 without a phase would silently search all phases.
    if phase is None and tolerance is not None and tolerance < 1.0:
        fields.fault(f"{path}phase_tolerance", "without a phase must be 1, or absent")
    asked = Ask(
        vector=vector,
        text=text,
        top_k=top_k or limits.DEFAULT_TOP_K,
        phase=phase,
        phase_tolerance=tolerance,
        min_confidence=optional("min_confidence") or 0.0,
        min_resonance=optional("min_resonance", low=-2.0, high=2.0),
        labels=fields.labels(f"{path}labels", message.labels) if "labels" in given else (),
        phase_weight=optional("phase_weight") or 0.0,
        synaptic_bias=optional("synaptic_bias", low=-1.0) or 0.0,
        include_embedding=message.include_embedding,
        mode=_mode(fields, f"{path}mode", message.mode) if "mode" in given else RecallMode.AUTO,
        min_score=optional("min_score", low=-2.0, high=2.0),
    )
    # Few queries have a restriction, and ``replace`` costs more than the rest of a plain query.
    if not given.isdisjoint(_LIMITING):
        asked = replace(
            asked,
            sources=sources(fields, f"{path}sources", message.sources),
            conversation_id=fields.memory_id(f"{path}conversation_id", message.conversation_id),
            after_ns=moment(fields, f"{path}after", message, "after"),
            before_ns=moment(fields, f"{path}before", message, "before"),
            metadata=fields.metadata(f"{path}metadata", message.metadata),
        )
    if asked.mode is not RecallMode.AUTO:
        _check_mode(fields, path, asked)
    return asked


def _mode(fields: Fields, path: str, value: int) -> RecallMode:
    if not fields.listed(path, value, memory_query_pb2.QueryMode):
        return RecallMode.AUTO
    return RecallMode(value) if value else RecallMode.AUTO


def _check_mode(fields: Fields, path: str, asked: Ask) -> None:
    """Record a violation for each field that the mode of the query does not support."""
    if asked.mode in {RecallMode.LEXICAL, RecallMode.HYBRID} and not asked.text:
        fields.fault(f"{path}mode", "requires a text or words")
    if asked.mode is not RecallMode.LEXICAL:
        return
    if asked.min_resonance is not None:
        fields.fault(f"{path}min_resonance", "must be absent in mode LEXICAL")
    if asked.synaptic_bias:
        fields.fault(f"{path}synaptic_bias", "must be 0 in mode LEXICAL")


def sources(fields: Fields, path: str, values: Sequence[int]) -> tuple[int, ...]:
    """Return the sources to which a search is restricted."""
    if len(values) > bounds.SOURCES.limit:
        fields.fault(path, bounds.SOURCES.description)
    for i, value in enumerate(values):
        fields.listed(f"{path}[{i}]", value or _NO_SOURCE, memory_pb2.MemorySource)
    return tuple(values)
