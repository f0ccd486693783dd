"""View of the memories of a space at one moment, while the space continues to change.

Creation of a view copies no memories. The lattice announces each change of a slot. The old content
of the slot is then copied, unless the reader has already read it. See
docs/adr/0013-snapshots-by-copies-of-what-changes.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from mlsdm_grpc.core.model.new_memory import Float32
from mlsdm_grpc.core.store.memory_table import DIGEST_MODULUS, Lattice
from mlsdm_grpc.core.store.memory_value import Memory
from mlsdm_grpc.core.store.packed_memory import Packed, unpack

__all__ = ["Frozen", "Taken"]

# Approximate size of the copy of a memory without its row and texts, bytes.
_ENTRY_BYTES = 512


class Taken(NamedTuple):
    """Memory as it was at the moment of the view."""

    memory: Memory
    row: Float32
    """(dimension,) float32, a copy."""
    good: bool
    """True if the row matches its checksum, or is known to be damaged beyond repair."""


class _Kept(NamedTuple):
    """Content of a slot before its change."""

    packed: Packed
    row: Float32
    lost: bool


class Frozen:
    """All memories of a lattice at one moment; :meth:`close` must be called at the end.

    Args:
        lattice: Lattice, which may change in any way between two calls.

    Cost: O(n log n) for the order, and 5 bytes for each slot.
    """

    def __init__(self, lattice: Lattice) -> None:
        self._lattice = lattice
        self._order = lattice.order(0).astype(np.int32)
        self._pending = bytearray(len(lattice.columns))
        np.frombuffer(self._pending, np.uint8)[self._order] = 1
        self._kept: dict[int, _Kept] = {}
        self.digest = 0
        """Digest of the memories read so far; see :attr:`Lattice.digest`."""
        self.kept_bytes = 0
        """Approximate size of the copies that are not read yet, bytes."""
        lattice.before_change.append(self.keep)

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[Taken]:
        """Yield every memory once, in order of creation."""
        return (self._take(slot) for slot in map(int, self._order))

    def close(self) -> None:
        """Release all copies, and stop copying."""
        self._lattice.before_change.remove(self.keep)
        self._kept.clear()
        self.kept_bytes = 0

    def _take(self, slot: int) -> Taken:
        taken = self._as_it_was(slot)
        self.digest = (self.digest + taken.memory.fingerprint) % DIGEST_MODULUS
        return taken

    def _as_it_was(self, slot: int) -> Taken:
        lattice = self._lattice
        self._pending[slot] = 0
        kept = self._kept.pop(slot, None)
        if kept is None:
            good = lattice.sound(slot) or slot in lattice.lost
            return Taken(lattice.memory(slot), lattice.rows.vectors[slot].copy(), good)
        self.kept_bytes -= _nbytes(kept)
        memory = unpack(kept.packed)
        return Taken(memory, kept.row, kept.lost or memory.owns(kept.row))

    def keep(self, slot: int) -> None:
        """Copy the content of a slot, unless it was read already or is not part of the view."""
        if slot >= len(self._pending) or not self._pending[slot]:
            return
        self._pending[slot] = 0
        lattice = self._lattice
        row = lattice.rows.vectors[slot].copy()
        kept = self._kept[slot] = _Kept(lattice.packed(slot), row, slot in lattice.lost)
        self.kept_bytes += _nbytes(kept)


def _nbytes(kept: _Kept) -> int:
    return kept.row.nbytes + len(kept.packed.rest) + _ENTRY_BYTES
