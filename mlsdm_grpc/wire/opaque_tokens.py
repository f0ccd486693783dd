"""Opaque tokens for clients: numbers bound to the values they are valid for.

A token contains a digest of those values, so a token for other values, or from another service, is
recognised as invalid. A token keeps no secret and does not authenticate its holder.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct

__all__ = ["OpaqueToken"]

_VERSION = 1
_DIGEST_BYTES = 12


class OpaqueToken:
    """Encoder and decoder of one kind of token.

    Args:
        count: Quantity of numbers in a token, each in the range of int64.
    """

    def __init__(self, count: int) -> None:
        self._struct = struct.Struct(f"<B{count}q{_DIGEST_BYTES}s")

    def encode(self, numbers: tuple[int, ...], *bound_to: str) -> str:
        """Return a token for ``numbers`` that is valid for ``bound_to`` only."""
        raw = self._struct.pack(_VERSION, *numbers, _binding(bound_to))
        return base64.urlsafe_b64encode(raw).decode()

    def decode(self, token: str, *bound_to: str) -> tuple[int, ...] | None:
        """Return the numbers of a token; None if it is malformed or bound to other values."""
        try:
            raw = base64.b64decode(token, altchars=b"-_", validate=True)
            version, *numbers, binding = self._struct.unpack(raw)
        except (binascii.Error, struct.error, ValueError):
            return None
        if version != _VERSION or binding != _binding(bound_to):
            return None
        return tuple(numbers)


def _binding(parts: tuple[str, ...]) -> bytes:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=_DIGEST_BYTES).digest()
