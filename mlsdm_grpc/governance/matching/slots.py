"""Words of a text by class and slot, and matches of patterns among them.

Each class is one integer, in which a bit marks a slot with a word of the class. A pattern is
matched by a few shifts and ANDs of these integers, so the cost depends only on the length of the
text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property

from mlsdm_grpc.governance.matching.layout import Layout, bits_of
from mlsdm_grpc.governance.matching.lexicon import Lexicon
from mlsdm_grpc.governance.matching.patterns import Element

__all__ = ["Slots"]


class Slots:
    """Words of one text by class and slot.

    Args:
        layout: Slots of the words.
        classes: Classes of each word.
        lexicon: Lexicon that numbers the classes.
        read: Classes that are needed; other classes get no slots.
    """

    def __init__(
        self,
        layout: Layout,
        classes: Sequence[tuple[int, ...]],
        lexicon: Lexicon,
        read: AbstractSet[int],
    ) -> None:
        self._layout = layout
        self._classes = [classes[i] for i in layout.kept] if layout.kept is not None else classes
        self._languages = lexicon.languages
        self._members = self._of_words(read)
        self._bits: dict[int, int] = {}
        self._phrases: dict[int, int] = {}
        # Cache of slots of several classes; cleared when a class changes.
        self._unions: dict[tuple[int, ...], int] = {}
        self._going = ~layout.breaks
        self._fillers = layout.fillers

    def _of_words(self, read: AbstractSet[int]) -> dict[int, list[int]]:
        """Return the slots of the words of each class that is valid in a possible language."""
        members: dict[int, list[int]] = {}
        languages, around, slots = self._languages, self._layout.around, self._layout.slots
        for at, classes in enumerate(self._classes):
            if not read.isdisjoint(classes):
                for each in classes:
                    if each in read and languages[each] & around[at][0]:
                        members.setdefault(each, []).append(slots[at])
        return members

    @cached_property
    def _likely(self) -> dict[int, int]:
        """Slots of words that have a class, by the bit of their likely language."""
        found: dict[int, list[int]] = {}
        words = zip(self._classes, self._layout.slots, self._layout.around, strict=True)
        for classes, slot, (_, likely) in words:
            if classes and likely:
                found.setdefault(likely, []).append(slot)
        return {each: bits_of(slots, self._layout.length) for each, slots in found.items()}

    def _of(self, number: int) -> int:
        """Return the slots of the words of one class, as bits."""
        bits = self._bits.get(number)
        if bits is None:
            slots = self._members.get(number)
            bits = bits_of(slots, self._layout.length) if slots else 0
            self._bits[number] = bits
        return bits

    def any_of(self, classes: tuple[int, ...]) -> int:
        """Return the slots of the words of any of ``classes``, as bits."""
        found = self._unions.get(classes)
        if found is None:
            found = 0
            for each in classes:
                found |= self._of(each)
            self._unions[classes] = found
        return found

    def present(self) -> AbstractSet[int]:
        """Return the classes that a word or phrase of the text has."""
        return self._members.keys() | self._phrases.keys()

    def add(self, number: int, slots: int) -> None:
        """Add the words in ``slots`` to the class ``number``."""
        self._unions.clear()
        self._bits[number] = self._of(number) | slots
        self._phrases[number] = self._phrases.get(number, 0) | slots

    def drop(self, number: int, slots: int) -> None:
        """Remove the words in ``slots`` from the class ``number``."""
        self._unions.clear()
        self._bits[number] = self._of(number) & ~slots

    def match(self, elements: Sequence[Element]) -> list[int]:
        """Return for each element the slots of its words in matches; the last are match ends.

        The result is empty if nothing matches.
        """
        found = self.any_of(elements[0].classes)
        if len(elements) == 1 and found:
            found &= self._sure(elements[0].classes)
        stages = [found]
        for element in elements[1:]:
            if not found:
                return []
            found = self._reach(found, element.gap) & self.any_of(element.classes)
            stages.append(found)
        return stages if found else []

    def _sure(self, classes: Sequence[int]) -> int:
        """Return the slots in which a word of ``classes`` is enough for a match of one word.

        Such a word is part of a phrase, or the likely language around it is that of the class.
        """
        sure = 0
        for each in classes:
            sure |= self._phrases.get(each, 0)
            for language, slots in self._likely.items():
                if language & self._languages[each]:
                    sure |= slots
        return sure

    def _reach(self, slots: int, gap: int) -> int:
        reached = (slots & self._going) << 1
        reached |= (reached & self._fillers) << 1
        for _ in range(gap):
            reached |= (reached & self._going) << 1
        return reached

    def near(self, slots: int, before: int, after: int, *, within_sentence: bool = False) -> int:
        """Return ``slots`` with up to ``before`` slots ahead of and ``after`` slots behind each.

        Args:
            slots: Slots of words that affect their surroundings.
            before: Number of affected slots before such a word.
            after: Number of affected slots after such a word.
            within_sentence: Whether only slots of the same sentence are affected.
        """
        going = self._going if within_sentence else -1
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
            yield self._layout.place(at, last)
