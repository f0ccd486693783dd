"""Conversion of Python values to messages of the contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias, TypedDict

import numpy as np
from numpy.typing import NDArray

from mlsdm_grpc._gen.mlsdm.v1.embedding_pb2 import Embedding
from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import Memory
from mlsdm_grpc.client.arguments import message
from mlsdm_grpc.client.values import invalid

__all__ = ["MemoryFields", "QueryLimits", "Vector", "new_memory", "vector_of"]

Vector: TypeAlias = NDArray[np.floating] | Sequence[float]
"""One vector, shape (dimension,), of any floating-point type; sent as float32."""


class MemoryFields(TypedDict, total=False):
    """Optional fields of a memory; see :func:`new_memory`."""

    embedding: Vector | None
    memory_id: str
    labels: Iterable[str]
    metadata: Mapping[str, str] | None
    phase: float | None
    confidence: float | None
    pinned: bool
    expire_time: datetime | None
    etag: str
    embedding_model: str
    context: str
    event_time: datetime | None
    conversation_id: str


class QueryLimits(TypedDict, total=False):
    """Optional arguments of a query; see ``QueryMemoriesRequest``."""

    top_k: int
    phase: float | None
    phase_tolerance: float | None
    min_confidence: float | None
    min_resonance: float | None
    labels: Iterable[str]
    include_embedding: bool
    phase_weight: float | None
    synaptic_bias: float | None
    mode: str | int
    sources: Iterable[str | int]
    conversation_id: str
    after: datetime | None
    before: datetime | None
    metadata: Mapping[str, str] | None
    min_score: float | None


def vector_of(embedding: Embedding) -> NDArray[np.float32]:
    """Return the vector of a response, shape (dimension,), read-only; empty for no vector."""
    return np.frombuffer(embedding.f32_le, dtype="<f4")


def new_memory(
    text: str = "",
    *,
    embedding: Vector | None = None,
    memory_id: str = "",
    labels: Iterable[str] = (),
    metadata: Mapping[str, str] | None = None,
    phase: float | None = None,
    confidence: float | None = None,
    pinned: bool = False,
    expire_time: datetime | None = None,
    etag: str = "",
    embedding_model: str = "",
    context: str = "",
    event_time: datetime | None = None,
    conversation_id: str = "",
) -> Memory:
    """Return a memory to store; a text, an embedding or both are required.

    Args:
        text: At most 8,192 bytes of UTF-8; the server embeds it if there is no embedding.
        embedding: Vector with the dimension of the space; copied. Its norm is at least 1e-9.
        memory_id: Id; if empty, the server chooses one.
        labels: At most 32 labels.
        metadata: At most 4,096 bytes in all keys and values together.
        phase: 0..1; None uses the current phase of the space.
        confidence: 0..1; None is 1.
        pinned: Never evict this memory.
        expire_time: Time after which the memory is no longer found; requires a time zone.
        etag: Etag that the replaced memory must have.
        embedding_model: Model that made the embedding. If it is the server's model, the memory is
            treated like one embedded by the server.
        context: Searchable text that is not part of the memory, at most 4,096 bytes.
        event_time: Time of the described event; requires a time zone.
        conversation_id: Conversation of the memory.

    Raises:
        InvalidInput: An argument is not valid; the error names it.
    """
    memory = message(
        Memory,
        memory_id=memory_id,
        text=text,
        embedding=embedding,
        labels=labels,
        metadata=metadata,
        phase=phase,
        confidence=confidence,
        pinned=pinned,
        expire_time=expire_time,
        etag=etag,
        embedding_model=embedding_model,
        context=context,
        event_time=event_time,
        conversation_id=conversation_id,
    )
    if not text and embedding is None:
        raise invalid("text", "is required if there is no embedding")
    return memory
