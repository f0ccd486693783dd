"""Quality of rankings: measures for each question, their means and bootstrap intervals."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["DEPTH", "MEASURES", "interval", "measures"]

Values: TypeAlias = NDArray[np.float64]

DEPTH = 20
"""Answers that are looked at."""
CUTS = (1, 5, 10, 20)
NDCG_DEPTH = 10
MEASURES = (*(f"any@{k}" for k in CUTS), *(f"all@{k}" for k in CUTS), "MRR", "nDCG@10")
RESAMPLES = 1_000
CONFIDENCE = 0.95


def measures(ranked: Sequence[int], evidence: Collection[int]) -> Values:
    """Return the measures of one question, in the order of ``MEASURES``.

    Args:
        ranked: Best first; what is behind the first ``DEPTH`` does not count.
        evidence: What should be found, at least one.
    """
    found = [place for place, one in enumerate(ranked[:DEPTH]) if one in evidence]
    within = [sum(place < k for place in found) for k in CUTS]
    gains = sum(1.0 / np.log2(place + 2) for place in found if place < NDCG_DEPTH)
    best = sum(1.0 / np.log2(place + 2) for place in range(min(len(evidence), NDCG_DEPTH)))
    return np.array(
        [float(count > 0) for count in within]
        + [float(count == len(evidence)) for count in within]
        + [1.0 / (found[0] + 1) if found else 0.0, gains / best]
    )


def interval(values: Values, seed: int = 1) -> tuple[float, float]:
    """Return the 95 % confidence interval of the mean by percentile bootstrap."""
    rng = np.random.default_rng(seed)
    picked = rng.integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.quantile(
        values[picked].mean(axis=1), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
    )
    return float(low), float(high)
