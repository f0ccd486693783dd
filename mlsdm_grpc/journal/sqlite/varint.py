"""Variable-length integers of the SQLite file format."""

from __future__ import annotations

__all__ = ["read_varint"]


def read_varint(page: bytes, at: int) -> tuple[int, int]:
    """Return the integer at an offset of a page, and the offset after it."""
    value = 0
    for i in range(8):
        byte = page[at + i]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + i + 1
    return value << 8 | page[at + 8], at + 9
