"""Read-only figures of a space, from which GetState is answered."""

from __future__ import annotations

import numpy as np

from mlsdm_grpc.core.mind.space_state import Contents
from mlsdm_grpc.core.model.new_memory import Float32
from mlsdm_grpc.core.model.parameters import SpaceParameters
from mlsdm_grpc.value_classes import value_class

__all__ = ["SpaceView", "view_of"]


@value_class
class SpaceView:
    """Figures of a space at one revision."""

    parameters: SpaceParameters
    semantics_version: int
    incarnation: int
    create_time_ns: int
    update_time_ns: int
    config_revision: int
    """Revision of the last change of the parameters."""
    config_time_ns: int
    revision: int
    chain: bytes
    """SHA-256 hash chain over the records, 32 bytes."""
    step: int
    """Number of events processed."""
    accepted: int
    """Number of events accepted."""
    awake: bool
    phase: float
    """Phase of new memories, in [0, 1]."""
    phase_remaining: int
    """Number of events until the phase changes."""
    moral_threshold: float
    """Present threshold of the moral filter, in [0, 1]."""
    moral_ema: float
    """Running average of the moral filter; see :class:`MoralFilter`."""
    synaptic_norms: tuple[float, float, float]
    """Norms of the traces L1, L2 and L3."""
    traces: Float32
    """(3, dimension): L1, L2, L3; a copy."""
    used: int
    """Number of memories, including expired ones."""
    pinned: int
    """Number of pinned memories."""
    capacity: int
    vector_bytes: int
    """Size of the vectors and phases of a full ring, bytes."""
    allocated_bytes: int
    """RAM allocated for the memories, bytes."""
    lexical_bytes: int
    """Size of the lexical index, bytes."""


def view_of(
    contents: Contents, *, semantics_version: int, update_time_ns: int, revision: int, chain: bytes
) -> SpaceView:
    """Return the figures of an existing space."""
    return SpaceView(
        parameters=contents.parameters,
        semantics_version=semantics_version,
        incarnation=contents.incarnation,
        create_time_ns=contents.create_time_ns,
        update_time_ns=update_time_ns,
        config_revision=contents.config_revision,
        config_time_ns=contents.config_time_ns,
        revision=revision,
        chain=chain,
        step=contents.step,
        accepted=contents.accepted,
        awake=contents.rhythm.awake,
        phase=contents.rhythm.phase,
        phase_remaining=contents.rhythm.remaining,
        moral_threshold=contents.moral.threshold,
        moral_ema=contents.moral.ema,
        synaptic_norms=contents.synapses.norms(),
        traces=np.stack((contents.synapses.l1, contents.synapses.l2, contents.synapses.l3)),
        used=len(contents.pelm),
        pinned=contents.pelm.pinned_count,
        capacity=contents.pelm.capacity,
        vector_bytes=contents.pelm.vector_bytes,
        allocated_bytes=contents.pelm.allocated_bytes,
        lexical_bytes=contents.pelm.lexical_bytes,
    )
