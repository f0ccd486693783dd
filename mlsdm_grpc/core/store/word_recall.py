"""Recall by the words of a query: alone, or fused with the results of its vector."""

from __future__ import annotations

import numpy as np

from mlsdm_grpc.core.model.recall_mode import RecallMode
from mlsdm_grpc.core.model.record import Float32
from mlsdm_grpc.core.store import kernel
from mlsdm_grpc.core.store.filters import living, taking_part
from mlsdm_grpc.core.store.fusion import fuse
from mlsdm_grpc.core.store.lattice_words import Words
from mlsdm_grpc.core.store.lexical_index import LexicalHits
from mlsdm_grpc.core.store.memory_table import Lattice, Mask
from mlsdm_grpc.core.store.recall_query import ByWords, Query, RecalledSlots, Sought
from mlsdm_grpc.core.store.rescoring import ResonanceParts, distances, rescored

__all__ = ["WordSearch"]


_DECIMALS = 6


class WordSearch:
    """Search for queries that have words.

    Args:
        lattice: The memories to search.
        words: Lexical index of the memories.
        now_ns: Memories that expired before this Unix time do not exist; 0 skips the check.
        traces: (dimension,) float64 of unit norm for ``synaptic_bias``; None adds nothing.
    """

    def __init__(
        self, lattice: Lattice, words: Words, now_ns: int, traces: kernel.Float64 | None
    ) -> None:
        self._lattice = lattice
        self._words = words
        self._now_ns = now_ns
        self._traces = traces

    def alone(self, query: Query, sought: Sought) -> RecalledSlots:
        """Return the memories whose texts contain the words, best first."""
        mask = taking_part(self._lattice, query, self._now_ns)
        # A soft phase weight changes the order, so every hit must be scored.
        top_k = None if query.phase_weight else query.top_k
        hits = self._hits(sought, mask, top_k)
        slots, bm25 = hits.slots.astype(np.intp), hits.scores
        distance = distances(self._lattice, query, slots)
        factor = 1.0 - query.phase_weight * distance
        score = sought.fusion.words(bm25, factor)
        if top_k is None:
            newest = self._lattice.columns["sequence"][slots]
            order = np.lexsort((-newest, -score))[: query.top_k]
        else:
            order = np.arange(len(slots))
        order = order[score[order] >= _least(query)]
        nothing = np.zeros(len(order))
        parts = ResonanceParts(nothing, nothing, distance[order], factor[order], nothing)
        return _found(RecallMode.LEXICAL, hits, slots[order], score[order], bm25[order], parts)

    def fused(self, query: Query, sought: Sought, scanned: Float32, error: float) -> RecalledSlots:
        """Return the memories with the best scores by words and vector.

        Args:
            query: The query.
            sought: Words of the query.
            scanned: (slots,) approximate resonances; arbitrary for excluded slots.
            error: Upper bound on the error of each resonance.
        """
        lattice = self._lattice
        mask = taking_part(lattice, query, self._now_ns)
        self._keep_resonant(query, mask, scanned, error)
        factors = None
        if query.phase_weight:
            every = np.arange(len(mask))
            factors = 1.0 - query.phase_weight * distances(lattice, query, every)
        hits = self._hits(sought, None, None)
        fused = fuse(
            sought.fusion,
            hits,
            scanned,
            lambda slots: self._parts(query, slots).resonance,
            error=error,
            top_k=query.top_k,
            sequence=lattice.columns["sequence"],
            mask=mask,
            factors=factors,
        )
        good = fused.scores >= _least(query)
        slots = fused.slots[good]
        return _found(
            RecallMode.HYBRID,
            hits,
            slots,
            fused.scores[good],
            fused.bm25[good],
            self._parts(query, slots),
        )

    def _hits(self, sought: Sought, mask: Mask | None, top_k: int | None) -> LexicalHits:
        return self._words.index.search(
            sought.terms,
            top_k=top_k,
            sequence=self._lattice.columns["sequence"],
            mask=mask,
            living=living(self._lattice, self._now_ns),
        )

    def _keep_resonant(self, query: Query, mask: Mask, scanned: Float32, error: float) -> None:
        """Remove memories below the query's minimum resonance from a mask, by exact scores."""
        if query.min_resonance <= -np.inf:
            return
        mask &= scanned >= query.min_resonance - error
        unsure = np.flatnonzero(mask & (scanned <= query.min_resonance + error))
        mask[unsure] = self._parts(query, unsure).resonance >= query.min_resonance

    def _parts(self, query: Query, slots: kernel.Indices) -> ResonanceParts:
        rows = self._lattice.rows.vectors.take(slots, axis=0)
        return rescored(self._lattice, query, slots, rows, self._traces)


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
    """Return the lowest score, rounded like scores, so that a float32 score matches itself."""
    return round(query.min_score, _DECIMALS) if query.min_score > -np.inf else -np.inf
