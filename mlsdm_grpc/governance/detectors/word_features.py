"""Features of the words of a text, which the linear model weighs, and passages of these words.

Features of a word: the word, its letter sequences of length 3 to 5, the pair with the word before
it, and the pair with the second word before it.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, chain, repeat
from typing import Final, NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from mlsdm_grpc.governance.detectors.linear_model import BUCKETS, LinearHead
from mlsdm_grpc.governance.matching.normalization import Folded, readings, spelled_words
from mlsdm_grpc.governance.matching.plain_words import PlainWords
from mlsdm_grpc.governance.matching.sentence_languages import likeliest, votes_of
from mlsdm_grpc.governance.matching.word_cache import WordCache

__all__ = ["Passage", "TextFeatures", "WordFeatures"]

_WORD: Final = re.compile(r"[\w']+")
_MIXED: Final = re.compile(r"[a-z][\u0250-\uffff]|[\u0250-\uffff][a-z]")
_LETTERS: Final = (3, 4, 5)
_LETTERS_MARK: Final = crc32(b"c")
_MAX_WORD_CHARS: Final = 32
# Minimum number of spaced letters (i g n o r e) that are read as one word.
_LEAST_APART: Final = 4
# Number of passages that a sort key of 32 bits can tell apart.
_FEW: Final = (1 << 31) // BUCKETS


class WordFeatures(NamedTuple):
    """Word of a text, and the buckets of the features that end at it."""

    start: int
    end: int
    buckets: tuple[int, ...]


class _KnownWord(NamedTuple):
    """Parts of the features of a word that are the same in all places."""

    encoded: bytes
    before: int
    """Checksum of the beginning of the feature with the next word."""
    earlier: int
    """Checksum of the beginning of the feature with the second next word."""
    buckets: bytes
    """Buckets of the features of the word alone, as int32."""
    size: int
    """Number of buckets."""
    votes: int
    """Languages that have the word as a stop word, see :func:`votes_of`."""


class TextFeatures:
    """Features of the words of a text.

    Args:
        folded: Text in plain form.
        places: Start and end of each word in ``folded``.
        written: Each word as it is written.

    Cost: O(len(text)), about 20 us and 400 ns a word.
    """

    def __init__(
        self, folded: Folded, places: Sequence[tuple[int, int]], written: Sequence[str]
    ) -> None:
        self._origin = folded.origin
        self._places = places
        known = list(map(_known_words().__getitem__, written))
        self._ends = [0]
        self._votes = [0]
        self._buckets = np.zeros(0, np.int32)
        self._pairs = np.zeros((2, 0), np.int32)
        if not known:
            return
        encoded, before, earlier, buckets, sizes, votes = zip(*known, strict=True)
        self._ends = list(accumulate(sizes, initial=0))
        self._votes = list(accumulate(votes, initial=0))
        self._buckets = np.frombuffer(b"".join(buckets), np.int32)
        nothing = _known_words()[""]
        sums = chain(
            map(crc32, encoded, (nothing.before, *before)),
            map(crc32, encoded, (nothing.earlier, nothing.earlier, *earlier)),
        )
        pairs = np.fromiter(sums, np.uint32, 2 * len(known)) & (BUCKETS - 1)
        self._pairs = pairs.view(np.int32).reshape(2, -1)

    @classmethod
    def of_text(cls, words: PlainWords) -> TextFeatures:
        """Return the features of a whole text."""
        if any(len(letters) >= _LEAST_APART for letters in words.spelled):
            return cls.of_part(words.folded, 0, len(words.folded.text))
        places, written = words.tokens
        return cls(words.folded, places, written)

    @classmethod
    def of_part(cls, folded: Folded, start: int, end: int) -> TextFeatures:
        """Return the features of the words that lie wholly in ``folded.text[start:end]``."""
        text = folded.text
        found = list(_words(text, _next_gap(text, start), _last_gap(text, end)))
        return cls(folded, [each[:2] for each in found], [written for _, _, written in found])

    def __len__(self) -> int:
        """Return the number of words."""
        return len(self._ends) - 1

    def word(self, number: int) -> WordFeatures:
        """Return one word with its place in the original text."""
        first, last = self._places[number]
        alone = self._buckets[self._ends[number] : self._ends[number + 1]].tolist()
        buckets = (*self._pairs[:, number].tolist(), *alone)
        return WordFeatures(self._origin[first], self._origin[last - 1] + 1, buckets)

    def passages(self, bounds: Sequence[tuple[int, int]], raised: float = 0.0) -> list[Passage]:
        """Return passages.

        Args:
            bounds: Number of the first word of each passage, and of the first word behind it.
            raised: Increase of the cut.

        Cost: O(words in passages), about 10 us and 150 ns a word.
        """
        ends, votes = self._ends, self._votes
        parts, sizes = list[NDArray[np.int32]](), list[int]()
        for first, last in bounds:
            parts.append(self._buckets[ends[first] : ends[last]])
            parts.extend(self._pairs[:, first:last])
            sizes.append(ends[last] - ends[first] + 2 * (last - first))
        keys, edges = np.concatenate(parts), [0]
        if len(bounds) > 1:
            # One sort by passage and bucket finds the repeated features of all passages.
            wide = np.int32 if len(bounds) < _FEW else np.int64
            offsets = np.arange(len(bounds)).astype(wide) * BUCKETS
            keys = keys + np.repeat(offsets, sizes)
        keys.sort()
        new = np.ones(len(keys), np.bool_)
        np.not_equal(keys[1:], keys[:-1], out=new[1:])
        keys = keys[new]
        if len(bounds) > 1:
            edges = np.searchsorted(keys, offsets).tolist()
            keys &= BUCKETS - 1
        group = _PassageGroup(keys, [*edges, len(keys)])
        return [
            Passage(self, first, last, group, at, likeliest(votes[last] - votes[first]), raised)
            for at, (first, last) in enumerate(bounds)
        ]


class _PassageGroup:
    """Features of passages, each once in a passage."""

    def __init__(self, buckets: NDArray[np.int32], edges: Sequence[int]) -> None:
        self.buckets = buckets
        self.edges = edges
        self._totals: list[tuple[LinearHead, list[int]]] = []

    def totals(self, head: LinearHead) -> list[int]:
        """Return the sum of the weights of each passage."""
        for known, totals in self._totals:
            if known is head:
                return totals
        totals = head.totals(self.buckets, self.edges)
        self._totals.append((head, totals))
        return totals


@dataclass(frozen=True, slots=True)
class Passage:
    """Words that are scored together."""

    features: TextFeatures
    first: int
    """Number of the first word."""
    last: int
    """Number of the first word behind the passage."""
    _group: _PassageGroup
    _at: int
    language: int
    """Number of the most likely language."""
    raised: float
    """Increase of the cut."""

    def __bool__(self) -> bool:
        """Return whether the passage has a word."""
        return self.first < self.last

    @property
    def words(self) -> list[WordFeatures]:
        """Words with their places."""
        return [self.features.word(number) for number in range(self.first, self.last)]

    @property
    def buckets(self) -> NDArray[np.int32]:
        """Distinct buckets of the words, ascending."""
        start, end = self._group.edges[self._at : self._at + 2]
        return self._group.buckets[start:end]

    def distance(self, head: LinearHead, evidence: Iterable[int]) -> float:
        """Return the distance of the passage from the cut of a head, see :func:`score_of`.

        Args:
            head: Head of the model.
            evidence: Numbers of rule matches, see :func:`evidence_ids`.
        """
        group, at = self._group, self._at
        total, count = group.totals(head)[at], group.edges[at + 1] - group.edges[at]
        cut = head.cuts[self.language] + self.raised
        return head.slope * (head.logit(total, count, evidence) - cut)


@cache
def _known_words() -> WordCache[_KnownWord]:
    return WordCache(_known_word)


def _known_word(written: str) -> _KnownWord:
    word = _meant(written[:_MAX_WORD_CHARS])
    encoded = word.encode("utf-8", "surrogatepass")
    buckets = array("i", _of_word(word))
    return _KnownWord(
        encoded,
        crc32(b"b" + encoded + b" "),
        crc32(b"s" + encoded + b" "),
        buckets.tobytes(),
        len(buckets),
        votes_of(word),
    )


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


def _of_word(word: str) -> tuple[int, ...]:
    """Return the buckets of the features that depend on the word alone."""
    framed = f"_{word}_"
    if framed.isascii():
        raw = framed.encode()
        runs = [raw[i : i + size] for size in _LETTERS for i in range(len(raw) - size + 1)]
        letters = [each % BUCKETS for each in map(crc32, runs, repeat(_LETTERS_MARK))]
    else:
        letters = [
            _bucket(f"c{framed[i : i + size]}")
            for size in _LETTERS
            for i in range(len(framed) - size + 1)
        ]
    return (_bucket(f"w{word}"), *letters)


def _bucket(feature: str) -> int:
    return crc32(feature.encode("utf-8", "surrogatepass")) % BUCKETS
