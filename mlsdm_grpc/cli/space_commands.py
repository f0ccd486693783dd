"""``mlsdm spaces``: lists, creates and changes spaces."""

import re
import types
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final, get_args, get_type_hints

import typer

from mlsdm_grpc.cli.options import command_group
from mlsdm_grpc.cli.output import echo, echo_all, echo_document, echo_table, message_dict
from mlsdm_grpc.cli.session import Session, with_session
from mlsdm_grpc.cli.texts import key_values
from mlsdm_grpc.errors import InvalidInput

if TYPE_CHECKING:
    from mlsdm_grpc._gen.mlsdm.v1.space_pb2 import Space
    from mlsdm_grpc.client import MemoryClient

__all__ = ["spaces_app"]

spaces_app = command_group("List, create, show and change spaces.")

Name = Annotated[str, typer.Argument(help="Name of the space.", metavar="SPACE")]
Settings = Annotated[
    list[str] | None,
    typer.Argument(
        help="E.g. capacity=50000, read_only=true, default_ttl=30d; an unknown name lists all.",
        metavar="SETTING=VALUE...",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check without writing.")]

_TRUTH: Final = types.MappingProxyType({"true": True, "false": False})
_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_SECONDS: Final = types.MappingProxyType({"s": 1, "m": 60, "h": 3_600, "d": 86_400})


@spaces_app.command("list")
@with_session(in_space=False)
def list_spaces(*, session: Session) -> None:
    """Print the spaces of the tenant, oldest first."""

    async def work(memory: "MemoryClient") -> "list[Space]":
        return [each async for each in memory.list_spaces()]

    found = session.run(work)
    if session.as_json:
        echo_all(map(message_dict, found), session.form)
        return
    rows = (
        (
            each.space,
            _state(each),
            f"{each.memory_count}/{each.config.capacity}",
            str(each.config.dimension),
            str(each.revision),
            each.config.embedder_model or "-",
        )
        for each in found
    )
    headers = ("SPACE", "STATE", "MEMORIES", "DIMENSION", "REVISION", "EMBEDDER")
    echo_table(headers, rows, full=True)
    if not found:
        echo("no space", err=True)


@spaces_app.command()
@with_session(in_space=False)
def show(space: Name, *, session: Session) -> None:
    """Print a space with all its settings."""
    _print_space(session.run(lambda memory: memory.get_space(space)).space, session)


@spaces_app.command()
@with_session(in_space=False)
def create(
    space: Name, settings: Settings = None, *, dry_run: DryRun = False, session: Session
) -> None:
    """Create a space; settings that are not given have the server's defaults."""
    given = _settings(settings or ())
    response = session.run(
        lambda memory: memory.create_space(space, validate_only=dry_run, **given)
    )
    _print_space(response.space, session)


@spaces_app.command("set")
@with_session(in_space=False)
def set_settings(
    space: Name, settings: Settings = None, *, dry_run: DryRun = False, session: Session
) -> None:
    """Change settings of a space; those that are not given stay as they are."""
    given = _settings(settings or ())
    if not given:
        raise typer.BadParameter("at least one SETTING=VALUE is required")

    async def work(memory: "MemoryClient") -> "Space":
        before = (await memory.get_space(space)).space
        updated = await memory.update_space(space, etag=before.etag, validate_only=dry_run, **given)
        return updated.space

    _print_space(session.run(work), session)


def _settings(given: list[str] | tuple[str, ...]) -> dict[str, Any]:
    """Return settings as keyword arguments of the client.

    Raises:
        InvalidInput: A setting is unknown, or its value is of a wrong type.
    """
    from mlsdm_grpc.client.spaces import SpaceSettings

    hints = get_type_hints(SpaceSettings)
    hints.pop("ontology")
    found = {}
    for name, value in key_values(given, "SETTING=VALUE").items():
        if name not in hints:
            raise InvalidInput.of(name, f"unknown setting; the settings are {', '.join(hints)}")
        (kind, _) = get_args(hints[name])
        try:
            found[name] = _READERS[kind](value)
        except (ValueError, KeyError, OverflowError):
            raise InvalidInput.of(name, f"must be {_EXPECTED[kind]}") from None
    return found


def _span(text: str) -> timedelta:
    match = _SPAN.fullmatch(text)
    if match is None:
        raise ValueError
    return timedelta(seconds=float(match[1]) * _SECONDS[match[2]])


_READERS: "Final[Mapping[type, Callable[[str], Any]]]" = types.MappingProxyType(
    {int: int, float: float, str: str, bool: _TRUTH.__getitem__, timedelta: _span}
)
_EXPECTED: Final[Mapping[type, str]] = types.MappingProxyType(
    {
        int: "a whole number",
        float: "a number",
        str: "a string",
        bool: "true or false",
        timedelta: "a duration such as 90s, 15m, 12h or 30d; 0s means none",
    }
)


def _print_space(space: "Space", session: Session) -> None:
    shown = message_dict(space)
    if session.as_json:
        echo_document(shown, session.form)
        return
    echo_table(("NAME", "VALUE"), list(_rows(shown, "")), full=True)


def _rows(value: Mapping[str, Any], prefix: str) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, item in value.items():
        if isinstance(item, dict):
            rows += _rows(item, f"{prefix}{name}.")
        elif isinstance(item, list):
            rows.append((f"{prefix}{name}", f"{len(item)} entries"))
        else:
            rows.append((f"{prefix}{name}", str(item)))
    return rows


def _state(space: "Space") -> str:
    from mlsdm_grpc._gen.mlsdm.v1.space_pb2 import SpaceState

    return SpaceState.Name(space.state).removeprefix("SPACE_STATE_").lower()
