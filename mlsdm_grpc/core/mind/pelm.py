"""PELM, the phase-entangled lattice memory: a bounded ring of unit vectors with phases.

A query finds the memories of highest score, optionally within a phase band. When the ring is full,
the oldest unpinned memory is evicted. The state consists of the memories, their order of creation
and their order in the ring. There is no clock: callers pass the time.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from mlsdm_grpc.core.mind.ring_writes import WritableRing
from mlsdm_grpc.core.model.new_memory import Float32, Vector
from mlsdm_grpc.core.store.kernel import Float64, Indices
from mlsdm_grpc.core.store.lattice_metadata import know_metadata
from mlsdm_grpc.core.store.lattice_words import SavedWords, Tokenizer, Words
from mlsdm_grpc.core.store.memory_value import Memory
from mlsdm_grpc.core.store.recall import Recall
from mlsdm_grpc.core.store.recall_query import (
    Query,
    RecalledSlots,
    without_words,
)
from mlsdm_grpc.core.store.word_recall import WordSearch
from mlsdm_grpc.value_classes import value_class

__all__ = ["Components", "Hit", "Pelm", "unit_row"]


def unit_row(vector: Vector) -> Float32:
    """Return the stored row of ``vector``: ``raw * inv_norm``, rounded to float32."""
    wide = vector.raw.astype(np.float64)
    wide *= vector.inv_norm
    return wide.astype(np.float32)


@value_class
class Components:
    """Parts of a resonance: cosine, distance and factor of the phase, and bias by traces."""

    cosine: float
    """Cosine of query and memory, in [-1, 1]."""
    phase_distance: float
    """Absolute difference of the phases of query and memory, in [0, 1]."""
    phase_factor: float
    """Factor of the cosine: ``1 - phase_weight * phase_distance``."""
    synaptic_bias: float
    """Weighted cosine of memory and lasting traces, which is added."""


@value_class
class Hit:
    """Memory found by a query."""

    memory: Memory
    resonance: float
    components: Components
    row: Float32
    """(dimension,) float32, a copy."""


class Pelm(WritableRing):
    """Memories of one space: a ring with search by meaning, by phase and by words.

    Args:
        dimension: Number of components of every vector.
        capacity: Maximum number of memories.
        accelerated: See :class:`~mlsdm_grpc.core.mind.memory_ring.MemoryRing`.
    """

    def __init__(self, *, dimension: int, capacity: int, accelerated: bool | None = None) -> None:
        super().__init__(dimension=dimension, capacity=capacity, accelerated=accelerated)
        self.recall = Recall(self._lattice)
        self.words: Words | None = None
        """Lexical index of the texts (derived data); None before the first :meth:`know_words`."""
        self.saved_words: SavedWords | None = None
        """Lexical index from a snapshot, kept for the first :meth:`know_words`."""

    @property
    def vector_bytes(self) -> int:
        """Size of the vectors and phases of a full ring, bytes; 30,800,000 with the defaults."""
        return self.capacity * (self.dimension + 1) * 4

    @property
    def lexical_bytes(self) -> int:
        """Size of the lexical index, bytes."""
        return 0 if self.words is None else self.words.nbytes

    def find(
        self, queries: Sequence[Query], *, now_ns: int, traces: Float32 | None = None
    ) -> list[RecalledSlots]:
        """Return the memories with the highest score for every query, best first.

        Args:
            queries: Queries with the same phase band share one scan.
            now_ns: Unix time; memories that have expired by then are excluded.
            traces: (dimension,) float32, direction of the synaptic bias; None for no bias.

        Returns:
            For each query up to ``top_k`` slots with their scores, valid until the next write. For
            equal scores, the newer memory comes first. The result is exact: the same as if every
            row was scored. Damaged memories are excluded. A search by words requires an earlier
            call of :meth:`know_words`.

        Cost: one scan of the rows in the band, and exact scores of the candidates. A query with
        words also adds missing texts to the lexical index.
        """
        direction = None
        if traces is not None:
            wide = traces.astype(np.float64)
            norm = float(np.sqrt(np.add.reduce(wide * wide)))
            direction = wide / norm if norm > 0.0 else None
        # Pass 0, which skips the check of expiry times, while no memory can have expired.
        now_ns = now_ns if now_ns >= self._next_expiry_ns else 0
        words = None
        if self.words is not None and any(query.sought for query in queries):
            self.words.complete()
            words = WordSearch(self._lattice, self.words, now_ns, direction)
            # Without any indexed text, only the vectors can give results.
            if not len(self.words.index):
                queries = [without_words(query) for query in queries]
        return self.recall.find(queries, now_ns=now_ns, traces=direction, words=words)

    def outside_count(self, query: Query, *, now_ns: int) -> int:
        """Return the number of memories that a query excludes only by its phase band.

        Args:
            query: The query; its other filters are ignored.
            now_ns: Unix time; memories that have expired by then are not counted.

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
        """Prepare the rows for the next query in steps; no write may occur between the steps."""
        yield from self._lattice.rows.prepare()

    def search(
        self, queries: Sequence[Query], *, now_ns: int, traces: Float32 | None = None
    ) -> list[list[Hit]]:
        """Return the results of :meth:`find` as memories with copies of their rows."""
        return [self.hits(one) for one in self.find(queries, now_ns=now_ns, traces=traces)]

    def hits(self, found: RecalledSlots) -> list[Hit]:
        """Return the results of a query as memories with copies of their rows."""
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
        """Return the memory in a slot that a query returned."""
        return self._lattice.memory(slot)

    def row_at(self, slot: int) -> Float32:
        """Return (dimension,) float32, the row in a slot that a query returned; borrowed."""
        return self._row(slot)

    def versions(self, slots: Indices) -> list[tuple[int, int]]:
        """Return creation sequence and revision of the memory in each slot."""
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
        """Return for each memory the unexpired memories with a similar vector.

        Args:
            memories: Memories of this ring whose rows are not lost; one scan serves all of them.
            min_cosine: Minimum cosine.
            limit: Maximum number of nearest memories examined for each memory, including itself.
            in_phase: Return only memories of exactly the same phase.
            now_ns: Unix time; memories that have expired by then are excluded.

        Returns:
            For each memory its similar memories, nearest first. For equal cosines, the newer comes
            first.

        Cost: that of :meth:`search`.
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

    def have_neighbours(
        self, slots: Indices, reach: float
    ) -> Generator[None, None, NDArray[np.bool_]]:
        """Return for each slot, in steps, whether another row may be within a small distance.

        Args:
            slots: Slots of memories.
            reach: Maximum distance of the vectors.

        Cost: that of :meth:`Projections.neighbours`.
        """
        return (yield from self._lattice.rows.neighbours(slots, reach))

    @property
    def missing_metadata(self) -> int:
        """Number of memories that a search by metadata must index first; creates the index."""
        return know_metadata(self._lattice).missing_count

    def completing_metadata(self) -> Iterator[None]:
        """Index the metadata of the remaining memories in steps, if the metadata index exists."""
        index = self._lattice.metadata_index
        return iter(()) if index is None else index.completing()

    def know_words(self, tokenizer: Tokenizer) -> Words:
        """Return the lexical index; create it if there is none."""
        if self.words is None:
            self.words = Words(self._lattice, tokenizer, self.saved_words)
        self.saved_words = None
        return self.words


def _unit(row: Float32) -> Float64:
    wide: Float64 = row.astype(np.float64)
    wide /= np.sqrt(np.add.reduce(wide * wide))
    return wide
