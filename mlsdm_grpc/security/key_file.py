"""Changes of a file of static keys: addition of a new key, and removal of one.

A file is replaced as a whole, so that a server never reads an incomplete one. Comments in the file
are kept.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
import tempfile
import tomllib
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlsdm_grpc.errors import FieldViolation, InvalidInput, NotFound
from mlsdm_grpc.file_sync import sync_directory
from mlsdm_grpc.security.static_keys import read_keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["KEY_PREFIX", "add_key", "remove_key"]

KEY_PREFIX: Final = "mlsdm"
"""First part of every key, by which scanners for leaked secrets recognise it."""
_ID_ALPHABET: Final = "abcdefghijkmnpqrstuvwxyz23456789"
_ID_CHARS: Final = 10
_SECRET_BYTES: Final = 32
_MODE: Final = 0o600
_ENTRY: Final = re.compile(r"(?m)^[ \t]*\[\[[ \t]*token[ \t]*\]\]")


def add_key(file: Path, fields: Mapping[str, Any], roles: Mapping[str, frozenset[str]]) -> str:
    """Create a key, add its hash to a file, and return the key.

    The key is ``mlsdm_ID_SECRET``. The file is created if absent.

    Args:
        file: TOML file of hashes.
        fields: Fields of the entry except ``id`` and ``sha256``: texts, lists of texts, Booleans.
        roles: Permissions by known role.

    Raises:
        InvalidInput: A field or the file is invalid. The file stays unchanged.
    """
    key_id = "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_CHARS))
    key = f"{KEY_PREFIX}_{key_id}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    entry = {**fields, "id": key_id, "sha256": hashlib.sha256(key.encode("ascii")).hexdigest()}
    # TOML and JSON have the same syntax for texts, lists of texts and Booleans.
    lines = [f"{name} = {json.dumps(value)}" for name, value in entry.items()]
    with _locked(file):
        text = file.read_text("utf-8").rstrip("\n") if file.exists() else ""
        added = "\n".join(("[[token]]", *lines, ""))
        _replace(file, f"{text}\n\n{added}" if text else added, roles)
    return key


def remove_key(file: Path, key_id: str, roles: Mapping[str, frozenset[str]]) -> None:
    """Remove a key from a file.

    Args:
        file: TOML file of hashes.
        key_id: Id of the key, as ``mlsdm token list`` prints it.
        roles: Permissions by known role.

    Raises:
        NotFound: No key has this id.
        InvalidInput: The file is invalid, or would have no keys. The file stays unchanged.
    """
    with _locked(file):
        ids = [key.principal.key_id for key in read_keys(file, roles)]
        if key_id not in ids:
            raise NotFound(
                f"The tokens file has no key {key_id}; `mlsdm token list` prints the ids.",
                reason="",
            )
        if len(ids) == 1:
            violation = FieldViolation(key_id, "is the last key; create another one first")
            raise InvalidInput(
                "The tokens file must keep at least one key.", violations=[violation]
            )
        text = file.read_text("utf-8")
        starts = [match.start() for match in _ENTRY.finditer(text)]
        index = ids.index(key_id)
        ends = (*starts[1:], len(text))
        if len(starts) == len(ids):
            text = text[: starts[index]] + text[ends[index] :]
        kept = [entry["sha256"] for entry in tomllib.loads(text)["token"]]
        before = [entry["sha256"] for entry in tomllib.loads(file.read_text("utf-8"))["token"]]
        if kept != before[:index] + before[index + 1 :]:
            violation = FieldViolation("token", "must be written as [[token]] tables")
            raise InvalidInput(
                "The key cannot be removed from the tokens file.", violations=[violation]
            )
        _replace(file, text, roles)


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Hold a lock against other commands that change files in the folder."""
    descriptor = os.open(file.absolute().parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace(file: Path, text: str, roles: Mapping[str, frozenset[str]]) -> None:
    """Replace a file durably if its new content is valid. Owner and mode are kept."""
    target = file.resolve()
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    made = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as new:
            if target.exists():
                status = target.stat()
                os.fchmod(new.fileno(), status.st_mode & 0o777)
                with suppress(PermissionError):
                    os.fchown(new.fileno(), status.st_uid, status.st_gid)
            else:
                os.fchmod(new.fileno(), _MODE)
            new.write(text)
            new.flush()
            os.fsync(new.fileno())
        read_keys(made, roles)
        made.rename(target)
        sync_directory(target.parent)
    finally:
        made.unlink(missing_ok=True)
