"""Calibrated linear model of harm and injection over words, letter sequences and rule matches.

A rule requires certain words together; the model scores their context. It is trained on labelled
lines and on more than a hundred thousand paragraphs of books, manuals and letters. At a score of
0.5 about one paragraph in 10,000 of its language is wrongly classified as hostile. ``make train``
computes the weights, without the test splits of the corpora and without the last third of the
paragraphs.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from itertools import chain
from typing import Final, NamedTuple
from zlib import crc32

import numpy as np

from mlsdm_grpc.governance.matching.normalization import Folded, readings, spelled_words
from mlsdm_grpc.governance.matching.sentence_languages import languages_with, likeliest
from mlsdm_grpc.package_data import read_bytes

__all__ = [
    "BUCKETS",
    "EVIDENCE",
    "FORMAT",
    "HEAD",
    "LEAST_FEATURES",
    "LinearHead",
    "Model",
    "Passage",
    "WordFeatures",
    "evidence_ids",
    "load",
    "word_features",
]

BUCKETS: Final = 1 << 18
"""Number of weights of each head for words and letters; a hash assigns each feature to one."""
EVIDENCE: Final = 1 << 13
"""Number of weights of each head for rule matches."""
LEAST_FEATURES: Final = 100
"""Smallest number of features, about eight words, at which a text is scored by its words alone."""
FORMAT: Final = struct.Struct("<8s32s")
"""Layout of the file header: mark and SHA-256 of the examples; the heads of harm and injection
follow."""
HEAD: Final = struct.Struct("<fff6f")
"""Layout of a head: bias, scale, slope, cut by language; then ``BUCKETS`` int8 and ``EVIDENCE``
float32."""
_MARK: Final = b"linear03"
_WORD: Final = re.compile(r"[\w']+")
_MIXED: Final = re.compile(r"[a-z][\u0250-\uffff]|[\u0250-\uffff][a-z]")
_LETTERS: Final = (3, 4, 5)
_LETTERS_MARK: Final = crc32(b"c")
_MAX_WORD_CHARS: Final = 32
# Minimum number of spaced letters (i g n o r e) that are read as one word.
_LEAST_APART: Final = 4


class WordFeatures(NamedTuple):
    """Word of a text, and the buckets of the features that end at it."""

    start: int
    end: int
    buckets: tuple[int, ...]
    languages: tuple[int, ...]
    """Numbers of the languages that have the word as a stop word."""


class Passage(NamedTuple):
    """Words that are scored together."""

    words: Sequence[WordFeatures]
    buckets: np.ndarray
    """Distinct buckets of the words."""
    language: int
    """Number of the most likely language."""
    raised: float = 0.0
    """Increase of the cut."""

    @classmethod
    def of(cls, words: Sequence[WordFeatures], raised: float = 0.0) -> Passage:
        """Return the passage that consists of ``words``."""
        buckets = set(chain.from_iterable(each.buckets for each in words))
        numbers = np.fromiter(buckets, np.int32, len(buckets))
        language = likeliest(each.languages for each in words if each.languages)
        return cls(words, numbers, language, raised)


class LinearHead(NamedTuple):
    """Weights of one question, with its calibration."""

    bias: float
    scale: float
    slope: float
    """Steepness of the scores at 0.5, from Platt scaling."""
    cuts: tuple[float, ...]
    """Logit with the score 0.5, by number of the language; the last one is for all other
    languages."""
    weights: np.ndarray
    """Weights as int8, in units of ``scale``."""
    evidence: memoryview[float]

    def logit(self, passage: Passage, evidence: Iterable[int]) -> float:
        """Return the logit of a passage.

        Args:
            passage: Passage; each of its features counts once.
            evidence: Numbers of rule matches, see :func:`evidence_ids`; each counts once.
        """
        total = int(self.weights[passage.buckets].sum(dtype=np.int64)) * self.scale
        root = math.sqrt(max(len(passage.buckets), LEAST_FEATURES))
        return self.bias + total / root + sum(map(self.evidence.__getitem__, set(evidence)))

    def score(self, passage: Passage, evidence: Iterable[int]) -> float:
        """Return the calibrated score of a passage, 0 to 1."""
        cut = self.cuts[passage.language] + passage.raised
        distance = self.slope * (self.logit(passage, evidence) - cut)
        return 1.0 / (1.0 + math.exp(-max(min(distance, 60.0), -60.0)))

    def contribution(self, word: WordFeatures) -> int:
        """Return the sum of the weights of a word's features, in units of ``scale``."""
        return int(self.weights[list(word.buckets)].sum(dtype=np.int64))


class Model(NamedTuple):
    """Both heads, with the digest of their training data."""

    digest: bytes
    """SHA-256 of the training examples."""
    harm: LinearHead
    injection: LinearHead


@cache
def load() -> Model:
    """Return the model in the package."""
    data = read_bytes("mlsdm_grpc.governance", "linear_model.bin")
    mark, digest = FORMAT.unpack_from(data)
    length = HEAD.size + BUCKETS + 4 * EVIDENCE
    if mark != _MARK or len(data) != FORMAT.size + 2 * length:
        raise ValueError("linear_model.bin has another format than this version reads")
    view = memoryview(data)

    def head(start: int) -> LinearHead:
        middle = start + HEAD.size + BUCKETS
        bias, scale, slope, *cuts = HEAD.unpack_from(data, start)
        return LinearHead(
            bias,
            scale,
            slope,
            tuple(cuts),
            np.frombuffer(data, np.int8, BUCKETS, start + HEAD.size),
            view[middle : middle + 4 * EVIDENCE].cast("f"),
        )

    return Model(digest, head(FORMAT.size), head(FORMAT.size + length))


def word_features(folded: Folded, start: int = 0, end: int | None = None) -> list[WordFeatures]:
    """Return the words that lie wholly in ``folded.text[start:end]``, with their original offsets.

    Features of a word: the word, its letter sequences of length 3 to 5, the pair with the word
    before it, and the pair with the second word before it.
    """
    text, origin = folded.text, folded.origin
    end = len(text) if end is None else end
    found = []
    before, earlier = "", ""
    for first, last, written in _words(text, _next_gap(text, start), _last_gap(text, end)):
        word = _meant(written[:_MAX_WORD_CHARS])
        buckets = (_bucket(f"b{before} {word}"), _bucket(f"s{earlier} {word}"), *_of_word(word))
        found.append(
            WordFeatures(origin[first], origin[last - 1] + 1, buckets, languages_with(word))
        )
        before, earlier = word, before
    return found


def _words(text: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    """Yield the words in ``text[start:end]``; letters that are set apart are one word."""
    apart = {letters[0]: letters for letters in spelled_words(text) if len(letters) >= _LEAST_APART}
    done = start
    for match in _WORD.finditer(text, start, end):
        first, last = match.span()
        if first < done:
            continue
        letters = apart.get(first)
        done = letters[-1] + 1 if letters else last
        if done <= end:
            yield first, done, "".join(text[i] for i in letters) if letters else match[0]


@lru_cache(maxsize=4096)
def _meant(word: str) -> str:
    """Return a word with digits and foreign letters replaced by the letters they imitate."""
    if word.isalpha() and (word.isascii() or not _MIXED.search(word)):
        return word
    if word.isdigit():
        return word
    return next((each for each in reversed(readings(word)) if each.isalpha()), word)


def _next_gap(text: str, at: int) -> int:
    """Return the end of the word that contains offset ``at``."""
    if not 0 < at < len(text) or not _WORD.match(text[at - 1]):
        return at
    match = _WORD.match(text, at)
    return match.end() if match else at


def _last_gap(text: str, at: int) -> int:
    """Return the start of the word that contains offset ``at``."""
    if not 0 < at < len(text) or not _WORD.match(text[at]):
        return at
    while at and _WORD.match(text[at - 1]):
        at -= 1
    return at


def evidence_ids(category: str, pattern: str, language: str) -> Iterator[int]:
    """Yield the numbers of the evidence in a rule match, from general to specific."""
    for name in (category, f"{category}|{pattern}", f"{language}|{category}|{pattern}"):
        yield crc32(name.encode()) % EVIDENCE


@lru_cache(maxsize=4096)
def _of_word(word: str) -> tuple[int, ...]:
    """Return the buckets of the features that depend on the word alone.

    Memory: at most 1 KB for each cached word.
    """
    framed = f"_{word}_"
    if framed.isascii():
        raw = framed.encode()
        runs = (raw[i : i + size] for size in _LETTERS for i in range(len(raw) - size + 1))
        letters = [crc32(run, _LETTERS_MARK) % BUCKETS for run in runs]
    else:
        letters = [
            _bucket(f"c{framed[i : i + size]}")
            for size in _LETTERS
            for i in range(len(framed) - size + 1)
        ]
    return (_bucket(f"w{word}"), *letters)


def _bucket(feature: str) -> int:
    return crc32(feature.encode("utf-8", "surrogatepass")) % BUCKETS
