"""Lexicon of words and their classes, built from tables of stems.

A table maps the name of a class to entries separated by blanks. An entry is a word, a stem, or a
phrase. A word (``gun``) also matches with an ending: one letter for words of four letters or more,
up to two letters for words of five or more. A stem matches every word that begins with it
(``kill*``) or ends with it (``*bombe``). A phrase combines these (``pipe_bomb*``); ``~`` instead of
``_`` allows up to three words between. Words of the class ``NONE`` belong to no other class of
their language. Classes with the same name in different languages are different classes.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from mlsdm_grpc.governance.matching.confusables import confusables
from mlsdm_grpc.governance.matching.normalization import plain, readings
from mlsdm_grpc.governance.matching.sentence_languages import ANY, bit_of
from mlsdm_grpc.governance.matching.word_cache import WordCache

__all__ = ["Lexicon", "Table"]

Table = Mapping[str, str]

# Maximum number of letters of a stem in the search.
_LONGEST: Final = 16
_SHORTEST: Final = 3
# Number of first letters that are compared first, which rules out most words.
_FIRST: Final = 4
# Minimum length of a word that also matches with an ending of one letter, letters; an ending of two
# letters requires one letter more.
_INFLECTED: Final = 4
_ENDING: Final = 2
# Minimum length of a word that is also searched in Latin transliteration; shorter ones are
# ambiguous.
_ROMANISED: Final = 5
_TRANSLITERATED: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})


class Lexicon:
    """Classes of words. Class numbers follow the order of first use."""

    def __init__(self) -> None:
        self._ids: dict[tuple[str, str], int] = {}
        self.languages: list[int] = []
        """Bits of the languages in which each class is valid, by class number."""
        self._exact: dict[str, set[int]] = {}
        self._heads: dict[str, set[int]] = {}
        self._tails: dict[str, set[int]] = {}
        # Bits of the languages in which a word belongs to no class.
        self._none: dict[str, int] = {}
        self._literals: set[tuple[str, str]] = set()
        # Length of the longest word or stem, by its first four letters.
        self._longest: dict[str, int] = {}
        # Words with fewer than four letters.
        self._short: set[str] = set()
        # First three letters of all words and stems that are searched within joined letters.
        self._starts: set[str] = set()
        # Last three letters of the stems that match the ends of words.
        self._stops: set[str] = set()
        self.classes = WordCache(self._classes).__getitem__

    def __len__(self) -> int:
        return len(self._ids)

    def id_of(self, name: str, language: str = "") -> int:
        """Return the number of the class ``name`` of ``language``; a new class gets a new number.

        An empty ``language`` means that the class is valid in every language.
        """
        number = self._ids.setdefault((name, language), len(self._ids))
        if number == len(self.languages):
            self.languages.append(bit_of(language) if language else ANY)
        return number

    def literal(self, entry: str, language: str = "") -> int:
        """Return the number of the class whose only entry is the word or stem ``entry``."""
        number = self.id_of("=" + entry, language)
        if (entry, language) not in self._literals:
            self._literals.add((entry, language))
            self._add(entry, number)
        return number

    def add(self, table: Table, language: str) -> list[tuple[str, str]]:
        """Add the words of ``table``; return its phrases as pairs (class name, phrase)."""
        phrases = []
        for name, entries in table.items():
            for entry in entries.replace("-", "_").split():
                if "_" in entry or "~" in entry:
                    phrases.append((name, entry))
                # A word of the class NONE is an exception: it suppresses the classes that its stem
                # gives it.
                elif name == "NONE":
                    for spelling in _spellings(entry):
                        self._none[spelling] = self._none.get(spelling, 0) | bit_of(language)
                else:
                    self._add(entry, self.id_of(name, language))
        return phrases

    def _add(self, entry: str, number: int) -> None:
        if entry.endswith("*"):
            into = self._heads
        elif entry.startswith("*"):
            into = self._tails
        else:
            into = self._exact
        for spelling in _spellings(entry.strip("*")):
            into.setdefault(spelling, set()).add(number)
            if into is self._tails:
                self._stops.add(spelling[-_SHORTEST:])
            else:
                self._starts.add(spelling[:_SHORTEST])
                first = spelling[:_FIRST]
                if len(first) == _FIRST:
                    self._longest[first] = max(self._longest.get(first, 0), len(spelling))
                elif into is self._exact:
                    self._short.add(spelling)

    def _classes(self, word: str) -> tuple[int, ...]:
        """Return the classes of a word of plain text, over all its readings."""
        found: set[int] = set()
        barred = 0
        none, stops, heads, short = self._none, self._stops, self._heads, self._short
        longest_of = self._longest.get
        for reading in readings(word):
            if reading in none:
                barred |= none[reading]
            longest = longest_of(reading[:_FIRST], 0)
            if longest or reading in short or reading[:2] in heads or reading[:3] in heads:
                found.update(*self._beginning(reading, longest))
            if reading[-_SHORTEST:] in stops:
                for length in range(_SHORTEST, min(len(reading), _LONGEST) + 1):
                    found.update(self._tails.get(reading[-length:], ()))
        # An exception applies in its own languages only.
        if barred:
            return tuple(each for each in found if self.languages[each] & ~barred)
        return tuple(found)

    def _beginning(self, reading: str, longest: int) -> list[Iterable[int]]:
        """Return the classes of words equal to ``reading``, and of stems that begin it.

        Args:
            reading: Word to search.
            longest: Length of the longest word or stem with the same first letters; 0 if only
                short ones can match.
        """
        exact, heads, length = self._exact, self._heads, len(reading)
        inflected = (
            reading[:-ending]
            for ending in range(1, _ENDING + 1)
            if length >= _INFLECTED + 2 * ending - 1
        )
        last = min(length, max(longest, _SHORTEST), _LONGEST)
        stems = (reading[:size] for size in range(2, last + 1))
        found: list[Iterable[int]] = [exact[reading]] if reading in exact else []
        found += (exact[each] for each in inflected if each in exact)
        found += (heads[each] for each in stems if each in heads)
        return found

    def words_within(self, letters: str) -> Iterator[tuple[int, int]]:
        """Yield start and end of the longest words and stems in ``letters``, none inside another.

        Cost: O(len(letters)).
        """
        letters = letters.translate(confusables().leet)
        covered = 0
        for start in range(len(letters) - _SHORTEST + 1):
            if letters[start : start + _SHORTEST] not in self._starts:
                continue
            for end in range(min(start + _LONGEST, len(letters)), start + _SHORTEST - 1, -1):
                word = letters[start:end]
                if word in self._exact or word in self._heads:
                    if end > covered:
                        yield start, end
                        covered = end
                    break


def _spellings(entry: str) -> set[str]:
    """Return the spellings of ``entry``: as is, without accents, with ae, oe, ue, and in Latin."""
    entry = plain(entry).text
    bare = "".join(
        each for each in unicodedata.normalize("NFD", entry) if not unicodedata.combining(each)
    )
    romanised = entry.translate(confusables().romanised) if len(entry) >= _ROMANISED else entry
    return {entry, bare, entry.translate(_TRANSLITERATED), romanised}
