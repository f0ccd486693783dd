"""Usage errors of the command line as JSON, for callers that request JSON output."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import typer

__all__ = ["json_usage_error", "wants_json"]

_JSON_OPTIONS = frozenset({"--json", "--output=json", "--output=jsonl", "-ojson", "-ojsonl"})
_FORMS = frozenset({"json", "jsonl"})


def wants_json(arguments: Sequence[str]) -> bool:
    """Return True if the arguments, valid or not, request JSON output."""
    before = ""
    for argument in arguments:
        if argument == "--":
            return False
        if argument in _JSON_OPTIONS or (before in {"-o", "--output"} and argument in _FORMS):
            return True
        before = argument
    return False


@contextmanager
def json_usage_error() -> Iterator[None]:
    """Print a usage error as JSON on standard error and exit with its exit code."""
    try:
        yield
    except typer.TyperException as error:
        described = {
            "code": "INVALID_ARGUMENT",
            "reason": "USAGE",
            "message": error.format_message(),
        }
        typer.echo(json.dumps(described, ensure_ascii=False), err=True)
        sys.exit(error.exit_code)
    except typer.Abort:
        sys.exit(1)
