"""Features of words, which the linear model weighs, and passages of words.

Features of a word: the word itself, its letter sequences of length 3 to 5, and its pairs with the
two words before it.
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

from mlsdm_grpc.governance.detectors.linear_model import BUCKETS, LinearHead, sums_of
from mlsdm_grpc.governance.matching.normalization import Folded, readings, spelled_words
from mlsdm_grpc.governance.matching.plain_words import PlainWords
from mlsdm_grpc.governance.matching.sentence_languages import likeliest, votes_of
from mlsdm_grpc.governance.matching.word_cache import WordCache

__all__ = ["Passage", "TextFeatures", "WordFeatures"]

_WORD: Final = re.compile(r"[\w']+")
_MIXED: Final = re.compile(r"[a-z][\u0250-\uffff]|[\u0250-\uffff][a-z]")
_LETTERS: Final = (3, 4, 5)
_LETTERS_MARK: Final = crc32(b"c")
_WORD_MARK: Final = crc32(b"w")
_MAX_WORD_CHARS: Final = 32
# Minimum number of separated letters (i g n o r e) that are read as one word.
_LEAST_APART: Final = 4
# Number of passages below which passage and bucket fit in a 32-bit sort key.
_FEW: Final = (1 << 31) // BUCKETS


class WordFeatures(NamedTuple):
    """Word of a text, with the buckets of the features that end at it."""

    start: int
    end: int
    buckets: tuple[int, ...]


class _KnownWord(NamedTuple):
    """Parts of a word's features that do not depend on its place."""

    encoded: bytes
    before: int
    """Checksum of the first part of the pair with the next word."""
    earlier: int
    """Checksum of the first part of the pair with the word after the next one."""
    sums: bytes
    """Checksums of the features of the word alone, as uint32."""
    size: int
    """Number of checksums in ``sums``."""
    votes: int
    """Languages in which the word is a stop word, see :func:`votes_of`."""


class TextFeatures:
    """Features of the words of a text.

    Args:
        folded: Text in plain form.
        places: Start and end of each word in ``folded``.
        written: Text of each word.

    Cost: O(len(text)), about 20 us plus 0.4 us a word.
    """

    def __init__(
        self, folded: Folded, places: Sequence[tuple[int, int]], written: Sequence[str]
    ) -> None:
        self._origin = folded.origin
        self._places = places
        known = list(map(_known_words().__getitem__, written))
        if not known:
            self._ends, self._votes, self._buckets = [0], [0], np.zeros(0, np.int32)
            return
        encoded, before, earlier, sums, sizes, votes = zip(*known, strict=True)
        self._ends = list(accumulate(sizes, initial=0))
        self._votes = list(accumulate(votes, initial=0))
        nothing = _known_words()[""]
        of_pairs = chain(
            map(crc32, encoded, (nothing.before, *before)),
            map(crc32, encoded, (nothing.earlier, nothing.earlier, *earlier)),
        )
        pairs = np.fromiter(of_pairs, np.uint32, 2 * len(known))
        found = np.concatenate((np.frombuffer(b"".join(sums), np.uint32), pairs))
        found &= BUCKETS - 1
        # Order: features of single words, pairs with the previous word, pairs with the one before
        # it.
        self._buckets = found.view(np.int32)

    @classmethod
    def of_text(cls, words: PlainWords) -> TextFeatures:
        """Return the features of a whole text."""
        if any(len(letters) >= _LEAST_APART for letters in words.spelled):
            return cls.of_part(words.folded, 0, len(words.folded.text))
        places, written = words.tokens
        return cls(words.folded, places, written)

    @classmethod
    def of_part(cls, folded: Folded, start: int, end: int) -> TextFeatures:
        """Return the features of the words that lie completely in ``folded.text[start:end]``."""
        text = folded.text
        found = list(_words(text, _next_gap(text, start), _last_gap(text, end)))
        return cls(folded, [each[:2] for each in found], [written for _, _, written in found])

    def __len__(self) -> int:
        """Return the number of words."""
        return len(self._ends) - 1

    def place(self, number: int) -> tuple[int, int]:
        """Return the start and the end of a word in the original text."""
        first, last = self._places[number]
        return self._origin[first], self._origin[last - 1] + 1

    def word(self, number: int) -> WordFeatures:
        """Return one word with its place in the original text."""
        alone = self._buckets[self._ends[number] : self._ends[number + 1]].tolist()
        pairs = self._buckets[self._ends[-1] + number :: len(self)].tolist()
        buckets = (*pairs, *alone)
        return WordFeatures(*self.place(number), buckets)

    def passages(self, bounds: Sequence[tuple[int, int]], raised: float = 0.0) -> list[Passage]:
        """Return passages.

        Args:
            bounds: Number of the first word, and number of the last word plus one, of each passage.
            raised: Increase of the cut, in units of the logit.

        Cost: O(words in passages), about 10 us plus 0.15 us a word.
        """
        ends, votes, buckets = self._ends, self._votes, self._buckets
        if bounds == [(0, len(self))]:
            keys, edges = np.sort(buckets), [0]
        else:
            words, pairs = ends[-1], len(self)
            parts, sizes = list[NDArray[np.int32]](), list[int]()
            for first, last in bounds:
                parts.append(buckets[ends[first] : ends[last]])
                parts.append(buckets[words + first : words + last])
                parts.append(buckets[words + pairs + first : words + pairs + last])
                sizes.append(ends[last] - ends[first] + 2 * (last - first))
            # One sort by passage and bucket brings the duplicate features of every passage
            # together.
            wide = np.int32 if len(bounds) < _FEW else np.int64
            offsets = np.arange(len(bounds)).astype(wide) * BUCKETS
            keys = np.concatenate(parts) + np.repeat(offsets, sizes)
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
    """Distinct features of several passages."""

    def __init__(self, buckets: NDArray[np.int32], edges: Sequence[int]) -> None:
        self.buckets = buckets
        self.edges = edges
        self._sums: tuple[NDArray[np.int16], list[list[int]]] | None = None

    def total(self, head: LinearHead, at: int) -> int:
        """Return the sum of the weights of the passage with index ``at``."""
        if self._sums is None or self._sums[0] is not head.pairs:
            self._sums = head.pairs, sums_of(head.pairs, self.buckets, self.edges)
        return self._sums[1][at][head.column]


@dataclass(frozen=True, slots=True)
class Passage:
    """Words that are scored together."""

    features: TextFeatures
    first: int
    """Number of the first word."""
    last: int
    """Number of the last word plus one."""
    _group: _PassageGroup
    _at: int
    language: int
    """Number of the most likely language."""
    raised: float
    """Increase of the cut, in units of the logit."""

    def __bool__(self) -> bool:
        """Return whether the passage contains a word."""
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
        total, count = group.total(head, at), group.edges[at + 1] - group.edges[at]
        cut = head.cuts[self.language] + self.raised
        return head.slope * (head.logit(total, count, evidence) - cut)


@cache
def _known_words() -> WordCache[_KnownWord]:
    return WordCache(_known_word)


def _known_word(written: str) -> _KnownWord:
    word = _meant(written[:_MAX_WORD_CHARS])
    encoded = word.encode("utf-8", "surrogatepass")
    sums = _of_word(word)
    return _KnownWord(
        encoded,
        crc32(b"b" + encoded + b" "),
        crc32(b"s" + encoded + b" "),
        sums.tobytes(),
        len(sums),
        votes_of(word),
    )


def _words(text: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    """Yield the words in ``text[start:end]``; separated letters are joined to one word."""
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
    """Return a word with digits and foreign letters replaced by the letters that they imitate."""
    if word.isalpha() and (word.isascii() or not _MIXED.search(word)):
        return word
    if word.isdigit():
        return word
    for each in reversed(readings(word)):
        if each.isalpha():
            return each
    return word


def _next_gap(text: str, at: int) -> int:
    """Return the end of the word that contains offset ``at``; ``at`` itself outside of words."""
    if not 0 < at < len(text) or not _WORD.match(text[at - 1]):
        return at
    match = _WORD.match(text, at)
    return match.end() if match else at


def _last_gap(text: str, at: int) -> int:
    """Return the start of the word that contains offset ``at``; ``at`` itself outside of words."""
    if not 0 < at < len(text) or not _WORD.match(text[at]):
        return at
    while at and _WORD.match(text[at - 1]):
        at -= 1
    return at


def _of_word(word: str) -> array[int]:
    """Return the checksums of the features that depend on the word alone."""
    framed = f"_{word}_"
    places = _runs_of_letters(len(framed))
    if framed.isascii():
        raw = framed.encode()
        runs = [raw[each] for each in places]
    else:
        runs = [framed[each].encode("utf-8", "surrogatepass") for each in places]
    sums = array("I", map(crc32, runs, repeat(_LETTERS_MARK)))
    sums.append(crc32(word.encode("utf-8", "surrogatepass"), _WORD_MARK))
    return sums


@cache
def _runs_of_letters(length: int) -> list[slice]:
    return [slice(i, i + size) for size in _LETTERS for i in range(length - size + 1)]
