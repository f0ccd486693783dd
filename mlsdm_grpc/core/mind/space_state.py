"""State of an existing space; :mod:`mlsdm_grpc.core.mind.space_records` changes it.

See docs/adr/0019-state-as-data-records-as-functions.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mlsdm_grpc.core.mind.decision_ring import DecisionRing
from mlsdm_grpc.core.mind.moral import MoralFilter
from mlsdm_grpc.core.mind.pelm import Pelm
from mlsdm_grpc.core.mind.rhythm import Rhythm
from mlsdm_grpc.core.mind.stream_marks import StreamMarks
from mlsdm_grpc.core.mind.synapses import Synapses
from mlsdm_grpc.core.model.outcome import etag_of
from mlsdm_grpc.core.model.parameters import SpaceParameters

__all__ = ["Contents"]


@dataclass(slots=True)
class Contents:
    """State of an existing space."""

    parameters: SpaceParameters
    incarnation: int
    create_time_ns: int
    pelm: Pelm
    moral: MoralFilter
    rhythm: Rhythm
    synapses: Synapses
    step: int = 0
    """Number of events processed."""
    accepted: int = 0
    """Number of events accepted."""
    config_revision: int = 0
    """Revision of the last change of the parameters."""
    config_time_ns: int = 0
    """Time of the last change of the parameters, Unix nanoseconds."""
    consolidated_trigger: int = 0
    """Number of the event that started the sleep consolidated last."""
    consolidated_sequence: int = 0
    """High-water mark of consolidation: all memories up to this creation sequence were compared."""
    streams: StreamMarks = field(default_factory=StreamMarks)
    decisions: DecisionRing = field(default_factory=DecisionRing)

    @classmethod
    def new(cls, parameters: SpaceParameters, *, incarnation: int, time_ns: int) -> Contents:
        """Return the state of a newly created space."""
        return cls(
            parameters=parameters,
            incarnation=incarnation,
            create_time_ns=time_ns,
            pelm=Pelm(dimension=parameters.dimension, capacity=parameters.capacity),
            moral=MoralFilter(parameters.moral),
            rhythm=Rhythm(parameters.rhythm),
            synapses=Synapses(parameters.synapses, parameters.dimension),
            config_revision=incarnation,
            config_time_ns=time_ns,
        )

    @property
    def etag(self) -> str:
        """Opaque version of the parameters."""
        return etag_of(self.config_revision)

    def embeds_by(self, model: str) -> bool:
        """Return True if ``model`` is the model that embeds the texts of the space."""
        return bool(model) and model == self.parameters.embedder
