"""Postings of all documents of one space, by slot.

New documents are added to a small buffer. The next search sorts it as a segment
(:mod:`mlsdm_grpc.core.store.lexical_segment`); a full buffer becomes one for good. Segments of
similar size are merged. The number of segments, and the number of times a document is copied, is
therefore logarithmic.

Documents are numbered consecutively through all segments and the buffer. Removing a document clears
its slot number; the next merge or rewrite of its segment removes its postings.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from itertools import chain
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlsdm_grpc.core.store.lexical_segment import MAX_DOCUMENTS, Mask, Segment, merge

__all__ = ["BUFFERED_DOCUMENTS", "MIN_REMOVED", "Int32", "PostingStore", "Postings"]

Int32: TypeAlias = NDArray[np.int32]

# Maximum number of postings in the buffer; the first search after a write sorts them.
BUFFERED_DOCUMENTS: Final = 1_024
# Two neighbouring segments are merged unless the older one is more than this many times larger.
_RATIO: Final = 3
# Share of removed documents above which a segment is rewritten, to limit wasted RAM.
_MAX_REMOVED: Final = 0.25
# Number of removed documents up to which a segment is never rewritten.
MIN_REMOVED: Final = 64
_NONE: Final = -1


class Postings(NamedTuple):
    """Postings of the words of one or several queries, query after query."""

    slots: Int32
    """Slot of the document."""
    frequencies: NDArray[np.uint8]
    """Frequency of the word in the document."""
    words: NDArray[np.intp]
    """Index of the word among the words of all queries; ascending within each slot of a query."""
    ends: NDArray[np.intp]
    """(queries,) number of postings up to the end of each query."""

    def only(self, kept: Mask) -> Postings:
        """Return the postings selected by a mask."""
        if kept.all():
            return self
        ends = np.append(0, kept.cumsum())[self.ends]
        return Postings(self.slots[kept], self.frequencies[kept], self.words[kept], ends)


class _Runs:
    """Collector of postings of a query in runs: each run is of one word in one segment."""

    def __init__(self) -> None:
        self.documents: list[NDArray[np.uint16]] = []
        self.frequencies: list[NDArray[np.uint8]] = []
        self.bases: list[int] = []
        self.words: list[int] = []

    def add(
        self, base: int, word: int, documents: NDArray[np.uint16], frequencies: NDArray[np.uint8]
    ) -> None:
        """Add a run; a run of the same word and segment as the last one is joined with it."""
        if self.words and self.words[-1] == word and self.bases[-1] == base:
            documents, frequencies = _united(
                self.documents.pop(), self.frequencies.pop(), documents, frequencies
            )
        else:
            self.bases.append(base)
            self.words.append(word)
        self.documents.append(documents)
        self.frequencies.append(frequencies)


class PostingStore:
    """Postings by slot. For one writer; takes no locks."""

    def __init__(self) -> None:
        # Segments, oldest first.
        self._segments: list[Segment] = []
        # Number of documents of each segment that are not removed.
        self._living: list[int] = []
        # Number of the first document of each segment, then that of the buffer.
        self._bases: list[int] = [0]
        # Size of all segments, bytes; kept because every write reads it.
        self._segment_bytes = 0
        self._keys = array("Q")
        # Document of each posting in the buffer, relative to the first document there.
        self._documents = array("H")
        self._frequencies = bytearray()
        # The buffer as a segment, since the last search and until the next write.
        self._sorted: Segment | None = None
        # Number of the next document.
        self._end = 0
        # Slot of each document.
        self._slots = np.empty(0, np.int32)
        # Document of each slot.
        self._numbers = np.empty(0, np.int32)

    def __contains__(self, slot: int) -> bool:
        return 0 <= slot < len(self._numbers) and bool(self._numbers[slot] != _NONE)

    @property
    def occupied(self) -> Mask:
        """Slots that have a document, (slots,) bool."""
        return self._numbers > _NONE

    @property
    def segment_count(self) -> int:
        """Number of segments, without the buffer."""
        return len(self._segments)

    @property
    def nbytes(self) -> int:
        """Size of all arrays, bytes."""
        buffer = len(self._keys) * 8 + len(self._documents) * 2 + len(self._frequencies)
        buffer += 0 if self._sorted is None else self._sorted.nbytes
        return buffer + self._segment_bytes + self._slots.nbytes + self._numbers.nbytes

    def add(self, slot: int, keys: Sequence[int], frequencies: Sequence[int]) -> None:
        """Add a document to a slot that has none.

        Args:
            slot: At least 0.
            keys: Distinct keys of terms, at least one.
            frequencies: One for each key, 1..255.

        Cost: 0.5 us for each term, amortised.
        """
        if slot >= len(self._numbers):
            self._numbers = _grown(self._numbers, slot + 1)
        if self._end == len(self._slots):
            self._slots = _grown(self._slots, self._end + 1)
        self._keys.extend(keys)
        self._documents.extend([self._end - self._bases[-1]] * len(keys))
        self._frequencies.extend(frequencies)
        self._sorted = None
        self._numbers[slot] = self._end
        self._slots[self._end] = slot
        self._end += 1
        if len(self._keys) >= BUFFERED_DOCUMENTS:
            self.flush()

    def remove(self, slot: int) -> None:
        """Remove the document of a slot that has one. Cost: O(1) amortised."""
        number = int(self._numbers[slot])
        self._numbers[slot] = self._slots[number] = _NONE
        if number >= self._bases[-1]:
            return
        place = bisect_right(self._bases, number) - 1
        self._living[place] -= 1
        size = self._bases[place + 1] - self._bases[place]
        if size - self._living[place] > max(MIN_REMOVED, _MAX_REMOVED * size):
            self._merge(place, place + 1)

    def find(self, queries: Sequence[Sequence[Sequence[int]]]) -> Postings:
        """Return one posting for each slot and word of queries, ordered by word within each slot.

        Args:
            queries: For each word of each query, the keys of the terms that represent it. Of
                several terms in a document, the most frequent one is returned.

        Cost: O(postings), and about 10 us for each segment, which several queries share; after a
            write, 30 us to sort the buffer.
        """
        every = list(chain.from_iterable(queries))
        wanted = array("Q", chain.from_iterable(every))
        keys = np.frombuffer(wanted, np.uint64)
        words = [i for i, word in enumerate(every) for _ in word]
        runs_of = [_Runs() for _ in queries]
        # Runs of the query of each word.
        runs = [runs_of[i] for i, query in enumerate(queries) for _ in query]
        segments = [*self._segments, self._buffered()] if self._keys else self._segments
        for segment, base in zip(segments, self._bases, strict=False):
            documents, frequencies = segment.documents, segment.frequencies
            for hit, begin, end in segment.find(keys, wanted):
                word = words[hit]
                runs[word].add(base, word, documents[begin:end], frequencies[begin:end])
        return self._joined(runs_of)

    def _joined(self, runs_of: Sequence[_Runs]) -> Postings:
        """Return the postings of runs, those of each query together."""
        counts = [[len(run) for run in runs.documents] for runs in runs_of]
        ends = np.array([sum(each) for each in counts], np.intp).cumsum()
        if not ends[-1:].any():
            none = np.empty(0, np.intp)
            return Postings(none.astype(np.int32), none.astype(np.uint8), none, ends)
        repeats = list(chain.from_iterable(counts))
        numbers = np.array([base for runs in runs_of for base in runs.bases], np.int32)
        numbers = numbers.repeat(repeats)
        numbers += np.concatenate([run for runs in runs_of for run in runs.documents])
        slots = self._slots.take(numbers)
        words = np.array([word for runs in runs_of for word in runs.words], np.intp)
        frequencies = np.concatenate([run for runs in runs_of for run in runs.frequencies])
        found = Postings(slots, frequencies, words.repeat(repeats), ends)
        return found if slots.min() > _NONE else found.only(slots > _NONE)

    def flush(self) -> None:
        """Turn the buffer into a segment, and merge segments of similar size."""
        if not self._keys:
            return
        slots = self._slots[self._bases[-1] : self._end]
        self._segments.append(self._buffered())
        self._segment_bytes += self._segments[-1].nbytes
        self._living.append(int(np.count_nonzero(slots > _NONE)))
        self._bases.append(self._end)
        self._keys, self._documents, self._frequencies = array("Q"), array("H"), bytearray()
        self._sorted = None
        first = len(self._segments) - 1
        while first and self._living[first - 1] <= _RATIO * sum(self._living[first:]):
            # Document numbers within a segment have 16 bits.
            if sum(self._living[first - 1 :]) > MAX_DOCUMENTS:
                break
            first -= 1
        if first < len(self._segments) - 1:
            self._merge(first, len(self._segments))

    def parts(self) -> list[tuple[Segment, Int32]]:
        """Return the present segments, each with the slots of its documents (-1 for removed ones).

        Cost: O(documents); postings are shared, because they never change.
        """
        parts = [
            (segment, self._slots[begin:end].copy())
            for segment, begin, end in zip(
                self._segments, self._bases[:-1], self._bases[1:], strict=True
            )
        ]
        if self._keys:
            parts.append((self._buffered(), self._slots[self._bases[-1] : self._end].copy()))
        return parts

    def adopt(self, segment: Segment, slots: Int32) -> None:
        """Append a segment; the buffer must be empty.

        Args:
            segment: The segment; its arrays are not copied.
            slots: Slot of each document, -1 for a removed one; copied.
        """
        self._slots = np.concatenate((self._slots[: self._end], slots))
        base, self._end = self._end, len(self._slots)
        self._segments.append(segment)
        self._segment_bytes += segment.nbytes
        self._living.append(int(np.count_nonzero(slots > _NONE)))
        self._bases.append(self._end)
        highest = int(slots.max(initial=_NONE))
        if highest >= len(self._numbers):
            self._numbers = _grown(self._numbers, highest + 1)
        self._renumber(base)

    def _buffered(self) -> Segment:
        """Return the contents of the buffer as a segment."""
        if self._sorted is None:
            self._sorted = Segment.of(
                np.frombuffer(self._keys, np.uint64).copy(),
                np.frombuffer(self._documents, np.uint16).copy(),
                np.frombuffer(self._frequencies, np.uint8).copy(),
            )
        return self._sorted

    def _merge(self, first: int, end: int) -> None:
        """Merge the segments ``first`` to ``end - 1``, without removed documents."""
        base, behind = self._bases[first], self._bases[end]
        parts = []
        for place in range(first, end):
            kept = self._slots[self._bases[place] : self._bases[place + 1]] > _NONE
            if self._living[place]:
                segment = self._segments[place]
                parts.append(
                    (segment if kept.all() else segment.without(kept), self._living[place])
                )
        slots = self._slots[base:behind]
        slots = slots[slots > _NONE]
        # All later document numbers decrease by the number of removed documents.
        less = behind - base - len(slots)
        self._slots[base : base + len(slots)] = slots
        self._slots[base + len(slots) : self._end - less] = self._slots[behind : self._end].copy()
        self._end -= less
        merged = [parts[0][0]] if len(parts) == 1 else []
        if len(parts) > 1:
            merged = [merge([part for part, _ in parts], [size for _, size in parts])]
        self._segments[first:end] = merged
        self._segment_bytes = sum(segment.nbytes for segment in self._segments)
        self._living[first:end] = [len(slots)] * len(merged)
        behind_it = [number - less for number in self._bases[end:]]
        self._bases[first:] = [base] * len(merged) + behind_it
        self._renumber(base)

    def _renumber(self, base: int) -> None:
        """Update the document number of each slot, beginning with document ``base``."""
        slots = self._slots[base : self._end]
        there = (slots > _NONE).nonzero()[0]
        self._numbers[slots[there]] = there + base


def _grown(column: Int32, length: int) -> Int32:
    """Return a column extended to at least ``length`` entries, and by at least an eighth."""
    more = max(length - len(column), len(column) // 8)
    return np.append(column, np.full(more, _NONE, np.int32))


def _united(
    documents: NDArray[np.uint16],
    frequencies: NDArray[np.uint8],
    more: NDArray[np.uint16],
    more_frequencies: NDArray[np.uint8],
) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    """Return one posting for each document of two runs: the one with the higher frequency."""
    highest = np.zeros(1 + max(int(documents.max()), int(more.max())), np.uint8)
    highest[documents] = frequencies
    known = highest.take(more)
    highest[more] = np.maximum(known, more_frequencies)
    documents = np.concatenate((documents, more[known == 0]))
    return documents, highest.take(documents)
