"""Components of a resonance, computed by the one fixed routine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mlsdm_grpc.core.model.new_memory import Float32
from mlsdm_grpc.core.store import kernel
from mlsdm_grpc.core.store.memory_table import Lattice
from mlsdm_grpc.core.store.recall_query import Query, RecalledSlots

__all__ = ["ResonanceParts", "best_of_all", "distances", "rescored"]

_MAX_COSINE = 1.01
LOWEST = float(np.finfo(np.float64).min)
"""Least resonance of a sound row; the one of a corrupted row is -inf."""


class ResonanceParts(NamedTuple):
    """Resonances of some slots with their components; all float64."""

    resonance: kernel.Float64
    """Resonance; -inf for a row whose corruption in memory is detected only here."""
    cosine: kernel.Float64
    phase_distance: kernel.Float64
    phase_factor: kernel.Float64
    synaptic_bias: kernel.Float64

    def take(self, order: kernel.Indices) -> ResonanceParts:
        """Return the components at these positions."""
        return ResonanceParts(*(part[order] for part in self))


def distances(lattice: Lattice, query: Query, slots: kernel.Indices) -> kernel.Float64:
    """Return the distance of the phase of each slot from that of a query."""
    phase = lattice.columns["phase"][slots]
    distance: kernel.Float64 = np.abs(phase.astype(np.float64) - query.phase)
    return distance


def rescored(
    lattice: Lattice,
    query: Query,
    slots: kernel.Indices,
    rows: Float32,
    traces: kernel.Float64 | None,
) -> ResonanceParts:
    """Return the resonances of some slots.

    Args:
        lattice: The memories to search.
        query: The query.
        slots: Slots to score.
        rows: (slots, dimension) rows of the slots.
        traces: (dimension,) float64 of unit norm; None adds nothing.
    """
    cosine = kernel.resonances(rows, query.vector)
    distance = distances(lattice, query, slots)
    factor = 1.0 - query.phase_weight * distance
    bias = np.zeros(len(slots))
    if query.synaptic_bias and traces is not None:
        bias = query.synaptic_bias * kernel.resonances(rows, traces)
    resonance = cosine * factor + bias
    sound = np.abs(cosine) <= _MAX_COSINE
    if not sound.all():
        resonance = np.where(sound, resonance, -np.inf)
    return ResonanceParts(resonance, cosine, distance, factor, bias)


def best_of_all(
    lattice: Lattice, queries: Sequence[Query], owners: kernel.Indices, slots: kernel.Indices
) -> list[RecalledSlots] | None:
    """Return the best slots of each of several queries, without phase weight and bias.

    The result is None if a row is corrupted: it may have hidden others.

    Args:
        lattice: The memories to search.
        queries: The queries; their ``top_k`` is equal.
        owners: Index of the query of each candidate, ascending.
        slots: Slot of each candidate.

    Cost: the NumPy calls of one query, plus one product for each candidate.
    """
    vectors = np.stack([query.vector for query in queries])
    cosine = kernel.resonances_of_pairs(lattice.rows.vectors.take(slots, axis=0), vectors, owners)
    if not np.abs(cosine).max(initial=0.0) <= _MAX_COSINE:
        return None
    order = np.lexsort((-lattice.columns["sequence"][slots], -cosine, owners))
    least = np.array([max(query.min_resonance, query.min_score) for query in queries])
    starts = np.searchsorted(owners, np.arange(len(queries)))
    rank = np.arange(len(order)) - starts[owners]
    kept = (rank < queries[0].top_k) & (cosine[order] >= least[owners])
    order, owners = order[kept], owners[kept]
    slots, cosine = slots[order], cosine[order]
    phases = np.array([query.phase for query in queries])
    distance = np.abs(lattice.columns["phase"][slots].astype(np.float64) - phases[owners])
    ones, zeros = np.ones(len(slots)), np.zeros(len(slots))
    ends = np.searchsorted(owners, np.arange(len(queries) + 1)).tolist()
    return [
        RecalledSlots(
            slots[some], cosine[some], cosine[some], distance[some], ones[some], zeros[some]
        )
        for some in map(slice, ends, ends[1:])
    ]
