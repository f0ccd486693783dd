"""Patterns over classes of words, matched against all words of a text at once.

A text becomes one integer for each class, in which a bit marks a slot with a word of the class. A
pattern is matched with a few shifts and intersections of these integers, so the cost depends on the
length of the text and not on its content.

Slots: each word takes one, and one more for every ``SLOT_CHARS`` characters between the end of the
word before it and its own end. Distances in slots are thereby distances in characters, which bounds
the reach of a match and of its context (see ``findings``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mlsdm_grpc.governance.matching.lexicon import Lexicon
from mlsdm_grpc.governance.matching.normalization import MAX_WORD_CHARS, WORD, Folded, spelled
from mlsdm_grpc.governance.matching.sentence_languages import surroundings

__all__ = [
    "MAX_RAW_CHARS",
    "MAX_SPAN_SLOTS",
    "SLOT_CHARS",
    "Element",
    "Slots",
    "compile_pattern",
    "compile_phrase",
    "span_of",
]

SLOT_CHARS: Final = 11
MAX_RAW_CHARS: Final = 2 * MAX_WORD_CHARS
"""Length in the original text, with marks and invisible characters, above which a run of letters is
no word; longer ones could make a match exceed ``findings.MAX_MATCH_CHARS``."""
MAX_SPAN_SLOTS: Final = 14
"""Largest number of slots from the first to the last word of a pattern."""
_PHRASE_GAP: Final = 3
_BREAK: Final = re.compile(r"[.!?;](?=\s|$)|\n")
_CHAINED: Final = re.compile(
    r"(?<![^\W_])(?=([^\W_]{1,12}(?:[\-.*~·][^\W_]{1,12}){1,3})(?![^\W_]))"
)
_JOINTS: Final = str.maketrans("", "", "-.*~·")
_ELIDED: Final = re.compile(r"(?:[cdjlmnst]|qu)'(?=.)")
# Numbers of words and characters after a mark within which another mark does not end a sentence.
_MARKS_TOO_CLOSE: Final = (2, 32)


@dataclass(frozen=True, slots=True)
class Element:
    """Word of a pattern: of any of ``classes``, with up to ``gap`` other words before it."""

    gap: int
    classes: tuple[int, ...]


def compile_pattern(pattern: str, lexicon: Lexicon, language: str) -> tuple[Element, ...]:
    """Return the elements of ``pattern``.

    Args:
        pattern: Words separated by blanks: class names in capitals, words and stems in lower case,
            alternatives joined by ``|``. A number between two words allows that many other words
            between them; without a number there are none. Example: ``"HOWTO 4 KILL|hurt* 2
            PERSON"``.
        lexicon: Lexicon that numbers the classes.
        language: Language of the classes; words and stems count in every language.
    """
    elements = []
    gap = 0
    for part in pattern.split():
        if part.isdigit():
            gap = int(part)
            continue
        names = part.split("|")
        ids = (lexicon.id_of(n, language) if n[0].isupper() else lexicon.literal(n) for n in names)
        elements.append(Element(gap, tuple(ids)))
        gap = 0
    return tuple(elements)


def compile_phrase(phrase: str, lexicon: Lexicon, language: str) -> tuple[Element, ...]:
    """Return the elements of ``phrase``, an entry of a table: ``pipe_bomb*``, ``burn~down``."""
    return tuple(
        Element(_PHRASE_GAP if i and not j else 0, (lexicon.literal(word, language),))
        for i, part in enumerate(phrase.split("~"))
        for j, word in enumerate(part.split("_"))
    )


def span_of(elements: Sequence[Element]) -> int:
    """Return the largest number of slots from the first word of a match to the last."""
    return sum(2 + element.gap for element in elements[1:])


class Slots:
    """Words of one text by class and slot."""

    def __init__(self, text: Folded, lexicon: Lexicon) -> None:
        self._starts: dict[int, int] = {}
        self._ends: dict[int, int] = {}
        self._fillers = 0
        self._breaks = 0
        self._languages = lexicon.languages
        self._bits = [0] * len(lexicon)
        self._phrases = [0] * len(lexicon)
        self._place(text, lexicon)

    def _place(self, text: Folded, lexicon: Lexicon) -> None:
        fillers: list[int] = []
        slot = last_end = 0
        origin = text.origin
        words = sorted(_words(text.text, lexicon))
        words = [each for each in words if origin[each[0] - 1] - origin[each[1]] < MAX_RAW_CHARS]
        ends: list[tuple[int, int]] = []
        for end, start, _ in words:
            raw_end = origin[end - 1] + 1
            step = 1 + max(raw_end - last_end - 1, 0) // SLOT_CHARS
            # Long distances without words still count, so that a match has a bounded length.
            if step > 1:
                fillers.append(slot + 1)
            slot += step
            last_end = raw_end
            ends.append((end, slot))
            self._starts[slot] = origin[start]
            self._ends[slot] = raw_end
        self._fillers = _bits(fillers, slot)
        self._breaks = _bits(_breaks(text.text, ends), slot)
        members: dict[int, list[int]] = {}
        likely_in: dict[int, list[int]] = {}
        languages = lexicon.languages
        around = surroundings(
            [text.text[start:end] for end, start, _ in words], [each for _, each in ends]
        )
        for (_, _, classes), (_, slot), (possible, likely) in zip(words, ends, around, strict=True):
            for each in classes:
                if languages[each] & possible:
                    members.setdefault(each, []).append(slot)
            if classes and likely:
                likely_in.setdefault(likely, []).append(slot)
        for each, slots in members.items():
            self._bits[each] = _bits(slots, slot)
        self._likely = {each: _bits(slots, slot) for each, slots in likely_in.items()}
        self._present = set(members)

    def any_of(self, classes: Sequence[int]) -> int:
        """Return the slots of words of any of ``classes``."""
        found = 0
        for each in classes:
            found |= self._bits[each]
        return found

    def present(self) -> list[int]:
        """Return the classes of the words in the text in order, including dropped ones."""
        return sorted(self._present)

    def add(self, number: int, slots: int) -> None:
        """Add the words in ``slots`` to the class ``number``."""
        self._bits[number] |= slots
        self._phrases[number] |= slots
        self._present.add(number)

    def drop(self, number: int, slots: int) -> None:
        """Remove the words in ``slots`` from the class ``number``."""
        self._bits[number] &= ~slots

    def match(self, elements: Sequence[Element]) -> list[int]:
        """Return the slots of each element of the matches; the last ones are the ends of matches.

        The result is empty without a match.
        """
        found = self.any_of(elements[0].classes)
        if len(elements) == 1:
            found &= self._sure(elements[0].classes)
        stages = [found]
        for element in elements[1:]:
            if not found:
                return []
            found = self._reach(found, element.gap) & self.any_of(element.classes)
            stages.append(found)
        return stages if found else []

    def _sure(self, classes: Sequence[int]) -> int:
        """Return the slots in which a word of ``classes`` counts alone.

        Such a word is part of a phrase, or its surroundings are likely in its language.
        """
        sure = 0
        for each in classes:
            sure |= self._phrases[each]
            for language, slots in self._likely.items():
                if language & self._languages[each]:
                    sure |= slots
        return sure

    def _reach(self, slots: int, gap: int) -> int:
        going = ~self._breaks
        reached = (slots & going) << 1
        reached |= (reached & self._fillers) << 1
        for _ in range(gap):
            reached |= (reached & going) << 1
        return reached

    def near(self, slots: int, before: int, after: int, *, within_sentence: bool = False) -> int:
        """Return the slots up to ``after`` slots behind and ``before`` slots ahead of ``slots``.

        Args:
            slots: Slots of the words that have an effect.
            before: Reach of the effect on earlier words, slots.
            after: Reach of the effect on later words, slots.
            within_sentence: Whether the effect ends at the end of the sentence.
        """
        going = ~self._breaks if within_sentence else -1
        forward = backward = slots
        for _ in range(after):
            forward |= (forward & going) << 1
        for _ in range(before):
            backward |= (backward >> 1) & going
        return forward | backward

    def places(
        self, elements: Sequence[Element], stages: Sequence[int]
    ) -> Iterator[tuple[int, int]]:
        """Yield the start and end of each match in the original text, in order of their ends."""
        ends = stages[-1]
        while ends:
            lowest = ends & -ends
            ends ^= lowest
            at = last = lowest.bit_length() - 1
            for element, stage in zip(elements[:0:-1], stages[-2::-1], strict=True):
                reach = 2 + element.gap
                first = max(at - reach, 0)
                window = (stage >> first) & ((1 << (at - first)) - 1)
                at = first + window.bit_length() - 1
            yield min(self._starts[at], self._starts[last]), self._ends[last]


def _words(text: str, lexicon: Lexicon) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """Yield the end, start and classes of each word, including words without a class."""
    classes_of = lexicon.classes
    letters_of_words: set[int] = set()
    for letters in spelled(text):
        joined = "".join(text[i] for i in letters)
        for first, end in lexicon.words_within(joined):
            letters_of_words.update(letters[first:end])
            yield letters[end - 1] + 1, letters[first], classes_of(joined[first:end])
    for match in _CHAINED.finditer(text):
        # Letters joined by signs are read as one word as well.
        classes = classes_of(match[1].translate(_JOINTS))
        if classes:
            yield match.end(1), match.start(), classes
    for match in WORD.finditer(text):
        start, end = match.span()
        if start in letters_of_words:
            continue
        word = match[0]
        classes = classes_of(word)
        # French elision: the article belongs to no class.
        elided = None if classes else _ELIDED.match(word)
        if elided:
            yield start + elided.end(), start, classes_of(elided[0])
            start, word = start + elided.end(), word[elided.end() :]
            classes = classes_of(word)
        yield end, start, classes


def _breaks(text: str, ends: Sequence[tuple[int, int]]) -> Iterator[int]:
    """Yield the slots of words that end a sentence.

    A mark within one or two words of the mark before it ends no sentence: "Ignore. All. Rules."
    """
    at = 0
    last = last_start = -MAX_WORD_CHARS
    words, chars = _MARKS_TOO_CLOSE
    for match in _BREAK.finditer(text):
        while at < len(ends) and ends[at][0] <= match.start():
            at += 1
        if at and (at - last > words or match.start() - last_start > chars):
            yield ends[at - 1][1]
        last, last_start = at, match.start()


def _bits(slots: Iterable[int], length: int) -> int:
    buffer = bytearray(length // 8 + 1)
    for slot in slots:
        buffer[slot >> 3] |= 1 << (slot & 7)
    return int.from_bytes(buffer, "little")
