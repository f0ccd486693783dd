"""Page tokens: opaque, and bound to tenant, space and filter."""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from collections.abc import Sequence

from mlsdm_grpc.errors import FieldViolation, InvalidInput
from mlsdm_grpc.journal.protocol import SpaceKey

__all__ = ["decode_page_token", "encode_page_token"]

_TOKEN = struct.Struct("<Bq12s")
_VERSION = 1


def encode_page_token(key: SpaceKey, filters: Sequence[str], sequence: int) -> str:
    """Return the token of the page after the memory with this creation sequence."""
    raw = _TOKEN.pack(_VERSION, sequence, _binding(key, filters))
    return base64.urlsafe_b64encode(raw).decode()


def decode_page_token(token: str, key: SpaceKey, filters: Sequence[str]) -> int:
    """Return the creation sequence in ``token``; 0 for an empty one.

    Raises:
        InvalidInput: PAGE_TOKEN_INVALID; it was made for another list, or not by this service.
    """
    if not token:
        return 0
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
        version, sequence, binding = _TOKEN.unpack(raw)
    except (binascii.Error, struct.error, ValueError):
        version, sequence, binding = 0, 0, b""
    if version != _VERSION or sequence < 0 or binding != _binding(key, filters):
        raise InvalidInput(
            "The page token does not belong to this list; begin again without one.",
            reason="PAGE_TOKEN_INVALID",
            violations=[FieldViolation("page_token", "was made for another list")],
            metadata={"field": "page_token"},
        )
    return int(sequence)


def _binding(key: SpaceKey, filters: Sequence[str]) -> bytes:
    parts = "\0".join((key.tenant, key.space, *filters))
    return hashlib.blake2b(parts.encode(), digest_size=12).digest()
