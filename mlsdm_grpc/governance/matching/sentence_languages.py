"""Languages in which the surroundings of a word may be written, determined by stop words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from itertools import repeat
from typing import Final

import numpy as np

from mlsdm_grpc.lexical.tables import languages

__all__ = ["ANY", "JUDGED", "bit_of", "likeliest", "stop_words", "surroundings", "votes_of"]

JUDGED: Final = ("en", "de", "fr", "es", "uk")
"""Languages with word tables, ISO 639-1."""
ANY: Final = (1 << len(JUDGED)) - 1
"""Bits of all languages with word tables."""
_OTHER: Final = len(JUDGED)
# Reach on each side of a word in which stop words decide its language, slots.
_REACH: Final = 6
# Number of stop words of one language that excludes languages with less than half as many.
_MANY: Final = 3
# Size of the counter of one language in a sum of votes.
_VOTE_BITS: Final = 10
_MOST_VOTES: Final = (1 << _VOTE_BITS) - 1


def bit_of(language: str) -> int:
    """Return the bit of a language with word tables."""
    return 1 << JUDGED.index(language)


def surroundings(words: Sequence[str], slots: Sequence[int]) -> list[tuple[int, int]]:
    """Return the possible languages and the likely language of each word.

    Args:
        words: Case-folded words.
        slots: Slots of the words, ascending; distances are measured in slots.

    Returns:
        Bits of possible languages, and the bit of the likely one. If stop words are mixed, of
        another language, or missing, all languages are possible and none is likely.

    Cost: O(len(words)), about 15 us and 150 ns a word.
    """
    at = np.asarray(slots)
    sums = np.zeros(len(words) + 1, np.int64)
    votes = map(_votes().get, words, repeat(0))
    np.cumsum(np.fromiter(votes, np.int64, len(words)), out=sums[1:])
    first, last = np.searchsorted(at, at - _REACH), np.searchsorted(at, at + _REACH, "right")
    return list(map(_decided, (sums[last] - sums[first]).tolist()))


@lru_cache(maxsize=4096)
def _decided(votes: int) -> tuple[int, int]:
    counts = _counts(votes)
    best = max(counts)
    if not best or counts[_OTHER] == best:
        return ANY, 0
    possible = ANY
    if best >= _MANY:
        possible = sum(1 << at for at in range(_OTHER) if 2 * counts[at] >= best)
    leaders = [at for at, count in enumerate(counts) if count == best]
    return possible, 1 << leaders[0] if len(leaders) == 1 else 0


def stop_words() -> Iterable[str]:
    """Return the stop words of all languages that have some."""
    return _table().keys()


def votes_of(word: str) -> int:
    """Return the languages that have ``word`` as a stop word, as votes that can be added up.

    A sum of votes has one counter for each language, which counts to 1,023.
    """
    return _votes().get(word, 0)


def likeliest(votes: int) -> int:
    """Return the number in ``JUDGED`` of the language with most stop words; the first of equals.

    Args:
        votes: Sum of the votes of at most 1,023 words, see :func:`votes_of`.

    Returns:
        Number of the language; the length of ``JUDGED`` if no supported language leads.
    """
    counts = _counts(votes)
    best = max(counts)
    return counts.index(best) if best else _OTHER


def _counts(votes: int) -> list[int]:
    return [votes >> at * _VOTE_BITS & _MOST_VOTES for at in range(_OTHER + 1)]


@cache
def _votes() -> dict[str, int]:
    """Return the votes of each stop word as one integer, in which each language has a digit."""
    return {word: sum(1 << at * _VOTE_BITS for at in numbers) for word, numbers in _table().items()}


@cache
def _table() -> dict[str, tuple[int, ...]]:
    """Return the languages of each stop word, by number; the last number is any other language."""
    found = dict[str, set[int]]()
    for code, language in languages().items():
        at = JUDGED.index(code) if code in JUDGED else _OTHER
        for word in language.stop_words:
            found.setdefault(word, set()).add(at)
    return {
        word: tuple(sorted(numbers if numbers == {_OTHER} else numbers - {_OTHER}))
        for word, numbers in found.items()
    }
