"""Python values as messages of the contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeAlias, TypedDict, TypeVar

import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp
from numpy.typing import NDArray

from mlsdm_grpc._gen.mlsdm.v1.embedding_pb2 import Embedding
from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import Memory
from mlsdm_grpc.errors import FieldViolation, InvalidInput

__all__ = [
    "MemoryFields",
    "QueryLimits",
    "Vector",
    "embedding_message",
    "named",
    "new_memory",
    "timestamp",
    "vector_of",
]

_ValueT_co = TypeVar("_ValueT_co", covariant=True)
Vector: TypeAlias = NDArray[np.floating] | Sequence[float]
"""One vector, shape (dimension,); any float type, sent as float32."""


class MemoryFields(TypedDict, total=False):
    """What a memory has besides its text; see :func:`new_memory`."""

    embedding: Vector | None
    memory_id: str
    labels: Iterable[str]
    metadata: Mapping[str, str] | None
    phase: float | None
    confidence: float | None
    pinned: bool
    expire_time: datetime | None
    etag: str


class QueryLimits(TypedDict, total=False):
    """What a query may ask besides its text or vector; see ``QueryMemoriesRequest``."""

    top_k: int
    phase: float | None
    phase_tolerance: float | None
    min_confidence: float | None
    min_resonance: float | None
    labels: Sequence[str]
    include_embedding: bool
    phase_weight: float | None
    synaptic_bias: float | None


def embedding_message(vector: Vector | None) -> Embedding | None:
    """Return the vector as little-endian float32 bytes; None stays None.

    Raises:
        InvalidInput: It is not one-dimensional. Everything else is for the server to judge.
    """
    if vector is None:
        return None
    row = np.asarray(vector, dtype="<f4")
    if row.ndim != 1:
        problem = FieldViolation("embedding", f"expected one dimension, got {row.ndim}")
        raise InvalidInput(violations=[problem])
    return Embedding(f32_le=row.tobytes())


def vector_of(embedding: Embedding) -> NDArray[np.float32]:
    """Return the vector of an answer, shape (dimension,), read-only; empty if there is none."""
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
) -> Memory:
    """Return a memory that can be put; at least one of text and embedding is needed.

    Args:
        text: At most 8,192 bytes of UTF-8; the server embeds it when there is no embedding.
        embedding: Vector of the space's dimension, copied.
        memory_id: Own id; empty lets the server choose one.
        labels: At most 32.
        metadata: At most 4,096 bytes over all keys and values.
        phase: 0..1; None is the space's current phase.
        confidence: 0..1; None is 1.
        pinned: Never evicted for room.
        expire_time: When it ceases to be found; must know its time zone.
        etag: What a replaced memory must have.

    Raises:
        InvalidInput: The embedding is not one-dimensional, or the time has no time zone.
    """
    message = Memory(
        memory_id=memory_id,
        text=text,
        embedding=embedding_message(embedding),
        labels=labels,
        metadata=metadata,
        phase=phase,
        confidence=confidence,
        pinned=pinned,
        etag=etag,
    )
    if expire_time is not None:
        message.expire_time.CopyFrom(timestamp(expire_time))
    return message


class _Enumeration(Protocol[_ValueT_co]):
    def keys(self) -> Sequence[str]: ...
    def Value(self, name: str) -> _ValueT_co: ...  # noqa: N802 - the name of protobuf


def named(kind: _Enumeration[_ValueT_co], field: str, name: str) -> _ValueT_co:
    """Return the value of an enumeration that a caller names without its prefix.

    Args:
        kind: The enumeration.
        field: What the caller passed it as.
        name: Such as ``"prompt"``.

    Raises:
        InvalidInput: It has no such name.
    """
    names = kind.keys()
    value = names[0].removesuffix("UNSPECIFIED") + name.upper()
    if value not in names:
        raise InvalidInput(violations=[FieldViolation(field, "is not a known name")])
    return kind.Value(value)


def timestamp(moment: datetime) -> Timestamp:
    """Return a moment for the wire.

    Raises:
        InvalidInput: It does not know its time zone.
    """
    if moment.tzinfo is None:
        problem = FieldViolation("expire_time", "expected a time with a time zone")
        raise InvalidInput(violations=[problem])
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
