"""Queries of recall, and their results."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mlsdm_grpc.core.model.recall_mode import RecallMode
from mlsdm_grpc.core.store import kernel
from mlsdm_grpc.core.store.fusion import Fusion
from mlsdm_grpc.value_classes import value_class

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
"""Tolerance at the edges of a phase band, for the rounding of phases to float32."""
PHASE_TOLERANCE = 0.15
"""Default half width of a phase band."""


@value_class
class Sought:
    """The words of a query."""

    words: tuple[str, ...]
    """Words as named in the answer."""
    terms: tuple[tuple[str, ...], ...]
    """For each word, the terms that represent it."""
    fusion: Fusion
    """Rule that combines words and meaning into one score."""
    alone: bool = False
    """Search by words alone; the query has no vector."""


@value_class
class Query:
    """A query. ``vector`` is (dimension,) float64 of unit norm, or empty for words alone."""

    vector: kernel.Float64
    phase: float
    """Centre of the phase band, and origin of phase distances."""
    top_k: int = 5
    phase_tolerance: float | None = PHASE_TOLERANCE
    """Half width of the phase band, inclusive; None searches all phases."""
    min_confidence: float = 0.0
    min_resonance: float = -2.0
    labels: frozenset[str] = frozenset()
    """Required labels; a memory must carry all of them."""
    phase_weight: float = 0.0
    """Soft phase weight w in [0, 1]: the cosine is multiplied by ``1 - w * |phase distance|``."""
    synaptic_bias: float = 0.0
    """Weight in [-1, 1] of the cosine between the memory and the long-term traces, added to the
    score."""
    sought: Sought | None = None
    """Words to search for; None searches by the vector alone."""
    sources: tuple[int, ...] = ()
    """Allowed sources; empty allows all."""
    conversation_id: str = ""
    """Required conversation; empty allows all."""
    after_ns: int | None = None
    """Earliest event time, inclusive, Unix nanoseconds. A memory without one uses its creation
    time."""
    before_ns: int | None = None
    """Latest event time, exclusive, Unix nanoseconds."""
    metadata: tuple[tuple[str, str], ...] = ()
    """Required metadata entries, all of them."""
    omit_answers: bool = False
    """Exclude answers of a language model."""
    min_score: float = -2.0
    """Minimum score; without words this is the resonance."""

    @property
    def selection(self) -> tuple[object, ...]:
        """Everything that decides which memories take part, and how many are wanted."""
        return (
            self.top_k,
            None if self.phase_tolerance is None else self.band,
            self.min_confidence,
            self.labels,
            self.metadata,
            self.sources,
            self.conversation_id,
            self.after_ns,
            self.before_ns,
            self.omit_answers,
        )

    @property
    def band(self) -> tuple[float, float]:
        """Lowest and highest phase of the band, inclusive, as float32 values."""
        if self.phase_tolerance is None:
            return 0.0, 1.0
        reach = self.phase_tolerance + PHASE_EPSILON
        return float(np.float32(self.phase - reach)), float(np.float32(self.phase + reach))


@value_class
class RecalledSlots:
    """Slots of the recalled memories, best first, with their scores in float64."""

    slots: kernel.Indices
    resonance: kernel.Float64
    cosine: kernel.Float64
    phase_distance: kernel.Float64
    phase_factor: kernel.Float64
    synaptic_bias: kernel.Float64
    by_words: ByWords | None = None
    """Contribution of the words; None if the vector alone decided, and then the score is the
    resonance."""

    @property
    def mode(self) -> RecallMode:
        """Search mode that produced the result."""
        return RecallMode.VECTOR if self.by_words is None else self.by_words.mode


@value_class
class ByWords:
    """Contribution of the words of a query to each result."""

    mode: RecallMode
    score: kernel.Float64
    """Score that determines the order, rounded to 1e-6."""
    bm25: kernel.Float64
    """0 for a memory without any of the words."""
    matched: list[list[int]]
    """Indexes of the matched words of the query."""


_NONE = np.empty(0)
NOTHING = RecalledSlots(np.empty(0, np.intp), _NONE, _NONE, _NONE, _NONE, _NONE)
NO_FUSED = replace(NOTHING, by_words=ByWords(RecallMode.HYBRID, _NONE, _NONE, []))
"""Empty result of a search by words and vector."""


def without_words(query: Query) -> Query:
    """Return the query by its vector alone, if it has one."""
    if query.sought is None or query.sought.alone:
        return query
    return replace(query, sought=None)
