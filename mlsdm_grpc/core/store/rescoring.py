"""Resonances and their components, computed by the one fixed routine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mlsdm_grpc.core.model.new_memory import Float32
from mlsdm_grpc.core.store import kernel
from mlsdm_grpc.core.store.memory_table import Lattice
from mlsdm_grpc.core.store.recall_query import Query, RecalledSlots

__all__ = ["ResonanceParts", "best_of_all", "distances", "rescored"]

# Highest absolute cosine of a valid row, with a margin for rounding.
_MAX_COSINE = 1.01
LOWEST = float(np.finfo(np.float64).min)
"""Lowest resonance of a valid row; the resonance of a corrupted row is -inf."""


class ResonanceParts(NamedTuple):
    """Resonances of some slots with their components; all float64."""

    resonance: kernel.Float64
    """Resonance; -inf for a row that was corrupted in RAM, which its cosine shows."""
    cosine: kernel.Float64
    phase_distance: kernel.Float64
    phase_factor: kernel.Float64
    synaptic_bias: kernel.Float64

    def take(self, order: kernel.Indices) -> ResonanceParts:
        """Return the components at these positions."""
        return ResonanceParts(*(part[order] for part in self))


def distances(lattice: Lattice, query: Query, slots: kernel.Indices) -> kernel.Float64:
    """Return the distance between the phase of each slot and that of a query."""
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
        rows: (len(slots), dimension) float32, rows of the slots.
        traces: (dimension,) float64 of unit norm, direction of the synaptic bias; None for no bias.
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
    """Return the best slots for each of several queries without phase weight and bias.

    Args:
        lattice: The memories to search.
        queries: Queries with equal ``top_k``.
        owners: Index of the query of each candidate, ascending.
        slots: Slot of each candidate.

    Returns:
        Result of each query; None if a row is corrupted, because it may have displaced others.

    Cost: the NumPy calls of one query, and one product for each candidate.
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
