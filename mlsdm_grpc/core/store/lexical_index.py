"""Exact BM25 index over the slots of one space.

The result of a search depends only on the set of documents, not on the order in which they were
added or on their slots.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlsdm_grpc.core.store.lexical_postings import Int32, Postings, PostingStore
from mlsdm_grpc.core.store.lexical_segment import Segment, term_key
from mlsdm_grpc.value_classes import value_class

__all__ = ["Bm25", "IndexPart", "Int64", "LexicalHits", "LexicalIndex"]

Float64: TypeAlias = NDArray[np.float64]
Int64: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]

# Higher frequencies count as this value, the maximum of a byte.
_MAX_FREQUENCY: Final = 255
# Scores that are equal after rounding to this number of decimals count as equal.
_DECIMALS: Final = 6


@dataclass(frozen=True)
class Bm25:
    """Constants of BM25.

    The inverse document frequency is ``ln(1 + (n + prior) / df)``. It is never negative, and about
    equal for ten and for thousands of memories, so scores keep their scale while a space grows. The
    defaults lie in the middle of a wide range with about the same recall for conversations
    (``benchmarks/recall.py --tune``).

    Source: Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009.
    """

    k1: float = 0.6
    """Effect of repeated occurrences of a term, at least 0."""
    b: float = 0.3
    """Effect of the length of a document, 0..1."""
    prior: float = 200.0
    """Number of virtual empty documents that are added to the real ones, at least 0. They keep the
    scale of scores in small spaces."""
    unit: int = 4
    """Frequency that stands for one occurrence of a term."""

    def idf(self, count: int, frequency: int) -> float:
        """Return the weight of a term that ``frequency`` of ``count`` documents contain."""
        return math.log(1.0 + (count + self.prior) / max(frequency, 1))


class IndexPart(NamedTuple):
    """Part of a saved index."""

    segment: Segment
    slots: Int32
    """(documents,) int32, slot of each document; -1 for a removed document."""
    lengths: Int32
    """(documents,) int32, sum of the term frequencies of each document."""


@value_class
class LexicalHits:
    """Documents that a search found."""

    slots: Int32
    """Slots of the documents; :meth:`LexicalIndex.search` defines their order."""
    scores: Float64
    """BM25 scores, rounded to 1e-6; above 0."""
    found: Int32 = field(default_factory=lambda: np.empty(0, np.int32))
    """Slot of each posting that the search read, including documents outside the result."""
    words: Int64 = field(default_factory=lambda: np.empty(0, np.int64))
    """Index of the query word of each posting; ascending within each slot."""

    def best(
        self, *, top_k: int | None, sequence: Int64 | None = None, mask: Mask | None = None
    ) -> LexicalHits:
        """Return the documents with the highest scores, best first.

        Args:
            top_k: Maximum number of results; None returns all, ordered by slot.
            sequence: (slots,) order of creation; of equal scores, the higher sequence comes first.
                None orders equal scores by slot.
            mask: (slots,) bool: documents that may be returned; None for all.
        """
        slots, scores = self.slots, self.scores
        if mask is not None:
            kept = mask.take(slots)
            slots, scores = slots[kept], scores[kept]
        if top_k is None:
            return LexicalHits(slots, scores, self.found, self.words)
        if len(scores) > top_k:
            kept = scores >= np.partition(scores, len(scores) - top_k)[len(scores) - top_k]
            slots, scores = slots[kept], scores[kept]
        order = np.lexsort((slots if sequence is None else -sequence[slots], -scores))[:top_k]
        return LexicalHits(slots[order], scores[order], self.found, self.words)

    def matched(self, slots: Sequence[int]) -> list[list[int]]:
        """Return for each slot the indexes of the query words in its document, ascending."""
        found, words = self.found, self.words
        matched: dict[int, list[int]] = {slot: [] for slot in slots}
        if len(found) and matched:
            marked = np.zeros(1 + max(int(found.max()), *slots), np.bool_)
            marked[list(slots)] = True
            hits = marked.take(found).nonzero()[0]
            hit_slots, hit_words = found.take(hits).tolist(), words.take(hits).tolist()
            for slot, word in zip(hit_slots, hit_words, strict=True):
                matched[slot].append(word)
        return list(matched.values())


class LexicalIndex:
    """BM25 over documents in slots. For one writer; takes no locks.

    Args:
        parameters: Constants of BM25; None for the defaults.
    """

    def __init__(self, parameters: Bm25 | None = None) -> None:
        self.parameters = parameters or Bm25()
        self._postings = PostingStore()
        # Sum of the term frequencies of the document in each slot.
        self._length = np.empty(0, np.int32)
        # Buffer of a search, (slots,): sums of weights; 0 between searches.
        self._scratch = np.empty(0)
        self._count = self._total = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, slot: int) -> bool:
        return slot in self._postings

    @property
    def nbytes(self) -> int:
        """Size of all arrays, bytes."""
        return self._postings.nbytes + self._length.nbytes + self._scratch.nbytes

    def has(self, slots: NDArray[np.intp]) -> Mask:
        """Return (len(slots),) bool: True for slots that have a document."""
        occupied = self._postings.occupied
        found = np.zeros(len(slots), np.bool_)
        known = slots < len(occupied)
        found[known] = occupied[slots[known]]
        return found

    def add(self, slot: int, terms: Mapping[str, int]) -> None:
        """Add a document to a slot that has none.

        Args:
            slot: At least 0.
            terms: Frequency of each term, at least 1, in units of ``Bm25.unit``. A document without
                terms is ignored.

        Cost: about 10 us for 15 terms, amortised. An occasional merge of segments takes about 10 ms
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
        """Remove the document in ``slot``, if there is one. Cost: O(1) amortised."""
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
        """Return the documents with the highest BM25 scores, best first.

        Args:
            query: For each word, the terms that represent it. The frequency of the word in a
                document is that of its most frequent term.
            top_k: Maximum number of results; None returns all, ordered by slot.
            sequence: (slots,) order of creation; of equal scores, the higher sequence comes first.
                None orders equal scores by slot.
            mask: (slots,) bool: documents that may be returned; None for all.
            living: (slots,) bool: documents that exist for this search; the statistics ignore all
                others. None for all.

        Returns:
            Exact result: the same as if every document was scored.

        Cost: 50 us, 15 us for each segment, and 20 ns for each posting of the terms.
        """
        (hits,) = self.search_all([query], living=living)
        return hits.best(top_k=top_k, sequence=sequence, mask=mask)

    def search_all(
        self, queries: Sequence[Sequence[Sequence[str]]], *, living: Mask | None = None
    ) -> list[LexicalHits]:
        """Return all documents with a word, ordered by slot, for each of several queries.

        Args:
            queries: For each word of each query, the terms that represent it.
            living: See :meth:`search`.

        Cost: that of :meth:`search`, of which several queries share 40 us.
        """
        keys = [[[term_key(term) for term in terms] for terms in query] for query in queries]
        found = self._postings.find(keys)
        count, total = self._count, self._total
        if living is not None:
            found = found.only(living[found.slots])
            # The mask may cover more or fewer slots than the index.
            occupied = self._postings.occupied[: len(living)]
            exist = occupied & living[: len(occupied)]
            count = int(np.count_nonzero(exist))
            total = int(self._length[: len(exist)][exist[: len(self._length)]].sum())
        frequencies = np.bincount(found.words, minlength=sum(map(len, queries))).tolist()
        weights = self._weights(found, frequencies, count, total)
        hits, begin, first = list[LexicalHits](), 0, 0
        for query, end in zip(queries, found.ends.tolist(), strict=True):
            # Postings of a slot come in the order of the query words, so their sum is always
            # rounded in the same way.
            of_query = found.slots[begin:end]
            slots, scores = self._sums(of_query, weights[begin:end])
            words = found.words[begin:end] - first
            hits.append(LexicalHits(slots, scores.round(_DECIMALS), of_query, words))
            begin, first = end, first + len(query)
        return hits

    def parts(self) -> list[IndexPart]:
        """Return the present content; later writes do not change the returned parts.

        Cost: O(documents); postings are shared, not copied.
        """
        parts = []
        for segment, slots in self._postings.parts():
            there = slots >= 0
            lengths = np.zeros(len(slots), np.int32)
            lengths[there] = self._length[slots[there]]
            parts.append(IndexPart(segment, slots, lengths))
        return parts

    def adopt(self, part: IndexPart) -> None:
        """Append a saved part to an index to which no document was added.

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

    def _weights(
        self, found: Postings, frequencies: Sequence[int], count: int, total: int
    ) -> Float64:
        """Return the contribution of each posting to the score of its slot."""
        k1, b, unit = self.parameters.k1, self.parameters.b, self.parameters.unit
        gains = [self.parameters.idf(count, frequency) * (k1 + 1.0) for frequency in frequencies]
        weights = found.frequencies.astype(np.float64)
        norms = self._length.take(found.slots) * (k1 * b * unit * count / max(total, 1))
        norms += k1 * (1.0 - b) * unit
        norms += weights
        weights /= norms
        weights *= np.array(gains).take(found.words)
        return weights

    def _sums(self, slots: Int32, weights: Float64) -> tuple[Int32, Float64]:
        """Return each distinct slot, ascending, with the sum of its weights.

        Cost: one pass over the sums of all slots; all other work is O(len(slots)).
        """
        try:
            np.add.at(self._scratch, slots, weights)
            different = (self._scratch > 0.0).nonzero()[0]
            sums = self._scratch.take(different)
        except BaseException:
            # No later query may see these sums.
            self._scratch.fill(0.0)
            raise
        self._scratch[different] = 0.0
        return different.astype(np.int32), sums

    def _grow(self, slots: int) -> None:
        more = max(slots - len(self._length), len(self._length) // 8)
        self._length = np.append(self._length, np.zeros(more, np.int32))
        self._scratch = np.zeros(len(self._length))
