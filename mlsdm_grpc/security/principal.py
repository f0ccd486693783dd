"""Principals: the verified identities of callers."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import Final

__all__ = ["ANONYMOUS", "ATTEST", "IMPERSONATE", "Criticality", "Principal", "SpaceGrants"]

ATTEST: Final = "governance.attest"
"""Permission to replace the moral values of the scorer by those of the caller.

No built-in role contains it.
"""
IMPERSONATE: Final = "tenant.impersonate"
"""Permission to act in another tenant, which the metadata of the call name."""


class Criticality(enum.IntEnum):
    """Importance of a call, which decides the order of shedding under load."""

    SHEDDABLE = 0
    DEFAULT = 1
    CRITICAL = 2


@dataclass(frozen=True, slots=True)
class SpaceGrants:
    """Spaces that a principal may use, by name or by prefix."""

    patterns: tuple[str, ...]
    """Names of spaces. A ``*`` at the end makes a prefix of a name."""

    def __contains__(self, space: str) -> bool:
        """Return True if a pattern matches the name of the space."""
        return any(
            space.startswith(pattern[:-1]) if pattern.endswith("*") else space == pattern
            for pattern in self.patterns
        )


@dataclass(frozen=True, slots=True)
class Principal:
    """Verified identity of a caller."""

    name: str
    tenant: str
    permissions: frozenset[str] = frozenset()
    roles: tuple[str, ...] = ()
    """Names of its roles, from which the permissions were computed."""
    spaces: SpaceGrants | None = None
    """Spaces of the tenant that it may use; None for all of them."""
    max_criticality: Criticality = Criticality.DEFAULT
    """Highest criticality that its calls may claim."""
    key_id: str = ""
    """Public id of its credential: of a static key, a signing key or a certificate."""
    expires_s: float = math.inf
    """Expiry time of its credential, Unix seconds; infinite for a credential without expiry."""
    actor: Principal | None = None
    """Verified identity of a caller that acts in another tenant; None for other callers."""

    @property
    def verified(self) -> Principal:
        """Identity that the credential proves."""
        return self.actor or self


ANONYMOUS = Principal(name="anonymous", tenant="")
