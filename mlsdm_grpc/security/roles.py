"""Roles: named sets of permissions. A test compares them with the permissions in the contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from mlsdm_grpc.security.principal import ATTEST, IMPERSONATE

__all__ = ["EVERYONE", "PERMISSIONS", "ROLES", "TENANT_WIDE", "permissions_of"]

EVERYONE: Final = frozenset({"identity.read"})
"""Permissions of every principal, in addition to those of its roles."""
_READER: Final = frozenset({"info.read", "memory.read", "policy.read", "space.read", "state.read"})
_WRITER: Final = _READER | {"event.write", "generate", "governance.evaluate", "memory.write"}
_ADMIN: Final = _WRITER | {
    "audit.read",
    "policy.write",
    "space.delete",
    "space.write",
    "tenant.read",
}
_OPERATOR: Final = frozenset(
    {
        "admin.drain",
        "admin.read",
        "admin.write",
        "backup",
        "info.read",
        IMPERSONATE,
        "tenant.write",
    }
)

ROLES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {"reader": _READER, "writer": _WRITER, "admin": _ADMIN, "operator": _OPERATOR}
)
"""Permissions by built-in role. ``admin`` is for a tenant, ``operator`` for the node."""
PERMISSIONS: Final = frozenset({*_ADMIN, *_OPERATOR, *EVERYONE, ATTEST})
"""All permissions that a role may contain."""
TENANT_WIDE: Final = frozenset({"policy.write", "tenant.read", "tenant.write"})
"""Permissions that concern all spaces of a tenant.

A principal that is limited to some spaces cannot use them.
"""


def permissions_of(
    roles: Iterable[str], table: Mapping[str, frozenset[str]] = ROLES
) -> frozenset[str]:
    """Return the permissions of a principal with the given roles.

    Args:
        roles: Names of roles, which the table must contain.
        table: Permissions by role.
    """
    return EVERYONE.union(*(table[role] for role in roles))
