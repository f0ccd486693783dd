"""Credentials of a call: a token in the metadata, or a verified client certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from mlsdm_grpc.errors import Unauthenticated
from mlsdm_grpc.units import KIB

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["MAX_CREDENTIAL_BYTES", "Presented", "invalid_credential", "missing_credential", "read"]

MAX_CREDENTIAL_BYTES: Final = 8 * KIB
"""Maximum size of an accepted credential, bytes."""
_BEARER: Final = "authorization"
_KEY: Final = "x-api-key"


class Presented(NamedTuple):
    """Credentials of one call; both fields are empty for a call without credentials."""

    token: str = ""
    """ASCII token in ``authorization: Bearer`` or, without that key, in ``x-api-key``."""
    identities: tuple[str, ...] = ()
    """Subject alternative names in the verified client certificate."""

    def __repr__(self) -> str:
        """Return a text without the token."""
        return f"Presented(identities={self.identities!r})"


def invalid_credential() -> Unauthenticated:
    """Return the error for every credential that is not accepted. It does not show the cause."""
    return Unauthenticated("The credential is not valid.", reason="CREDENTIAL_INVALID")


def missing_credential() -> Unauthenticated:
    """Return the error for a call without a credential."""
    return Unauthenticated("The call requires a credential.", reason="CREDENTIAL_MISSING")


def read(
    metadata: Mapping[str, str | bytes],
    repeated: Collection[str],
    identities: tuple[str, ...] = (),
) -> Presented:
    """Return the credentials of a call.

    Args:
        metadata: Metadata of the call. Of a repeated key, it has the last value.
        repeated: Keys that the call has more than once.
        identities: Names in the verified client certificate.

    Raises:
        Unauthenticated: CREDENTIAL_INVALID; the value is repeated, too long or malformed.
    """
    key = _BEARER if _BEARER in metadata else _KEY
    value = metadata.get(key)
    if value is None:
        return Presented("", identities)
    if key in repeated or not isinstance(value, str) or len(value) > MAX_CREDENTIAL_BYTES:
        raise invalid_credential()
    if key == _BEARER:
        scheme, _, value = value.partition(" ")
        if scheme.lower() != "bearer":
            raise invalid_credential()
    value = value.strip(" ")
    if not value or not value.isascii():
        raise invalid_credential()
    return Presented(value, identities)
