"""Calibrated linear model of harm and injection over words, letter sequences and rule matches.

A rule finds certain words together; the model scores them in their context. It is trained on
labelled lines and on more than 100,000 paragraphs of books, manuals and letters. At a score of 0.5,
about one harmless paragraph in 10,000 of each language is classified as hostile. ``make train``
computes the weights; it leaves out the test splits of the corpora and the last third of the
paragraphs.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Final, NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from mlsdm_grpc.package_data import read_bytes

__all__ = [
    "BUCKETS",
    "EVIDENCE",
    "FORMAT",
    "HEAD",
    "LEAST_FEATURES",
    "LinearHead",
    "Model",
    "evidence_ids",
    "load",
    "score_of",
    "sums_of",
]

BUCKETS: Final = 1 << 18
"""Number of weights of each head for words and letters; a hash assigns each feature to one."""
EVIDENCE: Final = 1 << 13
"""Number of weights of each head for rule matches."""
LEAST_FEATURES: Final = 100
"""Minimum length, in features, that normalises a text's score; it equals about eight words."""
FORMAT: Final = struct.Struct("<8s32s")
"""Layout of the file header: magic bytes, and SHA-256 of the training examples. The heads of harm
and injection follow."""
HEAD: Final = struct.Struct("<fff6f")
"""Layout of a head: bias, scale, slope, and one cut for each language. ``BUCKETS`` int8 and
``EVIDENCE`` float32 weights follow."""
_MARK: Final = b"linear03"


class LinearHead(NamedTuple):
    """Weights of one classifier, harm or injection, with its calibration."""

    bias: float
    scale: float
    slope: float
    """Steepness of the scores at 0.5, from Platt scaling."""
    cuts: tuple[float, ...]
    """Logit at which the score is 0.5, by language number; the last value is for all other
    languages."""
    weights: NDArray[np.int8]
    """Weights in units of ``scale``; a column of the array with the weights of both heads."""
    pairs: NDArray[np.int16]
    """Weights of both heads for each bucket in one number, so that one access reads both."""
    column: int
    """Column of this head: 0 for harm, 1 for injection."""
    evidence: memoryview[float]

    def contribution(self, buckets: Sequence[int]) -> int:
        """Return the sum of the weights of some buckets, in units of ``scale``."""
        return int(self.weights[list(buckets)].sum(dtype=np.int64))

    def logit(self, total: int, features: int, evidence: Iterable[int]) -> float:
        """Return the logit of a passage.

        Args:
            total: Sum of the weights of its distinct features; see :func:`sums_of`.
            features: Number of its distinct features.
            evidence: Numbers of its rule matches, see :func:`evidence_ids`; duplicates count once.
        """
        root = math.sqrt(max(features, LEAST_FEATURES))
        return (
            self.bias
            + total * self.scale / root
            + sum(map(self.evidence.__getitem__, set(evidence)))
        )


def sums_of(
    pairs: NDArray[np.int16], buckets: NDArray[np.int32], edges: Sequence[int]
) -> list[list[int]]:
    """Return the sum of the weights of each group for each head, in units of ``scale``.

    Args:
        pairs: Weights of both heads, see :class:`LinearHead`.
        buckets: Buckets of all groups; every group has at least one, unless all are empty.
        edges: Index of the first bucket of each group, followed by the number of buckets.
    """
    if not len(buckets):
        return [[0, 0]] * (len(edges) - 1)
    weights = pairs.take(buckets).view(np.int8).reshape(-1, 2).astype(np.int32)
    sums: list[list[int]] = np.add.reduceat(weights, edges[:-1]).tolist()
    return sums


def score_of(distance: float) -> float:
    """Return the calibrated score of a passage, 0 to 1, from its distance to the cut.

    The score is rounded, because the last bits depend on the summation order of the processor.
    """
    return round(1.0 / (1.0 + math.exp(-max(min(distance, 60.0), -60.0))), 4)


class Model(NamedTuple):
    """Both heads, with the digest of their training data."""

    digest: bytes
    """SHA-256 of the training examples."""
    harm: LinearHead
    injection: LinearHead


@cache
def load() -> Model:
    """Return the model that the package contains."""
    data = read_bytes("mlsdm_grpc.governance", "linear_model.bin")
    mark, digest = FORMAT.unpack_from(data)
    length = HEAD.size + BUCKETS + 4 * EVIDENCE
    if mark != _MARK or len(data) != FORMAT.size + 2 * length:
        raise ValueError("linear_model.bin has a format that this version cannot read")
    view = memoryview(data)
    starts = FORMAT.size, FORMAT.size + length
    both = np.stack(
        [np.frombuffer(data, np.int8, BUCKETS, start + HEAD.size) for start in starts], axis=1
    )
    pairs = both.view(np.int16)[:, 0]

    def head(column: int) -> LinearHead:
        start = starts[column]
        middle = start + HEAD.size + BUCKETS
        bias, scale, slope, *cuts = HEAD.unpack_from(data, start)
        return LinearHead(
            bias,
            scale,
            slope,
            tuple(cuts),
            both[:, column],
            pairs,
            column,
            view[middle : middle + 4 * EVIDENCE].cast("f"),
        )

    return Model(digest, head(0), head(1))


def evidence_ids(category: str, pattern: str, language: str) -> Iterator[int]:
    """Yield the evidence numbers of a rule match, from general to specific."""
    for name in (category, f"{category}|{pattern}", f"{language}|{category}|{pattern}"):
        yield crc32(name.encode()) % EVIDENCE
