"""Authentication of a call: the credentials that it presents, and their verifiers in order."""

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

        The awaitable stands for a verification that first needs the keys of an issuer.

        Args:
            metadata: Metadata of the call; the last value of a repeated key.
            repeated: Keys that occur more than once.
            identities: Names in the verified client certificate.

        Raises:
            Unauthenticated: CREDENTIAL_MISSING, CREDENTIAL_INVALID or CREDENTIAL_EXPIRED.
        """

    def holds(self, principal: Principal) -> bool:
        """Return True if the credential of a verified principal is valid now as well."""


class Verifier(Protocol):
    """Verifier of one kind of credential."""

    def verify(self, shown: Presented) -> Principal | Awaitable[Principal] | None:
        """Return the principal that the credentials prove; None: they are of another kind.

        Raises:
            Unauthenticated: CREDENTIAL_INVALID or CREDENTIAL_EXPIRED.
        """

    def holds(self, principal: Principal) -> bool:
        """Return True if the principal is of this verifier, and its credential valid now."""


class DevAuthenticator:
    """Authenticator that accepts every caller as ``dev``; the settings restrict it to loopback."""

    def authenticate(
        self,
        metadata: Mapping[str, str | bytes],
        repeated: Collection[str],
        identities: tuple[str, ...] = (),
    ) -> Principal:
        """Return the principal ``dev`` of the tenant ``dev`` for any credential."""
        del metadata, repeated, identities
        return _DEV

    def holds(self, principal: Principal) -> bool:
        """Return True for ``dev``."""
        return principal == _DEV


class VerifierChain:
    """Authenticator of verifiers in order; the first one of the credential's kind decides.

    Args:
        verifiers: The verifiers.
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
        """Return True if one of the verifiers accepts the credential now."""
        return any(verifier.holds(principal) for verifier in self._verifiers)
