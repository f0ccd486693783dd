"""TenantService: quotas, defaults and usage of tenants."""

from __future__ import annotations

from mlsdm_grpc._gen.mlsdm.v1 import tenant_service_pb2
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.messages.fields import Fields
from mlsdm_grpc.spaces.tenants import Tenants
from mlsdm_grpc.wire import requests, tenants
from mlsdm_grpc.wire.call import Call
from mlsdm_grpc.wire.pages import decode_page_token, encode_page_token

__all__ = ["TenantServicer"]

# Owner of the page tokens of the list of tenants, which belongs to no tenant.
_THE_LIST = SpaceKey("", "")


class TenantServicer:
    """Servicer of ``mlsdm.v1.TenantService``.

    Args:
        tenants: Operations on tenants.
    """

    def __init__(self, tenants: Tenants) -> None:
        self._tenants = tenants

    async def GetTenant(  # noqa: N802 - the contract's name
        self, request: tenant_service_pb2.GetTenantRequest, call: Call
    ) -> tenant_service_pb2.GetTenantResponse:
        fields = Fields()
        min_revision = fields.min_revision(request.min_revision)
        fields.check()
        view = await self._tenants.get(
            call.principal.tenant, min_revision=min_revision, deadline_s=call.deadline_s
        )
        return tenant_service_pb2.GetTenantResponse(
            tenant=tenants.tenant_message(view), revision=view.revision
        )

    async def SetTenant(  # noqa: N802 - the contract's name
        self, request: tenant_service_pb2.SetTenantRequest, call: Call
    ) -> tenant_service_pb2.SetTenantResponse:
        fields = Fields()
        ticket = requests.ticket(fields, call, request, request.request_id)
        body = tenants.new_tenant(fields, request)
        fields.check()
        if request.validate_only:
            view = await self._tenants.preview(call.principal.tenant, body, ticket)
            tenant = tenants.tenant_as_it_would_be(view, body.settings)
        else:
            view = await self._tenants.set(call.principal.tenant, body, ticket)
            tenant = tenants.tenant_message(view)
        return tenant_service_pb2.SetTenantResponse(tenant=tenant, revision=view.revision)

    async def ListTenants(  # noqa: N802 - the contract's name
        self, request: tenant_service_pb2.ListTenantsRequest, call: Call
    ) -> tenant_service_pb2.ListTenantsResponse:
        fields = Fields()
        page_size = fields.page_size(request.page_size)
        fields.check()
        page = await self._tenants.page(
            after=decode_page_token(request.page_token, _THE_LIST, ()),
            limit=page_size,
            deadline_s=call.deadline_s,
        )
        return tenant_service_pb2.ListTenantsResponse(
            tenants=map(tenants.tenant_message, page.tenants),
            next_page_token=encode_page_token(_THE_LIST, (), page.after) if page.after else "",
        )
