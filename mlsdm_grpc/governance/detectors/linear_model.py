"""How much a text is like examples of harm and of injection: a linear model of words and letters.

The rules know what they were told; this knows what labelled examples have in common, and less
surely. It reads whole texts in windows of some sixty words, whatever their sentences, so it judges
texts that are whole when they are judged, and never an answer that is streamed. Its weights are
made by ``make train`` from the corpora in ``tests/data``, without their test splits.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources import files
from itertools import chain
from typing import Final, NamedTuple
from zlib import crc32

from mlsdm_grpc.governance.matching.normalization import plain

__all__ = [
    "BUCKETS",
    "FORMAT",
    "LEAST_FEATURES",
    "Likeness",
    "Model",
    "likeness",
    "load",
    "positions",
]

BUCKETS: Final = 1 << 16
"""Weights of each of the two models; a feature finds its own by a hash."""
LEAST_FEATURES: Final = 250
"""A text of fewer features, some twenty words, says less than its words alone would."""
FORMAT: Final = struct.Struct("<8s32sffff")
"""Head of the file: mark, SHA-256 of the examples, then bias and scale of harm and of injection;
behind it the weights of harm and of injection, a signed byte each."""
_MARK: Final = b"likeness"
_WORD: Final = re.compile(r"[\w']+")
_LETTERS: Final = (3, 4, 5)
_LETTERS_MARK: Final = crc32(b"c")
_MAX_WORD_CHARS: Final = 32
_WINDOW_WORDS: Final = 60
_STEP_WORDS: Final = 30


class Likeness(NamedTuple):
    """Probabilities, 0 to 1, the highest over the windows of a text."""

    harm: float
    injection: float


class Model(NamedTuple):
    """Weights, and what they stand for."""

    digest: bytes
    """SHA-256 of the examples that it was made from."""
    biases: tuple[float, float]
    scales: tuple[float, float]
    weights: tuple[memoryview, memoryview]
    """Of harm and of injection, signed bytes, ``BUCKETS`` each."""


@cache
def load() -> Model:
    """Return the model that comes with the package."""
    data = files("mlsdm_grpc.governance").joinpath("likeness.bin").read_bytes()
    mark, digest, harm_bias, harm_scale, bias, scale = FORMAT.unpack_from(data)
    if mark != _MARK or len(data) != FORMAT.size + 2 * BUCKETS:
        raise ValueError("likeness.bin is not what this version expects")
    weights = memoryview(data)[FORMAT.size :].cast("b")
    return Model(
        digest, (harm_bias, bias), (harm_scale, scale), (weights[:BUCKETS], weights[BUCKETS:])
    )


def positions(text: str) -> Iterator[list[int]]:
    """Yield the buckets of the features that end at each word of a text, folded first.

    Features of a word: itself, its letters in runs of 3 to 5, it behind the word before it, and it
    behind the second word before it.
    """
    before, earlier = "", ""
    for match in _WORD.finditer(plain(text).text):
        word = match[0][:_MAX_WORD_CHARS]
        yield [_bucket(f"b{before} {word}"), _bucket(f"s{earlier} {word}"), *_of_word(word)]
        before, earlier = word, before


@lru_cache(maxsize=4096)
def _of_word(word: str) -> tuple[int, ...]:
    """Return the buckets of the features that a word has whatever stands before it.

    Memory: at most 1 KB for each word that is kept.
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


def likeness(text: str) -> Likeness:
    """Return how much a text is like harm, and like injection; 0 for a text without words.

    A feature counts once in a window. Cost: O(len(text)), about 5 us a word.
    """
    model = load()
    words = list(positions(text))
    best = [0.0, 0.0]
    for start in range(0, max(len(words) - _STEP_WORDS, 1) if words else 0, _STEP_WORDS):
        buckets = set(chain.from_iterable(words[start : start + _WINDOW_WORDS]))
        root = math.sqrt(max(len(buckets), LEAST_FEATURES))
        for i, weights in enumerate(model.weights):
            total = sum(map(weights.__getitem__, buckets)) * model.scales[i]
            best[i] = max(best[i], _sigmoid(model.biases[i] + total / root))
    return Likeness(*best)


def _sigmoid(value: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(min(value, 60.0), -60.0)))
