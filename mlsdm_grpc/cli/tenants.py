"""``mlsdm tenant``: shows and changes quotas, defaults and usage of tenants."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from mlsdm_grpc.cli.options import command_group
from mlsdm_grpc.cli.output import echo_all, echo_document, message_dict
from mlsdm_grpc.cli.session import Session, with_session

if TYPE_CHECKING:
    from mlsdm_grpc._gen.mlsdm.v1.tenant_pb2 import Tenant
    from mlsdm_grpc.client import MemoryClient

__all__ = ["tenant_app"]

tenant_app = command_group("Show, list and change quotas and defaults of tenants.")

_Quota = Annotated[int | None, typer.Option(min=0, help="Quota; 0 means no limit.")]


@tenant_app.command()
@with_session(in_space=False)
def show(*, session: Session) -> None:
    """Print quotas, defaults and usage of the caller's tenant."""
    _echo(session.run(lambda memory: memory.get_tenant()).tenant, session)


@tenant_app.command("list")
@with_session(in_space=False)
def list_tenants(*, session: Session) -> None:
    """Print quotas, defaults and usage of all tenants."""

    async def read(memory: "MemoryClient") -> "list[Tenant]":
        return [tenant async for tenant in memory.list_tenants()]

    found = session.run(read)
    if session.as_json:
        echo_all(map(message_dict, found), session.form)
        return
    for tenant in found:
        _echo(tenant, session)


@tenant_app.command("set")
@with_session(in_space=False)
def set_tenant(
    name: Annotated[str, typer.Argument(help="Tenant, as `mlsdm tenant list` prints it.")],
    *,
    spaces: _Quota = None,
    capacity: _Quota = None,
    kept_bytes: _Quota = None,
    space_capacity: Annotated[
        int | None, typer.Option(min=1, help="Capacity of a new space whose creation sets none.")
    ] = None,
    session: Session,
) -> None:
    """Replace quotas and defaults of a tenant; omitted ones return to those of the server."""

    async def find(memory: "MemoryClient") -> str:
        async for tenant in memory.list_tenants():
            if tenant.tenant == name:
                return tenant.etag
        return '"0"'  # the tenant has stored nothing yet

    etag = session.run(find)
    done = replace(session, tenant=name).run(
        lambda memory: memory.set_tenant(
            etag=etag,
            space_count=spaces,
            capacity=capacity,
            kept_bytes=kept_bytes,
            space_capacity=space_capacity,
        )
    )
    _echo(done.tenant, session)


def _echo(tenant: "Tenant", session: Session) -> None:
    if session.as_json:
        echo_document(message_dict(tenant), session.form)
        return
    quotas, usage = tenant.effective_quotas, tenant.usage
    amounts = [
        f"{label}={getattr(usage, field) if tenant.HasField('usage') else '?'}"
        f" of {getattr(quotas, field) or 'no limit'}"
        for label, field in (
            ("spaces", "space_count"),
            ("capacity", "capacity"),
            ("bytes", "kept_bytes"),
        )
    ]
    typer.echo(f"{tenant.tenant}  {'  '.join(amounts)}  etag={tenant.etag}")
