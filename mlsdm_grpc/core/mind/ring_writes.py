"""Writes to a ring: insertion, change, removal, and repair of damaged rows.

Callers must check beforehand that a write can succeed.
"""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from mlsdm_grpc.core.mind.memory_ring import NEVER_NS, MemoryRing, digest_key
from mlsdm_grpc.core.model.new_memory import MAX_LABELS, Float32, NewMemory
from mlsdm_grpc.core.store.memory_value import Memory
from mlsdm_grpc.core.store.packed_memory import pinned_of
from mlsdm_grpc.core.store.rows import BLOCK_ROWS

__all__ = ["WritableRing"]


class WritableRing(MemoryRing):
    """Ring with write operations."""

    def insert(self, memory: Memory, row: Float32) -> str | None:
        """Store a memory with a new id, and set its positions in creation order and ring.

        Args:
            memory: Memory to store; its ``sequence`` and ``ring_sequence`` are overwritten.
            row: (dimension,) float32 of unit norm; copied.

        Returns:
            Id of the memory that was evicted because the ring was full; None if none was.

        Raises:
            LookupError: The ring is full and every memory is pinned.

        Cost: O(dimension).
        """
        evicted = None
        if len(self) >= self.capacity:
            oldest = next(iter(self._ring), None)
            if oldest is None:
                raise LookupError(
                    "The ring is full and all its memories are pinned; callers must check this"
                    " first."
                )
            evicted = self._lattice.memory_id(oldest)
            self._clear(oldest)
        memory.sequence = memory.ring_sequence = self._take_sequence()
        self._place(memory, row)
        return evicted

    def resize(self, capacity: int) -> None:
        """Set the maximum number of memories; it must not be below the present number.

        Memory allocated for a larger capacity stays allocated until the space is loaded again.
        """
        self.capacity = capacity
        self._lattice.rows.resize(capacity)

    def replace(self, memory: Memory, row: Float32) -> None:
        """Replace the memory with the same id; its position in creation order is kept."""
        slot = self._slot(memory.memory_id)
        memory.sequence = self._lattice.memory(slot).sequence
        memory.ring_sequence = self._take_sequence()
        self._clear(slot)
        self._place(memory, row)

    def restore(self, memory: Memory, row: Float32) -> None:
        """Restore a memory with its sequences, in creation order; :meth:`order_ring` must follow.

        A row that does not match the checksum of its memory is marked as damaged.
        """
        self._place(memory, row, in_ring=False)

    def order_ring(self) -> Generator[None, None, None]:
        """Build the order of eviction of the restored memories, in steps. Cost: O(n log n)."""
        columns = self._lattice.columns
        slots = np.flatnonzero((columns["sequence"] > 0) & ~pinned_of(self._lattice.columns))
        slots = slots[np.argsort(columns["ring_sequence"][slots])]
        for start in range(0, len(slots), BLOCK_ROWS):
            for slot in slots[start : start + BLOCK_ROWS].tolist():
                self._ring.append(slot)
            yield

    def expire(self, now_ns: int) -> Generator[None, None, None]:
        """Remove all expired memories, in steps. Cost: O(1) if none can have expired."""
        if now_ns < self._next_expiry_ns:
            return
        expire = self._lattice.expiring()
        for slot in np.flatnonzero((expire > 0) & (expire <= now_ns)).tolist():
            self._clear(slot)
            yield
        left = expire[expire > 0]
        self._next_expiry_ns = int(left.min()) if len(left) else NEVER_NS

    def remove(self, memory_id: str) -> None:
        """Remove an existing memory. Cost: O(dimension)."""
        self._clear(self._slot(memory_id))

    def refresh(
        self, memory: Memory, duplicate: NewMemory, row: Float32, *, revision: int, time_ns: int
    ) -> Memory:
        """Refresh a memory with an exact duplicate, and return it.

        Labels are united; labels beyond the maximum number are dropped, which only version 1 of the
        rules permits. Confidence is the higher of both, and expiry the later. The memory is pinned
        if either is. The memory becomes the newest of the ring. Id, text, vector and creation are
        kept. A damaged row is replaced by ``row`` if that matches the checksum.
        """
        new = [label for label in duplicate.labels if label not in memory.labels]
        room = max(MAX_LABELS - len(memory.labels), 0)
        memory.labels = tuple(sorted((*memory.labels, *new[:room])))
        memory.confidence = max(memory.confidence, float(np.float32(duplicate.confidence)))
        if duplicate.expire_time_ns == 0 or memory.expire_time_ns == 0:
            memory.expire_time_ns = 0
        else:
            memory.expire_time_ns = max(memory.expire_time_ns, duplicate.expire_time_ns)
        memory.pinned = memory.pinned or duplicate.pinned
        if not self.is_sound(memory.memory_id):
            self.mend(memory.memory_id, row)
        self._changed(memory, revision=revision, time_ns=time_ns, renew=True)
        return memory

    def update(
        self,
        memory: Memory,
        *,
        labels: tuple[str, ...],
        pinned: bool,
        expire_time_ns: int,
        revision: int,
        time_ns: int,
    ) -> Memory:
        """Change labels, pin and expiry; a change of the pin makes the memory the newest one."""
        repinned = pinned != memory.pinned
        memory.labels = labels
        memory.pinned = pinned
        memory.expire_time_ns = expire_time_ns
        self._changed(memory, revision=revision, time_ns=time_ns, renew=repinned)
        return memory

    def identify(self, memory: Memory) -> None:
        """Store a new digest and embedding model of an existing memory."""
        slot = self._slot(memory.memory_id)
        if not memory.caller_chosen_id:
            self._digests.remove(slot)
        self._lattice.identify(slot, memory)
        self._digest_keys[slot] = digest_key(memory.digest)
        if not memory.caller_chosen_id:
            self._digests.add(slot)

    def scrub(self, start: int, count: int) -> tuple[list[str], int, int]:
        """Compare the rows of some slots with their checksums.

        Args:
            start: First slot.
            count: Maximum number of slots to check.

        Returns:
            Ids of the memories with damaged rows that may be repairable, the number of rows
            compared, and the next slot; 0 after the last slot.

        Cost: O(count * dimension).
        """
        lattice = self._lattice
        used = np.flatnonzero(lattice.columns["sequence"][start : start + count]) + start
        damaged = [
            lattice.memory_id(slot)
            for slot in used.tolist()
            if not lattice.sound(slot) and slot not in lattice.lost
        ]
        end = start + count
        return damaged, len(used), end if end < len(lattice.columns) else 0

    def is_sound(self, memory_id: str) -> bool:
        """Return True if the row of an existing memory matches its checksum.

        Cost: O(dimension).
        """
        return self._lattice.sound(self._slot(memory_id))

    def mend(self, memory_id: str, row: Float32) -> bool:
        """Replace a damaged row by ``row`` if that matches the checksum; return True on success."""
        return self._lattice.mend(self._slot(memory_id), row)

    def lose(self, memory_id: str) -> None:
        """Mark the row of a memory as damaged beyond repair; queries skip it."""
        self._lattice.lose(self._slot(memory_id))

    def is_lost(self, memory_id: str) -> bool:
        """Return True if the row of an existing memory is damaged beyond repair."""
        return self._slot(memory_id) in self._lattice.lost

    def _changed(self, memory: Memory, *, revision: int, time_ns: int, renew: bool) -> None:
        slot = self._slot(memory.memory_id)
        memory.revision = revision
        memory.update_time_ns = time_ns
        if renew:
            memory.ring_sequence = self._take_sequence()
            if not self._lattice.flags(slot)[0]:
                self._ring.remove(slot)
            if not memory.pinned:
                self._ring.append(slot)
        self._lattice.update(slot, memory)
        self._note_expiry(memory)

    def _take_sequence(self) -> int:
        sequence = self.next_sequence
        self.next_sequence += 1
        return sequence
