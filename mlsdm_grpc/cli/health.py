"""``mlsdm health``: the standard health check, for scripts and container schedulers."""

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from mlsdm_grpc.cli.options import Form
from mlsdm_grpc.cli.output import echo_document
from mlsdm_grpc.cli.session import Session, with_session
from mlsdm_grpc.errors import ApiStatusError, MlsdmError

if TYPE_CHECKING:
    from grpc_health.v1.health_pb2 import HealthCheckResponse

    from mlsdm_grpc.client import MemoryClient

__all__ = ["health"]

_NOT_FOUND = 5


@with_session(timeout_s=5.0, in_space=False)
def health(
    *,
    service: Annotated[
        str,
        typer.Option(
            "--service", help="Service name, e.g. readiness, journal, mlsdm.v1.MemoryService."
        ),
    ] = "",
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Print every change until Ctrl-C; --timeout does not apply."),
    ] = False,
    session: Session,
) -> None:
    """Print the health of the server; exit code 0 if it is SERVING, else 1."""
    if not session.run(lambda memory: _health(memory, service, watch=watch, form=session.form)):
        raise typer.Exit(1)


async def _health(memory: "MemoryClient", service: str, *, watch: bool, form: Form) -> bool:
    serving = False
    if watch:
        async for response in memory.watch_health(service):
            serving = _show(response, form)
        return serving
    try:
        return _show(await memory.health(service), form)
    except ApiStatusError as error:
        if error.code == _NOT_FOUND:
            # Other servers may not support the List call.
            with suppress(MlsdmError):
                known = ", ".join(sorted(filter(None, await memory.health_names())))
                error.add_note(f"known services: {known}")
        raise


def _show(response: "HealthCheckResponse", form: Form) -> bool:
    name = type(response).ServingStatus.Name(response.status)
    if form == "table":
        typer.echo(name)
    else:
        echo_document({"status": name}, form)
    return bool(response.status == type(response).SERVING)
