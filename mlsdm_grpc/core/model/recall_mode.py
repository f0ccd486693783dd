"""Search modes of recall."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["RecallMode"]


class RecallMode(IntEnum):
    """Basis of a search. The numbers are those of the contract."""

    AUTO = 1
    """Words and meaning for a query with words; only meaning for a query that has only a vector."""
    VECTOR = 2
    """Meaning: cosine of the vectors."""
    LEXICAL = 3
    """Words: BM25 of the texts."""
    HYBRID = 4
    """Words and meaning, fused into one score."""
