"""``mlsdm version | help | completion``."""

from typing import Annotated, Any, Literal

import typer

from mlsdm_grpc import __version__
from mlsdm_grpc.cli.output import echo_document
from mlsdm_grpc.cli.session import Session, with_session

__all__ = ["completion", "print_help", "version"]


@with_session(timeout_s=5.0, in_space=False)
def version(
    *,
    server: Annotated[
        bool,
        typer.Option("--server", help="Also print the versions of the server and of the contract."),
    ] = False,
    session: Session,
) -> None:
    """Print the version of this command."""
    versions = {"client": __version__}
    if server:
        info = session.run(lambda memory: memory.server_info())
        versions["server"] = info.version
        versions["contract"] = info.contract_version
    if session.as_json:
        echo_document(versions, session.form)
    elif server:
        for name, number in versions.items():
            typer.echo(f"{name} {number}")
    else:
        typer.echo(__version__)


def print_help(
    context: typer.Context,
    command: Annotated[
        list[str] | None, typer.Argument(help="Command, e.g. put, or spaces create.")
    ] = None,
) -> None:
    """Print the help of a command, or the list of commands."""
    found: Any = context.parent
    for name in command or ():
        # A group has inner commands; other commands do not.
        find = getattr(found.command, "get_command", lambda *_: None)
        if (inner := find(found, name)) is None:
            raise typer.BadParameter(
                f"unknown command {' '.join(command or ())!r}; see mlsdm --help"
            )
        found = typer.Context(inner, info_name=name, parent=found)
    if text := found.get_help():
        typer.echo(text)


def completion(
    shell: Annotated[Literal["bash", "zsh", "fish", "powershell"], typer.Argument(help="Shell.")],
) -> None:
    """Print a script that completes commands and options: `source <(mlsdm completion bash)`."""
    from typer.completion import get_completion_script  # type: ignore[attr-defined] # no other way

    script = get_completion_script(prog_name="mlsdm", complete_var="_MLSDM_COMPLETE", shell=shell)
    typer.echo(script)
