"""Ways to find memories."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["RecallMode"]


class RecallMode(IntEnum):
    """By what memories are found; the numbers are those of the contract."""

    AUTO = 1
    """By words and meaning for a text, by meaning alone for a vector without words."""
    VECTOR = 2
    """By meaning: the cosine of the vectors."""
    LEXICAL = 3
    """By words: BM25 of the texts."""
    HYBRID = 4
    """By both, fused into one score."""
