"""Who calls, as the verified credential says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["ANONYMOUS", "Authenticator", "Principal"]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls, as the credential says."""

    name: str
    tenant: str


ANONYMOUS = Principal(name="anonymous", tenant="")


class Authenticator(Protocol):
    """Says who calls."""

    def authenticate(
        self, metadata: Mapping[str, str | bytes], repeated: Collection[str]
    ) -> Principal:
        """Return the principal that the credential in the metadata proves.

        Args:
            metadata: Metadata of the call; of a repeated key the last value.
            repeated: Keys that came more than once.

        Raises:
            Unauthenticated: There is no credential, or none that is accepted.
        """
