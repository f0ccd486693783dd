"""Projections of rows on fixed directions, by which rows close to each other are found quickly."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mlsdm_grpc.core.model.new_memory import Float32
from mlsdm_grpc.core.store.kernel import Indices, scan_error

__all__ = ["PROJECTED_ROWS", "WIDEST_WINDOW", "Projections"]

_DIRECTIONS: Final = 8
# Unit of stored projections of unit rows. Rounding changes the difference of two by at most one
# unit.
_SCALE: Final = 2**14
_HIGHEST: Final = 2**15 - 1
PROJECTED_ROWS: Final = 4_096
# Number of rows whose projections one step compares, and number of rows whose comparison costs as
# much as one binary search.
_SEARCHED_ROWS: Final = 32_768
_SEARCH_COST: Final = 512
# Number of rows within reach in the first projection above which the other projections are not
# compared.
WIDEST_WINDOW: Final = 8_192


class Projections:
    """Projections of the rows of one space on eight fixed directions, 17 bytes for each slot.

    The projections of two rows on a unit vector differ by at most the distance of the rows. A row
    without a neighbour in all eight projections therefore has no neighbour, and few other rows pass
    this test. A row is projected once, by the first search after it was stored.

    Args:
        dimension: Number of components of a row.
    """

    def __init__(self, dimension: int) -> None:
        directions = np.random.default_rng(0).standard_normal((_DIRECTIONS, dimension))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        self._directions: Float32 = directions.astype(np.float32)
        self._error = 2.0 * scan_error(dimension)
        # (directions, slots) projections, and (slots,) True if they are those of the present row.
        self._values: NDArray[np.int16] = np.zeros((_DIRECTIONS, 0), np.int16)
        self._known: NDArray[np.bool_] = np.zeros(0, np.bool_)

    @property
    def nbytes(self) -> int:
        """Size of the projections, bytes."""
        return self._values.nbytes + self._known.nbytes

    def forget(self, slot: int) -> None:
        """Mark the projections of a slot as outdated, because its row has changed."""
        if slot < len(self._known):
            self._known[slot] = False

    def neighbours(
        self, rows: Float32, wanted: Indices, reach: float
    ) -> Generator[None, None, NDArray[np.bool_]]:
        """Find in steps the rows that may have another row within a small distance.

        Args:
            rows: (slots, dimension) float32 of at most unit norm; may change between two steps.
            wanted: (m,) slots.
            reach: Maximum distance.

        Returns:
            (m,) bool; False if no other row is within ``reach``.

        Cost: a product of each new row with eight vectors, a sort, 10 ns for each slot, and a
        binary search for each wanted row. A step takes a few milliseconds.
        """
        yield from self._project(rows)
        width = math.ceil((reach + self._error) * _SCALE) + 1
        order = np.argsort(self._values[0], kind="stable")
        values = self._values[:, order]
        yield
        first = values[0]
        own = np.empty(len(order), np.intp)
        own[order] = np.arange(len(order))
        found = np.zeros(len(wanted), np.bool_)
        searched = 0
        positions = own[wanted]
        points = first[positions].astype(np.int32)
        lows = first.searchsorted(np.maximum(points - width, -_HIGHEST).astype(np.int16))
        ends = np.minimum(points + width, _HIGHEST).astype(np.int16)
        highs = first.searchsorted(ends, side="right")
        windows = zip(positions.tolist(), lows.tolist(), highs.tolist(), strict=True)
        for i, (position, low, high) in enumerate(windows):
            if searched > _SEARCHED_ROWS:
                searched = 0
                yield
            searched += _SEARCH_COST + high - low
            if high - low > WIDEST_WINDOW:  # an exact comparison costs no more
                found[i] = True
                continue
            apart = values[1:, low:high] - values[1:, position, np.newaxis]
            found[i] = np.count_nonzero(np.abs(apart).max(axis=0) <= width) > 1
        return found

    def _project(self, rows: Float32) -> Iterator[None]:
        """Compute the missing projections, in steps."""
        missing = len(rows) - len(self._known)
        if missing:
            self._values = np.pad(self._values, ((0, 0), (0, missing)))
            self._known = np.pad(self._known, (0, missing))
        unknown = np.flatnonzero(~self._known)
        for start in range(0, len(unknown), PROJECTED_ROWS):
            some = unknown[start : start + PROJECTED_ROWS]
            projected = np.rint((self._directions @ rows[some].T) * np.float32(_SCALE))
            # A corrupted row may have any value; its projections only need to be finite.
            finite = np.nan_to_num(projected, nan=0.0, posinf=_HIGHEST, neginf=-_HIGHEST)
            self._values[:, some] = finite.clip(-_HIGHEST, _HIGHEST)
            self._known[some] = True
            yield
