"""Options shared by several commands."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

__all__ = [
    "TARGET_VARIABLE",
    "AsJson",
    "Config",
    "Conversation",
    "DataDir",
    "Journal",
    "Labels",
    "Listen",
    "Ops",
    "Space",
    "Target",
    "TimeoutS",
    "TokenFile",
    "Workers",
    "overrides",
]

TARGET_VARIABLE = "MLSDM_TARGET"
"""Environment variable of the client commands; not a setting of the server."""

Target = Annotated[str, typer.Option("--target", envvar=TARGET_VARIABLE, help="Server, HOST:PORT.")]
TokenFile = Annotated[
    Path | None,
    typer.Option("--token-file", exists=True, dir_okay=False, help="File with a bearer token."),
]
Space = Annotated[str, typer.Option("--space", help="Name of the space.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
TimeoutS = Annotated[float, typer.Option("--timeout", min=0.001, help="Deadline, seconds.")]
Labels = Annotated[list[str] | None, typer.Option("--label", help="Label; may be repeated.")]
Conversation = Annotated[
    str, typer.Option("--conversation", help="Id of the conversation of the memory.")
]

Listen = Annotated[
    str | None,
    typer.Option(
        "--listen", help="Address of the gRPC port, HOST:PORT; port 0 lets the system choose."
    ),
]
Ops = Annotated[
    str | None, typer.Option("--ops", help="Address of the operations HTTP port, HOST:PORT.")
]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Folder of the journal and its snapshots.")
]
Journal = Annotated[
    Literal["sqlite", "memory"] | None,
    typer.Option("--journal", help="sqlite is durable, memory is not."),
]
Workers = Annotated[
    int | None, typer.Option("--workers", min=0, help="Worker processes; 0 for tests only.")
]
Config = Annotated[Path | None, typer.Option("--config", help="TOML file with settings.")]


def overrides(
    *,
    listen: str | None,
    ops: str | None,
    data_dir: Path | None,
    journal: str | None,
    workers: int | None,
) -> dict[str, dict[str, Any]]:
    """Return the given flags, by section and field."""
    given: dict[str, dict[str, Any]] = {
        "server": {"listen": listen, "ops": ops},
        "journal": {"data_dir": data_dir, "kind": journal},
        "engine": {"workers": workers},
    }
    return {
        section: found
        for section, fields in given.items()
        if (found := {name: value for name, value in fields.items() if value is not None})
    }
