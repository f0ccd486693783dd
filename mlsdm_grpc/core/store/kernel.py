"""Exact search: a fast scan selects candidates, and one fixed routine computes their scores.

Only :func:`resonances` computes final scores. The score of a row therefore does not depend on its
position, the size of the batch, or the kind of scan. The error of the scan is bounded, and every
row whose approximate score is within this bound of the best ``k`` is scored again. The result is
therefore exact.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlsdm_grpc.core.model.new_memory import Float32

__all__ = [
    "MIN_NORM",
    "Float64",
    "Indices",
    "best",
    "candidates",
    "candidates_of_all",
    "inverse_norm",
    "resonances",
    "resonances_of_pairs",
    "scan",
    "scan_error",
]

Float64: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.intp]

# Number of rows that are scored at once, which limits temporary RAM.
_RESCORE_ROWS = 256
# Number of queries from which one matrix product is faster than one pass for each query.
_MATRIX_QUERIES = 4
MIN_NORM = 1e-9
"""Norm below which a vector counts as zero."""
# Maximum deviation of the norm from 1 after the components of a unit vector are rounded to float32.
_ROUNDING = 2.0**-24
# Upper bound of a valid score: 2 with the largest synaptic bias, plus a margin.
_HIGHEST = 2.5
_LOWEST = float(np.finfo(np.float32).min)
_PAIRS_AT_ONCE = 32


def inverse_norm(raw: Float32) -> float:
    """Return 1 / |raw| in float64, or 0.0 if the norm is below 1e-9 or not finite.

    For a stored row the result is exactly 1, so storing it again preserves every bit. The writer of
    a record calls this function; code that applies the record reads the result from it.
    """
    with np.errstate(invalid="ignore"):  # the conversion of a signalling NaN raises a warning
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
        out: (n_queries, n) float32; each score differs from the resonance by at most
            :func:`scan_error`.

    Cost: fewer than four queries need one pass over the rows each, which reads RAM in order. Four
    or more queries need one matrix product, which reads several rows at once. For two queries of
    384 dimensions, the matrix product would take 1.5 to 2 times as long.
    """
    if len(queries) < _MATRIX_QUERIES:
        for query, scores in zip(queries, out, strict=True):
            np.vecdot(rows, query, out=scores)
    else:
        np.matmul(queries, rows.T, out=out)


def scan_error(dimension: int) -> float:
    """Return the maximum difference between a scanned score of unit vectors and the resonance.

    Source: the running-error bound of a float32 inner product is ``d * 2**-24`` times the sum of
    the magnitudes of the products. This sum is at most 1 for unit vectors. The bound is doubled and
    has a margin for the rounding of both vectors to float32.
    """
    return (dimension + 16) * 2.0**-23


def resonances(rows: Float32, query: Float64) -> Float64:
    """Return the resonance (cosine) of each row with the query; computes all final scores.

    Args:
        rows: (n, dimension) float32, rows of unit norm.
        query: (dimension,) float64 of unit norm.

    Returns:
        (n,) float64. The products of a row are summed in float64 in the same pairwise order for
        every ``n``, so identical rows have identical scores.

    Cost: O(n * dimension), with a float64 temporary of at most 256 rows.
    """
    result = np.empty(len(rows), np.float64)
    for start in range(0, len(rows), _RESCORE_ROWS):
        products = rows[start : start + _RESCORE_ROWS] * query
        np.add.reduce(products, axis=1, out=result[start : start + len(products)])
    return result


def resonances_of_pairs(rows: Float32, vectors: Float64, owners: Indices) -> Float64:
    """Return the resonance of each row with its own query, bit for bit as :func:`resonances` does.

    Args:
        rows: (n, dimension) float32, rows of unit norm.
        vectors: (queries, dimension) float64 of unit norm.
        owners: (n,) for each row, the index of its query.

    Cost: O(n * dimension), with two float64 temporaries of at most 32 rows. Larger temporaries are
    slower, because each needs new pages from the operating system.
    """
    result = np.empty(len(rows), np.float64)
    for start in range(0, len(rows), _PAIRS_AT_ONCE):
        some = slice(start, start + _PAIRS_AT_ONCE)
        products = rows[some] * vectors[owners[some]]
        np.add.reduce(products, axis=1, out=result[some])
    return result


def candidates(scores: Float32, error: float, *, top_k: int) -> tuple[Indices, float]:
    """Return the position of every row whose exact score may be among the ``top_k`` best.

    Args:
        scores: (n,) float32 approximate scores; -inf excludes a row.
        error: Upper bound of the error of each score.
        top_k: Number of requested results, at least 1.

    Returns:
        Positions, ascending, at least ``min(top_k, rows that are not excluded)`` of them; and the
        limit that their approximate scores reach.

    Cost: two passes over the scores. To find the limit, the rows are divided into at least ``2 *
    top_k`` groups. The k-th best of the group maxima is at most the k-th best of all rows, and
    close to it.
    """
    peaks = _peaks(scores, top_k)
    if not peaks.max() <= _HIGHEST:
        # A row that was corrupted in RAM has no valid cosine; it must not displace other rows.
        scores = np.where(scores <= _HIGHEST, scores, np.float32(-np.inf))
        return candidates(scores, error, top_k=top_k)
    limit = best(peaks, top_k) - 2.0 * error
    return (scores >= max(limit, _LOWEST)).nonzero()[0], limit


def candidates_of_all(
    scores: Float32, error: Float64, *, top_k: int
) -> tuple[Indices, Indices, float]:
    """Return the candidates of several queries at once; see :func:`candidates`.

    Args:
        scores: (queries, n) float32 approximate scores; -inf excludes a row.
        error: (queries,) upper bounds of the error of each score.
        top_k: Number of requested results, at least 1.

    Returns:
        Query and position of each candidate, ascending; and the lowest limit of all queries.
    """
    peaks = _peaks(scores, top_k)
    if not peaks.max() <= _HIGHEST:
        scores = np.where(scores <= _HIGHEST, scores, np.float32(-np.inf))
        return candidates_of_all(scores, error, top_k=top_k)
    limits = np.full(len(scores), -np.inf)
    if peaks.shape[1] >= top_k:
        kth = peaks.shape[1] - top_k
        limits = np.partition(peaks, kth, axis=1)[:, kth] - 2.0 * error
    least = np.maximum(limits, _LOWEST)
    owners, positions = (scores >= least[:, np.newaxis]).nonzero()
    return owners, positions, float(limits.min())


def _peaks(scores: Float32, top_k: int) -> Float32:
    """Return maxima of groups along the last axis, or the scores themselves if they are few."""
    n = scores.shape[-1]
    groups = max(256, 1 << (2 * top_k - 1).bit_length())
    if n < 4 * groups or n % groups:
        return scores
    peaks: Float32 = scores.reshape(*scores.shape[:-1], -1, groups).max(axis=-2)
    return peaks


def best(scores: Float32, k: int) -> float:
    """Return the ``k``-th largest of (n,) float32 scores, or -inf if there are fewer scores."""
    if len(scores) < k:
        return -np.inf
    return float(np.partition(scores, len(scores) - k)[len(scores) - k])
