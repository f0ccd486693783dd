"""Search modes of recall."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["RecallMode"]


class RecallMode(IntEnum):
    """Basis of a search; the numbers are those of the contract."""

    AUTO = 1
    """Words and meaning for a text query; meaning alone for a vector query without words."""
    VECTOR = 2
    """Meaning: cosine of the vectors."""
    LEXICAL = 3
    """Words: BM25 of the texts."""
    HYBRID = 4
    """Words and meaning, fused into one score."""
