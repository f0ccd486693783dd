"""An exact BM25 index over the slots of one space.

What a search returns depends on the documents that there are: not on the order in which they came
and went, nor on the slots that they are in.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlsdm_grpc.core.store.lexical_postings import NO_POSTINGS, Int32, Postings, PostingStore
from mlsdm_grpc.core.store.lexical_segment import Segment, term_key

__all__ = ["Bm25", "IndexPart", "Int64", "LexicalHits", "LexicalIndex"]

Float64: TypeAlias = NDArray[np.float64]
Int64: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]

_MAX_FREQUENCY: Final = 255
"""Higher frequencies count as this."""
_DECIMALS: Final = 6
"""Scores are equal if they agree to so many decimals."""
_ROUNDING: Final = 1e-6


@dataclass(frozen=True)
class Bm25:
    """Constants of BM25.

    The inverse document frequency is ``ln(1 + (n + prior) / df)``: never negative, and of about the
    same size in a space of ten memories as in one of thousands, so that scores keep their scale
    while a space grows. The defaults lie in the middle of a wide plateau of recall in conversations
    (``benchmarks/recall.py --tune``).

    Source: Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009.
    """

    k1: float = 0.6
    """How much a term counts that occurs again, at least 0."""
    b: float = 0.3
    """How much the length of a document counts, 0..1."""
    prior: float = 200.0
    """Documents without any term that are counted beside those that there are, at least 0."""
    unit: int = 4
    """Frequency of a term that stands in a text once."""

    def idf(self, count: int, frequency: int) -> float:
        """Return what a term is worth that ``frequency`` of ``count`` documents have."""
        return math.log(1.0 + (count + self.prior) / max(frequency, 1))


class IndexPart(NamedTuple):
    """A part of an index as it is kept elsewhere."""

    segment: Segment
    slots: Int32
    """(documents,) slot of each document; -1 for one that was removed."""
    lengths: Int32
    """(documents,) sum of its frequencies."""


@dataclass(frozen=True, slots=True)
class LexicalHits:
    """Documents that a search found."""

    slots: Int32
    scores: Float64
    """BM25, rounded to 1e-6, above 0."""
    postings: Postings = NO_POSTINGS
    """All that the search looked at, of other documents too."""

    def matched(self, slots: Sequence[int]) -> list[list[int]]:
        """Return for each of some slots which words of the query its document has, ascending."""
        matched: list[list[int]] = [[] for _ in slots]
        found, words = self.postings.slots, self.postings.words
        if not len(found):
            return matched
        wanted = np.array(slots, found.dtype)[:, np.newaxis]
        hits = (found == wanted).ravel().nonzero()[0]
        hit_words = words.take(hits % len(found)).tolist()
        for hit, word in zip((hits // len(found)).tolist(), hit_words, strict=True):
            matched[hit].append(word)
        return matched


class LexicalIndex:
    """BM25 over the documents in some slots; single writer, no locks.

    Args:
        parameters: Constants of the scores.
    """

    def __init__(self, parameters: Bm25 | None = None) -> None:
        self.parameters = parameters or Bm25()
        self._postings = PostingStore()
        self._length = np.empty(0, np.int32)
        """Of each slot, the sum of the frequencies of its document."""
        self._count = self._total = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, slot: int) -> bool:
        return slot in self._postings

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return self._postings.nbytes + self._length.nbytes

    def has(self, slots: NDArray[np.intp]) -> Mask:
        """Return which of some slots have a document."""
        occupied = self._postings.occupied
        found = np.zeros(len(slots), np.bool_)
        known = slots < len(occupied)
        found[known] = occupied[slots[known]]
        return found

    def add(self, slot: int, terms: Mapping[str, int]) -> None:
        """Enter a document into a slot that has none.

        Args:
            slot: At least 0.
            terms: Frequencies, at least 1, in units of ``Bm25.unit``. A document without any term
                is not entered, and plays no part.

        Cost: about 10 us for 15 terms, amortised: now and then segments are merged, in about 10 ms
            for 20,000 documents.
        """
        if not terms:
            return
        frequencies = [min(count, _MAX_FREQUENCY) for count in terms.values()]
        self._postings.add(slot, [term_key(term) for term in terms], frequencies)
        if slot >= len(self._length):
            self._grow(slot + 1)
        length = sum(frequencies)
        self._length[slot] = length
        self._total += length
        self._count += 1

    def remove(self, slot: int) -> None:
        """Forget the document in ``slot``, if there is one. Cost: O(1) amortised."""
        if slot in self._postings:
            self._postings.remove(slot)
            self._total -= int(self._length[slot])
            self._count -= 1

    def search(
        self,
        query: Sequence[Sequence[str]],
        *,
        top_k: int | None = None,
        sequence: Int64 | None = None,
        mask: Mask | None = None,
        living: Mask | None = None,
    ) -> LexicalHits:
        """Return the documents with the highest BM25 scores.

        Args:
            query: For each word the terms that stand for it; a document has the word as often as
                the most frequent one of them.
            top_k: Hits at most; None returns all, by slot.
            sequence: (slots,) order of creation: of equal scores the higher sequence is first.
                None leaves the order to the slots.
            mask: (slots,) which documents may be found; None for all.
            living: (slots,) which documents exist for this search, as if the others were removed;
                None for all.

        Returns:
            Best first. Exact: the same as scoring every document.

        Cost: O(postings of the terms), about 20 ns each, 15 us for each segment and 50 us.
        """
        found = self._find(query)
        count, total = self._count, self._total
        if living is not None:
            found = found.only(living[found.slots])
            occupied = self._postings.occupied[: len(living)]  # which may have room for more
            exist = occupied & living[: len(occupied)]
            count = int(np.count_nonzero(exist))
            total = int(self._length[: len(exist)][exist[: len(self._length)]].sum())
        frequencies = np.bincount(found.words, minlength=len(query)).tolist()
        if not len(found.slots):
            return LexicalHits(np.empty(0, np.int32), np.empty(0), found)
        # The postings of a slot come in the order of the query, so its sum rounds in one way only.
        weights = self._weights(found, frequencies, count, total)
        sums = np.asarray(np.bincount(found.slots, weights), np.float64)
        hit = sums > 0.0
        if mask is not None:
            hit &= mask[: len(hit)]
        slots = hit.nonzero()[0].astype(np.int32)
        return _best(LexicalHits(slots, sums[slots], found), sequence, top_k)

    def parts(self) -> list[IndexPart]:
        """Return what is held now, which later writes do not change.

        Cost: O(documents); postings are shared.
        """
        parts = []
        for segment, slots in self._postings.parts():
            there = slots >= 0
            lengths = np.zeros(len(slots), np.int32)
            lengths[there] = self._length[slots[there]]
            parts.append(IndexPart(segment, slots, lengths))
        return parts

    def adopt(self, part: IndexPart) -> None:
        """Add a part of another index to this one, to which nothing was added otherwise.

        Cost: O(documents).
        """
        self._postings.adopt(part.segment, part.slots)
        slots, lengths = part.slots[part.slots >= 0], part.lengths[part.slots >= 0]
        highest = int(slots.max(initial=-1))
        if highest >= len(self._length):
            self._grow(highest + 1)
        self._length[slots] = lengths
        self._count += len(lengths)
        self._total += int(lengths.sum())

    def _find(self, query: Sequence[Sequence[str]]) -> Postings:
        return self._postings.find([[term_key(term) for term in terms] for terms in query])

    def _weights(
        self, found: Postings, frequencies: Sequence[int], count: int, total: int
    ) -> Float64:
        """Return what each posting adds to the score of its slot."""
        k1, b, unit = self.parameters.k1, self.parameters.b, self.parameters.unit
        gains = [self.parameters.idf(count, frequency) * (k1 + 1.0) for frequency in frequencies]
        weights = found.frequencies.astype(np.float64)
        norms = self._length.take(found.slots) * (k1 * b * unit * count / max(total, 1))
        norms += k1 * (1.0 - b) * unit
        norms += weights
        weights /= norms
        weights *= np.array(gains).take(found.words)
        return weights

    def _grow(self, slots: int) -> None:
        more = max(slots - len(self._length), len(self._length) // 8)
        self._length = np.append(self._length, np.zeros(more, np.int32))


def _best(hits: LexicalHits, sequence: Int64 | None, top_k: int | None) -> LexicalHits:
    """Return the best of all documents with a score, rounded."""
    slots, scores = hits.slots, hits.scores
    if top_k is None:
        return LexicalHits(slots, scores.round(_DECIMALS), hits.postings)
    if len(scores) > top_k:
        least = np.partition(scores, len(scores) - top_k)[len(scores) - top_k]
        kept = scores >= least - _ROUNDING
        slots, scores = slots[kept], scores[kept]
    scores = scores.round(_DECIMALS)
    order = np.lexsort((slots if sequence is None else -sequence[slots], -scores))[:top_k]
    return LexicalHits(slots[order], scores[order], hits.postings)
