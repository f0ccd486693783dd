"""Page tokens, which are opaque and bound to tenant, space and filters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mlsdm_grpc.errors import FieldViolation, InvalidInput
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.wire.opaque_tokens import OpaqueToken

__all__ = ["decode_page_token", "encode_page_token"]

_TOKEN: Final = OpaqueToken(1)


def encode_page_token(key: SpaceKey, filters: Sequence[str], sequence: int) -> str:
    """Return the token of the page that starts after creation sequence ``sequence``."""
    return _TOKEN.encode((sequence,), *key, *filters)


def decode_page_token(token: str, key: SpaceKey, filters: Sequence[str]) -> int:
    """Return the creation sequence in a token, or 0 for an empty token.

    Raises:
        InvalidInput: PAGE_TOKEN_INVALID; the token belongs to another list or another service.
    """
    if not token:
        return 0
    found = _TOKEN.decode(token, *key, *filters)
    if found is None or found[0] < 0:
        raise InvalidInput(
            "The page token does not belong to this list; start again without a token.",
            reason="PAGE_TOKEN_INVALID",
            violations=[FieldViolation("page_token", "belongs to another list")],
            metadata={"field": "page_token"},
        )
    return found[0]
