"""Opaque tokens for clients: some numbers, bound to what they are good for.

A token that was made for something else, or not by this service, is told from a good one by a
digest of what it is bound to. It keeps no secret and proves nothing about its holder.
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
    """One kind of token.

    Args:
        count: Numbers in it, each in the range of int64.
    """

    def __init__(self, count: int) -> None:
        self._struct = struct.Struct(f"<B{count}q{_DIGEST_BYTES}s")

    def encode(self, numbers: tuple[int, ...], *bound_to: str) -> str:
        """Return the token of some numbers that is good for what it is bound to."""
        raw = self._struct.pack(_VERSION, *numbers, _binding(bound_to))
        return base64.urlsafe_b64encode(raw).decode()

    def decode(self, token: str, *bound_to: str) -> tuple[int, ...] | None:
        """Return the numbers in a token; None if it is no good, or good for something else."""
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
