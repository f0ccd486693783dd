"""Compact index structures over slot numbers."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

__all__ = ["NO_SLOT", "Ring", "SlotIndex"]

NO_SLOT = -1
_MIN_SIZE = 256


class SlotIndex:
    """Hash table from 64-bit keys to slots, 8 to 16 bytes for each entry.

    A dictionary would need about 130 bytes for each entry and its key, a tenth of the size of the
    vectors. Several slots may have the same key; the caller compares the original values. The table
    uses open addressing with linear probing. A removal moves entries into the gap, so there are no
    tombstones.

    Args:
        keys: Key of each slot. The caller owns the array and writes the key before :meth:`add`.
    """

    def __init__(self, keys: array[int]) -> None:
        self._keys = keys
        self._table = array("i", [NO_SLOT]) * _MIN_SIZE
        self._count = 0

    @property
    def nbytes(self) -> int:
        """Size of the table, bytes."""
        return len(self._table) * self._table.itemsize

    def find(self, key: int) -> Iterator[int]:
        """Yield the slots that have this key."""
        table, keys, mask = self._table, self._keys, len(self._table) - 1
        i = key & mask
        while (slot := table[i]) != NO_SLOT:
            if keys[slot] == key:
                yield slot
            i = (i + 1) & mask

    def add(self, slot: int) -> None:
        """Add a slot under its key. Cost: O(1) amortised."""
        if 2 * (self._count + 1) > len(self._table):
            self._grow()
        self._enter(slot)
        self._count += 1

    def remove(self, slot: int) -> None:
        """Remove a slot whose key has not changed since it was added. Cost: O(1)."""
        table, keys, mask = self._table, self._keys, len(self._table) - 1
        gap = keys[slot] & mask
        while table[gap] != slot:
            gap = (gap + 1) & mask
        i = gap
        while (other := table[i := (i + 1) & mask]) != NO_SLOT:
            home = keys[other] & mask
            # An entry may move into the gap unless its home position lies between the gap and the
            # entry.
            if (i - home) & mask >= (i - gap) & mask:
                table[gap] = other
                gap = i
        table[gap] = NO_SLOT
        self._count -= 1

    def _enter(self, slot: int) -> None:
        table, mask = self._table, len(self._table) - 1
        i = self._keys[slot] & mask
        while table[i] != NO_SLOT:
            i = (i + 1) & mask
        table[i] = slot

    def _grow(self) -> None:
        old = self._table
        self._table = array("i", [NO_SLOT]) * (2 * len(old))
        for slot in old:
            if slot != NO_SLOT:
                self._enter(slot)


class Ring:
    """Order of slots, oldest first: a doubly linked list in two arrays, 8 bytes for each slot."""

    def __init__(self) -> None:
        self._newer = array("i")
        self._older = array("i")
        self._oldest = self._newest = NO_SLOT
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[int]:
        slot = self._oldest
        while slot != NO_SLOT:
            yield slot
            slot = self._newer[slot]

    @property
    def nbytes(self) -> int:
        """Size of the links, bytes."""
        return 2 * len(self._newer) * self._newer.itemsize

    def grow(self, slots: int) -> None:
        """Extend the arrays by ``slots`` entries."""
        self._newer.extend([NO_SLOT] * slots)
        self._older.extend([NO_SLOT] * slots)

    def append(self, slot: int) -> None:
        """Append a slot that is not in the ring, as the newest. Cost: O(1)."""
        self._older[slot] = self._newest
        self._newer[slot] = NO_SLOT
        if self._newest == NO_SLOT:
            self._oldest = slot
        else:
            self._newer[self._newest] = slot
        self._newest = slot
        self._count += 1

    def remove(self, slot: int) -> None:
        """Remove a slot that is in the ring. Cost: O(1)."""
        older, newer = self._older[slot], self._newer[slot]
        if older == NO_SLOT:
            self._oldest = newer
        else:
            self._newer[older] = newer
        if newer == NO_SLOT:
            self._newest = older
        else:
            self._older[newer] = older
        self._count -= 1
