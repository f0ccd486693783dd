"""``mlsdm whoami``: the identity behind a token or certificate."""

import typer

from mlsdm_grpc.cli.output import echo_document, message_dict
from mlsdm_grpc.cli.session import Session, with_session

__all__ = ["whoami"]


@with_session(timeout_s=5.0, in_space=False)
def whoami(*, session: Session) -> None:
    """Print name, tenant, roles, spaces and permissions of the caller."""
    found = session.run(lambda memory: memory.who_am_i())
    if session.as_json:
        echo_document(message_dict(found), session.form)
        return
    spaces = "all" if found.all_spaces else ", ".join(found.spaces) or "none"
    typer.echo(f"{found.name} of {found.tenant}")
    typer.echo(f"roles: {', '.join(found.roles) or 'none'}")
    typer.echo(f"spaces: {spaces}")
    typer.echo(f"permissions: {', '.join(found.permissions)}")
    if found.HasField("expire_time"):
        typer.echo(f"expires: {found.expire_time.ToJsonString()}")
