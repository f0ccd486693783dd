"""Parameters of a space, with all defaults filled in."""

from __future__ import annotations

import enum
from dataclasses import field, replace
from typing import Final

from mlsdm_grpc.core.model.new_memory import Vector
from mlsdm_grpc.value_classes import value_class

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
    """Rule by which the moral threshold changes; see ``core/mind/moral.py``."""

    VIGILANT = 1
    HOMEOSTATIC = 2


@value_class
class MoralParameters:
    """Parameters of the moral filter; scores and thresholds are in [0, 1]."""

    policy: MoralPolicy = MoralPolicy.VIGILANT
    base: float = 0.50
    """Threshold of a new space, to which vigilant returns."""
    ceiling: float = 0.70
    """Upper limit of the threshold under ``vigilant``."""
    always_pass: float = 0.90
    """Scores of at least this value always pass."""
    never_pass: float = 0.30
    """Scores below this value never pass."""
    alpha: float = 0.1
    """Weight of the newest event in the running average."""
    step: float = 0.05
    """Maximum change of the threshold by one event."""

    @classmethod
    def starting_at(cls, base: float) -> MoralParameters:
        """Return the default parameters with another base and a ceiling of at least that base."""
        default = cls()
        return replace(default, base=base, ceiling=max(default.ceiling, base))


@value_class
class RhythmParameters:
    """Durations of the two phases, in processed events."""

    wake_duration: int = 8
    sleep_duration: int = 3
    sleep_gate: bool = False
    """Refuse events while asleep, as the original model did; the rhythm advances nevertheless."""


@value_class
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
    """Use the scaling and the signed comparison of the original model."""


@value_class
class OntologyCategory:
    """Category that is added as a label to the memories nearest to it."""

    name: str
    """Name of the category, also used as the label."""
    vector: Vector


FIRST_MERGE_MIN_COSINE: Final = 0.98
"""Default of ``merge_min_cosine`` under version 1 of the rules."""


@value_class
class SpaceParameters:
    """All fixed and configurable parameters of one space."""

    dimension: int = 384
    """Number of components of every embedding, 1..4096; never changes."""
    capacity: int = 20_000
    """Maximum number of memories, 1..1,000,000."""
    embedder: str = ""
    """Model that embeds the texts of the space; empty if callers send vectors. Cannot change while
    the space has memories."""
    min_confidence: float = 0.5
    """Minimum confidence; memories below it are refused."""
    default_ttl_ns: int = 0
    """Lifetime of a memory without an expiry of its own, nanoseconds; 0 for unlimited. The writer
    of a record computes the expiry time from it."""
    read_only: bool = False
    """Refuse every record except a change of parameters."""
    merge_min_cosine: float = 1.0 - 1e-6
    """Minimum cosine at which consolidation merges two memories without text; 1 disables
    merging."""
    recall_in_band: bool = False
    """Restrict a query without a phase to the band around the current phase; if False, such a query
    searches all phases."""
    ontology: tuple[OntologyCategory, ...] = ()
    """Categories for labels, with unique names."""
    moral: MoralParameters = field(default_factory=MoralParameters)
    rhythm: RhythmParameters = field(default_factory=RhythmParameters)
    synapses: SynapticParameters = field(default_factory=SynapticParameters)
