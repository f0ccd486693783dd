"""The command ``mlsdm``. Commands import heavy modules when they run, so that help is quick."""

import os
import sys
from collections.abc import Callable

import typer

from mlsdm_grpc import __version__
from mlsdm_grpc.cli.about import completion, print_help, version
from mlsdm_grpc.cli.call_method import call
from mlsdm_grpc.cli.check import check
from mlsdm_grpc.cli.context_commands import context_app
from mlsdm_grpc.cli.context_file import CONTEXT_VARIABLE, CONTEXTS_VARIABLE
from mlsdm_grpc.cli.copy_space import copy_space
from mlsdm_grpc.cli.drain_node import drain
from mlsdm_grpc.cli.evaluate import evaluate
from mlsdm_grpc.cli.export import export
from mlsdm_grpc.cli.generate import generate
from mlsdm_grpc.cli.health import health
from mlsdm_grpc.cli.import_memories import import_memories
from mlsdm_grpc.cli.ingest import ingest
from mlsdm_grpc.cli.memories import put, query, state
from mlsdm_grpc.cli.options import CLIENT_VARIABLES
from mlsdm_grpc.cli.policy_commands import policy_app
from mlsdm_grpc.cli.recover import recover
from mlsdm_grpc.cli.reference import config_reference
from mlsdm_grpc.cli.serve import serve
from mlsdm_grpc.cli.space_commands import spaces_app
from mlsdm_grpc.cli.stored_memories import delete, get, list_memories, update
from mlsdm_grpc.cli.token import token_app
from mlsdm_grpc.cli.usage_errors import json_usage_error, wants_json
from mlsdm_grpc.cli.whoami import whoami

__all__ = ["app", "main"]

_COMPLETE_VARIABLE = "_MLSDM_COMPLETE"

app = typer.Typer(
    name="mlsdm",
    help="A governed cognitive memory for LLM applications, over gRPC.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_COMMANDS: tuple[Callable[..., None], ...] = (
    serve,
    check,
    put,
    query,
    get,
    list_memories,
    update,
    delete,
    ingest,
    export,
    import_memories,
    copy_space,
    generate,
    evaluate,
    state,
    call,
    health,
    whoami,
    drain,
    recover,
    config_reference,
    completion,
    version,
    print_help,
)
_NAMES: dict[Callable[..., None], str] = {
    list_memories: "list",
    import_memories: "import",
    copy_space: "copy",
    print_help: "help",
}
for command in _COMMANDS:
    app.command(_NAMES.get(command))(command)
app.add_typer(spaces_app, name="spaces", no_args_is_help=True)
app.add_typer(policy_app, name="policy", no_args_is_help=True)
app.add_typer(context_app, name="context", no_args_is_help=True)
app.add_typer(token_app, name="token", no_args_is_help=True)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


def _use_context(name: str | None) -> None:
    """Use a context in this process, whatever server the environment names."""
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
    # grpc reads these variables on import. Its own lines on standard error do not help users of a
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
