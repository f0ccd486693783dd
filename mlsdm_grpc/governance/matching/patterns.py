"""Patterns over classes of words, compiled from their written form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mlsdm_grpc.governance.matching.lexicon import Lexicon

__all__ = ["MAX_SPAN_SLOTS", "Element", "compile_pattern", "compile_phrase", "span_of"]

MAX_SPAN_SLOTS: Final = 14
"""Maximum number of slots from the first to the last word of a pattern."""
_PHRASE_GAP: Final = 3


@dataclass(frozen=True, slots=True)
class Element:
    """Word of a pattern: any word of ``classes``, after at most ``gap`` other words."""

    gap: int
    classes: tuple[int, ...]


def compile_pattern(pattern: str, lexicon: Lexicon, language: str) -> tuple[Element, ...]:
    """Return the elements of ``pattern``.

    Args:
        pattern: Words separated by blanks: class names in capitals, words and stems in lower case,
                alternatives joined by ``|``. A number between two words is the maximum number of
                other words between them; without a number it is 0. Example: ``"HOWTO 4 KILL|hurt* 2
                PERSON"``.
        lexicon: Lexicon that numbers the classes.
        language: Language of the classes; words and stems are valid in every language.
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
    """Return the elements of ``phrase``, a table entry such as ``pipe_bomb*`` or ``burn~down``."""
    return tuple(
        Element(_PHRASE_GAP if i and not j else 0, (lexicon.literal(word, language),))
        for i, part in enumerate(phrase.split("~"))
        for j, word in enumerate(part.split("_"))
    )


def span_of(elements: Sequence[Element]) -> int:
    """Return the maximum number of slots from the first to the last word of a match."""
    return sum(2 + element.gap for element in elements[1:])
