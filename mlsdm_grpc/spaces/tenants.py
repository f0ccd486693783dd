"""Tenants of this server: quotas, defaults and usage."""

from __future__ import annotations

import asyncio

from mlsdm_grpc.core.model.tenant import SetTenant, StoredTenant, TenantSet, TenantSettings
from mlsdm_grpc.errors import DataLoss, PreconditionFailed, Unavailable
from mlsdm_grpc.journal.protocol import Journal
from mlsdm_grpc.protection.lanes import Lane, Lanes
from mlsdm_grpc.spaces.catalogue import page_end_s
from mlsdm_grpc.spaces.quotas import Quotas
from mlsdm_grpc.spaces.reserved_spaces import ReservedSpaces
from mlsdm_grpc.spaces.tenant_usage import Amounts
from mlsdm_grpc.spaces.ticket import Ticket
from mlsdm_grpc.value_classes import value_class

__all__ = ["TenantPage", "TenantView", "Tenants"]


@value_class
class TenantView:
    """Tenant at one revision of its reserved space."""

    name: str
    settings: StoredTenant | None
    """Quotas and defaults of the tenant; None if they cannot be read."""
    quotas: Amounts
    """Effective quotas."""
    usage: Amounts | None
    """Usage; None if it was not requested, or could not be counted in time."""
    revision: int
    """Revision of the reserved space; 0 if nothing was ever set."""


@value_class
class TenantPage:
    """Page of the tenants, in the order of their first writes."""

    tenants: tuple[TenantView, ...]
    after: int
    """Position after the last tenant, for the next page; 0 if there is none."""


class Tenants:
    """Operations on whole tenants.

    Args:
        reserved: Reserved spaces, with the quotas and defaults of tenants.
        quotas: Effective quotas, and usage.
        journal: Source of the list of tenants.
        lanes: Admission of work.
    """

    def __init__(
        self, reserved: ReservedSpaces, quotas: Quotas, journal: Journal, lanes: Lanes
    ) -> None:
        self._reserved = reserved
        self._quotas = quotas
        self._journal = journal
        self._lanes = lanes

    async def get(self, tenant: str, *, min_revision: int, deadline_s: float) -> TenantView:
        """Return a tenant with its usage.

        Raises:
            Unavailable: REVISION_NOT_REACHED, BULKHEAD_FULL, WORKER_LOST, or SPACE_LOADING: not all
                spaces could be read in time.

        Cost: the first call after a start reads every space of the tenant.
        """
        return await self._read(tenant, deadline_s, min_revision=min_revision)

    async def set(self, tenant: str, body: SetTenant, ticket: Ticket) -> TenantView:
        """Replace quotas and defaults of a tenant; a lower quota removes no content.

        Raises:
            Conflict: ETAG_MISMATCH; they were replaced in the meantime.
            InvalidInput: REQUEST_ID_REUSED.
            PreconditionFailed: SEMANTICS_UNSUPPORTED; the rules of the reserved space are too old.
        """
        done = await self._reserved.set(tenant, body, ticket, TenantSet)
        stored = StoredTenant(body.settings, done.revision, done.update_time_ns)
        return self._view(tenant, stored, done.revision)

    async def preview(self, tenant: str, body: SetTenant, ticket: Ticket) -> TenantView:
        """Return the tenant that :meth:`set` would produce, with the current revision."""
        done = await self._reserved.preview(tenant, body, ticket, TenantSet)
        return self._view(tenant, StoredTenant(body.settings, 0, 0), done.revision)

    def _view(
        self, tenant: str, stored: StoredTenant, revision: int, usage: Amounts | None = None
    ) -> TenantView:
        quotas = self._quotas.in_force(stored.settings)
        return TenantView(tenant, stored, quotas, usage, revision)

    async def page(self, *, after: int, limit: int, deadline_s: float) -> TenantPage:
        """Return tenants in the order of their first writes.

        Args:
            after: ``TenantPage.after`` of the previous page; 0 for the first page.
            limit: Maximum number of tenants, at least 1. A page with at least one tenant ends early
                after one second, or after half of the time until the deadline.
            deadline_s: Deadline of the call, event-loop time.

        Raises:
            Unavailable: The first tenant of the page cannot be read.
        """
        now_s = asyncio.get_running_loop().time
        until_s = page_end_s(deadline_s)
        found = list[TenantView]()
        for ordinal, tenant in await self._journal.tenants(after=after, limit=limit + 1):
            if len(found) == limit or (found and now_s() >= until_s):
                return TenantPage(tuple(found), after)
            try:
                found.append(await self._listed(tenant, deadline_s, usage_optional=not found))
            except Unavailable:
                if not found:
                    raise
                return TenantPage(tuple(found), after)
            after = ordinal
        return TenantPage(tuple(found), 0)

    async def _listed(self, tenant: str, deadline_s: float, *, usage_optional: bool) -> TenantView:
        try:
            return await self._read(tenant, deadline_s, usage_optional=usage_optional)
        except (DataLoss, PreconditionFailed):
            return TenantView(tenant, None, self._quotas.in_force(TenantSettings()), None, 0)

    async def _read(
        self,
        tenant: str,
        deadline_s: float,
        *,
        min_revision: int = 0,
        usage_optional: bool = False,
    ) -> TenantView:
        found = await self._reserved.get(tenant, min_revision=min_revision, deadline_s=deadline_s)
        usage = None
        try:
            with self._lanes.inside(Lane.INTERACTIVE, tenant):
                usage = await self._quotas.usage(tenant, deadline_s)
        except Unavailable:
            if not usage_optional:
                raise
        return self._view(tenant, found.settings, found.revision, usage)

    def stop(self) -> None:
        """Cancel all counts of usage."""
        self._quotas.stop()
