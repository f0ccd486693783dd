"""Opaque tokens for clients: numbers, bound to the values for which they are valid.

A token contains a digest of these values. So a token for other values, or of another service, is
found invalid. A token contains no secret and does not authenticate its holder.
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
        count: Quantity of numbers in a token, each an int64.
    """

    def __init__(self, count: int) -> None:
        self._struct = struct.Struct(f"<B{count}q{_DIGEST_BYTES}s")

    def encode(self, numbers: tuple[int, ...], *bound_to: str) -> str:
        """Return a token with ``numbers`` that is valid only together with ``bound_to``."""
        raw = self._struct.pack(_VERSION, *numbers, _binding(bound_to))
        return base64.urlsafe_b64encode(raw).decode()

    def decode(self, token: str, *bound_to: str) -> tuple[int, ...] | None:
        """Return the numbers in a token, or None if it is malformed or bound to other values."""
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
