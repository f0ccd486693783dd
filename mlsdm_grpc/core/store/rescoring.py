"""Components of a resonance, computed by the one fixed routine."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mlsdm_grpc.core.model.new_memory import Float32
from mlsdm_grpc.core.store import kernel
from mlsdm_grpc.core.store.memory_table import Lattice
from mlsdm_grpc.core.store.recall_query import Query

__all__ = ["ResonanceParts", "distances", "rescored"]

_MAX_COSINE = 1.01


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
