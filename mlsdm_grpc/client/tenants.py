"""Client methods for tenants: quotas, defaults and usage."""

from __future__ import annotations

from collections.abc import AsyncIterator

from mlsdm_grpc._gen.mlsdm.v1.tenant_pb2 import Tenant, TenantDefaults, TenantQuotas
from mlsdm_grpc._gen.mlsdm.v1.tenant_service_pb2 import (
    GetTenantRequest,
    GetTenantResponse,
    ListTenantsRequest,
    SetTenantRequest,
    SetTenantResponse,
)
from mlsdm_grpc.client.arguments import message
from mlsdm_grpc.client.client_base import ClientBase
from mlsdm_grpc.client.values import write_request_id

__all__ = ["TenantAccess"]


class TenantAccess(ClientBase):
    """Client methods that read, change and list tenants."""

    async def get_tenant(
        self, *, min_revision: int | None = None, timeout_s: float | None = None
    ) -> GetTenantResponse:
        """Return quotas, defaults and usage of the caller's tenant.

        Args:
            min_revision: Minimum revision of the tenant's reserved space for the response.
            timeout_s: Deadline, seconds; None uses the client's.

        Raises:
            Unavailable: The server has not finished counting the usage; the next call continues it.
        """
        request = message(GetTenantRequest, min_revision=min_revision)
        return await self._connection.unary(self._tenants.GetTenant, request, timeout_s=timeout_s)

    async def set_tenant(
        self,
        *,
        etag: str,
        space_count: int | None = None,
        capacity: int | None = None,
        kept_bytes: int | None = None,
        space_capacity: int | None = None,
        validate_only: bool = False,
        request_id: str | None = None,
        timeout_s: float | None = None,
    ) -> SetTenantResponse:
        """Replace quotas and defaults of the tenant; omitted ones return to the server's defaults.

        Args:
            etag: Etag of the tenant, as returned by :meth:`get_tenant` or :meth:`list_tenants`.
            space_count: Maximum number of spaces; 0 is unlimited.
            capacity: Maximum sum of the capacities of all spaces, memories; 0 is unlimited.
            kept_bytes: Stored bytes at which further memories and events are refused; 0 is
                unlimited.
            space_capacity: Capacity of spaces created without one, 1 to 1,000,000.
            validate_only: Return the tenant as it would be, without writing it.
            request_id: UUID of this write; None creates one.
            timeout_s: Deadline, seconds; None uses the client's.

        Raises:
            Conflict: The tenant was changed in the meantime; read it again.
            PermissionDenied: The caller may not change quotas.
            PreconditionFailed: The tenant's reserved space still has an older semantics version.
        """
        write_id = write_request_id(request_id)
        quotas = message(
            TenantQuotas, space_count=space_count, capacity=capacity, kept_bytes=kept_bytes
        )
        defaults = message(TenantDefaults, space_capacity=space_capacity)
        request = message(
            SetTenantRequest,
            quotas=quotas,
            defaults=defaults,
            etag=etag,
            request_id=write_id,
            validate_only=validate_only,
        )
        return await self._connection.unary(
            self._tenants.SetTenant, request, timeout_s=timeout_s, write_id=write_id
        )

    async def list_tenants(
        self, *, page_size: int = 0, timeout_s: float | None = None
    ) -> AsyncIterator[Tenant]:
        """Yield all tenants of the server, oldest first, page by page.

        Args:
            page_size: Tenants on a page, at most 1,000; 0 uses the server's default.
            timeout_s: Deadline of each page, seconds; None uses the client's.
        """
        request = message(ListTenantsRequest, page_size=page_size)
        while True:
            page = await self._connection.unary(
                self._tenants.ListTenants, request, timeout_s=timeout_s
            )
            for tenant in page.tenants:
                yield tenant
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token
