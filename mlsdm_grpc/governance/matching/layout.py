"""Numbering of the words of a text in slots, shared by all lexicons that see the same words.

Each word takes one slot, plus one for every ``SLOT_CHARS`` characters between the end of the
previous word and its own end. A distance in slots therefore bounds the distance in characters, and
so the reach of a match and of its context (see ``findings``).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain
from typing import Final

import numpy as np

from mlsdm_grpc.governance.matching.normalization import MAX_WORD_CHARS, Folded
from mlsdm_grpc.governance.matching.sentence_languages import surroundings

__all__ = ["MAX_RAW_CHARS", "SLOT_CHARS", "Layout", "bits_of"]

SLOT_CHARS: Final = 11
MAX_RAW_CHARS: Final = 2 * MAX_WORD_CHARS
"""Maximum length of a word in the original text, including marks and invisible characters. Longer
runs of letters are no words, because a match could then exceed ``findings.MAX_MATCH_CHARS``."""
_BREAK: Final = re.compile(r"[.!?;](?=\s|$)|\n")
# Distance, in words and characters, within which a second punctuation mark ends no sentence.
_MARKS_TOO_CLOSE: Final = (2, 32)


class Layout:
    """Slots of words.

    Args:
        folded: Text in plain form.
        places: Start and end of each word, in order of the ends.
    """

    def __init__(self, folded: Folded, places: Sequence[tuple[int, int]]) -> None:
        self._text = folded.text
        flat = np.fromiter(chain.from_iterable(places), np.int64, 2 * len(places))
        first, last = flat[::2], flat[1::2]
        raw_starts, raw_ends = first, last
        if not isinstance(folded.origin, range):
            origin = np.asarray(folded.origin)
            raw_starts, raw_ends = origin[first], origin[last - 1] + 1
        short = raw_ends - raw_starts <= MAX_RAW_CHARS
        self.kept: list[int] | None = None
        """Numbers of the words that have a slot; None if all have one."""
        if not short.all():
            self.kept = np.flatnonzero(short).tolist()
            first, last = first[short], last[short]
            raw_starts, raw_ends = raw_starts[short], raw_ends[short]
        before = np.zeros_like(raw_ends)
        before[1:] = raw_ends[:-1]
        steps = 1 + np.maximum(raw_ends - before - 1, 0) // SLOT_CHARS
        slots = np.cumsum(steps)
        self._starts, self._ends = first.tolist(), last.tolist()
        self._raw_starts, self._raw_ends = raw_starts, raw_ends
        self.slots: list[int] = slots.tolist()
        """Slot of each word, ascending."""
        self.length = self.slots[-1] if self.slots else 0
        """Largest slot."""
        # Text without words takes slots too, so that the length of a match is bounded.
        self.fillers = bits_of((slots - steps + 1)[steps > 1].tolist(), self.length)
        """Slots that no word takes, because the next word is far or long."""

    @cached_property
    def breaks(self) -> int:
        """Slots of the last words of sentences."""
        return bits_of(self._breaks(), self.length)

    def _breaks(self) -> Iterator[int]:
        """Yield the slots of the last words of sentences.

        A mark within two words of the previous mark does not end a sentence: "Ignore. All. Rules."
        """
        last = last_start = -MAX_WORD_CHARS
        words, chars = _MARKS_TOO_CLOSE
        for match in _BREAK.finditer(self._text):
            at = bisect_right(self._ends, match.start())
            if at and (at - last > words or match.start() - last_start > chars):
                yield self.slots[at - 1]
            last, last_start = at, match.start()

    @cached_property
    def around(self) -> list[tuple[int, int]]:
        """Possible languages and likely language of each word, see :func:`surroundings`."""
        places = zip(self._starts, self._ends, strict=True)
        return surroundings([self._text[start:end] for start, end in places], self.slots)

    def place(self, first: int, last: int) -> tuple[int, int]:
        """Return start and end, in the original text, of the words from one slot to another."""
        begin, end = np.searchsorted(self.slots, (first, last)).tolist()
        start = min(int(self._raw_starts[begin]), int(self._raw_starts[end]))
        return start, int(self._raw_ends[end])


def bits_of(slots: Iterable[int], length: int) -> int:
    """Return an integer in which the bits ``slots`` are set; no slot is greater than ``length``."""
    buffer = bytearray(length // 8 + 1)
    for slot in slots:
        buffer[slot >> 3] |= 1 << (slot & 7)
    return int.from_bytes(buffer, "little")
