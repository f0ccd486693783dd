"""Test for texts without visible characters."""

from __future__ import annotations

from typing import Final

__all__ = ["is_blank"]

# First and last character of each range without a glyph: Default_Ignorable_Code_Point of Unicode
# 15, control characters, annotation marks, and the empty braille pattern.
_UNSEEN: Final = (
    *((0x00, 0x1F), (0x7F, 0x9F), (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C)),
    *((0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x200B, 0x200F)),
    *((0x202A, 0x202E), (0x2060, 0x206F), (0x2800, 0x2800), (0x3164, 0x3164)),
    *((0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFB)),
    *((0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF)),
)
_NOTHING: Final = frozenset(chr(i) for first, last in _UNSEEN for i in range(first, last + 1))


def is_blank(text: str) -> bool:
    """Return True if a text has only white space and characters without a glyph.

    Cost: O(number of characters before the first visible one).
    """
    return all(each.isspace() or each in _NOTHING for each in text)
