"""Exact search: a fast float32 scan chooses candidates, one fixed routine scores them.

The score of a row never depends on where the row lies, on how many queries are asked together or
on how the scan was done: :func:`resonances` alone computes it. The scan's error is bounded, every
row that could still belong to the best ``k`` is rescored, and so the answer is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlsdm_grpc.core.record import Float32

__all__ = [
    "Float64",
    "Indices",
    "candidates",
    "inverse_norm",
    "resonances",
    "scan",
    "scan_error",
]

Float64: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.intp]

_RESCORE_ROWS = 256
_MIN_NORM = 1e-9


def inverse_norm(raw: Float32) -> float:
    """Return 1 / |raw| in float64, or 0.0 if the norm is below 1e-9 or not finite.

    Called where a record is written; whoever applies the record uses the result as it is.
    """
    wide = raw.astype(np.float64)
    norm = float(np.sqrt(np.add.reduce(wide * wide)))
    return 1.0 / norm if _MIN_NORM <= norm < np.inf else 0.0


def scan(blocks: Sequence[Float32], queries: Float32) -> Float32:
    """Return approximate inner products of all rows with all queries.

    Args:
        blocks: (rows_i, dimension) float32 arrays, rows of unit norm.
        queries: (n_queries, dimension) float32, rows of unit norm.

    Returns:
        (n_queries, total rows) float32, each within :func:`scan_error` of the resonance.

    Cost: one pass over the rows. A single query takes inner products row by row, which read
    memory in order; a matrix-vector product reads several rows at once and is slower for it.
    """
    scores = np.empty((len(queries), sum(len(block) for block in blocks)), np.float32)
    start = 0
    for block in blocks:
        part = scores[:, start : start + len(block)]
        if len(queries) == 1:
            np.vecdot(block, queries[0], out=part[0])
        else:
            np.matmul(queries, block.T, out=part)
        start += len(block)
    return scores


def scan_error(dimension: int) -> float:
    """Return how far a scanned score of unit vectors can be from the resonance.

    Source: the running-error bound of a float32 inner product, ``d * 2**-24`` times the sum of
    the magnitudes of the products, which is at most 1 for unit vectors; doubled, with room for
    the rounding of both vectors to float32.
    """
    return (dimension + 16) * 2.0**-23


def resonances(rows: Float32, query: Float64) -> Float64:
    """Return the resonance (cosine) of each row with the query: the one fixed routine.

    Args:
        rows: (n, dimension) float32, rows of unit norm.
        query: (dimension,) float64 of unit norm.

    Returns:
        (n,) float64. The float64 products of a row are summed by the same
        pairwise order for every row, whatever ``n`` is, so identical rows score identically.

    Cost: O(n * dimension), with a float64 temporary of at most 256 rows.
    """
    result = np.empty(len(rows), np.float64)
    for start in range(0, len(rows), _RESCORE_ROWS):
        products = rows[start : start + _RESCORE_ROWS] * query
        np.add.reduce(products, axis=1, out=result[start : start + len(products)])
    return result


def candidates(scores: Float32, eligible: Indices, *, top_k: int, error: float) -> Indices:
    """Return every eligible row whose true score may be among the ``top_k`` best.

    Args:
        scores: (rows,) float32, each within ``error`` of the true score.
        eligible: Row numbers that passed the filters, ascending.
        top_k: Hits wanted, at least 1.
        error: Bound on the scan's error.

    Returns:
        Row numbers, ascending; at least ``min(top_k, len(eligible))`` of them.
    """
    if len(eligible) <= top_k:
        return eligible
    found = scores[eligible]
    kth = np.partition(found, len(found) - top_k)[len(found) - top_k]
    return eligible[found >= float(kth) - 2.0 * error]
