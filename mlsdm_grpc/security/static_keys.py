"""Authentication by static keys. The server stores only their hashes.

The file is TOML with one table for each key, see docs/security.md::

    [[token]]
    name = "ingest-job"
    tenant = "acme"
    sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    id = "k3v9q2m7xw"  # optional: id of the key in logs
    expires = "2027-01-01T00:00:00Z"  # optional
    roles = ["writer"]  # optional, default admin
    spaces = ["inbox", "team-*"]  # optional, default all spaces of the tenant
    criticality = "critical"  # optional: highest criticality that its calls may claim
    platform = true  # optional: adds the role operator
    attest = true  # optional: its moral values replace those of the scorer
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mlsdm_grpc.errors import FieldViolation, InvalidInput, Unauthenticated
from mlsdm_grpc.security.identity_entry import COMMON_FIELDS, EntryReader, load_document
from mlsdm_grpc.security.principal import Principal
from mlsdm_grpc.security.roles import ROLES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from mlsdm_grpc.security.presented import Presented

__all__ = ["PREFIX_BYTES", "StaticKey", "StaticKeys", "read_keys"]

PREFIX_BYTES: Final = 4
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_ID: Final = re.compile(r"[a-z0-9]{4,32}")
_FIELDS: Final = COMMON_FIELDS | {"sha256", "id", "expires"}
# Length of the id of a key without an id in the file: first hexadecimal digits of its hash.
_ID_DIGITS: Final = 12


class StaticKey(NamedTuple):
    """Entry of one key in the file."""

    digest: bytes
    """SHA-256 of the key."""
    principal: Principal
    expires: datetime | None


class StaticKeys:
    """Verifier of the keys in a file.

    A key is found by the first bytes of its digest and then compared as a whole in constant time.
    Neither the duration nor the message of a refusal shows how similar a guess is to a key.
    """

    def __init__(
        self,
        file: Path,
        *,
        now: Callable[[], datetime],
        roles: Callable[[], Mapping[str, frozenset[str]]] = lambda: ROLES,
    ) -> None:
        """Read the file.

        Args:
            file: TOML file of hashes.
            now: Returns the wall clock time, with time zone.
            roles: Returns the permissions by role.

        Raises:
            InvalidInput: One violation for every fault in the file.
        """
        self._file = file
        self._now = now
        self._roles = roles
        self._by_prefix: dict[bytes, list[StaticKey]] = {}
        self._by_id: dict[str, StaticKey] = {}
        self.reload()

    @property
    def files(self) -> tuple[Path, ...]:
        """Path of the file."""
        return (self._file,)

    def reload(self) -> None:
        """Read the file again. After an error, the previous keys stay valid.

        Raises:
            InvalidInput: One violation for every fault in the file.
        """
        by_prefix: dict[bytes, list[StaticKey]] = {}
        by_id: dict[str, StaticKey] = {}
        for key in read_keys(self._file, self._roles()):
            by_prefix.setdefault(key.digest[:PREFIX_BYTES], []).append(key)
            by_id[key.principal.key_id] = key
        self._by_prefix, self._by_id = by_prefix, by_id

    def verify(self, shown: Presented) -> Principal | None:
        """Return the principal of a key, or None for an unknown key.

        Raises:
            Unauthenticated: CREDENTIAL_EXPIRED.
        """
        if not shown.token:
            return None
        digest = hashlib.sha256(shown.token.encode("ascii")).digest()
        for key in self._by_prefix.get(digest[:PREFIX_BYTES], ()):
            if hmac.compare_digest(key.digest, digest):
                if self._is_over(key):
                    raise _expired(key)
                return key.principal
        return None

    def holds(self, principal: Principal) -> bool:
        """Return True if the file still has the key with the same rights and it is valid."""
        key = self._by_id.get(principal.key_id)
        return key is not None and key.principal == principal and not self._is_over(key)

    def _is_over(self, key: StaticKey) -> bool:
        return key.expires is not None and key.expires <= self._now()


def _expired(key: StaticKey) -> Unauthenticated:
    assert key.expires is not None  # noqa: S101 - only a key with a time can be over
    error = Unauthenticated(
        "The credential has expired.",
        reason="CREDENTIAL_EXPIRED",
        metadata={"expire_time": key.expires.astimezone(UTC).isoformat()},
    )
    error.key_id = key.principal.key_id
    return error


def read_keys(file: Path, roles: Mapping[str, frozenset[str]] = ROLES) -> list[StaticKey]:
    """Return the keys in a file.

    Args:
        file: TOML file of hashes.
        roles: Permissions by known role.

    Raises:
        InvalidInput: One violation for every fault in the file.
    """
    document = load_document(file, "tokens_file")
    faults = [
        FieldViolation(str(key), "is not a known entry; expected [[token]] tables")
        for key in document
        if key != "token"
    ]
    entries = document.get("token", [])
    if not isinstance(entries, list) or not entries:
        faults.append(FieldViolation("token", "expected at least one [[token]] table"))
        entries = []
    keys = list[StaticKey]()
    seen = set[bytes | str]()
    for index, entry in enumerate(entries):
        key, found = _parse(f"token[{index}]", entry, roles)
        faults += found
        if found:
            continue
        for field, value in (("sha256", key.digest), ("id", key.principal.key_id)):
            if value in seen:
                violation = "is also in another entry; each entry needs its own"
                faults.append(FieldViolation(f"token[{index}].{field}", violation))
                break
        seen.update((key.digest, key.principal.key_id))
        keys.append(key)
    if faults:
        raise InvalidInput("The tokens file is not valid.", violations=faults)
    return keys


def _parse(
    path: str, entry: Any, roles: Mapping[str, frozenset[str]]
) -> tuple[StaticKey, list[FieldViolation]]:
    """Return the key of one entry, and the faults of the entry."""
    reader = EntryReader(path, entry, _FIELDS)
    digest = reader.text("sha256", _SHA256)
    key_id = reader.text("id", _ID, default="") or digest[:_ID_DIGITS]
    expires = reader.time("expires")
    principal = reader.principal(roles)
    principal = replace(
        principal, key_id=key_id, expires_s=expires.timestamp() if expires else principal.expires_s
    )
    return StaticKey(bytes.fromhex(digest), principal, expires), reader.faults
