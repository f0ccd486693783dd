"""Words of a plain text, computed once for all lexicons."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mlsdm_grpc.governance.matching.character_kinds import (
    JOINT,
    LEAD,
    LETTER,
    MARK,
    SIGN,
    kinds_of,
    runs,
)
from mlsdm_grpc.governance.matching.layout import Layout
from mlsdm_grpc.governance.matching.normalization import WORD, Folded, spelled

__all__ = ["PlainWords"]

_JOINT_SIGNS: Final = "-.*~·"
_CHAIN: Final = re.compile(r"(?<![^\W_])(?=([^\W_]{1,12}(?:[\-.*~·][^\W_]{1,12}){1,3})(?![^\W_]))")
_JOINTS: Final = str.maketrans("", "", _JOINT_SIGNS)
_TOKEN: Final = re.compile(r"[\w']+")
_ELIDED: Final = re.compile(r"(?:[cdjlmnst]|qu)'(?=.)")
# Length up to which regular expressions are faster than arrays, characters.
_SHORT_CHARS: Final = 160
# Maximum distance from the first of three separated letters to the third, characters.
_SPELLED_CHARS: Final = 8


class PlainWords:
    """Words of a plain text; the result equals the matches of ``normalization.WORD``.

    Args:
        folded: Text in plain form.

    Cost: O(len(text)), about 25 us plus 0.1 us a word.
    """

    def __init__(self, folded: Folded) -> None:
        self.folded = folded
        self.places: list[tuple[int, int]]
        """Start of each word, and end of each word (exclusive), characters."""
        self.words: list[str]
        """Text of each word."""
        self.spelled: list[list[int]]
        """Runs of separated letters, see :func:`normalization.spelled`."""
        self.chained: list[tuple[int, int, str]] = []
        """Letters joined by signs: start, end, and the word without the signs."""
        self._layouts: dict[tuple[tuple[int, int], ...], Layout] = {}
        self._kinds: NDArray[np.uint8] | None = None
        # Arrays are faster from about forty words on.
        if len(folded.text) <= _SHORT_CHARS:
            self._find_by_expressions(folded.text)
        else:
            self._find_by_arrays(folded.text)

    def _find_by_expressions(self, text: str) -> None:
        self.places, self.words = _matches(WORD, text)
        self.spelled = list(spelled(text))
        if any(each in text for each in _JOINT_SIGNS):
            self.chained = [
                (match.start(), match.end(1), match[1].translate(_JOINTS))
                for match in _CHAIN.finditer(text)
            ]

    def _find_by_arrays(self, text: str) -> None:
        self._kinds = kinds = kinds_of(text)
        there = int(np.bitwise_or.reduce(kinds))
        letters = (kinds & LETTER).view(np.bool_)
        starts, ends = runs(letters)
        single = starts[ends - starts == 1]
        close = len(single) > 2 and np.any(single[2:] - single[:-2] <= _SPELLED_CHARS)
        self.spelled = list(spelled(text)) if close else []
        if there & JOINT:
            self.chained = self._chained(text, starts, ends)
        if there & SIGN:
            starts, ends = _with_signs(text, kinds, letters)
        self.places = list(zip(starts.tolist(), ends.tolist(), strict=True))
        self.words = [text[start:end] for start, end in self.places]

    def _chained(
        self, text: str, starts: NDArray[np.int64], ends: NDArray[np.int64]
    ) -> list[tuple[int, int, str]]:
        """Return the words with signs between letters, found from the runs of letters."""
        found = []
        for at in np.flatnonzero(starts[1:] - ends[:-1] == 1).tolist():
            match = _CHAIN.match(text, int(starts[at]))
            if match:
                found.append((match.start(), match.end(1), match[1].translate(_JOINTS)))
        return found

    @cached_property
    def tokens(self) -> tuple[list[tuple[int, int]], list[str]]:
        """Places and texts of the runs of letters, digits, underscores and apostrophes.

        Unlike the words, they include underscores and apostrophes but no other signs.
        """
        if self._kinds is None:
            return _matches(_TOKEN, self.folded.text)
        starts, ends = runs(self._kinds & (LETTER | MARK) != 0)
        places = list(zip(starts.tolist(), ends.tolist(), strict=True))
        if places == self.places:
            return places, self.words
        return places, [self.folded.text[start:end] for start, end in places]

    @cached_property
    def elided(self) -> list[tuple[int, int]]:
        """Words with a French elision: number of the word, and length of the elided article."""
        if "'" not in self.folded.text:
            return []
        found = ((i, _ELIDED.match(each)) for i, each in enumerate(self.words) if "'" in each)
        return [(i, match.end()) for i, match in found if match]

    def layout(
        self, edits: tuple[tuple[int, int], ...], places: Sequence[tuple[int, int]]
    ) -> Layout:
        """Return the slots of words; layouts are cached by ``edits``.

        Args:
            edits: Differences between ``places`` and the words of this text.
            places: Start and end of each word, in order of the ends.
        """
        found = self._layouts.get(edits)
        if found is None:
            found = self._layouts[edits] = Layout(self.folded, places)
        return found


def _matches(pattern: re.Pattern[str], text: str) -> tuple[list[tuple[int, int]], list[str]]:
    """Return the places and the texts of all matches."""
    matches = list(pattern.finditer(text))
    return [match.span() for match in matches], [match[0] for match in matches]


def _with_signs(
    text: str, kinds: NDArray[np.uint8], letters: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places of words in a text with signs that count as letters between letters."""
    inside = letters.copy()
    inside[1:-1] |= (kinds[1:-1] & SIGN != 0) & letters[:-2] & letters[2:]
    starts, ends = runs(inside)
    starts = starts - (kinds[starts - 1] & LEAD != 0) * (starts > 0)
    if "$$" in text:
        doubled = [text.startswith("$$", end) for end in ends.tolist()]
        ends = ends + 2 * np.array(doubled)
        # A sign at the end of a word does not also begin the next word.
        starts[1:] = np.maximum(starts[1:], ends[:-1])
    return starts, ends
