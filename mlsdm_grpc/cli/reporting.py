"""Reports of errors, for people or as JSON."""

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from mlsdm_grpc.cli.output import echo, json_text
from mlsdm_grpc.errors import ApiStatusError, InvalidInput, MlsdmError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["describe", "report"]

_HINTS: "Final[Mapping[str, str]]" = MappingProxyType(
    {
        "CREDENTIAL_MISSING": "set a token with --token-file FILE or MLSDM_TOKEN, or a certificate"
        " with --cert and --key",
        "CREDENTIAL_INVALID": "check the token of --token-file or MLSDM_TOKEN; an operator can list"
        " the keys with `mlsdm token list`",
        "CREDENTIAL_EXPIRED": "set a new token with --token-file FILE or MLSDM_TOKEN",
        "PERMISSION_MISSING": "`mlsdm whoami` prints your roles, spaces and permissions",
        "SPACE_NOT_FOUND": "`mlsdm spaces list` prints the spaces; `mlsdm put` and `mlsdm spaces"
        " create` create one",
        "MEMORY_NOT_FOUND": "`mlsdm list` prints the ids of memories",
        "ETAG_MISMATCH": "read it again, and repeat the change with the new etag",
    }
)
"""Advice for users of the command line, by reason of the error."""


def describe(error: MlsdmError) -> dict[str, Any]:
    """Return all information of an error as JSON values."""
    from mlsdm_grpc.client import request_id_of
    from mlsdm_grpc.wire.status import CODE_NAMES, CODES

    code = error.code if isinstance(error, ApiStatusError) else CODES[type(error)]
    described: dict[str, Any] = {
        "code": CODE_NAMES[code],
        "reason": error.reason,
        "message": error.message,
        "metadata": error.metadata,
    }
    if isinstance(error, InvalidInput):
        described["violations"] = [
            {"field": each.field, "description": each.description} for each in error.violations
        ]
    if error.retry_after_s is not None:
        described["retry_after_s"] = error.retry_after_s
    if request_id := request_id_of(error):
        described["request_id"] = request_id
    if notes := getattr(error, "__notes__", ()):
        described["notes"] = list(notes)
    if hint := _HINTS.get(error.reason):
        described["hint"] = hint
    return described


def report(error: MlsdmError, *, as_json: bool, local: bool = False) -> None:
    """Print an error on standard error; a local error is printed without a status."""
    described = describe(error)
    if as_json:
        echo(json_text(described), err=True)
        return
    status = "" if local else f"{described['code']} {error.reason}".strip() + ": "
    echo(f"{status}{error.message}", err=True)
    for violation in described.get("violations", ()):
        line = f"{violation['field']}: {violation['description']}"
        if line not in error.message:
            echo(f"  {line}", err=True)
    for key, value in error.metadata.items():
        # The violations already name the field.
        if key != "field":
            echo(f"  {key}={value}", err=True)
    for note in described.get("notes", ()):
        echo(f"  {note}", err=True)
    if "hint" in described:
        echo(f"  {described['hint']}", err=True)
    if "request_id" in described:
        echo(f"  request id: {described['request_id']}", err=True)
