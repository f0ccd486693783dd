"""Search methods for the turns of a conversation, compared by ``recall.py``.

To add one, for example a server over the wire: a class with ``name``, ``fill`` and ``rank``, and a
line in ``recall.finders``.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import numpy as np
import Stemmer
from numpy.typing import NDArray

from mlsdm_grpc.core.store.fusion import Fuser, Fusion
from mlsdm_grpc.core.store.lexical_index import Bm25, LexicalIndex
from mlsdm_grpc.lexical import index_terms, query_terms
from mlsdm_grpc.lexical.tables import languages
from mlsdm_grpc.llm.embedders.embedder import Embedder

__all__ = ["Finder", "Hybrid", "Lexical", "Okapi", "PlainIndex", "Vectors", "plain_tokens"]

Rows: TypeAlias = NDArray[np.float32]

_PLAIN = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")


class Finder(Protocol):
    """Stores turns, then ranks them for questions."""

    name: str

    def fill(self, texts: Sequence[str], contexts: Sequence[str]) -> None:
        """Forget all, then store texts, each with a context, which may be empty."""
        ...

    def rank(self, question: str, top_k: int) -> list[int]:
        """Return the indices of the texts that answer a question best, best first."""
        ...


def plain_tokens(text: str) -> list[str]:
    """Return the tokens that users of rank_bm25 make: words, without stop words, stemmed."""
    stop_words = languages()["en"].stop_words
    words = [word for word in _PLAIN.findall(text.lower()) if word not in stop_words]
    found: list[str] = Stemmer.Stemmer("english").stemWords(words)
    return found


@dataclass(frozen=True)
class OkapiBm25(Bm25):
    """BM25 with the constants and the idf of the package rank_bm25 0.2.2 (BM25Okapi)."""

    k1: float = 1.5
    b: float = 0.75
    unit: int = 1
    floor: float = 0.0
    """Idf of a term whose own would be below 0."""

    def idf(self, count: int, frequency: int) -> float:
        """Return ``ln((n - df + 0.5) / (df + 0.5))``, or the floor."""
        idf = math.log(count - frequency + 0.5) - math.log(frequency + 0.5)
        return idf if idf >= 0.0 else self.floor


@dataclass
class Okapi:
    """The reference: BM25 as rank_bm25 computes it, over plain tokens."""

    name: str = "rank_bm25, k1 1.5, b 0.75"
    parameters: OkapiBm25 = field(default_factory=OkapiBm25)

    def fill(self, texts: Sequence[str], contexts: Sequence[str]) -> None:
        """Store; contexts are left out."""
        del contexts
        self._documents = [Counter(plain_tokens(text)) for text in texts]
        often = Counter(token for document in self._documents for token in document)
        self.parameters = with_floor(self._documents)
        self._idf = {
            token: self.parameters.idf(len(texts), count) for token, count in often.items()
        }
        lengths = [document.total() for document in self._documents]
        k1, b, mean = self.parameters.k1, self.parameters.b, sum(lengths) / len(texts)
        self._norms = [k1 * (1 - b + b * length / mean) for length in lengths]

    def rank(self, question: str, top_k: int) -> list[int]:
        """Return the best; ties go to the newer."""
        scores = [0.0] * len(self._documents)
        for token in plain_tokens(question):
            for i, document in enumerate(self._documents):
                often = document.get(token, 0)
                weight = often * (self.parameters.k1 + 1) / (often + self._norms[i])
                scores[i] += self._idf.get(token, 0.0) * weight
        return sorted(range(len(scores)), key=lambda i: (-scores[i], -i))[:top_k]


@dataclass
class PlainIndex:
    """Our index over plain tokens, with the constants and the idf of rank_bm25."""

    name: str = "our index, the same tokens and constants"

    def fill(self, texts: Sequence[str], contexts: Sequence[str]) -> None:
        """Store; contexts are left out."""
        del contexts
        documents = [Counter(plain_tokens(text)) for text in texts]
        self._index = LexicalIndex(with_floor(documents))
        for slot, document in enumerate(documents):
            self._index.add(slot, document)
        self._sequence = np.arange(len(texts))

    def rank(self, question: str, top_k: int) -> list[int]:
        """Return the best; texts without a token of the question are left out."""
        query = [(token,) for token in plain_tokens(question)]
        hits = self._index.search(query, top_k=top_k, sequence=self._sequence)
        return hits.slots.tolist()


def with_floor(documents: Sequence[Counter[str]]) -> OkapiBm25:
    """Return the constants with the floor of rank_bm25: a quarter of the mean of all idf values."""
    often = Counter(token for document in documents for token in document)
    signed = [
        math.log(len(documents) - count + 0.5) - math.log(count + 0.5) for count in often.values()
    ]
    return OkapiBm25(floor=0.25 * sum(signed) / max(len(signed), 1))


@dataclass
class Lexical:
    """LEXICAL: our tokens and our index."""

    name: str = "LEXICAL"
    parameters: Bm25 = field(default_factory=Bm25)

    def fill(self, texts: Sequence[str], contexts: Sequence[str]) -> None:
        """Store."""
        self.index = LexicalIndex(self.parameters)
        for slot, (text, context) in enumerate(zip(texts, contexts, strict=True)):
            self.index.add(slot, index_terms(text, context))
        self._sequence = np.arange(len(texts))

    def rank(self, question: str, top_k: int) -> list[int]:
        """Return the best; texts without a term of the question are left out."""
        query = [term.terms for term in query_terms(question).terms]
        hits = self.index.search(query, top_k=top_k, sequence=self._sequence)
        return hits.slots.tolist()


@dataclass
class Vectors:
    """VECTOR: cosines of an embedder, context and text embedded together."""

    embed: Callable[[Sequence[str]], Rows]
    embed_query: Callable[[Sequence[str]], Rows]
    name: str = "VECTOR, words"

    @classmethod
    def of(cls, embedder: Embedder) -> Vectors:
        """Return the finder of an embedder that treats texts and questions alike."""
        return cls(embedder.embed, embedder.embed)

    def fill(self, texts: Sequence[str], contexts: Sequence[str]) -> None:
        """Store."""
        both = [
            f"{context}\n{text}" if context else text
            for text, context in zip(texts, contexts, strict=True)
        ]
        self.rows = unit(self.embed(both))

    def cosines(self, question: str) -> Rows:
        """Return the cosine of each text with a question."""
        row = unit(self.embed_query([question]))[0]
        found: Rows = self.rows @ row
        return found

    def rank(self, question: str, top_k: int) -> list[int]:
        """Return the best; ties go to the newer."""
        cosines = self.cosines(question)
        return np.lexsort((-np.arange(len(cosines)), -cosines))[:top_k].tolist()


@dataclass
class Hybrid:
    """HYBRID: both, fused on fixed scales."""

    lexical: Lexical
    vectors: Vectors
    fusion: Fusion
    name: str = "HYBRID"

    def fill(self, texts: Sequence[str], contexts: Sequence[str]) -> None:
        """Store."""
        self.lexical.fill(texts, contexts)
        self.vectors.fill(texts, contexts)
        self._sequence = np.arange(len(texts))

    def rank(self, question: str, top_k: int) -> list[int]:
        """Return the best; ties go to the newer."""
        query = [term.terms for term in query_terms(question).terms]
        cosines = self.vectors.cosines(question)
        fuser = Fuser(self.fusion, self.lexical.index.search(query), top_k=top_k)
        slots = fuser.candidates(cosines, 0.0)
        best = fuser.ranked(slots, cosines[slots].astype(np.float64), self._sequence)
        return best.slots.tolist()


def unit(rows: Rows) -> Rows:
    """Return rows of norm 1; rows of zeros stay."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Rows = rows / np.where(norms > 0, norms, 1)
    return scaled
