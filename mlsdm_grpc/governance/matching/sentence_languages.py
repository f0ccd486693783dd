"""Languages in which the surroundings of a word may be written, determined by stop words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Final

from mlsdm_grpc.lexical.tables import languages

__all__ = ["ANY", "JUDGED", "bit_of", "languages_with", "likeliest", "surroundings"]

JUDGED: Final = ("en", "de", "fr", "es", "uk")
"""Languages with word tables, ISO 639-1."""
ANY: Final = (1 << len(JUDGED)) - 1
"""Bits of all languages with word tables."""
_OTHER: Final = len(JUDGED)
# Reach on each side of a word in which stop words decide its language, slots.
_REACH: Final = 6
# Number of stop words of one language that excludes languages with less than half as many.
_MANY: Final = 3


def bit_of(language: str) -> int:
    """Return the bit of a language with word tables."""
    return 1 << JUDGED.index(language)


def surroundings(words: Sequence[str], slots: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield for each word its possible languages and its likely language.

    Args:
        words: Case-folded words.
        slots: Slots of the words, ascending; distances are measured in slots.

    Yields:
        Bits of possible languages, and the bit of the likely one. If stop words are mixed, of
        another language, or missing, all languages are possible and none is likely.

    Cost: O(len(words)).
    """
    table = _table()
    votes = [table.get(word, ()) for word in words]
    counts = [0] * (_OTHER + 1)
    first = last = 0
    known: tuple[int, ...] = ()
    result = (ANY, 0)
    for slot in slots:
        while last < len(words) and slots[last] <= slot + _REACH:
            for at in votes[last]:
                counts[at] += 1
            last += 1
        while slots[first] < slot - _REACH:
            for at in votes[first]:
                counts[at] -= 1
            first += 1
        now = tuple(counts)
        # The counts rarely change from word to word, so the last result is reused.
        if now != known:
            known, result = now, _decided(now)
        yield result


@cache
def _decided(counts: tuple[int, ...]) -> tuple[int, int]:
    best = max(counts)
    if not best or counts[_OTHER] == best:
        return ANY, 0
    possible = ANY
    if best >= _MANY:
        possible = sum(1 << at for at in range(_OTHER) if 2 * counts[at] >= best)
    leaders = [at for at, count in enumerate(counts) if count == best]
    return possible, 1 << leaders[0] if len(leaders) == 1 else 0


def languages_with(word: str) -> tuple[int, ...]:
    """Return the numbers of the languages that have ``word`` as a stop word; see ``likeliest``."""
    return _table().get(word, ())


def likeliest(votes: Iterable[tuple[int, ...]]) -> int:
    """Return the number in ``JUDGED`` of the language with most stop words; the first of equals.

    Args:
        votes: Languages of each word, see :func:`languages_with`.

    Returns:
        Number of the language; the length of ``JUDGED`` if no supported language leads.
    """
    counts = [0] * (_OTHER + 1)
    for numbers in votes:
        for at in numbers:
            counts[at] += 1
    best = max(counts)
    return counts.index(best) if best else _OTHER


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
