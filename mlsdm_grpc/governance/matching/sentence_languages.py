"""Languages in which the text around a word may be written, detected by stop words."""

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
"""Bit mask of all languages with word tables."""
_OTHER: Final = len(JUDGED)
# Distance on each side of a word within which stop words decide its language, slots.
_REACH: Final = 6
# From this number of stop words on, languages with less than half as many are excluded.
_MANY: Final = 3
# Bits of the counter of one language in a sum of votes.
_VOTE_BITS: Final = 10
_MOST_VOTES: Final = (1 << _VOTE_BITS) - 1


def bit_of(language: str) -> int:
    """Return the bit of a language with word tables."""
    return 1 << JUDGED.index(language)


def surroundings(words: Sequence[str], slots: Sequence[int]) -> list[tuple[int, int]]:
    """Return the possible languages and the likely language of each word.

    Args:
        words: Case-folded words.
        slots: Slots of the words, ascending.

    Returns:
        Bit mask of the possible languages, and the bit of the likely one. If there are no stop
        words, or most are of another language, all languages are possible and none is likely. If
        two languages have equally many, none is likely.

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
    """Return the stop words of all languages for which there is a list."""
    return _table().keys()


def votes_of(word: str) -> int:
    """Return the languages in which ``word`` is a stop word, as votes that can be added.

    An integer of votes has one counter for each language, with a maximum of 1,023.
    """
    return _votes().get(word, 0)


def likeliest(votes: int) -> int:
    """Return the number of the language with the most stop words; of equal ones the first.

    Args:
        votes: Sum of the votes of at most 1,023 words, see :func:`votes_of`.

    Returns:
        Index of the language in ``JUDGED``; its length if there are no stop words or another
        language has more.
    """
    counts = _counts(votes)
    best = max(counts)
    return counts.index(best) if best else _OTHER


def _counts(votes: int) -> list[int]:
    return [votes >> at * _VOTE_BITS & _MOST_VOTES for at in range(_OTHER + 1)]


@cache
def _votes() -> dict[str, int]:
    """Return the votes of each stop word as an integer with one counter for each language."""
    return {word: sum(1 << at * _VOTE_BITS for at in numbers) for word, numbers in _table().items()}


@cache
def _table() -> dict[str, tuple[int, ...]]:
    """Return the language numbers of each stop word; the last number stands for other languages."""
    found = dict[str, set[int]]()
    for code, language in languages().items():
        at = JUDGED.index(code) if code in JUDGED else _OTHER
        for word in language.stop_words:
            found.setdefault(word, set()).add(at)
    return {
        word: tuple(sorted(numbers if numbers == {_OTHER} else numbers - {_OTHER}))
        for word, numbers in found.items()
    }
