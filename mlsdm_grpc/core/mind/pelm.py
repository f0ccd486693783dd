"""PELM, the phase-entangled lattice memory: a bounded ring of phase-tagged unit vectors.

Recall is "in the same phase band and most similar". When the ring is full the oldest unpinned
memory leaves. The state is the memories in the order of their creation and of the ring.

The memory knows no clock: whoever asks says what time it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mlsdm_grpc.core.mind.ring_writes import WritableRing
from mlsdm_grpc.core.model.record import Float32, Vector
from mlsdm_grpc.core.store.kernel import Float64, Indices
from mlsdm_grpc.core.store.lattice_words import SavedWords, Tokenizer, Words
from mlsdm_grpc.core.store.memory_table import Memory
from mlsdm_grpc.core.store.recall import Recall
from mlsdm_grpc.core.store.recall_query import (
    NOTHING,
    PHASE_EPSILON,
    Query,
    RecalledSlots,
    without_words,
)
from mlsdm_grpc.core.store.word_recall import WordSearch

__all__ = [
    "NOTHING",
    "PHASE_EPSILON",
    "Components",
    "Hit",
    "Memory",
    "Pelm",
    "Query",
    "RecalledSlots",
    "unit_row",
]


def unit_row(vector: Vector) -> Float32:
    """Return the row that is stored for ``vector``: ``raw * inv_norm``, rounded to float32."""
    return (vector.raw.astype(np.float64) * vector.inv_norm).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Components:
    """What a resonance is made of."""

    cosine: float
    phase_distance: float
    phase_factor: float
    synaptic_bias: float


@dataclass(frozen=True, slots=True)
class Hit:
    """One recalled memory; ``row`` is a copy of its unit vector."""

    memory: Memory
    resonance: float
    components: Components
    row: Float32


class Pelm(WritableRing):
    """The memory of one space: a ring with recall by meaning, by phase and by words.

    Args:
        dimension: Components of every vector.
        capacity: Memories held at most.
        accelerated: See :class:`~mlsdm_grpc.core.mind.memory_ring.MemoryRing`.
    """

    def __init__(self, *, dimension: int, capacity: int, accelerated: bool | None = None) -> None:
        super().__init__(dimension=dimension, capacity=capacity, accelerated=accelerated)
        self.recall = Recall(self._lattice)
        self.words: Words | None = None
        """The words of the texts, once :meth:`know_words` was called; derived."""
        self.saved_words: SavedWords | None = None
        """What a snapshot had of them, until then."""

    @property
    def vector_bytes(self) -> int:
        """Bytes of the vectors and phases of a full ring; 30,800,000 by default."""
        return self.capacity * (self.dimension + 1) * 4

    @property
    def lexical_bytes(self) -> int:
        """Bytes that the index of the words takes now."""
        return 0 if self.words is None else self.words.nbytes

    def find(
        self, queries: Sequence[Query], *, now_ns: int, traces: Float32 | None = None
    ) -> list[RecalledSlots]:
        """Recall for every query the memories that resonate most, best first.

        Args:
            queries: Those for the same band of phases are answered together by one scan.
            now_ns: Expired memories are left out as of this time.
            traces: (dimension,) direction for ``synaptic_bias``.

        Returns:
            For each query up to ``top_k`` slots with their scores, good until the next write; ties
            go to the newer memory. Exact: the same as scoring every row would give. Lost memories
            are left out. Words are looked for where :meth:`know_words` was called.

        Cost: one scan of the rows in the band and a rescoring of the candidates; where words are
            looked for, the entering of the texts that came since.
        """
        direction = None
        if traces is not None:
            wide = traces.astype(np.float64)
            norm = float(np.sqrt(np.add.reduce(wide * wide)))
            direction = wide / norm if norm > 0.0 else None
        now_ns = now_ns if now_ns >= self._next_expiry_ns else 0
        words = None
        if self.words is not None and any(query.sought for query in queries):
            self.words.complete()
            words = WordSearch(self._lattice, self.words, now_ns, direction)
            if not len(self.words.index):  # there are no texts, so that vectors have to do
                queries = [without_words(query) for query in queries]
        return self.recall.find(queries, now_ns=now_ns, traces=direction, words=words)

    def outside_count(self, query: Query, *, now_ns: int) -> int:
        """Return how many memories a query leaves out because of their phase alone.

        Args:
            query: A query; what else it asks for plays no part.
            now_ns: Expired memories do not count as of this time.

        Cost: O(n), a pass over the phases.
        """
        if query.phase_tolerance is None:
            return 0
        low, high = query.band
        phase, columns = self._lattice.columns["phase"], self._lattice.columns
        outside = (columns["sequence"] > 0) & ((phase < low) | (phase > high))
        if now_ns >= self._next_expiry_ns:
            expire = self._lattice.expiring()
            outside &= (expire == 0) | (expire > now_ns)
        return int(np.count_nonzero(outside))

    def prepare(self) -> Iterator[None]:
        """Do in steps what the next query would have to do before it; no writes in between."""
        yield from self._lattice.rows.prepare()

    def search(
        self, queries: Sequence[Query], *, now_ns: int, traces: Float32 | None = None
    ) -> list[list[Hit]]:
        """Return what :meth:`find` finds, as memories with copies of their rows."""
        return [self.hits(one) for one in self.find(queries, now_ns=now_ns, traces=traces)]

    def hits(self, found: RecalledSlots) -> list[Hit]:
        """Return what a query found as memories with copies of their rows."""
        parts = zip(
            found.cosine.tolist(),
            found.phase_distance.tolist(),
            found.phase_factor.tolist(),
            found.synaptic_bias.tolist(),
            strict=True,
        )
        return [
            Hit(self._lattice.memory(slot), resonance, Components(*part), self._row(slot).copy())
            for slot, resonance, part in zip(
                found.slots.tolist(), found.resonance.tolist(), parts, strict=True
            )
        ]

    def memory_at(self, slot: int) -> Memory:
        """Return the memory in a slot that a query found."""
        return self._lattice.memory(slot)

    def row_at(self, slot: int) -> Float32:
        """Return (dimension,) float32, the row of a slot that a query found; borrowed."""
        return self._row(slot)

    def versions(self, slots: Indices) -> list[tuple[int, int]]:
        """Return creation sequence and revision of the memory in each slot that a query found."""
        found = self._lattice.columns[slots]
        return list(zip(found["sequence"].tolist(), found["revision"].tolist(), strict=True))

    def near(
        self,
        memories: Sequence[Memory],
        *,
        min_cosine: float,
        limit: int,
        in_phase: bool,
        now_ns: int,
    ) -> list[list[Memory]]:
        """Return for each memory the living ones that are near to it.

        Args:
            memories: Memories of this ring that are not lost; answered together.
            min_cosine: Lowest cosine.
            limit: For each memory only so many are looked at, the nearest, itself included.
            in_phase: Only those of exactly the same phase.
            now_ns: Expired memories are left out as of this time.

        Returns:
            For each memory others that are near, nearest first, ties newer first.

        Cost: as :meth:`search`.
        """
        queries = [
            Query(
                vector=_unit(self.row(memory.memory_id)),
                phase=memory.phase,
                top_k=limit,
                phase_tolerance=0.0 if in_phase else None,
                min_resonance=min_cosine,
            )
            for memory in memories
        ]
        found = self.find(queries, now_ns=now_ns)
        return [
            [
                other
                for other in map(self._lattice.memory, one.slots.tolist())
                if other.memory_id != memory.memory_id
                and (other.phase == memory.phase or not in_phase)
            ]
            for memory, one in zip(memories, found, strict=True)
        ]

    def know_words(self, tokenizer: Tokenizer) -> Words:
        """Return the words of the texts, which follow all changes from now on."""
        if self.words is None:
            self.words = Words(self._lattice, tokenizer, self.saved_words)
        self.saved_words = None
        return self.words


def _unit(row: Float32) -> Float64:
    wide: Float64 = row.astype(np.float64)
    wide /= np.sqrt(np.add.reduce(wide * wide))
    return wide
