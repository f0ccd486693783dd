"""Reserved spaces of the tenants, which hold policies, quotas and defaults.

A reserved space is a normal space with journal, snapshots and request window. It contains the
resources of its tenant instead of memories. Its first record sets the first resource.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Final, TypeAlias, TypeVar

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.core.model.policy import PolicySet, PolicySettings, SetPolicy, StoredPolicy
from mlsdm_grpc.core.model.tenant import SetTenant, StoredTenant, TenantSet, TenantSettings
from mlsdm_grpc.journal.codec.policies import policy_from_proto
from mlsdm_grpc.journal.codec.tenants import stored_tenant_from_proto
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.protection.lanes import Lane
from mlsdm_grpc.spaces.checks import expect
from mlsdm_grpc.spaces.directory import TENANT_SPACE
from mlsdm_grpc.spaces.patience import waiting_for
from mlsdm_grpc.spaces.space import Space
from mlsdm_grpc.spaces.space_client import Access
from mlsdm_grpc.spaces.ticket import Ticket

__all__ = ["MAX_CACHED", "ReservedSpaces", "TenantResources"]

MAX_CACHED: Final = 4_096
"""Maximum number of tenants whose resources are cached; the least recently used are removed."""
_BUILT_IN: Final = StoredPolicy(PolicySettings(), version=0, update_time_ns=0)
_UNSET: Final = StoredTenant(TenantSettings(), version=0, update_time_ns=0)
_Body: TypeAlias = SetPolicy | SetTenant
_SetT = TypeVar("_SetT", PolicySet, TenantSet)


@dataclass(frozen=True, slots=True)
class TenantResources:
    """Resources of a tenant at one revision of its reserved space."""

    policy: StoredPolicy = _BUILT_IN
    settings: StoredTenant = _UNSET
    revision: int = 0
    """Revision of the reserved space; 0 if nothing was ever set."""
    space: Space | None = None
    """The reserved space; None if nothing was ever set. This reference keeps its object, and thus
    its last revision, after the space is unloaded."""

    @property
    def is_current(self) -> bool:
        """True if no resource was set since."""
        return self.space is None or self.space.applied <= self.revision


_NONE: Final = TenantResources()


class ReservedSpaces:
    """Access to the reserved spaces.

    Args:
        access: Access to spaces.
    """

    def __init__(self, access: Access) -> None:
        self._access = access
        self._directory = access.directory
        self._cache: OrderedDict[str, TenantResources] = OrderedDict()

    async def current(self, tenant: str, deadline_s: float) -> TenantResources:
        """Return the resources of a tenant.

        Raises:
            Unavailable: BULKHEAD_FULL or WORKER_LOST.

        Cost: one dictionary look-up if the resources are cached and have not changed.
        """
        if (found := self.cached(tenant)) is not None:
            return found
        found = self._cache[tenant] = await self._look_up(tenant, deadline_s)
        if len(self._cache) > MAX_CACHED:
            self._cache.popitem(last=False)
        self._cache.move_to_end(tenant)
        return found

    def cached(self, tenant: str) -> TenantResources | None:
        """Return the cached resources of a tenant; None if they must be read."""
        found = self._cache.get(tenant)
        if found is None or not found.is_current:
            return None
        self._cache.move_to_end(tenant)
        return found

    async def _look_up(self, tenant: str, deadline_s: float) -> TenantResources:
        key = SpaceKey(tenant, TENANT_SPACE)
        # The object of the space exists before the write of its first resource, so that this read
        # sees it.
        if await self._directory.is_new(key) and self._directory.known(key) is None:
            return _NONE
        async with waiting_for(self._directory.registry, key, deadline_s=deadline_s):
            return await self._read(await self._directory.opened(key), deadline_s)

    async def get(self, tenant: str, *, min_revision: int, deadline_s: float) -> TenantResources:
        """Return the resources of a tenant at a minimum revision of its reserved space.

        Raises:
            Unavailable: REVISION_NOT_REACHED, BULKHEAD_FULL, WORKER_LOST.
        """
        key = SpaceKey(tenant, TENANT_SPACE)
        if not min_revision and await self._directory.is_new(key):
            return _NONE
        space = await self._directory.opened(key)
        await space.reach(min_revision, deadline_s)
        with self._access.lanes.inside(Lane.INTERACTIVE, tenant):
            return await self._read(space, deadline_s)

    async def set(self, tenant: str, body: _Body, ticket: Ticket, kind: type[_SetT]) -> _SetT:
        """Replace a resource of a tenant and return the outcome, which is of type ``kind``.

        Raises:
            Conflict: ETAG_MISMATCH; the resource was replaced in the meantime.
            InvalidInput: REQUEST_ID_REUSED.
            PreconditionFailed: SEMANTICS_UNSUPPORTED; the rules of the space do not support the
                resource.
        """
        with self._access.lanes.inside(Lane.INTERACTIVE, tenant):
            space = await self._opened(tenant)
            cached = self._cache.get(tenant)
            if cached is not None:  # valid until the revision of the space advances
                self._cache[tenant] = replace(cached, space=space)
            if not space.head:
                # The preview raises the error, so that a refused first resource leaves no record.
                await self._preview(space, body, ticket, kind)
            applied = await self._access.write(space, body, ticket)
        return expect(applied.outcome, kind)

    async def preview(self, tenant: str, body: _Body, ticket: Ticket, kind: type[_SetT]) -> _SetT:
        """Return the outcome that :meth:`set` would have, with the current revision."""
        with self._access.lanes.inside(Lane.INTERACTIVE, tenant):
            return await self._preview(await self._opened(tenant), body, ticket, kind)

    async def _opened(self, tenant: str) -> Space:
        return await self._directory.opened(SpaceKey(tenant, TENANT_SPACE))

    async def _preview(self, space: Space, body: _Body, ticket: Ticket, kind: type[_SetT]) -> _SetT:
        return expect(await self._access.foresee(space, body, ticket), kind)

    async def _read(self, space: Space, deadline_s: float) -> TenantResources:
        request = pb.LinkRequest(reserved=pb.ReservedRequest())
        reply = await self._access.ask(space, request, deadline_s=deadline_s)
        found = reply.reserved
        return TenantResources(
            policy_from_proto(found.policy) if found.HasField("policy") else _BUILT_IN,
            stored_tenant_from_proto(found.tenant) if found.HasField("tenant") else _UNSET,
            reply.revision,
            space,
        )
