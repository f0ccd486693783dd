"""The command ``mlsdm``. Each command is imported only when it runs, so that it starts quickly."""

import os
import sys
from types import MappingProxyType

import typer

from mlsdm_grpc import __version__
from mlsdm_grpc.cli.context_file import CONTEXT_VARIABLE, CONTEXTS_VARIABLE
from mlsdm_grpc.cli.lazy_group import LazyGroup
from mlsdm_grpc.cli.options import CLIENT_VARIABLES
from mlsdm_grpc.cli.usage_errors import json_usage_error, wants_json

__all__ = ["app", "main"]

_COMPLETE_VARIABLE = "_MLSDM_COMPLETE"


class _Commands(LazyGroup):
    """Group of all commands."""

    places = MappingProxyType(
        {
            "serve": "serve:serve",
            "check": "check:check",
            "put": "memories:put",
            "query": "memories:query",
            "get": "memory_records:get",
            "list": "memory_records:list_memories",
            "update": "memory_records:update",
            "delete": "memory_records:delete",
            "ingest": "ingest:ingest",
            "export": "export:export",
            "import": "import_memories:import_memories",
            "copy": "copy_space:copy_space",
            "generate": "generate:generate",
            "evaluate": "evaluate:evaluate",
            "spaces": "space_commands:spaces_app",
            "policy": "policy_commands:policy_app",
            "state": "memories:state",
            "call": "call_method:call",
            "mcp": "mcp_command:mcp",
            "health": "health:health",
            "whoami": "whoami:whoami",
            "drain": "drain_node:drain",
            "context": "context_commands:context_app",
            "token": "token:token_app",
            "tenant": "tenants:tenant_app",
            "recover": "recover:recover",
            "config-reference": "reference:config_reference",
            "completion": "about:completion",
            "version": "about:version",
            "help": "about:print_help",
        }
    )


app = typer.Typer(
    name="mlsdm",
    cls=_Commands,
    help="A governed cognitive memory for LLM applications, over gRPC.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


def _use_context(name: str | None) -> None:
    """Select a context for this process and ignore the server named by environment variables."""
    if name is not None:
        for variable in CLIENT_VARIABLES - {CONTEXTS_VARIABLE}:
            os.environ.pop(variable, None)
        os.environ[CONTEXT_VARIABLE] = name


@app.callback()
def _options(
    *,
    context: str | None = typer.Option(
        None,
        "--context",
        callback=_use_context,
        is_eager=True,
        help="Server and credential of `mlsdm context`.",
    ),
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    del context, version


def main() -> None:
    """Run the command given by the arguments."""
    # grpc reads these variables on import. Its log lines on standard error do not help users of a
    # client. No command forks, and fork support costs time and may hang.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
    if _COMPLETE_VARIABLE in os.environ:
        from typer.completion import completion_init  # type: ignore[attr-defined] # no other way

        completion_init()
    if wants_json(sys.argv[1:]):
        with json_usage_error():
            sys.exit(app(standalone_mode=False))
    app()
