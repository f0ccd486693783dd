"""What is asked of a memory, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mlsdm_grpc.core.model.recall_mode import RecallMode
from mlsdm_grpc.core.store import kernel
from mlsdm_grpc.core.store.fusion import Fusion

__all__ = [
    "NOTHING",
    "NO_FUSED",
    "PHASE_EPSILON",
    "PHASE_TOLERANCE",
    "ByWords",
    "Query",
    "RecalledSlots",
    "Sought",
    "without_words",
]

PHASE_EPSILON = 1e-6
"""The phase band is inclusive up to the rounding of phases to float32."""
PHASE_TOLERANCE = 0.15
"""Half width of a phase band where a query names none."""


@dataclass(frozen=True, slots=True)
class Sought:
    """The words of a query."""

    words: tuple[str, ...]
    """As an answer names them."""
    terms: tuple[tuple[str, ...], ...]
    """Of each word, the terms that stand for it."""
    fusion: Fusion
    """How words and meaning become one score."""
    alone: bool = False
    """The words decide alone; there is no vector."""


@dataclass(frozen=True, slots=True)
class Query:
    """What to recall. ``vector`` is (dimension,) float64 of unit norm; empty for words alone."""

    vector: kernel.Float64
    phase: float
    """Where the band lies, and where distances of phases begin."""
    top_k: int = 5
    phase_tolerance: float | None = PHASE_TOLERANCE
    """Half width of the band of phases, inclusive; None searches all phases."""
    min_confidence: float = 0.0
    min_resonance: float = -2.0
    labels: frozenset[str] = frozenset()
    """A memory must carry all of them."""
    phase_weight: float = 0.0
    """Soft phase weight w in [0, 1]: the cosine is multiplied by ``1 - w * |phase distance|``."""
    synaptic_bias: float = 0.0
    """Weight in [-1, 1] of the cosine of the memory with the lasting traces, which is added."""
    sought: Sought | None = None
    """Words to look for; None looks by the vector alone."""
    sources: tuple[int, ...] = ()
    """Sources that a memory may have; none allows all."""
    conversation_id: str = ""
    """Conversation that a memory must come from; empty allows all."""
    after_ns: int | None = None
    """Earliest time of the event that a memory tells of, or of its creation where it has none."""
    before_ns: int | None = None
    """Time that it must be before."""
    omit_answers: bool = False
    """Leave out what a language model answered in an exchange."""
    min_score: float = -2.0
    """Lowest score; without words that is the resonance."""

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
    by_words: ByWords | None = None
    """What the words gave; None where the vector alone decided, and its resonance is the score."""

    @property
    def mode(self) -> RecallMode:
        """By what the memories were found."""
        return RecallMode.VECTOR if self.by_words is None else self.by_words.mode


@dataclass(frozen=True, slots=True)
class ByWords:
    """What the words of a query gave, for each memory that was found."""

    mode: RecallMode
    score: kernel.Float64
    """What the order is by, rounded to 1e-6."""
    bm25: kernel.Float64
    """0 where the memory has none of the words."""
    matched: list[list[int]]
    """Which words of the query it has."""


_NONE = np.empty(0)
NOTHING = RecalledSlots(np.empty(0, np.intp), _NONE, _NONE, _NONE, _NONE, _NONE)
NO_FUSED = replace(NOTHING, by_words=ByWords(RecallMode.HYBRID, _NONE, _NONE, []))
"""Nothing, looked for by words and vector."""


def without_words(query: Query) -> Query:
    """Return the query by its vector alone, if it has one."""
    if query.sought is None or query.sought.alone:
        return query
    return replace(query, sought=None)
