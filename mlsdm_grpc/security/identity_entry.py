"""Entries of identity files: the common fields of keys and certificates, and their faults."""

from __future__ import annotations

import re
import tomllib
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from mlsdm_grpc.errors import FieldViolation, InvalidInput
from mlsdm_grpc.security.principal import ATTEST, Criticality, Principal, SpaceGrants
from mlsdm_grpc.security.roles import permissions_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["COMMON_FIELDS", "NAME", "SPACES", "TENANT", "EntryReader", "load_document"]

COMMON_FIELDS: Final = frozenset(
    {"name", "tenant", "roles", "spaces", "criticality", "platform", "attest"}
)
"""Fields of every entry that describes a principal."""
TENANT: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,62}")
SPACES: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}\*?|\*")
_CRITICALITIES: Final = tuple(each.name.lower() for each in Criticality)
_MAX_LIST: Final = 256
_DEFAULT_ROLES: Final = ("admin",)
_OPERATOR: Final = "operator"


def load_document(file: Path, field: str) -> dict[str, Any]:
    """Return the content of a TOML file.

    Raises:
        InvalidInput: The file cannot be read or is not TOML. The error shows only the kind of the
            fault, because its text may quote a secret.
    """
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        problem = "is not TOML in UTF-8"
        if isinstance(error, OSError):
            problem = f"cannot be read: {error.strerror}"
        violation = FieldViolation(field, problem)
        raise InvalidInput(f"The file {file} is not valid.", violations=[violation]) from None


class EntryReader:
    """Reader of one table, which collects the faults of all fields.

    Args:
        path: Path of the table in violations.
        entry: Table; any other value is a fault.
        known: Names of its fields. Further fields are faults.
    """

    def __init__(self, path: str, entry: Any, known: Iterable[str]) -> None:
        self._path = path
        self._is_table = isinstance(entry, dict)
        self._entry: dict[str, Any] = entry if isinstance(entry, dict) else {}
        self._faults: list[FieldViolation] = []
        for key in sorted(self._entry.keys() - set(known)):
            self.fault(key, "is not a known field")

    @property
    def faults(self) -> list[FieldViolation]:
        """Faults found so far, sorted by field."""
        if not self._is_table:
            return [FieldViolation(self._path, "expected a table")]
        return sorted(self._faults, key=lambda fault: fault.field)

    def fault(self, field: str, description: str) -> None:
        """Add a fault of a field."""
        self._faults.append(FieldViolation(f"{self._path}.{field}", description))

    def text(self, field: str, pattern: re.Pattern[str], *, default: str | None = None) -> str:
        """Return a text that matches a pattern. Without a default, the field is required."""
        value = self._entry.get(field, default)
        if isinstance(value, str) and (value == default or pattern.fullmatch(value)):
            return value
        self.fault(field, f"expected a string that matches {pattern.pattern}")
        return ""

    def flag(self, field: str) -> bool:
        """Return the value of a Boolean field; False if absent."""
        value = self._entry.get(field, False)
        if not isinstance(value, bool):
            self.fault(field, "expected true or false")
        return value is True

    def time(self, field: str) -> datetime | None:
        """Return the time in a field, a TOML time or a text of RFC 3339; None if absent."""
        value = self._entry.get(field)
        if value is None:
            return None
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                value = None
        if isinstance(value, datetime) and value.tzinfo is not None:
            return value
        self.fault(field, "expected an RFC 3339 time with its time zone")
        return None

    def texts(
        self, field: str, allowed: re.Pattern[str] | Iterable[str], *, default: tuple[str, ...] = ()
    ) -> tuple[str, ...]:
        """Return a list of texts that match a pattern or are elements of a set."""
        value = self._entry.get(field)
        if value is None:
            return default
        if not isinstance(value, list) or not 0 < len(value) <= _MAX_LIST:
            self.fault(field, f"expected a list of 1 to {_MAX_LIST} strings")
            return ()
        pattern = allowed if isinstance(allowed, re.Pattern) else None
        names = set[str]() if isinstance(allowed, re.Pattern) else set(allowed)
        for each in value:
            known = isinstance(each, str) and (
                pattern.fullmatch(each) is not None if pattern else each in names
            )
            if not known:
                form = (
                    f"that match {pattern.pattern}"
                    if pattern
                    else f"from {', '.join(sorted(names))}"
                )
                self.fault(field, f"expected strings {form}")
                return ()
        return tuple(dict.fromkeys(value))

    def principal(self, roles: Mapping[str, frozenset[str]]) -> Principal:
        """Return the principal that the entry describes. Without ``roles`` it is an ``admin``.

        Args:
            roles: Permissions by known role.
        """
        held = self.texts("roles", roles, default=_DEFAULT_ROLES)
        if self.flag("platform") and _OPERATOR not in held:
            held = (*held, _OPERATOR)
        spaces = self.texts("spaces", SPACES)
        criticality = self._entry.get("criticality", "default")
        if criticality not in _CRITICALITIES:
            self.fault("criticality", f"expected one of {_CRITICALITIES}")
            criticality = "default"
        permissions = permissions_of(held, roles)
        return Principal(
            name=self.text("name", NAME),
            tenant=self.text("tenant", TENANT),
            permissions=permissions | {ATTEST} if self.flag("attest") else permissions,
            roles=held,
            spaces=SpaceGrants(spaces) if spaces else None,
            max_criticality=Criticality[criticality.upper()],
        )
