"""Words and meaning in one score: BM25 and cosine on fixed scales, weighted, exact.

The scales are constants of the tokenizer and of the embedder, and know nothing of the other
documents of an answer: a document's score depends on the query, the document and the space alone,
and scores of two queries can be compared.
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
_ROUNDING: Final = 2e-6
"""So much the float32 sum that chooses candidates, and the rounding of scores, may be off."""


@dataclass(frozen=True, slots=True)
class Fusion:
    """How a BM25 score and a cosine become one score in [0, 1]; both parts grow with theirs."""

    vector_weight: float
    """Share of the cosine in the score, 0..1; the rest is that of BM25."""
    half_score: float = 20.0
    """BM25 score that counts half of the highest possible one; above 0."""
    lowest_cosine: float = 0.0
    """Cosines up to this count as none."""
    cosine_span: float = 1.0
    """A cosine by so much higher counts fully; above 0."""

    def lexical(self, bm25: kernel.Float64) -> kernel.Float64:
        """Return the part of BM25 scores, in [0, 1 - vector_weight)."""
        return (1.0 - self.vector_weight) * bm25 / (bm25 + self.half_score)

    def vector(self, cosine: kernel.Float64) -> kernel.Float64:
        """Return the part of cosines, in [0, vector_weight]."""
        share = (cosine - self.lowest_cosine) / self.cosine_span
        return self.vector_weight * share.clip(0.0, 1.0)

    def words(self, bm25: kernel.Float64, factor: kernel.Float64 | float = 1.0) -> kernel.Float64:
        """Return the scores of documents by their words alone, in [0, 1), rounded to 1e-6."""
        return (bm25 / (bm25 + self.half_score) * factor).round(_DECIMALS)

    def score(
        self, bm25: kernel.Float64, cosine: kernel.Float64, factor: kernel.Float64 | float = 1.0
    ) -> kernel.Float64:
        """Return the scores of documents, rounded to 1e-6.

        Args:
            bm25: BM25 scores.
            cosine: Cosines, with whatever weighs or adds to them.
            factor: What weighs the words.
        """
        return (self.lexical(bm25) * factor + self.vector(cosine)).round(_DECIMALS)


_WORD_VECTORS: Final = Fusion(vector_weight=0.15)
"""Measured with averaged word vectors, see ``benchmarks/recall.py --tune``."""
_SENTENCE_MODEL: Final = Fusion(vector_weight=0.3)
"""For vectors of other models, of which nothing is known."""


def fusion_of(embedder: str) -> Fusion:
    """Return the scales for the vectors of an embedder; empty where callers send them."""
    return _WORD_VECTORS if embedder.startswith("wordllama") else _SENTENCE_MODEL


@dataclass(frozen=True, slots=True)
class Fused:
    """Documents with the highest scores, best first; all arrays of the same length."""

    slots: NDArray[np.intp]
    scores: kernel.Float64
    bm25: kernel.Float64
    """0 where the document has no word of the query."""
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
    """Return the documents with the highest fused scores.

    Args:
        fusion: Scales and weights.
        lexical: All documents with a word of the query, by slot.
        scanned: (slots,) approximate cosines; a slot without a vector has any finite value and is
            left out by ``mask``.
        resonances: Returns the exact cosines of some slots; NaN leaves a document out.
        error: Bound on the error of each approximate cosine.
        top_k: Documents at most, at least 1.
        sequence: (slots,) order of creation; ties go to the higher one.
        mask: (slots,) which documents take part; None for all.
        factors: (slots,) in [0, 1], what weighs the words of each document; None leaves them.

    Returns:
        Exact: the same as scoring every document would give, whatever the approximation is.

    Cost: a few passes over the documents with a word, over all slots only where others may be
        among the best; and the cosines of the candidates.
    """
    if mask is not None and mask.all():
        mask = None
    words = fusion.lexical(lexical.scores)
    if factors is not None:
        words *= factors[lexical.slots]
    words32 = words.astype(np.float32)
    most = fusion.vector_weight / fusion.cosine_span * error + _ROUNDING
    limit = -np.inf
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
    """Return the part of approximate cosines in a score."""
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
