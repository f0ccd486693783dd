"""The command ``mlsdm``. Commands import heavy modules when they run, so that help is quick."""

import os

import typer

from mlsdm_grpc import __version__
from mlsdm_grpc.cli.call_method import call
from mlsdm_grpc.cli.check import check
from mlsdm_grpc.cli.copy_space import copy_space
from mlsdm_grpc.cli.evaluate import evaluate
from mlsdm_grpc.cli.export import export
from mlsdm_grpc.cli.generate import generate
from mlsdm_grpc.cli.health import health
from mlsdm_grpc.cli.import_memories import import_memories
from mlsdm_grpc.cli.ingest import ingest
from mlsdm_grpc.cli.memories import put, query, state
from mlsdm_grpc.cli.recover import recover
from mlsdm_grpc.cli.reference import config_reference
from mlsdm_grpc.cli.serve import serve
from mlsdm_grpc.cli.tenants import tenant_app
from mlsdm_grpc.cli.token import token_app
from mlsdm_grpc.cli.whoami import whoami

__all__ = ["app", "main"]

app = typer.Typer(
    name="mlsdm",
    help="A governed cognitive memory for LLM applications, over gRPC.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_COMMANDS = (
    serve,
    check,
    call,
    put,
    query,
    state,
    ingest,
    export,
    import_memories,
    copy_space,
    generate,
    evaluate,
    health,
    whoami,
    recover,
    config_reference,
)
_NAMES = {import_memories: "import", copy_space: "copy"}
for command in _COMMANDS:
    app.command(_NAMES.get(command))(command)
app.add_typer(token_app, name="token", no_args_is_help=True)
app.add_typer(tenant_app, name="tenant", no_args_is_help=True)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    del version


def main() -> None:
    """Run the command given by the arguments."""
    # grpc reads these variables on import. Its own lines on standard error do not help users of a
    # client. No command forks, and fork support costs time and may hang.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
    app()
