"""Index of the metadata of one lattice, for queries that filter by metadata.

The index is derived data. The first such query creates it; before that, writes do not pay for it.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlsdm_grpc.core.store.memory_value import Memory

__all__ = ["MetadataIndex", "Pairs"]

Pairs: TypeAlias = Sequence[tuple[str, str]]

_CACHED_KEYS: Final = 4_096
# Number of entries up to which removed entries are not cleaned up.
_MIN_ENTRIES: Final = 1_024


class MetadataIndex:
    """Slots of each metadata entry. For one writer; takes no locks.

    An entry is a key with its value, represented by 64 bits of their digest.

    Args:
        slots: Slots that may contain memories now.
        metadata_of: Returns the metadata of the memory in a slot; empty for a free slot.
    """

    def __init__(self, slots: Sequence[int], metadata_of: Callable[[int], Pairs]) -> None:
        self._metadata_of = metadata_of
        # Slots whose metadata may be missing, newest last; may contain duplicates.
        self._missing = array("i", slots)
        # Entries in three columns: digest, slot, and the epoch of the slot when the entry was
        # added. The epoch of a slot is the number of memories removed from it, so entries of
        # removed memories are recognised by an old epoch.
        self._keys, self._slots, self._epochs = array("Q"), array("i"), array("i")
        self._left = array("i")
        # 1 for each slot whose present memory is in the index.
        self._known = bytearray()

    @property
    def missing_count(self) -> int:
        """Upper bound of the number of memories missing from the index."""
        return len(self._missing)

    @property
    def nbytes(self) -> int:
        """Size of the index, bytes."""
        return 4 * len(self._missing) + 16 * len(self._keys) + 5 * len(self._left)

    def placed(self, slot: int, memory: Memory) -> None:
        """Register a memory that was placed into a slot."""
        if memory.metadata:
            self._grow(slot + 1)
            self._known[slot] = 0
            self._missing.append(slot)
            if len(self._missing) > 2 * len(self._left) + _MIN_ENTRIES:
                self._missing = array("i", dict.fromkeys(self._missing))

    def cleared(self, slot: int) -> None:
        """Register that the memory of a slot was removed."""
        self._grow(slot + 1)
        self._left[slot] += 1
        self._known[slot] = 0

    def completing(self) -> Iterator[None]:
        """Add the missing memories, one in each step; writes may occur between steps."""
        while self._missing:
            slot = self._missing.pop()
            self._grow(slot + 1)
            if not self._known[slot]:
                self._add(slot, self._metadata_of(slot))
            yield

    def carriers(self, pairs: Pairs, slots: int) -> NDArray[np.bool_]:
        """Return (slots,) bool: True for slots whose memory has all of these entries.

        Cost: a pass over all entries for each pair; missing memories are added first.
        """
        for _ in self.completing():
            pass
        self._grow(slots)
        self._compact()
        keys = np.frombuffer(self._keys, np.uint64)
        counts = np.zeros(slots, np.int32)
        for pair in pairs:
            found = (keys == np.uint64(_digest(pair))).nonzero()[0]
            where = np.frombuffer(self._slots, np.int32)[found]
            left = np.frombuffer(self._left, np.int32)
            living = where[np.frombuffer(self._epochs, np.int32)[found] == left[where]]
            counts[living] += 1  # a memory has each key at most once
        carriers: NDArray[np.bool_] = counts == len(pairs)
        return carriers

    def _add(self, slot: int, pairs: Pairs) -> None:
        self._known[slot] = 1
        self._keys.extend(map(_digest, pairs))
        self._slots.extend([slot] * len(pairs))
        self._epochs.extend([self._left[slot]] * len(pairs))

    def _grow(self, slots: int) -> None:
        if slots > len(self._left):
            more = max(slots - len(self._left), len(self._left) // 8)
            self._left.frombytes(bytes(more * self._left.itemsize))
            self._known += bytes(more)

    def _compact(self) -> None:
        """Remove the entries of removed memories if these are at least half of all entries."""
        if len(self._keys) < _MIN_ENTRIES:
            return
        slots, epochs = np.frombuffer(self._slots, np.int32), np.frombuffer(self._epochs, np.int32)
        living = epochs == np.frombuffer(self._left, np.int32)[slots]
        if 2 * np.count_nonzero(living) > len(living):
            return
        keys = np.frombuffer(self._keys, np.uint64)[living].tobytes()
        slots, epochs = slots[living], epochs[living]
        self._keys, self._slots, self._epochs = array("Q"), array("i"), array("i")
        self._keys.frombytes(keys)
        self._slots.frombytes(slots.tobytes())
        self._epochs.frombytes(epochs.tobytes())


@lru_cache(maxsize=_CACHED_KEYS)
def _digest(pair: tuple[str, str]) -> int:
    """Return 64 bits of the digest of an entry."""
    key, value = (part.encode() for part in pair)
    framed = len(key).to_bytes(4, "little") + key + value
    return int.from_bytes(hashlib.blake2b(framed, digest_size=8).digest(), "little")
