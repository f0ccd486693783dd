"""Recall by the words of a query: by words only, or fused with the scores of its vector."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mlsdm_grpc.core.model.new_memory import Float32
from mlsdm_grpc.core.model.recall_mode import RecallMode
from mlsdm_grpc.core.store import kernel
from mlsdm_grpc.core.store.filters import living, taking_part
from mlsdm_grpc.core.store.fusion import Fuser
from mlsdm_grpc.core.store.lattice_words import Words
from mlsdm_grpc.core.store.lexical_index import LexicalHits
from mlsdm_grpc.core.store.memory_table import Lattice, Mask
from mlsdm_grpc.core.store.recall_query import ByWords, Query, RecalledSlots, Sought
from mlsdm_grpc.core.store.rescoring import ResonanceParts, distances, rescored

__all__ = ["Hybrid", "WordSearch"]

_DECIMALS = 6
# Words of queries that are searched together, which bounds the memory of their postings.
_WORDS_AT_ONCE = 128
# Candidates are scored without a scan if there are at most this many, or at most one in this many
# rows.
_FEW = 64


class WordSearch:
    """Search for queries with words.

    Args:
        lattice: The memories to search.
        words: Lexical index of the memories.
        now_ns: Unix time; memories that have expired by then are ignored. 0 skips the check.
        traces: (dimension,) float64 of unit norm, direction of the synaptic bias; None for no bias.
    """

    def __init__(
        self, lattice: Lattice, words: Words, now_ns: int, traces: kernel.Float64 | None
    ) -> None:
        self._lattice = lattice
        self._words = words
        self._now_ns = now_ns
        self._traces = traces
        self._living = living(lattice, now_ns)
        self._masks: dict[tuple[object, ...], Mask | None] = {}
        """Memories that take part, by what selects them."""

    def hits(self, queries: Sequence[Query]) -> Iterator[LexicalHits | None]:
        """Search the words of queries; yield the result of each, None for one without words.

        Queries of up to 128 words are searched together, when the first of their results is
        needed, so that only these results take RAM.
        """
        some, count = list[Query](), 0
        for query in queries:
            words = len(query.sought.terms) if query.sought is not None else 0
            if some and count + words > _WORDS_AT_ONCE:
                yield from self._search(some)
                some, count = [], 0
            some.append(query)
            count += words
        yield from self._search(some)

    def _search(self, queries: Sequence[Query]) -> Iterator[LexicalHits | None]:
        """Search the words of queries together."""
        terms = [query.sought.terms for query in queries if query.sought is not None]
        found = iter(self._words.index.search_all(terms, living=self._living) if terms else ())
        for query in queries:
            yield None if query.sought is None else next(found)

    def alone(self, query: Query, sought: Sought, hits: LexicalHits) -> RecalledSlots:
        """Return the memories whose texts contain the words, best first."""
        # A phase weight changes the order, so every document must be scored.
        top_k = None if query.phase_weight else query.top_k
        sequence = self._lattice.columns["sequence"]
        hits = hits.best(top_k=top_k, sequence=sequence, mask=self._mask(query))
        slots, bm25 = hits.slots.astype(np.intp), hits.scores
        distance = distances(self._lattice, query, slots)
        factor = 1.0 - query.phase_weight * distance
        score = sought.fusion.words(bm25, factor)
        if top_k is None:
            order = np.lexsort((-sequence[slots], -score))[: query.top_k]
        else:
            order = np.arange(len(slots))
        order = order[score[order] >= _least(query)]
        nothing = np.zeros(len(order))
        parts = ResonanceParts(nothing, nothing, distance[order], factor[order], nothing)
        return _found(RecallMode.LEXICAL, hits, slots[order], score[order], bm25[order], parts)

    def hybrid(self, query: Query, sought: Sought, hits: LexicalHits) -> Hybrid:
        """Return the state of the search for a query by words and vector."""
        return Hybrid(self._lattice, query, sought, hits, self._mask(query), self._traces)

    def _mask(self, query: Query) -> Mask | None:
        """Return the memories that may be returned, shared by like queries; None for all slots."""
        key = query.selection
        if key not in self._masks:
            mask = taking_part(self._lattice, query, self._now_ns)
            self._masks[key] = None if mask.all() else mask
        return self._masks[key]


class Hybrid:
    """Search by words and vector for one query.

    Args:
        lattice: The memories to search.
        query: The query.
        sought: Words of the query.
        hits: All documents with one of the words.
        mask: (slots,) bool: memories that may be returned; None for all slots.
        traces: (dimension,) float64 of unit norm, direction of the synaptic bias; None for no bias.
    """

    def __init__(
        self,
        lattice: Lattice,
        query: Query,
        sought: Sought,
        hits: LexicalHits,
        mask: Mask | None,
        traces: kernel.Float64 | None,
    ) -> None:
        self._lattice = lattice
        self._query = query
        self._sought = sought
        self._hits = hits
        self._mask = mask
        self._traces = traces
        self._fuser = self._new_fuser()

    def without_scan(self) -> RecalledSlots | None:
        """Return the result if the words leave few candidates; None if a scan is needed.

        Cost: exact cosines of the candidates, at most 64 or one row in 64. A scan would read all
        rows.
        """
        if self._query.min_resonance > -np.inf:
            return None
        fuser = self._fuser
        slots = fuser.ahead(max(_FEW, len(self._lattice.columns) // _FEW))
        if slots is None:
            return None
        parts = self._parts(slots)
        # A corrupted row must not displace another one.
        if not np.isfinite(parts.resonance).all():
            return None
        return self._ranked(fuser, slots, parts)

    def fused(self, scanned: Float32, error: float) -> RecalledSlots:
        """Return the memories with the highest scores.

        Args:
            scanned: (slots,) float32, approximate resonances; arbitrary for excluded slots.
            error: Upper bound of the error of each resonance.
        """
        fuser = self._fuser
        if self._keep_resonant(scanned, error):
            fuser = self._new_fuser()
        while True:
            slots = fuser.candidates(scanned, error)
            parts = self._parts(slots)
            corrupted = ~np.isfinite(parts.resonance)
            if self._mask is not None:
                corrupted &= self._mask[slots]
            if not corrupted.any():
                return self._ranked(fuser, slots, parts)
            # A corrupted row may have displaced others, so the search is repeated without it.
            self._own_mask()[slots[corrupted]] = False
            fuser = self._new_fuser()

    def _new_fuser(self) -> Fuser:
        """Return an object that fuses words with cosines under the present mask."""
        query, factors = self._query, None
        if query.phase_weight:
            every = np.arange(len(self._lattice.columns))
            factors = 1.0 - query.phase_weight * distances(self._lattice, query, every)
        fusion, mask = self._sought.fusion, self._mask
        return Fuser(fusion, self._hits, top_k=query.top_k, mask=mask, factors=factors)

    def _ranked(self, fuser: Fuser, slots: kernel.Indices, parts: ResonanceParts) -> RecalledSlots:
        best = fuser.ranked(slots, parts.resonance, self._lattice.columns["sequence"])
        good = best.scores >= _least(self._query)
        return _found(
            RecallMode.HYBRID,
            self._hits,
            best.slots[good],
            best.scores[good],
            best.bm25[good],
            parts.take(best.places[good]),
        )

    def _keep_resonant(self, scanned: Float32, error: float) -> bool:
        """Remove memories below the minimum resonance of the query from the mask, by exact scores.

        Returns:
            True if the query has a minimum resonance.
        """
        least = self._query.min_resonance
        if least <= -np.inf:
            return False
        mask = self._own_mask()
        mask &= scanned >= least - error
        unsure = np.flatnonzero(mask & (scanned <= least + error))
        mask[unsure] = self._parts(unsure).resonance >= least
        return True

    def _own_mask(self) -> Mask:
        """Return the mask as an array that no other query shares."""
        slots = len(self._lattice.columns)
        self._mask = np.ones(slots, np.bool_) if self._mask is None else self._mask.copy()
        return self._mask

    def _parts(self, slots: kernel.Indices) -> ResonanceParts:
        rows = self._lattice.rows.vectors.take(slots, axis=0)
        return rescored(self._lattice, self._query, slots, rows, self._traces)


def _found(
    mode: RecallMode,
    hits: LexicalHits,
    slots: kernel.Indices,
    score: kernel.Float64,
    bm25: kernel.Float64,
    parts: ResonanceParts,
) -> RecalledSlots:
    by_words = ByWords(mode, score, bm25, hits.matched(slots.tolist()))
    return RecalledSlots(slots, *parts, by_words=by_words)


def _least(query: Query) -> float:
    """Return the minimum score, rounded as scores are, so that a float32 score passes itself."""
    return round(query.min_score, _DECIMALS) if query.min_score > -np.inf else -np.inf
