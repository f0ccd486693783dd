"""``mlsdm context``: named servers with their credentials; see :mod:`mlsdm_grpc.cli.contexts`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mlsdm_grpc.cli.context_file import contexts_file
from mlsdm_grpc.cli.contexts import ServerContext, load_contexts
from mlsdm_grpc.cli.options import AsJson, Form, Output, command_group
from mlsdm_grpc.cli.output import echo_all, echo_table
from mlsdm_grpc.cli.reporting import report
from mlsdm_grpc.cli.session import chosen_form
from mlsdm_grpc.errors import MlsdmError

__all__ = ["context_app"]

context_app = command_group("Manage contexts: named servers with their credentials.")

Name = Annotated[str, typer.Argument(help="Name of the context.")]


def _file(flag: str, what: str) -> typer.models.OptionInfo:
    """Return an option with the path of a file that exists."""
    option: typer.models.OptionInfo = typer.Option(flag, exists=True, dir_okay=False, help=what)
    return option


@context_app.command()
def add(
    name: Name,
    *,
    target: Annotated[str, typer.Option("--target", help="Server, HOST:PORT.")],
    space: Annotated[str | None, typer.Option("--space", help="Space that commands use.")] = None,
    token_file: Annotated[Path | None, _file("--token-file", "File with a bearer token.")] = None,
    tls: Annotated[bool, typer.Option("--tls", help="Use TLS.")] = False,
    ca: Annotated[
        Path | None,
        _file("--ca", "PEM file of the authorities that sign the server's certificate."),
    ] = None,
    cert: Annotated[Path | None, _file("--cert", "PEM file of the client's certificate.")] = None,
    key: Annotated[Path | None, _file("--key", "PEM file of its private key.")] = None,
) -> None:
    """Add or replace a context; the first one is used at once.

    The file of contexts holds paths of credentials, never the credentials.
    """
    with _reported("table"):
        from mlsdm_grpc.client.server_address import server_address

        secure = bool(tls or ca or cert or key)
        contexts = load_contexts()
        context = ServerContext(
            target=server_address(target, secure=secure),
            space=space,
            token_file=_absolute(token_file),
            tls=tls,
            ca=_absolute(ca),
            cert=_absolute(cert),
            key=_absolute(key),
        )
        contexts.add(name, context)
        contexts.save()
    used = " and used" if contexts.current == name else f"; `mlsdm context use {name}` uses it"
    typer.echo(f"{name} is added{used}")


@context_app.command("list")
def list_contexts(*, output: Output = None, as_json: AsJson = False) -> None:
    """Print the contexts; * marks the one in use."""
    form = chosen_form(output, as_json=as_json)
    with _reported(form):
        contexts = load_contexts()
    if form != "table":
        values = (
            {"name": name, "current": name == contexts.current, **asdict(context)}
            for name, context in contexts.by_name.items()
        )
        echo_all(values, form)
        return
    rows = (
        (
            "*" if name == contexts.current else "",
            name,
            context.space or "default",
            "tls" if context.tls or context.ca or context.cert else "plain",
            context.token_file or "-",
            context.target,
        )
        for name, context in contexts.by_name.items()
    )
    echo_table(("", "NAME", "SPACE", "TRANSPORT", "TOKEN FILE", "TARGET"), rows, full=True)
    if not contexts.by_name:
        typer.echo(f"no context in {contexts_file()}", err=True)


@context_app.command()
def use(name: Name) -> None:
    """Use a context in the commands that follow, unless they name a server."""
    with _reported("table"):
        contexts = load_contexts()
        contexts.get(name)
        contexts.current = name
        contexts.save()
    typer.echo(f"{name} is used")


@context_app.command()
def remove(name: Name) -> None:
    """Remove a context; files of credentials stay."""
    with _reported("table"):
        contexts = load_contexts()
        contexts.remove(name)
        contexts.save()
    typer.echo(f"{name} is removed")


def _absolute(file: Path | None) -> str | None:
    return str(file.absolute()) if file else None


@contextmanager
def _reported(form: Form) -> Iterator[None]:
    try:
        yield
    except MlsdmError as error:
        report(error, as_json=form != "table", local=True)
        raise typer.Exit(1) from None
