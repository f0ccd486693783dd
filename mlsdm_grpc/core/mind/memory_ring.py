"""Memories of one space by id and by digest, in the order of their eviction."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

import numpy as np

from mlsdm_grpc.core.mind.creation_order import CreationOrder
from mlsdm_grpc.core.model.new_memory import Float32
from mlsdm_grpc.core.store.memory_table import Lattice
from mlsdm_grpc.core.store.memory_value import Memory
from mlsdm_grpc.core.store.packed_memory import pinned_of
from mlsdm_grpc.core.store.rows import Rows
from mlsdm_grpc.core.store.slot_index import Ring, SlotIndex
from mlsdm_grpc.core.store.snapshot_view import Frozen

__all__ = ["NEVER_NS", "MemoryRing", "digest_key"]

NEVER_NS = 2**63 - 1
"""Unix time, nanoseconds, that is used while no memory can expire."""
_KEY = struct.Struct("<q")


class MemoryRing:
    """Set of memories with their order of eviction. For one writer; takes no locks.

    Args:
        dimension: Number of components of every vector.
        capacity: Maximum number of memories.
        accelerated: Force int8 copies of the rows on or off. By default they are used if there are
            enough rows and a library can pack them. Results do not depend on it.
    """

    def __init__(self, *, dimension: int, capacity: int, accelerated: bool | None = None) -> None:
        self.dimension = dimension
        self.capacity = capacity
        self.next_sequence = 1
        rows = Rows(dimension=dimension, capacity=capacity, accelerated=accelerated)
        self._lattice = Lattice(rows)
        self.history = CreationOrder(self._lattice)
        self._id_keys = array("q")
        self._digest_keys = array("q")
        self._ids = SlotIndex(self._id_keys)
        self._digests = SlotIndex(self._digest_keys)
        self._ring = Ring()
        self._count = 0
        # Lower bound of all expiry times; may be too low after a removal.
        self._next_expiry_ns = NEVER_NS
        self._frozen: list[Frozen] = []

    def __len__(self) -> int:
        return self._count

    @property
    def table(self) -> Lattice:
        """Table of the memories by slot; public for tests that damage it or inspect damage."""
        return self._lattice

    @property
    def digest(self) -> int:
        """Digest over all stored content of all memories, 64 bits; independent of their order."""
        return self._lattice.digest

    @property
    def pinned_count(self) -> int:
        """Number of pinned memories, which are never evicted."""
        return self._count - len(self._ring)

    @property
    def allocated_bytes(self) -> int:
        """RAM allocated for vectors, int8 copies, columns, indexes and texts, bytes."""
        keys = self._id_keys.itemsize * 2 * len(self._id_keys)
        links = self._ids.nbytes + self._digests.nbytes + self._ring.nbytes
        return self._lattice.nbytes + keys + links + self.kept_bytes

    @property
    def kept_bytes(self) -> int:
        """RAM that open views take for the old content of changed memories, bytes."""
        return sum(frozen.kept_bytes for frozen in self._frozen) if self._frozen else 0

    def get(self, memory_id: str) -> Memory | None:
        """Return the memory named ``memory_id``, expired or not."""
        slot = self._find(memory_id)
        return None if slot is None else self._lattice.memory(slot)

    def row(self, memory_id: str) -> Float32:
        """Return a copy of the unit vector of an existing memory."""
        return self._row(self._slot(memory_id)).copy()

    def pinned_living(self, now_ns: int) -> int:
        """Return the number of pinned memories that have not expired."""
        if now_ns < self._next_expiry_ns:
            return self.pinned_count
        expire = self._lattice.expiring()
        return int(
            np.count_nonzero(pinned_of(self._lattice.columns) & ((expire == 0) | (expire > now_ns)))
        )

    def living_count(self, now_ns: int) -> int:
        """Return the number of memories that have not expired."""
        if now_ns < self._next_expiry_ns:
            return len(self)
        expire = self._lattice.expiring()
        return len(self) - int(np.count_nonzero((expire > 0) & (expire <= now_ns)))

    def next_to_leave(self, count: int) -> list[str]:
        """Return the ids of the next ``count`` memories that would be evicted, in that order."""
        return [self._lattice.memory_id(slot) for slot in islice(self._ring, max(count, 0))]

    def duplicates(self, digest: bytes) -> list[Memory]:
        """Return the memories with this digest whose id the server chose, in no order."""
        slots = self._digests.find(digest_key(digest))
        found = [self._lattice.memory(slot) for slot in slots]
        return [memory for memory in found if memory.digest == digest]

    @contextmanager
    def frozen(self) -> Iterator[Frozen]:
        """Yield a view of the present memories that later writes do not change."""
        frozen = Frozen(self._lattice)
        self._frozen.append(frozen)
        try:
            yield frozen
        finally:
            self._frozen.remove(frozen)
            frozen.close()

    def _find(self, memory_id: str) -> int | None:
        for slot in self._ids.find(hash(memory_id)):
            if self._lattice.memory_id(slot) == memory_id:
                return slot
        return None

    def _slot(self, memory_id: str) -> int:
        slot = self._find(memory_id)
        if slot is None:
            raise LookupError(memory_id)
        return slot

    def _row(self, slot: int) -> Float32:
        row: Float32 = self._lattice.rows.vectors[slot]
        return row

    def _place(self, memory: Memory, row: Float32, *, in_ring: bool = True) -> int:
        slot = self._lattice.place(memory, row)
        missing = len(self._lattice.columns) - len(self._id_keys)
        if missing:
            self._id_keys.extend([0] * missing)
            self._digest_keys.extend([0] * missing)
            self._ring.grow(missing)
        self._id_keys[slot] = hash(memory.memory_id)
        self._ids.add(slot)
        if not memory.caller_chosen_id:
            self._digest_keys[slot] = digest_key(memory.digest)
            self._digests.add(slot)
        if in_ring and not memory.pinned:
            self._ring.append(slot)
        self._count += 1
        self._note_expiry(memory)
        return slot

    def _clear(self, slot: int) -> None:
        pinned, caller_chosen_id = self._lattice.flags(slot)
        self._ids.remove(slot)
        if not caller_chosen_id:
            self._digests.remove(slot)
        if not pinned:
            self._ring.remove(slot)
        self._lattice.clear(slot)
        self._count -= 1

    def _note_expiry(self, memory: Memory) -> None:
        if memory.expire_time_ns:
            self._next_expiry_ns = min(self._next_expiry_ns, memory.expire_time_ns)


def digest_key(digest: bytes) -> int:
    """Return the first 64 bits of a digest as a signed integer."""
    key: int = _KEY.unpack_from(digest)[0]
    return key
