"""Protobuf's wire format, for messages that are put together from encoded parts."""

from __future__ import annotations

__all__ = ["length_delimited", "varint"]


def varint(value: int) -> bytes:
    """Return a number that is not negative."""
    if value < 0x80:
        return bytes((value,))
    parts = bytearray()
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def length_delimited(number: int, body: bytes) -> bytes:
    """Return a field of a message, a string or bytes."""
    return varint(number << 3 | 2) + varint(len(body)) + body
