"""Policy file: additional roles, and the principals of client certificates.

The format is TOML, see docs/security.md::

    [role.auditor]
    permissions = ["audit.read", "info.read", "state.read"]

    [[certificate]]
    san = "spiffe://acme.example/ns/prod/sa/ingest"  # or "dns:ingest.acme.example"
    name = "ingest"
    tenant = "acme"
    roles = ["writer"]
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from mlsdm_grpc.errors import FieldViolation, InvalidInput
from mlsdm_grpc.security.identity_entry import COMMON_FIELDS, EntryReader, load_document
from mlsdm_grpc.security.roles import PERMISSIONS, ROLES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlsdm_grpc.security.principal import Principal

__all__ = ["CERTIFICATE_PREFIX", "PolicyFile"]

CERTIFICATE_PREFIX: Final = "san:"
"""First part of the key id of a principal from a certificate."""
_ROLE: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_SAN: Final = re.compile(r"[a-z][a-z0-9+.-]*://[\x21-\x7e]{1,2000}|dns:[a-z0-9*._-]{1,253}")
_FIELDS: Final = COMMON_FIELDS | {"san"}
_ID_DIGITS: Final = 12


class PolicyFile:
    """Content of a policy file. Without a file, only the built-in roles exist.

    Args:
        file: TOML file, or None.

    Raises:
        InvalidInput: One violation for every fault in the file.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self.roles: Mapping[str, frozenset[str]] = ROLES
        """Permissions by role."""
        self.certificates: Mapping[str, Principal] = {}
        """Principals by the subject alternative name of their certificate."""
        self.reload()

    @property
    def files(self) -> tuple[Path, ...]:
        """Path of the file, if there is one."""
        return (self._file,) if self._file else ()

    def reload(self) -> None:
        """Read the file again. After an error, the previous content stays in use.

        Raises:
            InvalidInput: One violation for every fault in the file.
        """
        if self._file is None:
            return
        document = load_document(self._file, "policy_file")
        faults = [
            FieldViolation(str(key), "is not a known entry; expected [role.NAME], [[certificate]]")
            for key in document
            if key not in {"role", "certificate"}
        ]
        roles, found = _roles(document.get("role", {}))
        faults += found
        certificates, found = _certificates(document.get("certificate", []), roles)
        faults += found
        if faults:
            raise InvalidInput("The policy file is not valid.", violations=faults)
        self.roles, self.certificates = MappingProxyType(roles), certificates


def _roles(table: Any) -> tuple[dict[str, frozenset[str]], list[FieldViolation]]:
    """Return built-in and additional roles, and the faults of the additional ones."""
    roles = dict(ROLES)
    if not isinstance(table, dict):
        return roles, [FieldViolation("role", "expected tables [role.NAME]")]
    faults = list[FieldViolation]()
    for name, entry in table.items():
        path = f"role.{name}"
        if not _ROLE.fullmatch(name):
            faults.append(FieldViolation(path, f"the name must match {_ROLE.pattern}"))
        elif name in ROLES:
            faults.append(FieldViolation(path, "is a built-in role; choose another name"))
        reader = EntryReader(path, entry, {"permissions"})
        permissions = reader.texts("permissions", PERMISSIONS)
        if not permissions and not reader.faults:
            reader.fault("permissions", "is required")
        faults += reader.faults
        roles[name] = frozenset(permissions)
    return roles, faults


def _certificates(
    entries: Any, roles: Mapping[str, frozenset[str]]
) -> tuple[dict[str, Principal], list[FieldViolation]]:
    """Return the principals of certificates, and the faults of their entries."""
    if not isinstance(entries, list):
        return {}, [FieldViolation("certificate", "expected [[certificate]] tables")]
    found: dict[str, Principal] = {}
    faults = list[FieldViolation]()
    for index, entry in enumerate(entries):
        reader = EntryReader(f"certificate[{index}]", entry, _FIELDS)
        san = reader.text("san", _SAN)
        principal = reader.principal(roles)
        if san in found:
            reader.fault("san", "is also in another entry; each entry needs its own")
        faults += reader.faults
        digest = hashlib.sha256(san.encode()).hexdigest()[:_ID_DIGITS]
        found[san] = replace(principal, key_id=f"{CERTIFICATE_PREFIX}{digest}")
    return found, faults
