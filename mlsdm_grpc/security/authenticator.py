"""Authentication of a call by its credentials, with verifiers in a fixed order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from mlsdm_grpc.security import presented
from mlsdm_grpc.security.principal import Principal
from mlsdm_grpc.security.roles import permissions_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Collection, Mapping, Sequence

    from mlsdm_grpc.security.presented import Presented

__all__ = ["Authenticator", "DevAuthenticator", "Verifier", "VerifierChain"]

_DEV_ROLES: Final = ("admin", "operator")
_DEV: Final = Principal("dev", "dev", permissions_of(_DEV_ROLES), _DEV_ROLES)


class Authenticator(Protocol):
    """Source of the principal of a call."""

    def authenticate(
        self,
        metadata: Mapping[str, str | bytes],
        repeated: Collection[str],
        identities: tuple[str, ...] = (),
    ) -> Principal | Awaitable[Principal]:
        """Return the principal of a call.

        The result is an awaitable if the keys of a token issuer must be fetched first.

        Args:
            metadata: Metadata of the call. Of a repeated key, it has the last value.
            repeated: Keys that the call has more than once.
            identities: Names in the verified client certificate.

        Raises:
            Unauthenticated: CREDENTIAL_MISSING, CREDENTIAL_INVALID or CREDENTIAL_EXPIRED.
        """

    def holds(self, principal: Principal) -> bool:
        """Return True if the credential of a verified principal is still valid."""


class Verifier(Protocol):
    """Verifier of one kind of credential."""

    def verify(self, shown: Presented) -> Principal | Awaitable[Principal] | None:
        """Return the principal that the credentials prove, or None for credentials of another kind.

        Raises:
            Unauthenticated: CREDENTIAL_INVALID or CREDENTIAL_EXPIRED.
        """

    def holds(self, principal: Principal) -> bool:
        """Return True if this verifier knows the principal and its credential is still valid."""


class DevAuthenticator:
    """Authenticator that accepts every caller as ``dev``. The settings restrict it to loopback."""

    def authenticate(
        self,
        metadata: Mapping[str, str | bytes],
        repeated: Collection[str],
        identities: tuple[str, ...] = (),
    ) -> Principal:
        """Return the principal ``dev`` of the tenant ``dev``, regardless of the credentials."""
        del metadata, repeated, identities
        return _DEV

    def holds(self, principal: Principal) -> bool:
        """Return True for the principal ``dev``."""
        return principal == _DEV


class VerifierChain:
    """Authenticator with several verifiers. The first one for the kind of the credential decides.

    Args:
        verifiers: Verifiers in the order of their calls.
    """

    def __init__(self, verifiers: Sequence[Verifier]) -> None:
        self._verifiers = tuple(verifiers)

    def authenticate(
        self,
        metadata: Mapping[str, str | bytes],
        repeated: Collection[str],
        identities: tuple[str, ...] = (),
    ) -> Principal | Awaitable[Principal]:
        """Return the principal of a call; see :class:`Authenticator`."""
        shown = presented.read(metadata, repeated, identities)
        for verifier in self._verifiers:
            found = verifier.verify(shown)
            if found is not None:
                return found
        raise presented.invalid_credential() if shown.token else presented.missing_credential()

    def holds(self, principal: Principal) -> bool:
        """Return True if a verifier still accepts the credential."""
        return any(verifier.holds(principal) for verifier in self._verifiers)
