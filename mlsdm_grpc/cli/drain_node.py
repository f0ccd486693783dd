"""``mlsdm drain``: a graceful stop of the server."""

from datetime import timedelta
from typing import Annotated

import typer

from mlsdm_grpc.cli.output import echo_document, message_dict
from mlsdm_grpc.cli.session import Session, with_session

__all__ = ["drain"]


@with_session(timeout_s=10.0, in_space=False)
def drain(
    *,
    reason: Annotated[str, typer.Option("--reason", help="Reason, for the log.")] = "mlsdm drain",
    grace_s: Annotated[
        float | None,
        typer.Option("--grace", min=0, max=3_600, help="Seconds for calls in flight to finish."),
    ] = None,
    session: Session,
) -> None:
    """Stop the server after its calls in flight; it cannot be undone."""
    grace = None if grace_s is None else timedelta(seconds=grace_s)
    response = session.run(lambda memory: memory.drain(reason, grace=grace))
    if session.as_json:
        echo_document(message_dict(response), session.form)
        return
    end = response.end_time.ToJsonString()
    typer.echo(f"DRAINING, {response.in_flight_count} calls in flight, ends by {end}")
