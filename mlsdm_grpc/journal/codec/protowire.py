"""Protobuf's wire format, for messages that are put together, or taken apart, by their parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from google.protobuf.message import DecodeError

__all__ = ["length_delimited", "parts", "varint"]

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_WIDTHS: Final = {_FIXED64: 8, _FIXED32: 4}
"""Bytes of a value by its wire type."""


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


def parts(view: memoryview, number: int) -> Iterator[tuple[memoryview, bool]]:
    """Yield the fields of a message in their order, without copying them.

    Args:
        view: The encoded message.
        number: Field of strings, bytes or messages that the caller looks for.

    Yields:
        For a field of that number its value and True, for any other its bytes with its tag and
        False.

    Raises:
        DecodeError: The bytes are not those of a message; groups are not supported.
    """
    at, wanted = 0, number << 3 | _LENGTH
    while at < len(view):
        begin = at
        tag, at = _number(view, at)
        if tag & 7 == _LENGTH:
            size, at = _number(view, at)
            value = at
            at += size
        elif tag & 7 == _VARINT:
            _, at = _number(view, at)
        else:
            at += _WIDTHS.get(tag & 7, len(view))
        if at > len(view):
            raise DecodeError("A field is cut off.")
        if tag == wanted:
            yield view[value:at], True
        else:
            yield view[begin:at], False


def _number(view: memoryview, at: int) -> tuple[int, int]:
    """Return the varint at a place, and the place behind it."""
    value = shift = 0
    while at < len(view):
        byte = view[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise DecodeError("A number is cut off.")
