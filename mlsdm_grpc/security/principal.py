"""Principals: the verified identities of callers."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["ANONYMOUS", "Authenticator", "Criticality", "Principal"]


class Criticality(enum.IntEnum):
    """Priority of a call when not all calls can be served."""

    SHEDDABLE = 0
    DEFAULT = 1
    CRITICAL = 2


@dataclass(frozen=True, slots=True)
class Principal:
    """The verified identity of a caller."""

    name: str
    tenant: str
    max_criticality: Criticality = Criticality.DEFAULT
    """Highest criticality that its calls may claim."""
    platform: bool = False
    """Permission to operate the node, beyond the use of its tenant."""
    attest: bool = False
    """Permission ``governance.attest``: moral values given by this caller replace the scorer's. No
    principal has it unless its credential says so, not even in development mode."""


ANONYMOUS = Principal(name="anonymous", tenant="")


class Authenticator(Protocol):
    """Verifier of credentials."""

    def authenticate(
        self, metadata: Mapping[str, str | bytes], repeated: Collection[str]
    ) -> Principal:
        """Return the principal that the credential in the metadata proves.

        Args:
            metadata: Metadata of the call; the last value of a repeated key.
            repeated: Keys that occur more than once.

        Raises:
            Unauthenticated: The credential is missing or not accepted.
        """
