"""Postings of a lexical index: immutable segments, sorted by term, that are merged.

A segment numbers its documents itself, so a posting takes three bytes; a document that is removed
loses its slot, and its postings go when the segment is merged or rewritten. A term is known by
64 bits of its digest: what it was is known to whoever asks for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["MAX_DOCUMENTS", "Int32", "Postings", "Segment", "merge", "term_key"]

MAX_DOCUMENTS: Final = 8_192
"""Documents of a segment at most: to merge two takes about 5 ms; their numbers have 16 bits."""
_CACHED_KEYS: Final = 16_384
"""About 3 MB a process."""

Int32: TypeAlias = NDArray[np.int32]
_Keys: TypeAlias = NDArray[np.uint64]


@lru_cache(maxsize=_CACHED_KEYS)
def term_key(term: str) -> int:
    """Return 64 bits that stand for a term, the same in every process.

    Two of a million terms share theirs with a probability of 3e-8.
    """
    return int.from_bytes(blake2b(term.encode(), digest_size=8).digest(), "little")


class Postings(NamedTuple):
    """Entries of the words of a query, all arrays of the same length."""

    slots: Int32
    """-1 where the document was removed."""
    frequencies: NDArray[np.uint8]
    words: Int32
    """Word of the query that a term stands for; ascending for each slot."""

    def only(self, kept: NDArray[np.bool_]) -> Postings:
        """Return some of the entries."""
        if kept.all():
            return self
        return Postings(self.slots[kept], self.frequencies[kept], self.words[kept])

    def united(self) -> Postings:
        """Return one entry for each slot and word: the one with the highest frequency."""
        order = np.lexsort((self.frequencies, self.slots, self.words))
        slots, words = self.slots[order], self.words[order]
        last = np.ones(len(order), np.bool_)
        last[:-1] = (slots[1:] != slots[:-1]) | (words[1:] != words[:-1])
        return Postings(slots[last], self.frequencies[order[last]], words[last])

    @classmethod
    def joined(cls, parts: Sequence[Postings]) -> Postings:
        """Return the entries of all parts, one after the other."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            np.concatenate([part.slots for part in parts] or [np.empty(0, np.int32)]),
            np.concatenate([part.frequencies for part in parts] or [np.empty(0, np.uint8)]),
            np.concatenate([part.words for part in parts] or [np.empty(0, np.int32)]),
        )


class Segment(NamedTuple):
    """Postings of some documents; only ``slots`` changes.

    Invariant: the documents of ``keys[i]`` are ``documents[starts[i]:starts[i + 1]]``.
    """

    keys: _Keys
    """(terms,) ascending, different."""
    starts: NDArray[np.uint32]
    """(terms + 1,)."""
    documents: NDArray[np.uint16]
    """(postings,) number of the document within the segment."""
    frequencies: NDArray[np.uint8]
    """(postings,) at least 1."""
    slots: Int32
    """(documents,) slot of each document, -1 once it is removed."""

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(part.nbytes for part in self)

    @classmethod
    def of(
        cls,
        keys: _Keys,
        documents: NDArray[np.uint16],
        frequencies: NDArray[np.uint8],
        slots: Int32,
    ) -> Segment:
        """Return the segment of unordered postings; arrays are copied. Cost: O(n log n)."""
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        first = np.ones(len(keys), np.bool_)
        first[1:] = keys[1:] != keys[:-1]
        starts = np.append(first.nonzero()[0], len(keys)).astype(np.uint32)
        return cls(keys[starts[:-1]], starts, documents[order], frequencies[order], slots.copy())

    def find(self, keys: _Keys, words: Int32) -> Postings | None:
        """Return the postings of ``keys``; None if there are none.

        Args:
            keys: (terms,) what to look for.
            words: (terms,) word of the query that each of them stands for, ascending.

        Cost: O(terms * log terms of the segment + postings).
        """
        if not len(self.keys):
            return None
        places = self.keys.searchsorted(keys)
        places[places == len(self.keys)] = 0
        hits = (self.keys[places] == keys).nonzero()[0]
        if not len(hits):
            return None
        places = places[hits]
        begins, ends = self.starts[places].tolist(), self.starts[places + 1].tolist()
        parts = [slice(begin, end) for begin, end in zip(begins, ends, strict=True)]
        documents = np.concatenate([self.documents[part] for part in parts])
        frequencies = np.concatenate([self.frequencies[part] for part in parts])
        counts = [part.stop - part.start for part in parts]
        words = words[hits]
        found = Postings(self.slots.take(documents), frequencies, words.repeat(counts))
        return found.united() if (words[1:] == words[:-1]).any() else found


def merge(segments: Sequence[Segment]) -> Segment:
    """Return one segment with the documents of all that were not removed.

    Args:
        segments: At least one; together at most ``MAX_DOCUMENTS`` documents that are left.

    Returns:
        Documents in the order of the segments, terms that no document has left out.

    Cost: O(postings), about 20 ns each, and 20 bytes each for the time being.
    """
    parts = [_without_removed(segment) for segment in segments]
    if len(parts) == 1:
        return parts[0]
    keys = np.unique(np.concatenate([part.keys for part in parts]))
    places = [keys.searchsorted(part.keys) for part in parts]
    counts = np.zeros(len(keys), np.int64)
    for part, place in zip(parts, places, strict=True):
        counts[place] += np.diff(part.starts)
    starts = np.concatenate(([0], counts.cumsum()))
    free = starts[:-1].copy()
    documents = np.empty(starts[-1], np.uint16)
    frequencies = np.empty(starts[-1], np.uint8)
    before = 0
    for part, place in zip(parts, places, strict=True):
        lengths = np.diff(part.starts)
        target = (free[place] - part.starts[:-1]).repeat(lengths)
        target += np.arange(len(target))
        documents[target] = part.documents + np.uint16(before)
        frequencies[target] = part.frequencies
        free[place] += lengths
        before += len(part.slots)
    slots = np.concatenate([part.slots for part in parts])
    return Segment(keys, starts.astype(np.uint32), documents, frequencies, slots)


def _without_removed(segment: Segment) -> Segment:
    """Return the segment with the documents that were not removed, numbered anew."""
    alive = segment.slots >= 0
    if alive.all():
        return segment
    numbers = (alive.cumsum() - 1).astype(np.uint16)
    kept = alive[segment.documents]
    before = np.concatenate(([0], kept.cumsum()))
    starts = before[segment.starts]
    used = starts[1:] > starts[:-1]
    return Segment(
        segment.keys[used],
        np.append(starts[:-1][used], starts[-1]).astype(np.uint32),
        numbers[segment.documents[kept]],
        segment.frequencies[kept],
        segment.slots[alive],
    )
