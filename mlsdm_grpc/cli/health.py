"""``mlsdm health``: the standard health check, for scripts and container schedulers."""

from typing import TYPE_CHECKING, Annotated

import typer

from mlsdm_grpc.cli.session import Session, echo_json, with_session

if TYPE_CHECKING:
    from grpc_health.v1.health_pb2 import HealthCheckResponse

    from mlsdm_grpc.client import MemoryClient

__all__ = ["health"]


@with_session(timeout_s=5.0, in_space=False)
def health(
    *,
    service: Annotated[
        str, typer.Option("--service", help="E.g. readiness, journal, mlsdm.v1.MemoryService.")
    ] = "",
    watch: Annotated[
        bool, typer.Option("--watch", help="Print every change, without end or timeout.")
    ] = False,
    session: Session,
) -> None:
    """Print the health of the server; exit code 0 if it is SERVING, else 1."""
    if not session.run(
        lambda memory: _health(memory, service, watch=watch, as_json=session.as_json)
    ):
        raise typer.Exit(1)


async def _health(memory: "MemoryClient", service: str, *, watch: bool, as_json: bool) -> bool:
    if not watch:
        return _show(await memory.health(service), as_json=as_json)
    serving = False
    async for response in memory.watch_health(service):
        serving = _show(response, as_json=as_json)
    return serving


def _show(response: "HealthCheckResponse", *, as_json: bool) -> bool:
    name = type(response).ServingStatus.Name(response.status)
    if as_json:
        echo_json({"status": name})
    else:
        typer.echo(name)
    return bool(response.status == type(response).SERVING)
