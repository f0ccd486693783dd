"""Queries of recall and their results."""

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
"""Tolerance at both ends of a phase band, for the rounding of phases to float32."""
PHASE_TOLERANCE = 0.15
"""Default half width of a phase band."""


@value_class
class Sought:
    """Words of a query."""

    words: tuple[str, ...]
    """Words as the answer names them."""
    terms: tuple[tuple[str, ...], ...]
    """For each word, the terms that represent it."""
    fusion: Fusion
    """Scales and weights that combine words and meaning into one score."""
    alone: bool = False
    """True for a search by words only; the query has no vector."""


@value_class
class Query:
    """Query; ``vector`` is (dimension,) float64 of unit norm, or empty for words only."""

    vector: kernel.Float64
    phase: float
    """Centre of the phase band; phase distances are measured from it."""
    top_k: int = 5
    phase_tolerance: float | None = PHASE_TOLERANCE
    """Half width of the phase band, both ends included; None searches all phases."""
    min_confidence: float = 0.0
    min_resonance: float = -2.0
    labels: frozenset[str] = frozenset()
    """Required labels; a memory must have all of them."""
    phase_weight: float = 0.0
    """Weight w of the phase, in [0, 1]: the cosine is multiplied by ``1 - w * |phase distance|``.
    """
    synaptic_bias: float = 0.0
    """Weight, in [-1, 1], of the cosine between the memory and the lasting traces; the product is
    added to the score."""
    sought: Sought | None = None
    """Words to search for; None for a search by vector only."""
    sources: tuple[int, ...] = ()
    """Allowed sources; empty allows all."""
    conversation_id: str = ""
    """Required conversation; empty allows all."""
    after_ns: int | None = None
    """Earliest time of the event, inclusive, Unix nanoseconds. For a memory without such a time,
    the creation time counts."""
    before_ns: int | None = None
    """Latest time of the event, exclusive, Unix nanoseconds."""
    metadata: tuple[tuple[str, str], ...] = ()
    """Required metadata entries; a memory must have all of them."""
    omit_answers: bool = False
    """True to exclude memories that are answers of a language model."""
    min_score: float = -2.0
    """Minimum score; in a search by vector only, the score is the resonance."""

    @property
    def selection(self) -> tuple[object, ...]:
        """Values that determine which memories a query may return, and how many."""
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
        """Lowest and highest phase of the band, both included, as float32 values."""
        if self.phase_tolerance is None:
            return 0.0, 1.0
        reach = self.phase_tolerance + PHASE_EPSILON
        return float(np.float32(self.phase - reach)), float(np.float32(self.phase + reach))


@value_class
class RecalledSlots:
    """Slots of the memories found, best first, with their scores in float64."""

    slots: kernel.Indices
    resonance: kernel.Float64
    """``cosine * phase_factor + synaptic_bias``."""
    cosine: kernel.Float64
    phase_distance: kernel.Float64
    """Absolute difference of the phases of query and memory."""
    phase_factor: kernel.Float64
    """Factor of the cosine: ``1 - phase_weight * phase_distance``."""
    synaptic_bias: kernel.Float64
    by_words: ByWords | None = None
    """Scores by words; None for a search by vector only, whose score is the resonance."""

    @property
    def mode(self) -> RecallMode:
        """Search mode that produced the result."""
        return RecallMode.VECTOR if self.by_words is None else self.by_words.mode


@value_class
class ByWords:
    """Part of the words of a query in the score of each result."""

    mode: RecallMode
    score: kernel.Float64
    """Score that determines the order, rounded to 1e-6."""
    bm25: kernel.Float64
    """BM25 scores; 0 for a memory without any of the words."""
    matched: list[list[int]]
    """Indexes of the query words that each memory contains."""


_NONE = np.empty(0)
NOTHING = RecalledSlots(np.empty(0, np.intp), _NONE, _NONE, _NONE, _NONE, _NONE)
NO_FUSED = replace(NOTHING, by_words=ByWords(RecallMode.HYBRID, _NONE, _NONE, []))
"""Empty result of a search by words and vector."""


def without_words(query: Query) -> Query:
    """Return the query with its vector only; a query without a vector is returned unchanged."""
    if query.sought is None or query.sought.alone:
        return query
    return replace(query, sought=None)
