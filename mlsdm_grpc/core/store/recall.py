"""Recall: the memories in a band of phases that resonate most with a query, exactly.

A scan gives approximate scores, the candidates that its error leaves are scored by the fixed
routine of :mod:`mlsdm_grpc.core.store.kernel`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlsdm_grpc.core.model.record import Float32
from mlsdm_grpc.core.store import kernel
from mlsdm_grpc.core.store.memory_table import Lattice
from mlsdm_grpc.core.store.rows import BLOCK_ROWS, ApproximateScores

__all__ = ["PHASE_EPSILON", "Query", "Recall", "RecalledSlots"]

_Mask: TypeAlias = NDArray[np.bool_]

PHASE_EPSILON = 1e-6
"""The phase band is inclusive up to the rounding of phases to float32."""

_QUERIES_AT_ONCE = 32
_SURPLUS = 32
"""More candidates than this beyond ``top_k`` are narrowed down in float32 first."""
_MANY = 256
"""With more candidates than this beyond ``top_k`` the error of each row is looked at."""
_MAX_COSINE = 1.01
_LOWEST = float(np.finfo(np.float64).min)
_MAX_SHARE = 4
"""If more than one row in four is a candidate, scanning the float32 rows is cheaper."""


@dataclass(frozen=True, slots=True)
class Query:
    """What to recall. ``vector`` is (dimension,) float64 of unit norm."""

    vector: kernel.Float64
    phase: float
    """Where the band lies, and where distances of phases begin."""
    top_k: int = 5
    phase_tolerance: float | None = 0.15
    """Half width of the band of phases, inclusive; None searches all phases."""
    min_confidence: float = 0.0
    min_resonance: float = -2.0
    labels: frozenset[str] = frozenset()
    """A memory must carry all of them."""
    phase_weight: float = 0.0
    """Soft phase weight w in [0, 1]: the cosine is multiplied by ``1 - w * |phase distance|``."""
    synaptic_bias: float = 0.0
    """Weight in [-1, 1] of the cosine of the memory with the lasting traces, which is added."""

    @property
    def band(self) -> tuple[float, float]:
        """Lowest and highest phase, as float32 values; a memory in between takes part."""
        if self.phase_tolerance is None:
            return 0.0, 1.0
        reach = self.phase_tolerance + PHASE_EPSILON
        return float(np.float32(self.phase - reach)), float(np.float32(self.phase + reach))


@dataclass(frozen=True, slots=True)
class RecalledSlots:
    """Slots of the memories that a query recalls, best first, with their scores in float64."""

    slots: kernel.Indices
    resonance: kernel.Float64
    cosine: kernel.Float64
    phase_distance: kernel.Float64
    phase_factor: kernel.Float64
    synaptic_bias: kernel.Float64


NOTHING = RecalledSlots(np.empty(0, np.intp), *[np.empty(0)] * 5)


class Recall:
    """Searches one lattice.

    Attributes:
        searches: Queries answered.
        full_scans: How many of them the int8 copies could not narrow down.
    """

    def __init__(self, lattice: Lattice) -> None:
        self._lattice = lattice
        self.searches = self.full_scans = 0

    def find(
        self, queries: Sequence[Query], *, now_ns: int, traces: kernel.Float64 | None = None
    ) -> list[RecalledSlots]:
        """Return what each query recalls.

        Args:
            queries: Those that need the same blocks of rows share one scan.
            now_ns: Memories that have expired by then are left out; 0 if none has.
            traces: (dimension,) float64 of unit norm for ``synaptic_bias``; None adds nothing.
        """
        results = [NOTHING] * len(queries)
        self.searches += len(queries)
        together: dict[bytes, tuple[kernel.Indices, list[int]]] = {}
        for i, query in enumerate(queries):
            blocks = self._lattice.rows.blocks(*query.band)
            if len(blocks):
                together.setdefault(blocks.tobytes(), (blocks, []))[1].append(i)
        for blocks, members in together.values():
            part = _Part(self._lattice, blocks, now_ns, traces)
            for start in range(0, len(members), _QUERIES_AT_ONCE):
                some = members[start : start + _QUERIES_AT_ONCE]
                asked = [queries[i] for i in some]
                for i, found in zip(some, part.search(asked), strict=True):
                    results[i] = found
            self.full_scans += part.full_scans
        return results


class _Part:
    """Some blocks of a lattice, as queries for one band see them."""

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
        self.full_scans = 0

    def search(self, queries: Sequence[Query]) -> list[RecalledSlots]:
        """Answer queries that need these blocks."""
        biased = self._traces is not None and any(query.synaptic_bias for query in queries)
        scan = self._rows.scan(self._blocks, self._matrix(queries, biased=biased))
        return [self._best(query, scan, i, biased=biased) for i, query in enumerate(queries)]

    def _best(
        self, query: Query, scan: ApproximateScores, i: int, *, biased: bool
    ) -> RecalledSlots:
        slots = self._candidates(query, scan, i, biased=biased)
        if scan.row_errors is not None and len(slots) * _MAX_SHARE > scan.scores.shape[1]:
            self.full_scans += 1
            scan = self._rows.scan_exactly(self._blocks, self._matrix([query], biased=biased))
            slots = self._candidates(query, scan, 0, biased=biased)
        return self._rescored(query, slots, narrow=scan.row_errors is not None)

    def _matrix(self, queries: Sequence[Query], *, biased: bool) -> kernel.Float64:
        """Return the vectors to scan for: those of the queries, and the traces if they are used."""
        vectors = [query.vector for query in queries]
        if biased and self._traces is not None:
            vectors.append(self._traces)
        return np.stack(vectors) if len(vectors) > 1 else vectors[0][np.newaxis]

    def _candidates(
        self, query: Query, scan: ApproximateScores, i: int, *, biased: bool
    ) -> kernel.Indices:
        """Return the slots of all memories that may be among the best."""
        scores, error = scan.scores[i], scan.row_error + float(scan.error[i])
        if query.phase_weight:
            phase = self._rows.column(self._rows.phase, self._blocks)
            distance = np.abs(phase - np.float32(query.phase))
            scores = scores * (1.0 - query.phase_weight * distance)
        if biased and query.synaptic_bias:
            scores = scores + query.synaptic_bias * scan.scores[-1]
            error += abs(query.synaptic_bias) * (scan.row_error + float(scan.error[-1]))
        plain = not query.phase_weight and not query.synaptic_bias
        self._exclude(query, scores, free=not plain)
        positions, limit = kernel.candidates(scores, error, top_k=query.top_k)
        if plain and limit <= 0.0:  # else no free slot can be among them
            self._exclude(query, scores, free=True)
            positions, _ = kernel.candidates(scores, error, top_k=query.top_k)
        slots = self._blocks[positions // BLOCK_ROWS] * BLOCK_ROWS + positions % BLOCK_ROWS
        if plain and scan.row_errors is not None and len(slots) > query.top_k + _MANY:
            # The bound was that of the worst row; each has its own.
            found, own = scores[positions], scan.row_errors[slots]
            least = kernel.best(found - own, query.top_k) - 2.0 * float(scan.error[i])
            slots = slots[found + own >= least]
        return slots

    def _exclude(self, query: Query, scores: Float32, *, free: bool) -> None:
        """Set the score of every slot that takes no part in a query to -inf.

        Args:
            query: What is asked.
            scores: Of the slots of these blocks; written to.
            free: Also of slots without a memory, or with a damaged one.
        """
        rows, blocks, (low, high) = self._rows, self._blocks, query.band
        mixed = np.arange(len(blocks)) if free else rows.foreign(blocks, low, high)
        if len(mixed):
            phase = rows.phase.reshape(-1, BLOCK_ROWS)[blocks[mixed]]
            by_block = scores.reshape(-1, BLOCK_ROWS)
            inside = (phase >= low) & (phase <= high)
            by_block[mixed] = np.where(inside, by_block[mixed], -np.inf)
        for reason in self._reasons(query):
            np.putmask(scores, rows.column(reason, blocks), -np.inf)

    def _reasons(self, query: Query) -> list[_Mask]:
        lattice, reasons = self._lattice, list[_Mask]()
        if self._now_ns:
            expire = lattice.expiring()
            reasons.append((expire > 0) & (expire <= self._now_ns))
        if query.min_confidence > 0.0:
            reasons.append(lattice.columns["confidence"] < np.float32(query.min_confidence))
        if query.labels:
            reasons.append(~lattice.labels.carriers(query.labels))
        return reasons

    def _rescored(self, query: Query, slots: kernel.Indices, *, narrow: bool) -> RecalledSlots:
        """Score candidates exactly and return the best of them."""
        rows = self._rows.vectors.take(slots, axis=0)
        plain = not query.phase_weight and not query.synaptic_bias
        if narrow and plain and len(slots) > query.top_k + _SURPLUS:
            fast = np.vecdot(rows, query.vector.astype(np.float32))
            limit = kernel.best(fast, query.top_k) - 2.0 * kernel.scan_error(rows.shape[1])
            kept = np.flatnonzero(fast >= limit)
            slots, rows = slots[kept], rows[kept]
        cosine = kernel.resonances(rows, query.vector)
        phase = self._lattice.columns["phase"][slots]
        distance = np.abs(phase.astype(np.float64) - query.phase)
        factor = 1.0 - query.phase_weight * distance
        bias = np.zeros(len(slots))
        if query.synaptic_bias and self._traces is not None:
            bias = query.synaptic_bias * kernel.resonances(rows, self._traces)
        resonance = cosine * factor + bias
        sound = np.abs(cosine) <= _MAX_COSINE
        if not sound.all():  # rows that were damaged in memory and are not known to be
            resonance = np.where(sound, resonance, -np.inf)
        newest = self._lattice.columns["sequence"][slots]
        order = np.lexsort((-newest, -resonance))[: query.top_k]
        order = order[resonance[order] >= max(query.min_resonance, _LOWEST)]
        return RecalledSlots(
            slots=slots[order],
            resonance=resonance[order],
            cosine=cosine[order],
            phase_distance=distance[order],
            phase_factor=factor[order],
            synaptic_bias=bias[order],
        )
