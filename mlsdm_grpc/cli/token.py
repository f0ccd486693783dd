"""``mlsdm token``: manages the keys of a tokens file, which a server reads again within 2 s."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from mlsdm_grpc.cli.options import AsJson, Output, command_group
from mlsdm_grpc.cli.output import echo_all
from mlsdm_grpc.cli.reporting import report
from mlsdm_grpc.cli.session import chosen_form
from mlsdm_grpc.errors import MlsdmError

__all__ = ["token_app"]

token_app = command_group("Create, list and revoke the keys of a tokens file.")

TokensFile = Annotated[
    Path, typer.Option("--file", dir_okay=False, help="Tokens file, created if absent.")
]


@token_app.command()
def create(
    *,
    file: TokensFile,
    name: Annotated[str, typer.Option("--name", help="Name of the caller in logs and records.")],
    tenant: Annotated[str, typer.Option("--tenant", help="Tenant whose spaces the key can use.")],
    role: Annotated[
        list[str] | None, typer.Option("--role", help="Role, by default writer; may be repeated.")
    ] = None,
    space: Annotated[
        list[str] | None,
        typer.Option("--space", help="Space or PREFIX*, by default all; may be repeated."),
    ] = None,
    days: Annotated[
        int | None,
        typer.Option("--days", min=1, help="Days until the key expires; by default never."),
    ] = None,
    critical: Annotated[
        bool, typer.Option("--critical", help="Allow calls of criticality `critical`.")
    ] = False,
    attest: Annotated[
        bool,
        typer.Option("--attest", help="Use the caller's moral values in place of the server's."),
    ] = False,
) -> None:
    """Add a key to a tokens file and print it; it cannot be printed again."""
    fields: dict[str, Any] = {"name": name, "tenant": tenant, "roles": role or ["writer"]}
    if space:
        fields["spaces"] = space
    if days:
        expires = datetime.now(UTC) + timedelta(days=days)
        fields["expires"] = expires.isoformat(timespec="seconds")
    if critical:
        fields["criticality"] = "critical"
    if attest:
        fields["attest"] = True
    from mlsdm_grpc.security.key_file import add_key
    from mlsdm_grpc.security.roles import ROLES

    with _reported():
        typer.echo(add_key(file, fields, ROLES))


@token_app.command("list")
def list_keys(*, file: TokensFile, output: Output = None, as_json: AsJson = False) -> None:
    """Print id, name, tenant, roles, spaces and end of each key."""
    from mlsdm_grpc.security.roles import ROLES
    from mlsdm_grpc.security.static_keys import read_keys

    form = chosen_form(output, as_json=as_json)
    with _reported(as_json=form != "table"):
        keys = read_keys(file, ROLES)
    now = datetime.now(UTC)
    values: list[dict[str, Any]] = [
        {
            "id": key.principal.key_id,
            "name": key.principal.name,
            "tenant": key.principal.tenant,
            "roles": list(key.principal.roles),
            "spaces": list(key.principal.spaces.patterns) if key.principal.spaces else ["*"],
            "expires": key.expires.isoformat() if key.expires else None,
            "expired": key.expires is not None and key.expires <= now,
        }
        for key in keys
    ]
    if form != "table":
        echo_all(values, form)
        return
    for value in values:
        typer.echo(
            f"{value['id']}  {value['name']}  {value['tenant']}"
            f"  roles={','.join(value['roles'])}  spaces={','.join(value['spaces'])}"
            f"  expires={value['expires'] or 'never'}{' (expired)' if value['expired'] else ''}"
        )


@token_app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="Id, as `mlsdm token list` prints it.")],
    *,
    file: TokensFile,
) -> None:
    """Remove a key: calls with it are refused within 5 s, its streams end within 60 s."""
    from mlsdm_grpc.security.key_file import remove_key
    from mlsdm_grpc.security.roles import ROLES

    with _reported():
        remove_key(file, key_id, ROLES)
    typer.echo(f"revoked {key_id}")


@contextmanager
def _reported(*, as_json: bool = False) -> Iterator[None]:
    """Report errors on standard error and exit with code 1."""
    try:
        yield
    except MlsdmError as error:
        report(error, as_json=as_json, local=True)
        raise typer.Exit(1) from None
    except OSError as error:
        typer.echo(f"The tokens file cannot be changed: {error.strerror}", err=True)
        raise typer.Exit(1) from None
