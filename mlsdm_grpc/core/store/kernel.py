"""Exact search: a fast scan chooses candidates, one fixed routine scores them.

The score of a row never depends on where the row lies, on how many queries are asked together or
on how the scan was done: :func:`resonances` alone computes it. The scan's error is bounded, every
row that could still belong to the best ``k`` is rescored, and so the answer is exact: that no
other row can be better follows from the bound, it is not a matter of luck.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlsdm_grpc.core.model.record import Float32

__all__ = [
    "MIN_NORM",
    "Float64",
    "Indices",
    "best",
    "candidates",
    "inverse_norm",
    "resonances",
    "scan",
    "scan_error",
]

Float64: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.intp]

_RESCORE_ROWS = 256
_MATRIX_QUERIES = 4
MIN_NORM = 1e-9
"""Norm below which a vector counts as zero."""
_ROUNDING = 2.0**-24
"""By so much the norm of a unit vector may differ from 1 once its components are float32."""
_HIGHEST = 2.5
"""No score of a sound row is above 2, even with the largest synaptic bias."""
_LOWEST = float(np.finfo(np.float32).min)


def inverse_norm(raw: Float32) -> float:
    """Return 1 / |raw| in float64, or 0.0 if the norm is below 1e-9 or not finite.

    A row that was stored has the inverse norm 1, so that storing it again keeps every bit of it.
    Called where a record is written; whoever applies the record uses the result as it is.
    """
    wide = raw.astype(np.float64)
    square = float(np.dot(wide, wide))
    if not MIN_NORM**2 <= square < math.inf:
        return 0.0
    norm = math.sqrt(square)
    return 1.0 if abs(norm - 1.0) <= _ROUNDING else 1.0 / norm


def scan(rows: Float32, queries: Float32, out: Float32) -> None:
    """Write approximate inner products of all rows with all queries.

    Args:
        rows: (n, dimension) float32, rows of at most unit norm.
        queries: (n_queries, dimension) float32, rows of unit norm.
        out: (n_queries, n) float32, each within :func:`scan_error` of the resonance.

    Cost: one pass over the rows, of fewer than four queries one for each. Inner products row by
    row read memory in order; a product of matrices reads several rows at once, which pays from
    four queries on (by it, two of 384 dimensions take 1.5 to 2 times as long).
    """
    if len(queries) < _MATRIX_QUERIES:
        for query, scores in zip(queries, out, strict=True):
            np.vecdot(rows, query, out=scores)
    else:
        np.matmul(queries, rows.T, out=out)


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


def candidates(scores: Float32, error: float, *, top_k: int) -> tuple[Indices, float]:
    """Return the position of every row whose true score may be among the ``top_k`` best.

    Args:
        scores: (n,) float32; -inf takes no part.
        error: Bound on the error of each score.
        top_k: Hits wanted, at least 1.

    Returns:
        Positions, ascending, at least ``min(top_k, rows that take part)`` of them; and the score
        that they all reach.

    Cost: two passes over the scores. With the rows dealt out to at least ``2 * top_k`` groups, the
    k-th best of the groups' best rows is at most the k-th best of all, and close to it.
    """
    n, peaks = len(scores), scores
    groups = max(256, 1 << (2 * top_k - 1).bit_length())
    if n >= 4 * groups and n % groups == 0:
        peaks = scores.reshape(-1, groups).max(axis=0)
    if not peaks.max() <= _HIGHEST:
        # A row was damaged in memory, so that it has no cosine; it must not hide the others.
        scores = np.where(scores <= _HIGHEST, scores, np.float32(-np.inf))
        return candidates(scores, error, top_k=top_k)
    limit = best(peaks, top_k) - 2.0 * error
    return (scores >= max(limit, _LOWEST)).nonzero()[0], limit


def best(scores: Float32, k: int) -> float:
    """Return the ``k``-th largest of (n,) float32 scores, or -inf if there are fewer."""
    if len(scores) < k:
        return -np.inf
    return float(np.partition(scores, len(scores) - k)[len(scores) - k])
