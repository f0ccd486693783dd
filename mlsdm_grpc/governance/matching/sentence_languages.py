"""Languages that the surroundings of a word may be in, by stop words: only their words count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Final

from mlsdm_grpc.lexical.tables import languages

__all__ = ["ANY", "JUDGED", "bit_of", "languages_with", "likeliest", "surroundings"]

JUDGED: Final = ("en", "de", "fr", "es", "uk")
"""Languages that have tables of words, ISO 639-1."""
ANY: Final = (1 << len(JUDGED)) - 1
"""Bits of all judged languages."""
_OTHER: Final = len(JUDGED)
_REACH: Final = 6
"""Slots on each side of a word whose stop words say which language it is in."""
_MANY: Final = 3
"""Stop words of one language from which it pushes out those with less than half as many."""


def bit_of(language: str) -> int:
    """Return the bit of a judged language."""
    return 1 << JUDGED.index(language)


def surroundings(words: Sequence[str], slots: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield for each word the languages that it may be in, and the one that it is likely in.

    Args:
        words: Case-folded.
        slots: Of the words, ascending; distances count in them.

    Yields:
        Bits of languages. All, and none as the likely one, where stop words are mixed, of another
        language, or missing.

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
    """Return the number in ``JUDGED`` of the language with most stop words, of equals the first.

    Args:
        votes: Of each word, see :func:`languages_with`.

    Returns:
        The length of ``JUDGED`` where no judged language leads.
    """
    counts = [0] * (_OTHER + 1)
    for numbers in votes:
        for at in numbers:
            counts[at] += 1
    best = max(counts)
    return counts.index(best) if best else _OTHER


@cache
def _table() -> dict[str, tuple[int, ...]]:
    """Return the languages of each stop word, by number; the last number is any other one."""
    found = dict[str, set[int]]()
    for code, language in languages().items():
        at = JUDGED.index(code) if code in JUDGED else _OTHER
        for word in language.stop_words:
            found.setdefault(word, set()).add(at)
    return {
        word: tuple(sorted(numbers if numbers == {_OTHER} else numbers - {_OTHER}))
        for word, numbers in found.items()
    }
