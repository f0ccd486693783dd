"""Storage of the unit rows of a space: slots in blocks of 1,024, grouped by phase.

Rows of similar phase are in the same blocks, so the scan of a phase band skips the other blocks.
The position of a row is not part of the state.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Generator, Iterator
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from mlsdm_grpc.core.model.new_memory import Float32
from mlsdm_grpc.core.store import int8_rows, kernel
from mlsdm_grpc.core.store.projections import Projections

__all__ = ["BLOCK_ROWS", "MIN_PACKED_BLOCKS", "ApproximateScores", "Rows"]

# Number of slots of a block.
BLOCK_ROWS = 1_024
_T = TypeVar("_T", bound=np.generic)

# Number of equal ranges of phases whose rows have blocks of their own.
_PHASE_GROUPS = 4
_NO_PHASES = (math.inf, -math.inf)
# Number of blocks from which int8 copies are used. Fewer float32 blocks fit in the cache and are
# scanned equally fast.
MIN_PACKED_BLOCKS = 3
# Number of blocks reserved when a space outgrows its first block; later growth doubles it.
_RESERVED_BLOCKS = 64
# One spare block is permitted for this many blocks of capacity, but at most one for each phase
# group except the first.
_SPARE_SHARE = 8


class ApproximateScores(NamedTuple):
    """Approximate scores of the rows of some blocks."""

    scores: Float32
    """(n_queries, n) float32."""
    row_error: float
    """Largest error of a row."""
    error: kernel.Float64
    """(n_queries,) float64, additional error of each query."""
    row_errors: Float32 | None
    """(slots,) error of each row, borrowed; None if the float32 rows were scanned."""


class Rows:
    """Rows of one space. For one writer; takes no locks.

    Args:
        dimension: Number of components of a row.
        capacity: Maximum number of rows.
        accelerated: Force int8 copies on or off. By default they are used if there are enough rows
            and a library can pack them.
    """

    def __init__(self, *, dimension: int, capacity: int, accelerated: bool | None = None) -> None:
        self._dimension = dimension
        self._packed: int8_rows.PackedRows | None = None
        if int8_rows.AVAILABLE if accelerated is None else accelerated:
            self._packed = int8_rows.PackedRows(BLOCK_ROWS, dimension)
        # Created by the first search for close rows.
        self._projections: Projections | None = None
        self._min_packed_blocks = 1 if accelerated else MIN_PACKED_BLOCKS
        self.resize(capacity)
        self._allocated: Float32 = np.empty((0, dimension), np.float32)
        self.vectors: Float32 = self._allocated
        """(slots, dimension) float32; free slots are zero and therefore score 0."""
        self.phase: Float32 = np.empty(0, np.float32)
        """(slots,) float32, phase in [0, 1]; NaN excludes a slot from queries."""
        # Lowest and highest phase of the rows of each block, and number of rows.
        self._low: list[float] = []
        self._high: list[float] = []
        self._used: list[int] = []
        # Freed slots of each block, and its first slot that was never used.
        self._holes: list[list[int]] = []
        self._fresh: list[int] = []
        # Number of changes of each block since its range of phases was computed, and its phase
        # group.
        self._changes: list[int] = []
        self._group: list[int] = []
        # Blocks with free slots, by phase group, and blocks without rows.
        self._open: list[dict[int, None]] = [{} for _ in range(_PHASE_GROUPS)]
        self._empty: list[int] = []

    @property
    def slots(self) -> int:
        """Number of slots, used or not."""
        return len(self.phase)

    @property
    def nbytes(self) -> int:
        """Size of rows, phases, int8 copies and projections, bytes."""
        copies = 0 if self._packed is None else self._packed.nbytes
        copies += 0 if self._projections is None else self._projections.nbytes
        return 4 * (self._dimension + 1) * self.slots + copies

    def resize(self, capacity: int) -> None:
        """Set the maximum number of rows; existing blocks are kept."""
        needed = -(-capacity // BLOCK_ROWS)
        self._max_blocks = needed + min(_PHASE_GROUPS - 1, needed // _SPARE_SHARE)

    def place(self, row: Float32, phase: float) -> int:
        """Copy a row to a free slot, which must exist, and return the slot. Cost: O(dimension)."""
        block = self._block_for(_group(phase))
        if self._holes[block]:
            slot = self._holes[block].pop()
        else:
            slot = self._fresh[block]
            self._fresh[block] += 1
        self._used[block] += 1
        if self._used[block] == BLOCK_ROWS:
            del self._open[self._group[block]][block]
        self._widen(block, phase)
        self.vectors[slot] = row
        self.phase[slot] = phase
        self.changed(slot)
        return slot

    def clear(self, slot: int) -> None:
        """Free a slot. Cost: O(dimension)."""
        block = slot // BLOCK_ROWS
        self.vectors[slot] = 0.0
        self.phase[slot] = np.nan
        self._holes[block].append(slot)
        self._used[block] -= 1
        if self._used[block]:
            self._open[self._group[block]][block] = None
        else:
            self._open[self._group[block]].pop(block, None)
            self._empty.append(block)
            self._low[block], self._high[block] = _NO_PHASES
        self.changed(slot)

    def hide(self, slot: int) -> None:
        """Exclude a used slot with a damaged row from queries, and set the row to zero."""
        self.vectors[slot] = 0.0
        self.phase[slot] = np.nan
        self.changed(slot)

    def reveal(self, slot: int, row: Float32, phase: float) -> None:
        """Write a row to a used slot, and include the slot in queries."""
        self.vectors[slot] = row
        self.phase[slot] = phase
        self._widen(slot // BLOCK_ROWS, phase)
        self.changed(slot)

    def _widen(self, block: int, phase: float) -> None:
        self._low[block] = min(self._low[block], phase)
        self._high[block] = max(self._high[block], phase)

    @property
    def copied_blocks(self) -> int:
        """Number of blocks that queries scan as int8 copies."""
        return 0 if self._packed is None else self._packed.block_count

    def changed(self, slot: int) -> None:
        """Register that the row of a slot has changed."""
        if self._packed is not None:
            self._packed.touch(slot)
        if self._projections is not None:
            self._projections.forget(slot)
        block = slot // BLOCK_ROWS
        self._changes[block] += 1
        if self._changes[block] >= BLOCK_ROWS and self._used[block]:
            self._changes[block] = 0
            phases = self.phase[block * BLOCK_ROWS : (block + 1) * BLOCK_ROWS]
            found = phases[~np.isnan(phases)]
            self._low[block] = float(found.min(initial=_NO_PHASES[0]))
            self._high[block] = float(found.max(initial=_NO_PHASES[1]))

    def _block_for(self, group: int) -> int:
        """Return a block with a free slot, of the group if possible; an empty one joins it."""
        if not self._open[group]:
            if not self._empty and len(self._holes) < self._max_blocks:
                self._grow()
            if self._empty:
                block = self._empty.pop()
                self._group[block] = group
                self._open[group][block] = None
                return block
            group = min(
                (other for other in range(_PHASE_GROUPS) if self._open[other]),
                key=lambda other: abs(other - group),
            )
        return next(iter(self._open[group]))

    def _grow(self) -> None:
        """Add a block.

        Copying rows to new pages takes 2 to 4 ms for each block. A space that outgrows its first
        block therefore reserves address space for its full capacity, or for twice its present size.
        Reserved pages take no physical RAM until they are written to.
        """
        block, start = len(self._holes), self.slots
        slots = start + BLOCK_ROWS
        if slots > len(self._allocated):
            blocks = min(self._max_blocks, max(2 * block, _RESERVED_BLOCKS)) if block else 1
            most = max(slots, blocks * BLOCK_ROWS)
            self._allocated = np.zeros((most, self._dimension), np.float32)
            self._allocated[:start] = self.vectors
        self.vectors = self._allocated[:slots]
        self.phase = np.concatenate((self.phase, np.full(BLOCK_ROWS, np.nan, np.float32)))
        self._low.append(_NO_PHASES[0])
        self._high.append(_NO_PHASES[1])
        self._used.append(0)
        self._holes.append([])
        self._fresh.append(start)
        self._changes.append(0)
        self._group.append(0)
        self._empty.append(block)

    def blocks(self, low: float, high: float) -> kernel.Indices:
        """Return the numbers of the blocks that may contain phases from low to high, ascending."""
        ranges = zip(self._low, self._high, strict=True)
        found = [
            i for i, (lowest, highest) in enumerate(ranges) if highest >= low and lowest <= high
        ]
        return np.array(found, np.intp)

    def foreign(self, blocks: kernel.Indices, low: float, high: float) -> kernel.Indices:
        """Return the positions in ``blocks`` of those that may contain phases outside the range."""
        found = [
            position
            for position, block in enumerate(blocks.tolist())
            if self._low[block] < low or self._high[block] > high
        ]
        return np.array(found, np.intp)

    def column(self, values: NDArray[_T], blocks: kernel.Indices) -> NDArray[_T]:
        """Return the entries of a column, (slots,), for the slots of some blocks."""
        if len(blocks) * BLOCK_ROWS == len(values):
            return values
        return values.reshape(-1, BLOCK_ROWS)[blocks].reshape(-1)

    def prepare(self) -> Iterator[None]:
        """Prepare the rows for the next query in steps; no write may occur between the steps.

        There is nothing to prepare if no phase group is large enough for int8 copies.
        """
        most = max(Counter(self._group).values(), default=0)
        if self._packed is not None and most >= self._min_packed_blocks:
            yield from self._packed.prepare(self.vectors)

    def neighbours(
        self, slots: kernel.Indices, reach: float
    ) -> Generator[None, None, NDArray[np.bool_]]:
        """Find in steps the slots that may have another row within a small distance.

        See :meth:`Projections.neighbours`.
        """
        if self._projections is None:
            self._projections = Projections(self._dimension)
        return self._projections.neighbours(self.vectors, slots, reach)

    def scan(self, blocks: kernel.Indices, queries: kernel.Float64) -> ApproximateScores:
        """Return approximate scores of all slots of some blocks, in their order.

        Args:
            blocks: Result of :meth:`blocks`, not empty.
            queries: (n_queries, dimension) float64 of unit norm.
        """
        if self._packed is not None and len(blocks) >= self._min_packed_blocks:
            scanned = self._packed.scan(self.vectors, blocks, queries)
            return ApproximateScores(*scanned, self._packed.row_errors)
        return self.scan_exactly(blocks, queries)

    def scan_exactly(self, blocks: kernel.Indices, queries: kernel.Float64) -> ApproximateScores:
        """Return scores of all slots of some blocks, computed from the float32 rows."""
        narrow = queries.astype(np.float32)
        scores = np.empty((len(queries), len(blocks) * BLOCK_ROWS), np.float32)
        done = 0
        for run in _runs(blocks):
            start, stop = int(run[0]) * BLOCK_ROWS, (int(run[-1]) + 1) * BLOCK_ROWS
            part = scores[:, done : done + stop - start]
            kernel.scan(self.vectors[start:stop], narrow, part)
            done += stop - start
        error = np.full(len(queries), 2.0**-20)
        return ApproximateScores(scores, kernel.scan_error(self._dimension), error, None)


def _runs(blocks: kernel.Indices) -> list[kernel.Indices]:
    """Split ascending numbers into runs of consecutive numbers."""
    if blocks[-1] - blocks[0] == len(blocks) - 1:
        return [blocks]
    return np.split(blocks, np.flatnonzero(np.diff(blocks) > 1) + 1)


def _group(phase: float) -> int:
    return min(int(phase * _PHASE_GROUPS), _PHASE_GROUPS - 1)
