"""Parameters of a space, resolved when it is created."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace
from typing import Final

from mlsdm_grpc.core.model.new_memory import Vector

__all__ = [
    "FIRST_MERGE_MIN_COSINE",
    "MoralParameters",
    "MoralPolicy",
    "OntologyCategory",
    "RhythmParameters",
    "SpaceParameters",
    "SynapticParameters",
]


class MoralPolicy(enum.IntEnum):
    """How the moral threshold moves; see ``core/mind/moral.py``."""

    VIGILANT = 1
    HOMEOSTATIC = 2


@dataclass(frozen=True, slots=True)
class MoralParameters:
    """Parameters of the moral filter; scores and thresholds are in [0, 1]."""

    policy: MoralPolicy = MoralPolicy.VIGILANT
    base: float = 0.50
    """Threshold at rest."""
    ceiling: float = 0.70
    """Highest threshold that ``vigilant`` reaches."""
    always_pass: float = 0.90
    """Scores from here on pass whatever the threshold is."""
    never_pass: float = 0.30
    """Scores below this never pass."""
    alpha: float = 0.1
    """Weight of the newest event in the running average."""
    step: float = 0.05
    """Largest move of the threshold in one event."""

    @classmethod
    def starting_at(cls, base: float) -> MoralParameters:
        """Return the defaults with another threshold at rest, and a ceiling not below it."""
        default = cls()
        return replace(default, base=base, ceiling=max(default.ceiling, base))


@dataclass(frozen=True, slots=True)
class RhythmParameters:
    """Lengths of the two phases, in processed events."""

    wake_duration: int = 8
    sleep_duration: int = 3
    sleep_gate: bool = False
    """Refuse events while asleep, as the original did; the rhythm still steps."""


@dataclass(frozen=True, slots=True)
class SynapticParameters:
    """Decay, thresholds and gates of the three traces; see ``core/mind/synapses.py``."""

    lambda_l1: float = 0.5
    lambda_l2: float = 0.1
    lambda_l3: float = 0.01
    theta_l1: float = 1.2
    theta_l2: float = 2.5
    gating12: float = 0.45
    gating23: float = 0.30
    legacy: bool = False
    """Scaling and signed comparison of the original."""


@dataclass(frozen=True, slots=True)
class OntologyCategory:
    """One category that memories may be labelled with."""

    name: str
    """Also the label."""
    vector: Vector


FIRST_MERGE_MIN_COSINE: Final = 0.98
"""Cosine of a space under the first rules that names none."""


@dataclass(frozen=True, slots=True)
class SpaceParameters:
    """Everything that is fixed or configured for one space."""

    dimension: int = 384
    """Components of every embedding, 1..4096; never changes."""
    capacity: int = 20_000
    """Memories held at most, 1..1,000,000."""
    embedder: str = ""
    """Model that embeds text for this space; empty when callers send vectors. Fixed while there
    are memories."""
    min_confidence: float = 0.5
    """Memories below this confidence are refused at the door."""
    default_ttl_ns: int = 0
    """Life of a memory that names no expiry; 0 means for ever. Writers turn it into an expiry."""
    read_only: bool = False
    """Every record but a change of parameters is refused."""
    merge_min_cosine: float = 1.0 - 1e-6
    """Cosine from which consolidation merges two memories without a text; 1 merges nothing."""
    recall_in_band: bool = False
    """A query that names no phase looks in the band around the current one, not in all phases."""
    ontology: tuple[OntologyCategory, ...] = ()
    """Categories that writers label memories with; names are unique."""
    moral: MoralParameters = field(default_factory=MoralParameters)
    rhythm: RhythmParameters = field(default_factory=RhythmParameters)
    synapses: SynapticParameters = field(default_factory=SynapticParameters)
