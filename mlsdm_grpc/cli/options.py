"""Options and output forms shared by several commands."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import typer

from mlsdm_grpc.cli.context_file import CONTEXT_VARIABLE, CONTEXTS_VARIABLE

__all__ = [
    "CLIENT_VARIABLES",
    "TARGET_VARIABLE",
    "TOKEN_FILE_VARIABLE",
    "TOKEN_VARIABLE",
    "After",
    "AsJson",
    "Before",
    "Ca",
    "Cert",
    "Config",
    "Conversation",
    "DataDir",
    "Form",
    "Full",
    "Journal",
    "Key",
    "Labels",
    "Listen",
    "Metadata",
    "Ops",
    "Output",
    "Sources",
    "Space",
    "Target",
    "TimeoutS",
    "Tls",
    "TokenFile",
    "Workers",
    "command_group",
    "overrides",
]

TARGET_VARIABLE = "MLSDM_TARGET"
"""Environment variable with the address of the server; used by client commands only."""

Target = Annotated[
    str | None,
    typer.Option(
        "--target",
        envvar=TARGET_VARIABLE,
        help="Server, HOST:PORT; by default that of the context, or 127.0.0.1:50051.",
    ),
]
TOKEN_VARIABLE = "MLSDM_TOKEN"  # noqa: S105 - the name of a variable
"""Environment variable with a bearer token; used if no token file is set."""
TOKEN_FILE_VARIABLE = "MLSDM_TOKEN_FILE"  # noqa: S105 - the name of a variable
"""Environment variable with the path of a file with a bearer token."""
CLIENT_VARIABLES = frozenset(
    {
        TARGET_VARIABLE,
        TOKEN_VARIABLE,
        CONTEXT_VARIABLE,
        CONTEXTS_VARIABLE,
        TOKEN_FILE_VARIABLE,
        "MLSDM_TLS",
        "MLSDM_CA",
        "MLSDM_CERT",
        "MLSDM_KEY",
    }
)
"""Environment variables of the client commands."""
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        envvar=TOKEN_FILE_VARIABLE,
        exists=True,
        dir_okay=False,
        help="File with a bearer token; by default MLSDM_TOKEN is used.",
    ),
]
Tls = Annotated[
    bool, typer.Option("--tls", envvar="MLSDM_TLS", help="Use TLS; --ca and --cert imply it.")
]
Ca = Annotated[
    Path | None,
    typer.Option(
        "--ca",
        envvar="MLSDM_CA",
        help="PEM file of the authorities that sign the server's certificate.",
    ),
]
Cert = Annotated[
    Path | None,
    typer.Option("--cert", envvar="MLSDM_CERT", help="PEM file of the client's certificate."),
]
Key = Annotated[
    Path | None, typer.Option("--key", envvar="MLSDM_KEY", help="PEM file of its private key.")
]
Space = Annotated[
    str | None,
    typer.Option(
        "--space", help="Name of the space; by default that of the context, or `default`."
    ),
]
Form: TypeAlias = Literal["table", "json", "jsonl"]
"""Form of the output: table for people, one JSON document, or one JSON object per line."""
Output = Annotated[
    Form | None,
    typer.Option(
        "--output", "-o", help="Readable table, one JSON document, or one JSON object per line."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Short for -o json.")]
Full = Annotated[bool, typer.Option("--full", help="Print complete texts, without shortening.")]
TimeoutS = Annotated[float, typer.Option("--timeout", min=0.001, help="Deadline, seconds.")]
Labels = Annotated[list[str] | None, typer.Option("--label", help="Label; may be repeated.")]
Metadata = Annotated[
    list[str] | None,
    typer.Option("--metadata", help="KEY=VALUE of a memory; may be repeated."),
]
Conversation = Annotated[
    str, typer.Option("--conversation", help="Id of the conversation of the memory.")
]
Sources = Annotated[
    list[str] | None,
    typer.Option("--source", help="Source, such as retrieved; may be repeated."),
]
After = Annotated[
    datetime | None,
    typer.Option("--after", help="Earliest time of the event, or of storing; local or with zone."),
]
Before = Annotated[
    datetime | None,
    typer.Option("--before", help="Time of the event, or of storing, is before this one."),
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
    typer.Option("--journal", help="Kind of journal: sqlite is durable, memory is not."),
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
    """Return the flags that the caller set, by section and field."""
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


def command_group(text: str) -> typer.Typer:
    """Return a typer group with a help text and the options common to all groups."""
    return typer.Typer(help=text, no_args_is_help=True, add_completion=False, rich_markup_mode=None)
