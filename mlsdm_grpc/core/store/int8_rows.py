"""Int8 copies of unit rows, packed in blocks, with an error bound for every row.

A scan over int8 reads a quarter of the bytes of float32. Integer inner products are exact, so the
only error is the rounding of rows and query to int8, which is known.

An optional library packs the rows. Without it there are no copies, and the float32 rows are
scanned. The results are identical bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlsdm_grpc.core.model.new_memory import Float32
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

# Highest absolute value of a component in int8.
_LEVELS = 127
# Number of rows of a block that may differ from its copy before the block is packed again.
_STALE_ROWS = 64
# Scale of a row of zeros; prevents a division by zero.
_TINY = 1e-30
# Queries of one product: larger batches are not faster, because products would not fit in the
# cache.
_QUERIES_AT_ONCE = 8
# Margin for the rounding of the float32 arithmetic around the integers.
_SLACK = 2.0**-20


class _Quantized(NamedTuple):
    """Queries rounded to int8."""

    levels: NDArray[np.int8]
    """(n_queries, dimension) int8."""
    scale: Float32
    """(n_queries,) float32; a query is about ``scale * levels``."""
    error: kernel.Float64
    """(n_queries,) float64, norm of the difference between query and rounded query."""


class PackedRows:
    """Int8 copies of float32 rows in blocks; a block is packed on its first scan.

    A block is packed again when more than 64 of its rows have changed. Until then, changed rows are
    scored in float32. A write therefore adds almost no cost to the next query.

    Args:
        block_rows: Number of rows of a block.
        dimension: Number of components of a row.
    """

    def __init__(self, block_rows: int, dimension: int) -> None:
        self._block_rows = block_rows
        self._dimension = dimension
        self._blocks: list[numkong.PackedMatrix | None] = []
        self._packed_bytes = 0
        # Block number to the slots of the block whose row differs from its copy.
        self._stale: dict[int, set[int]] = {}
        self._scale = np.empty(0, np.float32)
        # Error bound of each row: norm of its rounding error, or for a changed row, the float32
        # scan error.
        self._error = np.empty(0, np.float32)
        # Largest error of each block when it was packed. Rows changed since then have smaller
        # errors.
        self._worst: list[float] = []

    @property
    def block_count(self) -> int:
        """Number of blocks that are packed."""
        return sum(block is not None for block in self._blocks)

    @property
    def nbytes(self) -> int:
        """Size of all copies, bytes."""
        return self._packed_bytes + self._scale.nbytes + self._error.nbytes

    def touch(self, slot: int) -> None:
        """Mark the row of a slot as changed. Cost: O(1)."""
        block = slot // self._block_rows
        if block < len(self._blocks) and self._blocks[block] is not None:
            self._stale.setdefault(block, set()).add(slot)
            self._error[slot] = kernel.scan_error(self._dimension)

    def scan(
        self, rows: Float32, blocks: kernel.Indices, queries: kernel.Float64
    ) -> tuple[Float32, float, kernel.Float64]:
        """Return approximate inner products of the rows of some blocks with all queries.

        Args:
            rows: (slots, dimension) float32, the rows of which this object has copies.
            blocks: Block numbers, ascending.
            queries: (n_queries, dimension) float64 of unit norm.

        Returns:
            Scores, (n_queries, n) float32 with n = len(blocks) * block_rows; the largest error of a
            row; and the error of each query, (n_queries,) float64. A score differs from the
            resonance by at most the sum of the two errors.
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
        """Pack one block in each step, so that the next scan of all blocks packs nothing.

        Args:
            rows: (slots, dimension) float32, the rows of which this object has copies; the same
                array in every step.
        """
        for block in range(len(rows) // self._block_rows):
            self._refresh(rows, [block])
            yield

    def _products(self, levels: NDArray[np.int8], blocks: list[int]) -> NDArray[np.int32]:
        """Return int8 inner products, (blocks, n_queries, block_rows) int32."""
        products = np.empty((len(blocks), len(levels), self._block_rows), np.int32)
        out = numkong.from_dlpack(products)
        for i, block in enumerate(blocks):
            # The stubs of the library declare a wrong type for `out`.
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
        """Pack the blocks that have no copy or too many changed rows."""
        missing = len(rows) // self._block_rows - len(self._blocks)
        if missing:
            self._blocks += [None] * missing
            self._worst += [0.0] * missing
            grown = np.zeros(missing * self._block_rows, np.float32)
            self._scale = np.concatenate((self._scale, grown))
            self._error = np.concatenate((self._error, grown))
        for block in blocks:
            if self._blocks[block] is None or len(self._stale.get(block, ())) > _STALE_ROWS:
                self.pack(rows, block)

    def pack(self, rows: Float32, block: int) -> None:
        """Pack one block; scale and error of unchanged rows are reused."""
        part = slice(block * self._block_rows, (block + 1) * self._block_rows)
        exact, scale = rows[part], self._scale[part]
        changed = np.arange(self._block_rows)
        if self._blocks[block] is not None:
            changed = np.fromiter(self._stale[block], np.intp) - part.start
        new = exact[changed]
        scale[changed] = np.maximum(np.abs(new).max(axis=1) / _LEVELS, _TINY)
        levels = exact / scale[:, np.newaxis]
        np.rint(levels, out=levels)
        packed, old = numkong.dots_pack(levels.astype(np.int8)), self._blocks[block]
        self._blocks[block] = packed
        self._packed_bytes += packed.nbytes - (0 if old is None else old.nbytes)
        new -= levels[changed] * scale[changed, np.newaxis]
        lost = np.sqrt(np.vecdot(new, new))
        # Infinity or NaN means that the RAM was corrupted; such a row matches no query.
        damaged = ~np.isfinite(lost)
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
