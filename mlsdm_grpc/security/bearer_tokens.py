"""Authentication by bearer token; the server stores only hashes of tokens.

The file is TOML with one table for each token::

    [[token]]
    name = "ingest-job"
    tenant = "acme"
    sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    expires = "2027-01-01T00:00:00Z"  # optional
    criticality = "critical"  # optional: what its calls may claim at most
    platform = true  # optional: it may operate the node
    attest = true  # optional: its moral values are trusted
"""

from __future__ import annotations

import hashlib
import hmac
import re
import tomllib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mlsdm_grpc.errors import FieldViolation, InvalidInput, Unauthenticated
from mlsdm_grpc.security.principal import Criticality, Principal
from mlsdm_grpc.units import KIB

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

__all__ = ["MAX_CREDENTIAL_BYTES", "PREFIX_BYTES", "DevAuthenticator", "TokenAuthenticator"]

MAX_CREDENTIAL_BYTES: Final = 8 * KIB
"""Maximum length of an accepted credential, bytes."""

_TENANT: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,62}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_FLAGS: Final = ("platform", "attest")
_FIELDS: Final = frozenset({"name", "tenant", "sha256", "expires", "criticality", *_FLAGS})
_CRITICALITIES: Final = tuple(each.name.lower() for each in Criticality)
PREFIX_BYTES: Final = 4
_DEV: Final = Principal(name="dev", tenant="dev", platform=True)


class DevAuthenticator:
    """Authenticator that accepts every caller as ``dev``; the settings restrict it to loopback."""

    def authenticate(
        self, metadata: Mapping[str, str | bytes], repeated: Collection[str]
    ) -> Principal:
        """Return the principal ``dev`` of the tenant ``dev`` for any credential."""
        del metadata, repeated
        return _DEV


class _Token(NamedTuple):
    digest: bytes
    principal: Principal
    expires: datetime | None


class TokenAuthenticator:
    """Authenticator of the tokens listed in a file.

    A token is looked up by the first bytes of its digest and compared in full in constant time.
    Neither the duration nor the message of a refusal shows how close a guess was.
    """

    def __init__(self, file: Path, *, now: Callable[[], datetime]) -> None:
        """Read the file.

        Args:
            file: TOML file of token hashes.
            now: Returns the wall clock time, with time zone.

        Raises:
            InvalidInput: One violation for every fault of the file.
        """
        self._now = now
        self._by_prefix: dict[bytes, list[_Token]] = {}
        for token in _read(file):
            self._by_prefix.setdefault(token.digest[:PREFIX_BYTES], []).append(token)

    def authenticate(
        self, metadata: Mapping[str, str | bytes], repeated: Collection[str]
    ) -> Principal:
        """Return the principal of ``authorization: Bearer`` or, without it, of ``x-api-key``.

        Raises:
            Unauthenticated: CREDENTIAL_MISSING, CREDENTIAL_INVALID or CREDENTIAL_EXPIRED.
        """
        digest = hashlib.sha256(_credential(metadata, repeated)).digest()
        for token in self._by_prefix.get(digest[:PREFIX_BYTES], ()):
            if hmac.compare_digest(token.digest, digest):
                if token.expires is not None and token.expires <= self._now():
                    raise Unauthenticated(
                        "The credential has expired.",
                        reason="CREDENTIAL_EXPIRED",
                        metadata={"expire_time": token.expires.astimezone(UTC).isoformat()},
                    )
                return token.principal
        raise _invalid()


def _invalid() -> Unauthenticated:
    return Unauthenticated("The credential is not valid.", reason="CREDENTIAL_INVALID")


def _credential(metadata: Mapping[str, str | bytes], repeated: Collection[str]) -> bytes:
    key = "authorization" if "authorization" in metadata else "x-api-key"
    value = metadata.get(key)
    if value is None:
        raise Unauthenticated("The call requires a credential.", reason="CREDENTIAL_MISSING")
    if key in repeated or not isinstance(value, str) or len(value) > MAX_CREDENTIAL_BYTES:
        raise _invalid()
    if key == "authorization":
        scheme, _, value = value.partition(" ")
        if scheme.lower() != "bearer":
            raise _invalid()
    value = value.strip(" ")
    if not value or not value.isascii():
        raise _invalid()
    return value.encode("ascii")


def _read(file: Path) -> list[_Token]:
    """Return the tokens of the file.

    Raises:
        InvalidInput: One violation for every fault of the file.
    """
    try:
        document = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        # The text of the error may quote the secret file; its kind does not.
        kind = error.strerror if isinstance(error, OSError) else "is not TOML in UTF-8"
        raise _faulty([FieldViolation("tokens_file", f"cannot be read: {kind}")]) from None
    faults = [
        FieldViolation(str(key), "is not a known entry; expected [[token]] tables")
        for key in document
        if key != "token"
    ]
    entries = document.get("token", [])
    if not isinstance(entries, list) or not entries:
        faults.append(FieldViolation("token", "expected at least one [[token]] table"))
        entries = []
    tokens = []
    seen: set[bytes] = set()
    for index, entry in enumerate(entries):
        token, found = _parse(f"token[{index}]", entry)
        if token is not None and token.digest in seen:
            found.append(FieldViolation(f"token[{index}].sha256", "is the hash of another entry"))
        faults += found
        if token is not None:
            seen.add(token.digest)
            tokens.append(token)
    if faults:
        raise _faulty(faults)
    return tokens


def _faulty(violations: list[FieldViolation]) -> InvalidInput:
    return InvalidInput("The token file is not valid.", violations=violations)


def _parse(path: str, entry: Any) -> tuple[_Token | None, list[FieldViolation]]:
    """Return the token of one entry or None, and the faults of the entry."""
    if not isinstance(entry, dict):
        return None, [FieldViolation(path, "expected a table")]
    faults = [
        FieldViolation(f"{path}.{key}", "is not a known field") for key in entry.keys() - _FIELDS
    ]
    for field, pattern in (("name", _NAME), ("tenant", _TENANT), ("sha256", _SHA256)):
        value = entry.get(field)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            faults.append(FieldViolation(f"{path}.{field}", f"expected {pattern.pattern}"))
    expires = _time(entry.get("expires"))
    if "expires" in entry and expires is None:
        expected = "expected an RFC 3339 time with its time zone"
        faults.append(FieldViolation(f"{path}.expires", expected))
    criticality = entry.get("criticality", "default")
    if criticality not in _CRITICALITIES:
        faults.append(FieldViolation(f"{path}.criticality", f"expected one of {_CRITICALITIES}"))
    flags = {flag: entry.get(flag, False) for flag in _FLAGS}
    faults += [
        FieldViolation(f"{path}.{flag}", "expected true or false")
        for flag, value in flags.items()
        if not isinstance(value, bool)
    ]
    if faults:
        return None, sorted(faults, key=lambda fault: fault.field)
    principal = Principal(
        name=entry["name"],
        tenant=entry["tenant"],
        max_criticality=Criticality[criticality.upper()],
        **flags,
    )
    return _Token(bytes.fromhex(entry["sha256"]), principal, expires), []


def _time(value: Any) -> datetime | None:
    """Return the time in a TOML time or text, or None if it is neither."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    return value if isinstance(value, datetime) and value.tzinfo is not None else None
