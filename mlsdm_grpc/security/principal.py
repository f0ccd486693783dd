"""Who calls, as the verified credential says."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["ANONYMOUS", "Authenticator", "Criticality", "Principal"]


class Criticality(enum.IntEnum):
    """How much a call matters when not all can be served."""

    SHEDDABLE = 0
    DEFAULT = 1
    CRITICAL = 2


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls, as the credential says."""

    name: str
    tenant: str
    max_criticality: Criticality = Criticality.DEFAULT
    """What it may claim for its calls at most."""
    platform: bool = False
    """It may operate the node, not only use its tenant."""
    attest: bool = False
    """It has the permission ``governance.attest``: the moral values that it gives hold whatever the
    text. Nobody has it unless a credential says so, not even in development mode."""


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
