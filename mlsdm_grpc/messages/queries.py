"""Validation of queries, in server and workers.

The server passes the queries of a request to a space worker in serialised form, and the worker
validates them. The server itself validates only two kinds of requests. If a query has a text, the
server needs its vector first. If the server refuses a request for another reason, violations must
be reported first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from mlsdm_grpc._gen.mlsdm.v1 import memory_pb2, memory_query_pb2
from mlsdm_grpc.core.model.new_memory import Vector
from mlsdm_grpc.core.model.recall_mode import RecallMode
from mlsdm_grpc.messages import bounds, limits
from mlsdm_grpc.messages.fields import Fields
from mlsdm_grpc.value_classes import value_class

__all__ = ["Ask", "EncodedQueries", "QueryMessage", "ask", "asks", "path_of", "sources"]

_NO_SOURCE: Final = -1
# Fields that restrict the memories of a search.
_LIMITING: Final = frozenset({"sources", "conversation_id", "after", "before", "metadata"})

QueryMessage: TypeAlias = memory_query_pb2.QueryMemoriesRequest | memory_query_pb2.MemoryQuery
"""Message types of a query. Common fields have the same numbers in both.

The first one also has a space and a revision.
"""


@value_class
class Ask:
    """Validated query: a vector, a text to embed, or both, with defaults for absent fields."""

    vector: Vector | None
    text: str = ""
    """Text of the query. Together with a vector, only its words are used."""
    top_k: int = 5
    phase: float | None = None
    """Phase of the search in [0, 1].

    None searches all phases, unless the space recalls within its phase band.
    """
    phase_tolerance: float | None = None
    """Width of the phase band around the phase.

    None stands for 0.15. A width of 1 without a phase searches all phases.
    """
    min_confidence: float = 0.0
    min_resonance: float | None = None
    labels: tuple[str, ...] = ()
    phase_weight: float = 0.0
    synaptic_bias: float = 0.0
    include_embedding: bool = False
    mode: RecallMode = RecallMode.AUTO
    sources: tuple[int, ...] = ()
    conversation_id: str = ""
    after_ns: int | None = None
    before_ns: int | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    min_score: float | None = None


@value_class
class EncodedQueries:
    """Queries of a request, serialised and not yet validated."""

    encoded: Sequence[bytes]
    """Serialised messages of type :data:`QueryMessage`."""
    batch: bool = False
    """True for a batch of queries, False for a single one."""
    has_text: bool = False
    """True if a query has a text in place of a vector."""
    by_words: bool = False
    """True if a query searches by words."""
    by_metadata: bool = False
    """True if a query filters by metadata."""
    matches: int = 0
    """Maximum number of matches of all queries together."""
    rows: int = 0
    """Maximum number of matches with vectors."""
    omit_answers: bool = False
    """True to exclude memories that are answers of a language model."""

    @classmethod
    def of(
        cls, messages: Iterable[QueryMessage], *, batch: bool = False, omit_answers: bool = False
    ) -> EncodedQueries:
        """Return the queries of a request. Each message is serialised as soon as it is read."""
        encoded = list[bytes]()
        has_text = by_words = by_metadata = False
        matches = rows = 0
        for message in messages:
            encoded.append(message.SerializeToString())
            if message.text or message.words:
                has_text = has_text or bool(message.text)
                by_words = by_words or message.mode != memory_query_pb2.QUERY_MODE_VECTOR
            by_metadata = by_metadata or bool(message.metadata)
            count = min(max(message.top_k, 0) or limits.DEFAULT_TOP_K, limits.MAX_TOP_K)
            matches += count
            if message.include_embedding:
                rows += count
        return cls(encoded, batch, has_text, by_words, by_metadata, matches, rows, omit_answers)


def asks(
    fields: Fields, encoded: Sequence[bytes], *, batch: bool, deferred: bool = False
) -> Iterator[Ask]:
    """Validate and yield the queries of a request. Violations are added to ``fields``.

    Args:
        fields: Collector of violations.
        encoded: Serialised messages of type :data:`QueryMessage`.
        batch: True for a batch of queries.
        deferred: As for :func:`ask`.
    """
    for i, raw in enumerate(encoded):
        message = memory_query_pb2.MemoryQuery.FromString(raw)
        yield ask(fields, path_of(i, batch=batch), message, deferred=deferred)


def path_of(index: int, *, batch: bool) -> str:
    """Return the path of a query in violations; empty, or with a dot at its end."""
    return f"queries[{index}]." if batch else ""


def ask(fields: Fields, path: str, message: QueryMessage, *, deferred: bool = False) -> Ask:
    """Validate a query and return it with defaults for absent fields.

    Args:
        fields: Collector of violations.
        path: Path of the query in violations; empty, or with a dot at its end.
        message: Query to validate.
        deferred: True if the caller checks numbers and norm of the vector, if the query uses it. A
            query by words does not use its vector, so it is always checked here.
    """
    given = {field.name for field, _ in message.ListFields()}  # most queries have few fields
    vector, text = None, ""
    if "embedding" in given:
        is_used = message.mode != memory_query_pb2.QUERY_MODE_LEXICAL
        convert = fields.components if deferred and is_used else fields.embedding
        vector = convert(f"{path}embedding", message.embedding)
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
    # Without a phase, a narrow tolerance would have no effect, which the caller would not notice.
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
    # Few queries restrict the memories, and ``replace`` costs more than all other checks together.
    if not given.isdisjoint(_LIMITING):
        asked = replace(
            asked,
            sources=sources(fields, f"{path}sources", message.sources),
            conversation_id=fields.memory_id(f"{path}conversation_id", message.conversation_id),
            after_ns=fields.moment(f"{path}after", message, "after"),
            before_ns=fields.moment(f"{path}before", message, "before"),
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
