"""Fusion of BM25 and cosine into one exact score by fixed scales and weights.

The scales are constants of the tokenizer and the embedder. A score depends only on the query, the
document and the space, not on the other results, so scores of two queries are comparable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlsdm_grpc.core.model.record import Float32
from mlsdm_grpc.core.store import kernel
from mlsdm_grpc.core.store.lexical_index import LexicalHits

__all__ = ["Fused", "Fusion", "fuse", "fusion_of"]

_Int64: TypeAlias = NDArray[np.int64]
_Mask: TypeAlias = NDArray[np.bool_]

_DECIMALS: Final = 6
# Bound on the error of the float32 sum that selects candidates, including the rounding of scores.
_ROUNDING: Final = 2e-6


@dataclass(frozen=True, slots=True)
class Fusion:
    """Weights and scales that map a BM25 score and a cosine to one score in [0, 1]."""

    vector_weight: float
    """Weight of the cosine in the score, 0..1; BM25 has the rest."""
    half_score: float = 20.0
    """BM25 score that earns half of the maximum; above 0."""
    lowest_cosine: float = 0.0
    """Cosines up to this value count as 0."""
    cosine_span: float = 1.0
    """Distance above ``lowest_cosine`` at which a cosine earns the maximum; above 0."""

    def lexical(self, bm25: kernel.Float64) -> kernel.Float64:
        """Return the contribution of BM25 scores, in [0, 1 - vector_weight)."""
        return (1.0 - self.vector_weight) * bm25 / (bm25 + self.half_score)

    def vector(self, cosine: kernel.Float64) -> kernel.Float64:
        """Return the contribution of cosines, in [0, vector_weight]."""
        share = (cosine - self.lowest_cosine) / self.cosine_span
        return self.vector_weight * share.clip(0.0, 1.0)

    def words(self, bm25: kernel.Float64, factor: kernel.Float64 | float = 1.0) -> kernel.Float64:
        """Return the scores of documents from their words alone, in [0, 1), rounded to 1e-6."""
        return (bm25 / (bm25 + self.half_score) * factor).round(_DECIMALS)

    def score(
        self, bm25: kernel.Float64, cosine: kernel.Float64, factor: kernel.Float64 | float = 1.0
    ) -> kernel.Float64:
        """Return the scores of documents, rounded to 1e-6.

        Args:
            bm25: BM25 scores.
            cosine: Cosines, already weighted and biased.
            factor: Weight of the words.
        """
        return (self.lexical(bm25) * factor + self.vector(cosine)).round(_DECIMALS)


# Measured with averaged word vectors; see ``benchmarks/recall.py --tune``.
_WORD_VECTORS: Final = Fusion(vector_weight=0.15)
# Used for all other models; a neutral choice, because nothing is known about their scale.
_SENTENCE_MODEL: Final = Fusion(vector_weight=0.3)


def fusion_of(embedder: str) -> Fusion:
    """Return the scales for the vectors of an embedder; empty if callers send vectors."""
    return _WORD_VECTORS if embedder.startswith("wordllama") else _SENTENCE_MODEL


@dataclass(frozen=True, slots=True)
class Fused:
    """The best documents, best first; all arrays have the same length."""

    slots: NDArray[np.intp]
    scores: kernel.Float64
    bm25: kernel.Float64
    """0 for a document without any word of the query."""
    cosine: kernel.Float64


def fuse(
    fusion: Fusion,
    lexical: LexicalHits,
    scanned: Float32,
    resonances: Callable[[NDArray[np.intp]], kernel.Float64],
    *,
    error: float,
    top_k: int,
    sequence: _Int64,
    mask: _Mask | None = None,
    factors: kernel.Float64 | None = None,
) -> Fused:
    """Return the ``top_k`` documents with the highest fused scores.

    Args:
        fusion: Scales and weights.
        lexical: All documents with a word of the query, ordered by slot.
        scanned: (slots,) approximate cosines. The value of a slot without a vector is arbitrary but
            finite, and ``mask`` excludes the slot.
        resonances: Returns the exact cosines of the given slots; NaN excludes a document.
        error: Upper bound on the error of each approximate cosine.
        top_k: Maximum number of documents, at least 1.
        sequence: (slots,) order of creation; of equal scores, the higher sequence comes first.
        mask: (slots,) documents that take part; None for all.
        factors: (slots,) weight of the words of each document, in [0, 1]; None for 1.

    Returns:
        The exact result: equal to scoring every document, whatever the approximation.

    Cost: a few passes over the documents with a word, plus the exact cosines of the candidates. A
    pass over all slots is added only if documents without a word may be among the best.
    """
    # A mask that admits everything costs two passes and changes nothing.
    if mask is not None and mask.all():
        mask = None
    words = fusion.lexical(lexical.scores)
    if factors is not None:
        words *= factors[lexical.slots]
    words32 = words.astype(np.float32)
    most = fusion.vector_weight / fusion.cosine_span * error + _ROUNDING
    limit = -np.inf
    # If enough documents have a word, the documents without one usually cannot compete.
    if len(lexical.slots) >= top_k:
        sums = _vector_part(fusion, scanned.take(lexical.slots))
        sums += words32
        if mask is not None:
            sums[~mask.take(lexical.slots)] = -np.inf
        places, limit = kernel.candidates(sums, most, top_k=top_k)
        slots = lexical.slots.take(places).astype(np.intp)
    if limit <= fusion.vector_weight:  # documents without any of the words may be among the best
        sums = _vector_part(fusion, scanned)
        sums[lexical.slots] += words32
        if mask is not None:
            sums[~mask] = -np.inf
        slots, _ = kernel.candidates(sums, most, top_k=top_k)
    bm25 = _scores_of(lexical, slots)
    factor = 1.0 if factors is None else factors[slots]
    cosine = resonances(slots)
    scores = fusion.score(bm25, cosine, factor)
    order = np.lexsort((-sequence[slots], -scores))[:top_k]
    order = order[scores[order] > -np.inf]
    return Fused(slots[order], scores[order], bm25[order], cosine[order])


def _vector_part(fusion: Fusion, cosines: Float32) -> Float32:
    """Return the contribution of approximate cosines to the score."""
    part = cosines - np.float32(fusion.lowest_cosine)
    part *= np.float32(fusion.vector_weight / fusion.cosine_span)
    np.maximum(part, np.float32(0.0), out=part)
    np.minimum(part, np.float32(fusion.vector_weight), out=part)
    return part


def _scores_of(lexical: LexicalHits, slots: NDArray[np.intp]) -> kernel.Float64:
    """Return the BM25 score of each slot, 0 where it has none."""
    if not len(lexical.slots):
        return np.zeros(len(slots))
    places = lexical.slots.searchsorted(slots)
    places[places == len(lexical.slots)] = 0
    return np.where(lexical.slots[places] == slots, lexical.scores[places], 0.0)
