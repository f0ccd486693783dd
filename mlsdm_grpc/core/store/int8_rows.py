"""Search copies of unit rows: int8, packed in blocks, with an error bound for every row.

A scan over int8 reads a quarter of the bytes. Its integer inner products are exact, so the whole
error is that of rounding rows and query to int8, and that is known when they are rounded.

The packing is done by an optional library; without it there are no copies and the float32 rows
themselves are scanned. The answers are the same, bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlsdm_grpc.core.model.record import Float32
from mlsdm_grpc.core.store import kernel

if TYPE_CHECKING:
    import numkong

try:
    import numkong
except ImportError:  # the extra `fast` is not installed
    AVAILABLE = False
else:
    AVAILABLE = True

__all__ = ["AVAILABLE", "PackedRows"]

_LEVELS = 127
_STALE_ROWS = 64
"""Rows of a block that may differ from its copy before it is packed anew."""
_TINY = 1e-30
_QUERIES_AT_ONCE = 8
"""More than these gain nothing, and their products would not stay in the cache."""
_SLACK = 2.0**-20
"""Covers the float32 arithmetic around the integers."""


class _Quantized(NamedTuple):
    """Queries rounded to int8."""

    levels: NDArray[np.int8]
    """(n_queries, dimension)"""
    scale: Float32
    """(n_queries,): query = scale * levels, within ``error``."""
    error: kernel.Float64
    """(n_queries,): norm of the difference."""


class PackedRows:
    """int8 copies of float32 rows, block by block; packed when they are first needed.

    Args:
        block_rows: Rows of a block.
        dimension: Components of a row.

    A block is packed anew when more than 64 of its rows have changed. Until then the rows that
    changed are scored from their float32 form, so a write costs the next query next to nothing.
    """

    def __init__(self, block_rows: int, dimension: int) -> None:
        self._block_rows = block_rows
        self._dimension = dimension
        self._blocks: list[numkong.PackedMatrix | None] = []
        self._stale: dict[int, set[int]] = {}
        """Slots that differ from the copy of their block, by block."""
        self._scale = np.empty(0, np.float32)
        self._error = np.empty(0, np.float32)
        """Norm of what rounding took from each row, or the error of scoring it exactly."""
        self._worst: list[float] = []
        """Largest error in each block when it was packed; rows that changed since have less."""

    @property
    def nbytes(self) -> int:
        """Bytes of all copies."""
        packed = sum(block.nbytes for block in self._blocks if block is not None)
        return packed + self._scale.nbytes + self._error.nbytes

    def touch(self, slot: int) -> None:
        """Note that the row of a slot has changed. Cost: O(1)."""
        block = slot // self._block_rows
        if block < len(self._blocks) and self._blocks[block] is not None:
            self._stale.setdefault(block, set()).add(slot)
            self._error[slot] = kernel.scan_error(self._dimension)

    def scan(
        self, rows: Float32, blocks: kernel.Indices, queries: kernel.Float64
    ) -> tuple[Float32, float, kernel.Float64]:
        """Return approximate inner products of the rows of some blocks with all queries.

        Args:
            rows: (slots, dimension) float32, what is copied here.
            blocks: Ascending numbers of blocks.
            queries: (n_queries, dimension) float64 of unit norm.

        Returns:
            Scores, (n_queries, n) float32 with n = len(blocks) * block_rows; the largest error of
            a row; the error of each query, (n_queries,) float64. A score differs from the
            resonance by at most the error of the row and that of the query.
        """
        numbers = blocks.tolist()
        self._refresh(rows, numbers)
        asked = _quantize(queries)
        scale = self._scale.reshape(-1, self._block_rows)
        if len(blocks) < len(scale):
            scale = scale[blocks]
        scores = np.empty((len(queries), scale.size), np.float32)
        for start in range(0, len(queries), _QUERIES_AT_ONCE):
            some = slice(start, start + _QUERIES_AT_ONCE)
            products = self._products(asked.levels[some], numbers)
            for i, factor in enumerate(asked.scale[some].tolist(), start):
                part = scores[i].reshape(scale.shape)
                exact = products[:, i - start]
                np.multiply(exact, scale, out=part, dtype=np.float32, casting="unsafe")
                part *= factor
        if self._stale:
            self._score_stale(rows, numbers, queries, scores)
        row_error = max(self._worst[block] for block in numbers)
        # |q.x - q'.x'| <= |q| |x - x'| + |q - q'| |x'|
        return scores, row_error, asked.error * (1.0 + row_error) + _SLACK

    @property
    def row_errors(self) -> Float32:
        """Error of each row, (slots,) float32; borrowed."""
        return self._error

    def prepare(self, rows: Float32) -> Iterator[None]:
        """Pack what the next scan of all blocks would have to, a block a step.

        Args:
            rows: (slots, dimension) float32, what is copied here; the same in every step.
        """
        for block in range(len(rows) // self._block_rows):
            self._refresh(rows, [block])
            yield

    def _products(self, levels: NDArray[np.int8], blocks: list[int]) -> NDArray[np.int32]:
        """Return inner products of int8, (blocks, n_queries, block_rows)."""
        products = np.empty((len(blocks), len(levels), self._block_rows), np.int32)
        out = numkong.from_dlpack(products)
        for i, block in enumerate(blocks):
            # The library's stubs name other types for `out` than it takes.
            numkong.dots_packed(levels, self._blocks[block], out=out[i])  # type: ignore[arg-type]
        return products

    def _score_stale(
        self, rows: Float32, blocks: list[int], queries: kernel.Float64, scores: Float32
    ) -> None:
        for i, block in enumerate(blocks):
            stale = self._stale.get(block)
            if stale:
                slots = np.fromiter(stale, np.intp, len(stale))
                positions = slots - (block - i) * self._block_rows
                exact = np.empty((len(queries), len(slots)), np.float32)
                kernel.scan(rows.take(slots, axis=0), queries.astype(np.float32), exact)
                scores[:, positions] = exact

    def _refresh(self, rows: Float32, blocks: list[int]) -> None:
        """Pack the blocks that are not packed, or of which too many rows have changed."""
        missing = len(rows) // self._block_rows - len(self._blocks)
        if missing:
            self._blocks += [None] * missing
            self._worst += [0.0] * missing
            grown = np.zeros(missing * self._block_rows, np.float32)
            self._scale = np.concatenate((self._scale, grown))
            self._error = np.concatenate((self._error, grown))
        for block in blocks:
            if self._blocks[block] is None or len(self._stale.get(block, ())) > _STALE_ROWS:
                self._pack(rows, block)

    def _pack(self, rows: Float32, block: int) -> None:
        """Pack a block; what is known of rows that have not changed is used again."""
        part = slice(block * self._block_rows, (block + 1) * self._block_rows)
        exact, scale = rows[part], self._scale[part]
        changed = np.arange(self._block_rows)
        if self._blocks[block] is not None:
            changed = np.fromiter(self._stale[block], np.intp) - part.start
        new = exact[changed]
        scale[changed] = np.maximum(np.abs(new).max(axis=1) / _LEVELS, _TINY)
        levels = exact / scale[:, np.newaxis]
        np.rint(levels, out=levels)
        self._blocks[block] = numkong.dots_pack(levels.astype(np.int8))
        new -= levels[changed] * scale[changed, np.newaxis]
        lost = np.sqrt(np.vecdot(new, new))
        damaged = ~np.isfinite(lost)  # a row that changed in memory: nothing to find
        scale[changed[damaged]] = _TINY
        lost[damaged] = 0.0
        error = self._error[part]
        error[changed] = lost * (1.0 + 2.0**-10) + kernel.scan_error(self._dimension)
        self._worst[block] = float(error.max())
        self._stale.pop(block, None)


def _quantize(queries: kernel.Float64) -> _Quantized:
    scale = np.maximum(np.abs(queries).max(axis=1) / _LEVELS, _TINY)
    levels = np.rint(queries / scale[:, np.newaxis])
    rest = queries - levels * scale[:, np.newaxis]
    error = np.sqrt(np.vecdot(rest, rest))
    return _Quantized(levels.astype(np.int8), scale.astype(np.float32), error)
