"""Recall: exact search for the memories of highest score in a phase band.

A scan gives approximate scores. The candidates within its error bound are scored by the fixed
routine of :mod:`mlsdm_grpc.core.store.kernel`. :mod:`mlsdm_grpc.core.store.word_recall` adds the
words of a query.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat

import numpy as np

from mlsdm_grpc.core.model.new_memory import Float32
from mlsdm_grpc.core.store import kernel
from mlsdm_grpc.core.store.filters import left_out
from mlsdm_grpc.core.store.memory_table import Lattice, Mask
from mlsdm_grpc.core.store.recall_query import NO_FUSED, NOTHING, Query, RecalledSlots
from mlsdm_grpc.core.store.rescoring import LOWEST, best_of_all, rescored
from mlsdm_grpc.core.store.rows import BLOCK_ROWS, ApproximateScores
from mlsdm_grpc.core.store.word_recall import Hybrid, WordSearch

__all__ = ["Recall"]

# Maximum number of queries in one scan.
_QUERIES_AT_ONCE = 32
# Number of candidates beyond ``top_k`` above which a float32 scan of them excludes most first.
_SURPLUS = 32
# Number of candidates beyond ``top_k`` above which the error bound of each row is used.
_MANY = 256
# Number of candidates above which queries are scored one after another.
MOST_TOGETHER = 1_024
# With more than one candidate for this many rows, a scan of the float32 rows costs less.
_MAX_SHARE = 4


class Recall:
    """Search over one lattice.

    Attributes:
        searches: Number of queries answered.
        full_scans: Number of queries for which the int8 copies left too many candidates.
    """

    def __init__(self, lattice: Lattice) -> None:
        self._lattice = lattice
        self.searches = self.full_scans = 0

    def find(
        self,
        queries: Sequence[Query],
        *,
        now_ns: int,
        traces: kernel.Float64 | None = None,
        words: WordSearch | None = None,
    ) -> list[RecalledSlots]:
        """Return the result of each query.

        Args:
            queries: Queries over the same blocks of rows share one scan.
            now_ns: Unix time; memories that have expired by then are excluded. 0 skips the check.
            traces: (dimension,) float64 of unit norm, direction of the synaptic bias; None for no
                bias.
            words: Search by words, for queries with words.
        """
        results = [NOTHING] * len(queries)
        self.searches += len(queries)
        together: dict[bytes, tuple[kernel.Indices, list[int]]] = {}
        hybrids = dict[int, Hybrid]()
        hits = repeat(None) if words is None else words.hits(queries)
        for i, (query, by_words) in enumerate(zip(queries, hits, strict=False)):
            if query.sought and query.sought.alone and words is not None and by_words is not None:
                results[i] = words.alone(query, query.sought, by_words)
                continue
            blocks = self._lattice.rows.blocks(*query.band)
            if not len(blocks):
                results[i] = NOTHING if query.sought is None else NO_FUSED
                continue
            if query.sought and words is not None and by_words is not None:
                hybrids[i] = words.hybrid(query, query.sought, by_words)
                found = hybrids[i].without_scan()
                if found is not None:
                    results[i] = found
                    continue
            together.setdefault(blocks.tobytes(), (blocks, []))[1].append(i)
        for blocks, members in together.values():
            part = _Part(self._lattice, blocks, now_ns, traces)
            for start in range(0, len(members), _QUERIES_AT_ONCE):
                some = members[start : start + _QUERIES_AT_ONCE]
                asked = [(queries[i], hybrids.get(i)) for i in some]
                for i, found in zip(some, part.search(asked), strict=True):
                    results[i] = found
            self.full_scans += part.full_scans
        return results


class _Part:
    """Set of blocks of a lattice, searched by queries with the same blocks."""

    def __init__(
        self,
        lattice: Lattice,
        blocks: kernel.Indices,
        now_ns: int,
        traces: kernel.Float64 | None,
    ) -> None:
        self._lattice = lattice
        self._rows = lattice.rows
        self._blocks = blocks
        self._now_ns = now_ns
        self._traces = traces
        self._masks: dict[tuple[object, ...], list[Mask]] = {}
        """Masks of excluded slots, by the ``selection`` of a query."""
        self.full_scans = 0

    def search(self, queries: Sequence[tuple[Query, Hybrid | None]]) -> list[RecalledSlots]:
        """Answer queries over these blocks, each with its search by words if it has words."""
        asked = [query for query, _ in queries]
        biased = self._traces is not None and any(query.synaptic_bias for query in asked)
        scan = self._rows.scan(self._blocks, self._matrix(asked, biased=biased))
        results = [NOTHING] * len(queries)
        alike = dict[tuple[object, ...], list[int]]()
        for i, (query, hybrid) in enumerate(queries):
            if hybrid is not None:
                scores, error = self._approximate(query, scan, i, biased=biased)
                results[i] = hybrid.fused(self._of_all(scores), error)
            elif query.phase_weight or query.synaptic_bias or scan.row_errors is not None:
                results[i] = self._best(query, scan, i, biased=biased)
            else:
                alike.setdefault(query.selection, []).append(i)
        for members in alike.values():
            if len(members) == 1:
                (i,) = members
                results[i] = self._best(asked[i], scan, i, biased=biased)
            else:
                for i, found in zip(members, self._best_of_all(asked, scan, members), strict=True):
                    results[i] = found
        return results

    def _best_of_all(
        self, queries: Sequence[Query], scan: ApproximateScores, members: Sequence[int]
    ) -> list[RecalledSlots]:
        """Return the best memories for each of several queries that exclude the same slots.

        The results equal those of :meth:`_best`, with a fraction of the NumPy calls.

        Args:
            queries: All queries of the scan.
            scan: Scores of all these queries, from the float32 rows.
            members: Indexes of the queries to answer. Their ``selection`` is equal, and they have
                no phase weight and no bias.
        """
        asked, first = [queries[i] for i in members], queries[members[0]]
        is_all = len(members) == len(scan.scores)
        scores = scan.scores if is_all else scan.scores[members]
        error = scan.row_error + (scan.error if is_all else scan.error[members])
        self._exclude(first, scores, free=False)
        owners, positions, lowest = kernel.candidates_of_all(scores, error, top_k=first.top_k)
        if lowest <= 0.0:  # a free slot, which has score 0, may be a candidate
            self._exclude(first, scores, free=True)
            owners, positions, _ = kernel.candidates_of_all(scores, error, top_k=first.top_k)
        if len(owners) > MOST_TOGETHER:  # many equal scores; their rows would not fit into a cache
            return [self._best(queries[i], scan, i, biased=False) for i in members]
        slots = self._blocks[positions // BLOCK_ROWS] * BLOCK_ROWS + positions % BLOCK_ROWS
        found = best_of_all(self._lattice, asked, owners, slots)
        if found is None:
            return [self._best(queries[i], scan, i, biased=False) for i in members]
        return found

    def _best(
        self, query: Query, scan: ApproximateScores, i: int, *, biased: bool
    ) -> RecalledSlots:
        while True:
            slots = self._candidates(query, scan, i, biased=biased)
            if scan.row_errors is not None and len(slots) * _MAX_SHARE > scan.scores.shape[1]:
                self.full_scans += 1
                matrix = self._matrix([query], biased=biased)
                scan, i = self._rows.scan_exactly(self._blocks, matrix), 0
                slots = self._candidates(query, scan, i, biased=biased)
            found, corrupted = self._rescored(query, slots, narrow=scan.row_errors is not None)
            if not len(corrupted):
                return found
            # A corrupted row may have displaced others, so the search is repeated without it.
            scan.scores[i, self._positions(corrupted)] = -np.inf

    def _matrix(self, queries: Sequence[Query], *, biased: bool) -> kernel.Float64:
        """Return the vectors to scan: those of the queries, then the traces if they are used."""
        vectors = [query.vector for query in queries]
        if biased and self._traces is not None:
            vectors.append(self._traces)
        return np.stack(vectors) if len(vectors) > 1 else vectors[0][np.newaxis]

    def _of_all(self, scores: Float32) -> Float32:
        """Return scores for all slots, with 0 for slots of other blocks."""
        slots = self._rows.slots
        if len(scores) == slots:
            return scores
        every = np.zeros(slots, np.float32)
        every.reshape(-1, BLOCK_ROWS)[self._blocks] = scores.reshape(-1, BLOCK_ROWS)
        return every

    def _approximate(
        self, query: Query, scan: ApproximateScores, i: int, *, biased: bool
    ) -> tuple[Float32, float]:
        """Return the approximate resonances for a query, and the bound of their error."""
        scores, error = scan.scores[i], scan.row_error + float(scan.error[i])
        if query.phase_weight:
            phase = self._rows.column(self._rows.phase, self._blocks)
            distance = np.abs(phase - np.float32(query.phase))
            scores = scores * (1.0 - query.phase_weight * distance)
        if biased and query.synaptic_bias:
            scores = scores + query.synaptic_bias * scan.scores[-1]
            error += abs(query.synaptic_bias) * (scan.row_error + float(scan.error[-1]))
        return scores, error

    def _candidates(
        self, query: Query, scan: ApproximateScores, i: int, *, biased: bool
    ) -> kernel.Indices:
        """Return the slots of all memories that may be in the result."""
        scores, error = self._approximate(query, scan, i, biased=biased)
        plain = not query.phase_weight and not query.synaptic_bias
        self._exclude(query, scores, free=not plain)
        positions, limit = kernel.candidates(scores, error, top_k=query.top_k)
        # Above 0, the limit excludes all free slots, because their score is 0.
        if plain and limit <= 0.0:
            self._exclude(query, scores, free=True)
            positions, _ = kernel.candidates(scores, error, top_k=query.top_k)
        slots = self._blocks[positions // BLOCK_ROWS] * BLOCK_ROWS + positions % BLOCK_ROWS
        if plain and scan.row_errors is not None and len(slots) > query.top_k + _MANY:
            # The first limit used the error of the worst row; the second one uses the error of each
            # row.
            found, own = scores[positions], scan.row_errors[slots]
            least = kernel.best(found - own, query.top_k) - 2.0 * float(scan.error[i])
            slots = slots[found + own >= least]
        return slots

    def _exclude(self, query: Query, scores: Float32, *, free: bool) -> None:
        """Set the score of every slot that a query excludes to -inf.

        Args:
            query: The query, or one of several with equal ``selection``.
            scores: (n,) or (queries, n) scores of the slots of these blocks; modified in place.
            free: Also exclude free and damaged slots.
        """
        rows, blocks, (low, high) = self._rows, self._blocks, query.band
        mixed = np.arange(len(blocks)) if free else rows.foreign(blocks, low, high)
        if len(mixed):
            phase = rows.phase.reshape(-1, BLOCK_ROWS)[blocks[mixed]]
            by_block = scores.reshape(*scores.shape[:-1], -1, BLOCK_ROWS)
            inside = (phase >= low) & (phase <= high)
            by_block[..., mixed, :] = np.where(inside, by_block[..., mixed, :], -np.inf)
        for mask in self._excluding(query):
            np.copyto(scores, -np.inf, where=mask)

    def _excluding(self, query: Query) -> list[Mask]:
        """Return the masks of the filters of a query that exclude any slot of these blocks."""
        masks = self._masks.get(query.selection)
        if masks is None:
            columns = (
                self._rows.column(reason, self._blocks)
                for reason in left_out(self._lattice, query, self._now_ns)
            )
            masks = self._masks[query.selection] = [mask for mask in columns if mask.any()]
        return masks

    def _positions(self, slots: kernel.Indices) -> kernel.Indices:
        """Return the positions of slots in the scores of a scan of these blocks."""
        blocks = self._blocks.searchsorted(slots // BLOCK_ROWS)
        return blocks * BLOCK_ROWS + slots % BLOCK_ROWS

    def _rescored(
        self, query: Query, slots: kernel.Indices, *, narrow: bool
    ) -> tuple[RecalledSlots, kernel.Indices]:
        """Score candidates exactly; return the best ones, and the slots whose row is corrupted."""
        rows = self._rows.vectors.take(slots, axis=0)
        plain = not query.phase_weight and not query.synaptic_bias
        if narrow and plain and len(slots) > query.top_k + _SURPLUS:
            fast = np.vecdot(rows, query.vector.astype(np.float32))
            limit = kernel.best(fast, query.top_k) - 2.0 * kernel.scan_error(rows.shape[1])
            kept = np.flatnonzero(fast >= limit)
            slots, rows = slots[kept], rows[kept]
        parts = rescored(self._lattice, query, slots, rows, self._traces)
        newest = self._lattice.columns["sequence"][slots]
        order = np.lexsort((-newest, -parts.resonance))[: query.top_k]
        least = max(query.min_resonance, query.min_score, LOWEST)
        order = order[parts.resonance[order] >= least]
        corrupted = slots[np.isneginf(parts.resonance)]
        return RecalledSlots(slots[order], *parts.take(order)), corrupted
