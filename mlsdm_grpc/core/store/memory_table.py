"""Table of the memories of one space by slot, packed: unit rows, numeric columns, and bytes.

A full space takes little more RAM than its vectors. A :class:`Memory` object is created on demand.
"""

from __future__ import annotations

import marshal
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlsdm_grpc.core.model.new_memory import Float32
from mlsdm_grpc.core.store.labels import LABEL_BYTES, Labels
from mlsdm_grpc.core.store.memory_value import (
    CALLER_CHOSEN,
    DIGEST,
    PINNED,
    Memory,
    checksum_of,
    fingerprint_of,
)
from mlsdm_grpc.core.store.metadata_index import MetadataIndex
from mlsdm_grpc.core.store.packed_memory import (
    COLUMNS,
    Packed,
    conversation_key,
    flags_of,
    rest_of,
    unpack,
)
from mlsdm_grpc.core.store.rows import Rows

__all__ = ["DIGEST_MODULUS", "Lattice"]

Mask: TypeAlias = NDArray[np.bool_]

_FREE = np.zeros((), COLUMNS)
# RAM of a slot besides row and packed bytes: numbers, labels, two hashes, a pointer and the header
# of a bytes object.
_SLOT_BYTES = COLUMNS.itemsize + LABEL_BYTES + 8 + 8 + 8 + 33
DIGEST_MODULUS: Final = 2**64


@dataclass(slots=True, weakref_slot=True)
class Lattice:
    """Table of the memories of one space. The slot of a memory is not part of the state."""

    rows: Rows
    columns: NDArray[Any] = field(default_factory=lambda: np.zeros(0, COLUMNS))
    """(slots,) structured array; a free slot has sequence 0."""
    labels: Labels = field(default_factory=Labels)
    damaged: set[int] = field(default_factory=set)
    """Slots whose row does not match its checksum; queries skip them."""
    lost: set[int] = field(default_factory=set)
    """Damaged slots whose row could not be repaired."""
    before_change: list[Callable[[int], None]] = field(default_factory=list)
    """Callbacks that are called with a slot before its memory changes or is removed."""
    placed: list[Callable[[int, Memory], None]] = field(default_factory=list)
    """Callbacks that are called with a slot and the memory that was placed into it."""
    cleared: list[Callable[[int], None]] = field(default_factory=list)
    """Callbacks that are called with a slot after its memory was removed."""
    digest: int = 0
    """Sum of the fingerprints of all memories, modulo 2**64. It depends on their content and not on
    the order in which they were placed."""
    text_keys: array[int] = field(default_factory=lambda: array("q"))
    """(slots,) 64-bit hash of the canonical form of each text, to find equal texts; 0 if not yet
    computed. Derived data, computed by :mod:`mlsdm_grpc.core.mind.creation_order`."""
    metadata_index: MetadataIndex | None = None
    """Index of the metadata (derived data); None before the first search by metadata."""
    # (slots,) fingerprint of each memory, 64 bits; 0 for a free slot.
    _fingerprints: array[int] = field(default_factory=lambda: array("Q"))
    # (slots,) bytes: id, text, metadata and provenance. An object array, because the garbage
    # collector would need 10 ms to scan a list of 200,000 entries.
    _rest: NDArray[np.object_] = field(default_factory=lambda: np.zeros(0, np.object_))
    _rest_bytes: int = 0

    @property
    def nbytes(self) -> int:
        """Size of all data of all slots, bytes."""
        return self.rows.nbytes + self._rest_bytes + _SLOT_BYTES * len(self.columns)

    def place(self, memory: Memory, row: Float32) -> int:
        """Store a memory and a copy of its row in a free slot, and return the slot.

        A memory that was stored before has a checksum. If the row does not match it, the memory is
        marked as damaged.

        Cost: O(dimension).
        """
        slot = self.rows.place(row, memory.phase)
        self._grow()
        checksum = checksum_of(self.rows.vectors[slot])
        self.columns[slot] = (
            memory.sequence,
            memory.ring_sequence,
            memory.create_time_ns,
            memory.create_revision,
            memory.update_time_ns,
            memory.expire_time_ns,
            memory.revision,
            *DIGEST.unpack(memory.digest),
            memory.checksum or checksum,
            memory.phase,
            memory.confidence,
            flags_of(memory),
            memory.event_time_ns,
            conversation_key(memory.conversation_id),
        )
        rest = rest_of(memory)
        self._rest_bytes += len(rest) - len(self._rest[slot] or b"")
        self._rest[slot] = rest
        self.labels.set(slot, memory.labels)
        self._note(slot, fingerprint_of(memory, memory.checksum or checksum))
        if memory.checksum not in {0, checksum}:
            self._hide(slot)
        for observer in self.placed:
            observer(slot, memory)
        return slot

    def clear(self, slot: int) -> None:
        """Free a slot. Cost: O(dimension)."""
        self._announce(slot)
        self.rows.clear(slot)
        self.columns[slot] = _FREE
        self._rest_bytes -= len(self._rest[slot])
        self._rest[slot] = b""
        self.labels.set(slot, ())
        self._note(slot, 0)
        self.text_keys[slot] = 0
        self.damaged.discard(slot)
        self.lost.discard(slot)
        for observer in self.cleared:
            observer(slot)

    def memory(self, slot: int) -> Memory:
        """Return the memory in a used slot."""
        return unpack(self.packed(slot))

    def packed(self, slot: int) -> Packed:
        """Return the packed memory in a used slot."""
        return Packed(self.columns[slot].item(), self._rest[slot], self.labels.get(slot))

    def update(self, slot: int, memory: Memory) -> None:
        """Store the mutable fields: labels, pin, expiry, confidence, revision, ring order."""
        self._announce(slot)
        columns = self.columns
        columns["ring_sequence"][slot] = memory.ring_sequence
        columns["update_time_ns"][slot] = memory.update_time_ns
        columns["expire_time_ns"][slot] = memory.expire_time_ns
        columns["revision"][slot] = memory.revision
        columns["confidence"][slot] = memory.confidence
        columns["flags"][slot] = flags_of(memory)
        self.labels.set(slot, memory.labels)
        self._note(slot, memory.fingerprint)

    def identify(self, slot: int, memory: Memory) -> None:
        """Store the digest and the embedding model of a memory."""
        self._announce(slot)
        columns = self.columns
        columns["digest_head"][slot], columns["digest_tail"][slot] = DIGEST.unpack(memory.digest)
        rest = rest_of(memory)
        self._rest_bytes += len(rest) - len(self._rest[slot] or b"")
        self._rest[slot] = rest
        self._note(slot, memory.fingerprint)

    def memory_id(self, slot: int) -> str:
        """Return the id of the memory in a used slot."""
        memory_id: str = marshal.loads(self._rest[slot])[0]  # noqa: S302 - dumped here
        return memory_id

    def text(self, slot: int) -> str:
        """Return the text of the memory in a used slot."""
        text: str = marshal.loads(self._rest[slot])[1]  # noqa: S302 - dumped here
        return text

    def text_and_context(self, slot: int) -> tuple[str, str]:
        """Return the text and the context of the memory in a used slot."""
        rest = marshal.loads(self._rest[slot])  # noqa: S302 - dumped here
        return rest[1], rest[8]

    def flags(self, slot: int) -> tuple[bool, bool]:
        """Return two flags of a memory: it is pinned, and its id was chosen by the caller."""
        flags = int(self.columns["flags"][slot])
        return bool(flags & PINNED), bool(flags & CALLER_CHOSEN)

    def order(self, sequence: int) -> NDArray[np.intp]:
        """Return the slots of the memories created after ``sequence``, oldest first."""
        created = self.columns["sequence"]
        later = np.flatnonzero(created > max(sequence, 0))
        slots: NDArray[np.intp] = later[np.argsort(created[later])]
        return slots

    def expiring(self) -> NDArray[np.int64]:
        """Return (slots,) int64 expiry times, Unix nanoseconds; 0 for never or free; borrowed."""
        times: NDArray[np.int64] = self.columns["expire_time_ns"]
        return times

    def sound(self, slot: int) -> bool:
        """Return True if the row of a used slot matches its checksum; otherwise mark it as damaged.

        Cost: O(dimension).
        """
        if slot in self.damaged:
            return False
        if checksum_of(self.rows.vectors[slot]) == int(self.columns["checksum"][slot]):
            return True
        self._hide(slot)
        return False

    def lose(self, slot: int) -> None:
        """Mark the row of a slot as damaged beyond repair."""
        self._hide(slot)
        self.lost.add(slot)

    def mend(self, slot: int, row: Float32) -> bool:
        """Replace a damaged row by ``row`` if that matches the checksum; return True if it does."""
        if checksum_of(row) != int(self.columns["checksum"][slot]):
            return False
        self.rows.reveal(slot, row, float(self.columns["phase"][slot]))
        self.damaged.discard(slot)
        self.lost.discard(slot)
        return True

    def _hide(self, slot: int) -> None:
        """Exclude a damaged row from queries, and clear it so that it does not disturb the scan."""
        self.rows.hide(slot)
        self.damaged.add(slot)

    def _announce(self, slot: int) -> None:
        for observer in self.before_change:
            observer(slot)

    def _note(self, slot: int, fingerprint: int) -> None:
        """Set the contribution of a slot to the digest."""
        change = fingerprint - self._fingerprints[slot]
        self.digest = (self.digest + change) % DIGEST_MODULUS
        self._fingerprints[slot] = fingerprint

    def _grow(self) -> None:
        missing = self.rows.slots - len(self.columns)
        if missing:
            self._fingerprints.extend([0] * missing)
            self.text_keys.extend([0] * missing)
            self.columns = np.append(self.columns, np.zeros(missing, self.columns.dtype))
            self.labels.grow(missing)
            self._rest = np.append(self._rest, np.zeros(missing, self._rest.dtype))
