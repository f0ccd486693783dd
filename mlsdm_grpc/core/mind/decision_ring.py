"""Ring of decisions: the newest decisions of a space, without content.

The ring is part of the state. Entries are packed one after another in one buffer, which grows on
demand to at most 1,000 entries and 64 KiB. Equal decisions give equal bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from mlsdm_grpc.core.model.decisions import DecisionEntry, DecisionKind

__all__ = ["MAX_BYTES", "MAX_DECISIONS", "DecisionRing", "unpacked_decisions"]

# Limits of the ring; the oldest entries are dropped.
MAX_DECISIONS: Final = 1_000
MAX_BYTES: Final = 64 * 1_024
# Size above which a principal or memory id is cut, bytes.
_MAX_NAME_BYTES: Final = 64
# Size of the entry, revision, time, kind, flags, length of the principal, length of the memory id.
_HEAD: Final = struct.Struct("<HqqBBBB")
_MORAL: Final = struct.Struct("<dd")
# Flags of an entry: it was accepted, it has a request id, it has moral value and threshold.
_ACCEPTED: Final = 1
_REQUEST: Final = 2
_VALUE: Final = 4
_REQUEST_BYTES: Final = 16


class DecisionRing:
    """Ring buffer of decisions.

    Args:
        packed: Value of :attr:`packed` from a snapshot.
        count: Number of all decisions ever added.

    Raises:
        ValueError: An entry has an impossible size.
    """

    __slots__ = ("_buffer", "_held", "count")

    def __init__(self, packed: bytes = b"", count: int = 0) -> None:
        self._buffer = bytearray(packed)
        self._held = sum(1 for _ in _sizes(packed))
        self.count = count
        """Number of all decisions ever added, which is also the number of the newest one."""

    def __len__(self) -> int:
        return self._held

    @property
    def size(self) -> int:
        """Size of all entries, bytes."""
        return len(self._buffer)

    @property
    def packed(self) -> bytes:
        """All entries, oldest first; a copy."""
        return bytes(self._buffer)

    def add(self, entry: DecisionEntry) -> None:
        """Add a decision and drop the oldest ones beyond the limits. Cost: O(1) amortised."""
        buffer = self._buffer
        buffer += _packed(entry)
        self._held += 1
        self.count += 1
        while self._held > MAX_DECISIONS or len(buffer) > MAX_BYTES:
            del buffer[: int.from_bytes(buffer[:2], "little")]
            self._held -= 1


def unpacked_decisions(packed: bytes, count: int) -> list[tuple[int, DecisionEntry]]:
    """Return the decisions of a packed ring with their numbers, newest first.

    Args:
        packed: Value of :attr:`DecisionRing.packed`.
        count: Number of the newest decision.
    """
    starts, start = list[int](), 0
    for size in _sizes(packed):
        starts.append(start)
        start += size
    return [(count - i, _unpacked(packed, start)) for i, start in enumerate(reversed(starts))]


def _sizes(packed: bytes) -> Iterator[int]:
    start = 0
    while start < len(packed):
        size = int.from_bytes(packed[start : start + 2], "little")
        if size < _HEAD.size or start + size > len(packed):
            raise ValueError(f"The decision at offset {start} has the invalid size {size}, bytes.")
        yield size
        start += size


def _packed(entry: DecisionEntry) -> bytes:
    principal = entry.principal.encode()[:_MAX_NAME_BYTES]
    memory_id = entry.memory_id.encode()[:_MAX_NAME_BYTES]
    flags, parts = _ACCEPTED if entry.accepted else 0, [b"", principal, memory_id]
    if len(entry.request_id) == _REQUEST_BYTES:
        flags |= _REQUEST
        parts.append(entry.request_id)
    if entry.moral_value is not None and entry.moral_threshold is not None:
        flags |= _VALUE
        parts.append(_MORAL.pack(entry.moral_value, entry.moral_threshold))
    size = _HEAD.size + sum(map(len, parts))
    parts[0] = _HEAD.pack(
        size,
        entry.revision,
        entry.time_ns,
        entry.kind,
        flags,
        len(principal),
        len(memory_id),
    )
    return b"".join(parts)


def _unpacked(packed: bytes, start: int) -> DecisionEntry:
    _, revision, time_ns, kind, flags, *lengths = _HEAD.unpack_from(packed, start)
    start += _HEAD.size
    parts = []
    for length in (*lengths, _REQUEST_BYTES if flags & _REQUEST else 0):
        parts.append(packed[start : start + length])
        start += length
    principal, memory_id, request_id = parts
    value, threshold = _MORAL.unpack_from(packed, start) if flags & _VALUE else (None, None)
    return DecisionEntry(
        revision,
        time_ns,
        DecisionKind(kind),
        bool(flags & _ACCEPTED),
        principal.decode(errors="replace"),
        request_id,
        memory_id.decode(errors="replace"),
        value,
        threshold,
    )
