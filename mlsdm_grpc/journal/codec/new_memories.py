"""Encoding of the memories of records, and a compact form for memories that are held in RAM."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar, overload

import numpy as np

from mlsdm_grpc._gen.mlsdm.internal.v1 import record_pb2 as pb
from mlsdm_grpc.core.model.new_memory import (
    STORED_FLOAT32,
    ExchangeRole,
    NewMemory,
    Provenance,
    Source,
    Vector,
)

__all__ = [
    "Decoded",
    "memory_from_bytes",
    "memory_from_proto",
    "memory_to_proto",
    "packed_memory",
    "pairs_from_proto",
    "pairs_to_proto",
    "provenance_from_proto",
    "provenance_to_proto",
    "size_bound",
    "unpacked",
    "unpacked_memory",
]

# Up to this number of strings, the decoded form takes less than 1 KiB, so packing saves nothing.
_FEW_STRINGS: Final = 8
# Maximum size of a character in UTF-8, bytes.
_MAX_CHAR_BYTES: Final = 4
# Upper bounds, in bytes: of tag and length of one string field, and of all fields without a string.
_FRAME_BYTES: Final = 12
_SCALAR_BYTES: Final = 128
# A dictionary lookup is ten times as fast as a call of the enumeration.
_SOURCES: Final = {int(source): source for source in Source}
_ROLES: Final = {int(role): role for role in ExchangeRole}
_K = TypeVar("_K")
_T = TypeVar("_T")


class Decoded(Sequence[_T]):
    """Sequence that decodes an item each time that it is read.

    A decoded item takes up to 20 times the memory of its encoded form.

    Args:
        items: Encoded items; kept, not copied.
        decode: Function that decodes one item.
    """

    def __init__(self, items: Sequence[_K], decode: Callable[[_K], _T]) -> None:
        self._items: Sequence[Any] = items
        self._decode: Callable[[Any], _T] = decode

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> _T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[_T]: ...
    def __getitem__(self, index: int | slice) -> _T | Sequence[_T]:
        if isinstance(index, slice):
            return Decoded(self._items[index], self._decode)
        return self._decode(self._items[index])


def memory_from_bytes(raw: memoryview) -> NewMemory:
    """Return the memory in the bytes of an encoded ``NewMemory`` message."""
    return memory_from_proto(pb.NewMemory.FromString(bytes(raw)))


def packed_memory(memory: NewMemory) -> NewMemory:
    """Return a memory with labels, metadata and parent ids encoded in ``rest``.

    A memory with few of them is returned unchanged.
    """
    parents = memory.provenance.parent_ids
    if len(memory.labels) + len(memory.metadata) + len(parents) <= _FEW_STRINGS:
        return memory
    message = pb.NewMemory(
        labels=memory.labels,
        metadata=pairs_to_proto(memory.metadata),
        provenance=pb.Provenance(parent_ids=parents),
    )
    return replace(
        memory,
        labels=(),
        metadata=(),
        provenance=replace(memory.provenance, parent_ids=()),
        rest=message.SerializeToString(),
    )


def unpacked(memories: Sequence[NewMemory]) -> Sequence[NewMemory]:
    """Return a sequence that unpacks each packed memory when it is read."""
    if any(memory.rest for memory in memories):
        return Decoded(memories, unpacked_memory)
    return memories


def unpacked_memory(memory: NewMemory) -> NewMemory:
    """Return the original of a memory that :func:`packed_memory` packed; others pass unchanged."""
    if not memory.rest:
        return memory
    message = pb.NewMemory.FromString(memory.rest)
    return replace(
        memory,
        labels=tuple(message.labels),
        metadata=pairs_from_proto(message.metadata),
        provenance=replace(memory.provenance, parent_ids=tuple(message.provenance.parent_ids)),
        rest=b"",
    )


def size_bound(memory: NewMemory) -> int:
    """Return an upper bound of the size of an encoded memory in bytes, without encoding it."""
    strings = [
        memory.memory_id,
        memory.text,
        memory.context,
        memory.etag,
        memory.embedding_model,
        memory.conversation_id,
        memory.provenance.model,
        memory.provenance.policy_version,
        *memory.labels,
        *memory.provenance.parent_ids,
        *(part for pair in memory.metadata for part in pair),
    ]
    bytes_of_strings = sum(_MAX_CHAR_BYTES * len(each) + _FRAME_BYTES for each in strings)
    return memory.vector.raw.nbytes + len(memory.rest) + bytes_of_strings + _SCALAR_BYTES


def memory_to_proto(memory: NewMemory) -> pb.NewMemory:
    """Return the encoded form of a memory."""
    message = pb.NewMemory(
        memory_id=memory.memory_id,
        caller_chosen_id=memory.caller_chosen_id,
        text=memory.text,
        embedding_f32_le=memory.vector.raw.astype(STORED_FLOAT32, copy=False).tobytes(),
        inv_norm=memory.vector.inv_norm,
        phase=memory.phase,
        confidence=memory.confidence,
        labels=memory.labels,
        metadata=pairs_to_proto(memory.metadata),
        provenance=provenance_to_proto(memory.provenance),
        pinned=memory.pinned,
        expire_time_ns=memory.expire_time_ns,
        etag=memory.etag,
        embedding_model=memory.embedding_model,
        keeps_id=memory.keeps_id,
        context=memory.context,
        event_time_ns=memory.event_time_ns,
        conversation_id=memory.conversation_id,
        role=memory.role,
    )
    if memory.rest:
        message.MergeFromString(memory.rest)
    return message


def memory_from_proto(message: pb.NewMemory) -> NewMemory:
    """Return the memory in ``message``."""
    return NewMemory(
        memory_id=message.memory_id,
        vector=Vector(np.frombuffer(message.embedding_f32_le, STORED_FLOAT32), message.inv_norm),
        caller_chosen_id=message.caller_chosen_id,
        text=message.text,
        phase=message.phase if message.HasField("phase") else None,
        confidence=message.confidence,
        labels=tuple(message.labels),
        metadata=pairs_from_proto(message.metadata),
        provenance=provenance_from_proto(message.provenance),
        pinned=message.pinned,
        expire_time_ns=message.expire_time_ns,
        etag=message.etag,
        keeps_id=message.keeps_id,
        embedding_model=message.embedding_model,
        context=message.context,
        event_time_ns=message.event_time_ns,
        conversation_id=message.conversation_id,
        role=_ROLES[message.role],
    )


def pairs_to_proto(pairs: Iterable[tuple[str, str]]) -> list[pb.Pair]:
    """Return key-value pairs as messages."""
    return [pb.Pair(key=key, value=value) for key, value in pairs]


def pairs_from_proto(pairs: Iterable[pb.Pair]) -> tuple[tuple[str, str], ...]:
    """Return the key-value pairs in ``pairs``."""
    return tuple((pair.key, pair.value) for pair in pairs)


def provenance_to_proto(provenance: Provenance) -> pb.Provenance:
    """Return the encoded form of ``provenance``."""
    return pb.Provenance(
        source=provenance.source,
        model=provenance.model,
        policy_version=provenance.policy_version,
        parent_ids=provenance.parent_ids,
    )


def provenance_from_proto(message: pb.Provenance) -> Provenance:
    """Return the provenance in ``message``."""
    return Provenance(
        source=_SOURCES[message.source],
        model=message.model,
        policy_version=message.policy_version,
        parent_ids=tuple(message.parent_ids),
    )
