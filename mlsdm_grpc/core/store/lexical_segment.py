"""Segments of a lexical index: immutable postings of a set of documents, sorted by term.

Each segment numbers its documents from 0, so a posting takes three bytes. A term is stored as 64
bits of its digest; its text is not stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["MAX_DOCUMENTS", "Keys", "Mask", "Segment", "merge", "term_key"]

MAX_DOCUMENTS: Final = 16_384
"""Maximum number of documents of a segment. Document numbers have 16 bits, and a merge of two
segments takes about 5 ms."""
# Number of keys of terms that are cached, about 3 MB in each process.
_CACHED_KEYS: Final = 16_384

Keys: TypeAlias = NDArray[np.uint64]
Mask: TypeAlias = NDArray[np.bool_]


@lru_cache(maxsize=_CACHED_KEYS)
def term_key(term: str) -> int:
    """Return the 64-bit key of a term; it is the same in every process.

    The probability that two of a million terms share a key is 3e-8.
    """
    return int.from_bytes(blake2b(term.encode(), digest_size=8).digest(), "little")


class Segment(NamedTuple):
    """Postings of a set of documents.

    Invariant: the postings of ``keys[i]`` are at positions ``starts[i]`` to ``starts[i + 1] - 1``.
    """

    keys: Keys
    """(terms,) ascending and distinct."""
    starts: NDArray[np.uint32]
    """(terms + 1,) first posting of each term, then the number of postings."""
    documents: NDArray[np.uint16]
    """(postings,) number of the document within the segment."""
    frequencies: NDArray[np.uint8]
    """(postings,) frequency of the term in the document, at least 1."""

    @property
    def nbytes(self) -> int:
        """Size of all arrays, bytes."""
        return sum(part.nbytes for part in self)

    @classmethod
    def of(
        cls, keys: Keys, documents: NDArray[np.uint16], frequencies: NDArray[np.uint8]
    ) -> Segment:
        """Return a segment of one or more postings in any order. Cost: O(n log n)."""
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        first = np.ones(len(keys), np.bool_)
        first[1:] = keys[1:] != keys[:-1]
        starts = np.append(first.nonzero()[0], len(keys)).astype(np.uint32)
        return cls(keys[starts[:-1]], starts, documents[order], frequencies[order])

    def find(self, keys: Keys, wanted: Sequence[int]) -> list[tuple[int, int, int]]:
        """Return the keys in the segment, as (index in ``keys``, begin, end of the postings).

        Args:
            keys: Keys to find.
            wanted: The same keys as Python numbers, because comparing few numbers is faster than
                arrays.

        Cost: O(keys * log terms).
        """
        places = self.keys.searchsorted(keys)
        found = self.keys.take(places, mode="clip").tolist()
        start = self.starts.item
        return [
            (i, start(place), start(place + 1))
            for i, (place, key, sought) in enumerate(
                zip(places.tolist(), found, wanted, strict=True)
            )
            if key == sought
        ]

    def without(self, kept: Mask) -> Segment:
        """Return a segment with some of the documents, numbered again from 0.

        Args:
            kept: (documents,) bool: True for documents to keep; at least one of them has a posting.
        """
        numbers = (kept.cumsum() - 1).astype(np.uint16)
        left = kept[self.documents]
        before = np.concatenate(([0], left.cumsum()))
        starts = before[self.starts]
        used = starts[1:] > starts[:-1]
        return Segment(
            self.keys[used],
            np.append(starts[:-1][used], starts[-1]).astype(np.uint32),
            numbers[self.documents[left]],
            self.frequencies[left],
        )


def merge(parts: Sequence[Segment], sizes: Sequence[int]) -> Segment:
    """Return one segment with the documents of all parts, in their order.

    Args:
        parts: Segments to merge, at least one.
        sizes: Number of documents of each part; their sum is at most ``MAX_DOCUMENTS``.

    Cost: about 20 ns and 20 bytes of temporary RAM for each posting.
    """
    keys = np.unique(np.concatenate([part.keys for part in parts]))
    places = [keys.searchsorted(part.keys) for part in parts]
    counts = np.zeros(len(keys), np.int64)
    for part, place in zip(parts, places, strict=True):
        counts[place] += np.diff(part.starts)
    starts = np.concatenate(([0], counts.cumsum()))
    # Counting sort by term: each part writes its postings to the next free positions of each term.
    free = starts[:-1].copy()
    documents = np.empty(starts[-1], np.uint16)
    frequencies = np.empty(starts[-1], np.uint8)
    before = 0
    for part, place, size in zip(parts, places, sizes, strict=True):
        lengths = np.diff(part.starts)
        target = (free[place] - part.starts[:-1]).repeat(lengths)
        target += np.arange(len(target))
        documents[target] = part.documents + np.uint16(before)
        frequencies[target] = part.frequencies
        free[place] += lengths
        before += size
    return Segment(keys, starts.astype(np.uint32), documents, frequencies)
