"""Fusion of BM25 and cosine into one exact score, with fixed scales and weights.

The scales are constants of the tokenizer and the embedder. A score depends only on the query, the
document and the space, not on other results. Scores of different queries are therefore comparable.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlsdm_grpc.core.model.new_memory import Float32
from mlsdm_grpc.core.store import kernel
from mlsdm_grpc.core.store.lexical_index import LexicalHits
from mlsdm_grpc.value_classes import value_class

__all__ = ["Fused", "Fuser", "Fusion", "fusion_of"]

_Int64: TypeAlias = NDArray[np.int64]
_Mask: TypeAlias = NDArray[np.bool_]

_DECIMALS: Final = 6
# Bound of the error of the float32 sum that selects candidates, including the rounding of scores.
_ROUNDING: Final = 2e-6
# Number of documents beyond ``top_k`` up to which exact scores cost less than a pass over all
# approximate ones.
_MANY: Final = 64


@value_class
class Fusion:
    """Weights and scales that map a BM25 score and a cosine to one score in [0, 1]."""

    vector_weight: float
    """Weight of the cosine in the score, 0..1; BM25 has the remaining weight."""
    half_score: float = 20.0
    """BM25 score that contributes half of the weight of BM25; above 0."""
    lowest_cosine: float = 0.0
    """Highest cosine that contributes 0."""
    cosine_span: float = 1.0
    """Difference from ``lowest_cosine`` at which a cosine contributes its full weight; above 0."""

    def lexical(self, bm25: kernel.Float64) -> kernel.Float64:
        """Return the contribution of BM25 scores, in [0, 1 - vector_weight)."""
        return (1.0 - self.vector_weight) * bm25 / (bm25 + self.half_score)

    def vector(self, cosine: kernel.Float64) -> kernel.Float64:
        """Return the contribution of cosines, in [0, vector_weight]."""
        share = (cosine - self.lowest_cosine) / self.cosine_span
        return self.vector_weight * np.minimum(np.maximum(share, 0.0), 1.0)

    def words(self, bm25: kernel.Float64, factor: kernel.Float64 | float = 1.0) -> kernel.Float64:
        """Return the scores of documents by their words only, in [0, 1), rounded to 1e-6."""
        return (bm25 / (bm25 + self.half_score) * factor).round(_DECIMALS)

    def score(
        self, bm25: kernel.Float64, cosine: kernel.Float64, factor: kernel.Float64 | float = 1.0
    ) -> kernel.Float64:
        """Return the fused scores of documents, rounded to 1e-6.

        Args:
            bm25: BM25 scores.
            cosine: Cosines, after phase weight and synaptic bias.
            factor: Factor of the BM25 part, in [0, 1].
        """
        return (self.lexical(bm25) * factor + self.vector(cosine)).round(_DECIMALS)


# Measured with averaged word vectors; see ``benchmarks/recall.py --tune``.
_WORD_VECTORS: Final = Fusion(vector_weight=0.15)
# Measured with centred vectors of multilingual-e5-small. Unrelated texts of one topic have a cosine
# of 0.2 to 0.4.
_E5: Final = Fusion(vector_weight=0.3, lowest_cosine=0.3, cosine_span=0.5)
# For all other models: no assumption about the scale of their cosines.
_SENTENCE_MODEL: Final = Fusion(vector_weight=0.3)


def fusion_of(embedder: str) -> Fusion:
    """Return the scales for the vectors of an embedder, which is empty if callers send vectors."""
    if embedder.startswith("wordllama"):
        return _WORD_VECTORS
    return _E5 if embedder.startswith("multilingual-e5-small") else _SENTENCE_MODEL


@value_class
class Fused:
    """Documents with the highest scores, best first; all arrays have the same length."""

    slots: NDArray[np.intp]
    scores: kernel.Float64
    bm25: kernel.Float64
    """BM25 scores; 0 for a document without any word of the query."""
    places: NDArray[np.intp]
    """Index of each document in the slots that were passed to :meth:`Fuser.ranked`."""


class Fuser:
    """Selection and ranking of the documents with the highest fused scores.

    The result is exact: the same as if every document was scored.

    Args:
        fusion: Scales and weights.
        lexical: All documents with a word of the query, ordered by slot.
        top_k: Maximum number of documents, at least 1.
        mask: (slots,) bool: documents that may be returned; None for all.
        factors: (slots,) weight of the words of each document, in [0, 1]; None for 1.
    """

    def __init__(
        self,
        fusion: Fusion,
        lexical: LexicalHits,
        *,
        top_k: int,
        mask: _Mask | None = None,
        factors: kernel.Float64 | None = None,
    ) -> None:
        self._fusion = fusion
        self._lexical = lexical
        self._top_k = top_k
        self._mask = mask
        self._factors = factors
        self._words = _lexical_part(fusion, lexical.scores.astype(np.float32))
        if factors is not None:
            self._words *= factors[lexical.slots]
        self._left_out = None if self._mask is None else ~self._mask.take(lexical.slots)

    def ahead(self, at_most: int) -> NDArray[np.intp] | None:
        """Return all documents that can be in the result regardless of their cosines.

        Returns:
            Slots, a superset of the result. None if a document without a word of the query may be
            in the result, or if there are more than ``at_most`` slots.
        """
        words, top_k, weight = self._words, self._top_k, self._fusion.vector_weight
        # Most often too few documents exceed the weight, and the k-th best need not be found.
        if np.count_nonzero(words > np.float32(weight)) < top_k:
            return None
        if self._left_out is not None:
            words = words.copy()
            words[self._left_out] = -np.inf
        least = kernel.best(words, top_k) - weight - _ROUNDING
        if not least > 0.0:
            return None
        kept = words >= np.float32(least)
        if np.count_nonzero(kept) > at_most:
            return None
        return self._lexical.slots[kept].astype(np.intp)

    def candidates(self, scanned: Float32, error: float) -> NDArray[np.intp]:
        """Return all documents that can be in the result, by their approximate cosines.

        Args:
            scanned: (slots,) float32, approximate cosines. For a slot without a vector, the value
                is finite but arbitrary, and the mask excludes the slot.
            error: Upper bound of the error of each approximate cosine.

        Cost: a few passes over the documents with a word of the query. A pass over all slots is
        needed only if documents without such a word may be in the result.
        """
        fusion, lexical, top_k = self._fusion, self._lexical, self._top_k
        most = fusion.vector_weight / fusion.cosine_span * error + _ROUNDING
        if len(lexical.slots) >= top_k:
            sums = _vector_part(fusion, scanned.take(lexical.slots))
            sums += self._words
            if self._left_out is not None:
                sums[self._left_out] = -np.inf
            places, limit = kernel.candidates(sums, most, top_k=top_k)
            slots = lexical.slots.take(places).astype(np.intp)
            if limit > fusion.vector_weight:
                return slots
            more = self._with_near(slots, scanned, limit)
            if more is not None:
                return more
        sums = _vector_part(fusion, scanned)
        sums[lexical.slots] += self._words
        if self._mask is not None:
            sums[~self._mask] = -np.inf
        return kernel.candidates(sums, most, top_k=top_k)[0]

    def ranked(self, slots: NDArray[np.intp], cosines: kernel.Float64, sequence: _Int64) -> Fused:
        """Return the documents with the highest exact scores.

        Args:
            slots: Candidates, a superset of the result, each once.
            cosines: Exact cosine of each candidate; NaN or -inf excludes it.
            sequence: (slots,) order of creation; of equal scores, the higher sequence comes first.
        """
        bm25 = _scores_of(self._lexical, slots)
        factor = 1.0 if self._factors is None else self._factors[slots]
        scores = self._fusion.score(bm25, cosines, factor)
        scores[~np.isfinite(cosines)] = -np.inf
        order = np.lexsort((-sequence[slots], -scores))[: self._top_k]
        order = order[scores[order] > -np.inf]
        return Fused(slots[order], scores[order], bm25[order], order)

    def _with_near(
        self, slots: NDArray[np.intp], scanned: Float32, limit: float
    ) -> NDArray[np.intp] | None:
        """Return the candidates, and all documents whose cosine alone reaches a limit.

        Returns:
            Slots, each once; None if there are too many to score.

        Cost: one comparison for each approximate cosine.
        """
        fusion = self._fusion
        if not limit > _ROUNDING:
            return None
        share = (limit - _ROUNDING) / fusion.vector_weight
        near = scanned >= np.float32(fusion.lowest_cosine + fusion.cosine_span * share - _ROUNDING)
        if self._mask is not None:
            near &= self._mask
        if np.count_nonzero(near) > _MANY + self._top_k:
            return None
        near[slots] = False
        return np.concatenate((slots, near.nonzero()[0]))


def _lexical_part(fusion: Fusion, bm25: Float32) -> Float32:
    """Return the approximate contribution of BM25 scores to the fused score."""
    part = bm25 / (bm25 + np.float32(fusion.half_score))
    part *= np.float32(1.0 - fusion.vector_weight)
    return part


def _vector_part(fusion: Fusion, cosines: Float32) -> Float32:
    """Return the contribution of approximate cosines to the fused score."""
    part = cosines - np.float32(fusion.lowest_cosine)
    part *= np.float32(fusion.vector_weight / fusion.cosine_span)
    np.maximum(part, np.float32(0.0), out=part)
    np.minimum(part, np.float32(fusion.vector_weight), out=part)
    return part


def _scores_of(lexical: LexicalHits, slots: NDArray[np.intp]) -> kernel.Float64:
    """Return the BM25 score of each slot; 0 for a slot without one."""
    if not len(lexical.slots):
        return np.zeros(len(slots))
    places = lexical.slots.searchsorted(slots)
    places[places == len(lexical.slots)] = 0
    return np.where(lexical.slots[places] == slots, lexical.scores[places], 0.0)
