"""Principals: the verified identities of callers."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import Final

__all__ = ["ANONYMOUS", "ATTEST", "IMPERSONATE", "Criticality", "Principal", "SpaceGrants"]

ATTEST: Final = "governance.attest"
"""Permission to replace the scorer's moral values with those of the caller. No role contains it."""
IMPERSONATE: Final = "tenant.impersonate"
"""Permission to act in another tenant, which the call names in its metadata."""


class Criticality(enum.IntEnum):
    """Priority of a call when not all calls can be served."""

    SHEDDABLE = 0
    DEFAULT = 1
    CRITICAL = 2


@dataclass(frozen=True, slots=True)
class SpaceGrants:
    """Spaces that a principal may use, by name or by prefix."""

    patterns: tuple[str, ...]
    """Names of spaces; a ``*`` at the end of one makes it a prefix."""

    def __contains__(self, space: str) -> bool:
        """Return True if a pattern covers the space."""
        return any(
            space.startswith(pattern[:-1]) if pattern.endswith("*") else space == pattern
            for pattern in self.patterns
        )


@dataclass(frozen=True, slots=True)
class Principal:
    """The verified identity of a caller."""

    name: str
    tenant: str
    permissions: frozenset[str] = frozenset()
    roles: tuple[str, ...] = ()
    """Names of its roles, from which the permissions were made."""
    spaces: SpaceGrants | None = None
    """Spaces of the tenant that it may use; None: all of them."""
    max_criticality: Criticality = Criticality.DEFAULT
    """Highest criticality that its calls may claim."""
    key_id: str = ""
    """Id of its credential, which is no secret: of a key, of a signing key, of a certificate."""
    expires_s: float = math.inf
    """Time at which its credential ends, Unix seconds; infinite if it never does."""
    actor: Principal | None = None
    """Verified identity of the caller that acts in another tenant; None: the principal itself."""

    @property
    def verified(self) -> Principal:
        """The identity that the credential proves."""
        return self.actor or self


ANONYMOUS = Principal(name="anonymous", tenant="")
