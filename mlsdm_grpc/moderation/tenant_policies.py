"""The policies of the tenants, each stored in its tenant's reserved space.

A reserved space is a normal space with journal, snapshots and request window. It holds a policy
instead of memories, and its first record is the first policy.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.core.model.policy import PolicySet, PolicySettings, SetPolicy, StoredPolicy
from mlsdm_grpc.governance.policy.effective_policy import EffectivePolicy, effective_policy
from mlsdm_grpc.governance.policy.rules import BUILT_IN_RULES, Rule
from mlsdm_grpc.journal.codec.policies import policy_from_proto
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.protection.lanes import Lane
from mlsdm_grpc.spaces.checks import expect
from mlsdm_grpc.spaces.directory import TENANT_SPACE
from mlsdm_grpc.spaces.patience import waiting_for
from mlsdm_grpc.spaces.space import Space
from mlsdm_grpc.spaces.space_client import Access
from mlsdm_grpc.spaces.ticket import Ticket

__all__ = ["Policies", "PolicyView"]


@dataclass(frozen=True, slots=True)
class PolicyView:
    """The policy of a tenant at one revision of its reserved space."""

    policy: StoredPolicy
    revision: int
    """Revision; 0 while no policy was ever set."""


_BUILT_IN = PolicyView(StoredPolicy(PolicySettings(), version=0, update_time_ns=0), revision=0)


MAX_CACHED: Final = 4_096
"""Policies that are kept at most, those used last."""


@dataclass(frozen=True, slots=True)
class _Cached:
    """The effective policy at the last read."""

    space: Space | None
    """The reserved space; None if no policy was ever set. The reference keeps the known revision
    alive after the space is unloaded."""
    view: PolicyView
    effective: EffectivePolicy

    @property
    def is_current(self) -> bool:
        """True if no policy was set since."""
        return self.space is None or self.space.applied <= self.view.revision


class Policies:
    """Access to the policies.

    Args:
        access: Access to the reserved spaces.
        rules: Built-in rules of this server.
    """

    def __init__(self, access: Access, rules: Sequence[Rule] = BUILT_IN_RULES) -> None:
        self.rules = rules
        """The built-in rules."""
        self._access = access
        self._directory = access.directory
        self._cache: OrderedDict[str, _Cached] = OrderedDict()

    async def effective(self, tenant: str, deadline_s: float) -> EffectivePolicy:
        """Return the current policy of a tenant.

        Raises:
            Unavailable: BULKHEAD_FULL or WORKER_LOST; there is no fallback policy.

        Cost: one dictionary look-up, unless the policy changed or was not used for long.
        """
        now_ns = self._access.clock.now_ns()
        cached = self._cache.get(tenant)
        if cached is None or not cached.is_current:
            cached = await self._looked_up(tenant, deadline_s, now_ns)
            self._cache[tenant] = cached
            if len(self._cache) > MAX_CACHED:
                self._cache.popitem(last=False)
        elif now_ns >= cached.effective.valid_until_ns:
            effective = self.come_to(cached.view.policy, now_ns)
            cached = self._cache[tenant] = replace(cached, effective=effective)
        self._cache.move_to_end(tenant)
        return cached.effective

    async def _looked_up(self, tenant: str, deadline_s: float, now_ns: int) -> _Cached:
        key, space, view = SpaceKey(tenant, TENANT_SPACE), None, _BUILT_IN
        # The writer of a first policy registers the space before the write.
        if not await self._directory.is_new(key) or self._directory.known(key) is not None:
            async with waiting_for(self._directory.registry, key, deadline_s=deadline_s):
                space = await self._directory.opened(key)
                view = await self._read(space, deadline_s)
        return _Cached(space, view, self.come_to(view.policy, now_ns))

    def come_to(self, policy: StoredPolicy, now_ns: int) -> EffectivePolicy:
        """Return the effective form of a policy under the rules of this server."""
        return effective_policy(policy.settings, self.rules, version=policy.version, now_ns=now_ns)

    async def get(self, tenant: str, *, min_revision: int, deadline_s: float) -> PolicyView:
        """Return the policy of a tenant; the built-in one, version 0, if it never set one.

        Raises:
            Unavailable: REVISION_NOT_REACHED, BULKHEAD_FULL, WORKER_LOST.
        """
        key = SpaceKey(tenant, TENANT_SPACE)
        if not min_revision and await self._directory.is_new(key):
            return _BUILT_IN
        space = await self._directory.opened(key)
        await space.reach(min_revision, deadline_s)
        with self._access.lanes.inside(Lane.INTERACTIVE, tenant):
            return await self._read(space, deadline_s)

    async def set(self, tenant: str, body: SetPolicy, ticket: Ticket) -> PolicySet:
        """Replace the policy of a tenant.

        Raises:
            Conflict: ETAG_MISMATCH; another policy was set in the meantime.
            InvalidInput: REQUEST_ID_REUSED.
        """
        with self._access.lanes.inside(Lane.INTERACTIVE, tenant):
            space = await self._opened(tenant)
            cached = self._cache.get(tenant)
            if cached is not None:  # it holds until the space has got further
                self._cache[tenant] = replace(cached, space=space)
            if not space.head:
                # A refused first policy leaves the revision at 0.
                await self._preview(space, body, ticket)
            applied = await self._access.write(space, body, ticket)
        return expect(applied.outcome, PolicySet)

    async def preview(self, tenant: str, body: SetPolicy, ticket: Ticket) -> PolicySet:
        """Return the result that :meth:`set` would have, with the current revision.

        Writes nothing.
        """
        with self._access.lanes.inside(Lane.INTERACTIVE, tenant):
            return await self._preview(await self._opened(tenant), body, ticket)

    async def base_moral_threshold(self, tenant: str) -> float:
        """Return the initial moral threshold of a new space of a tenant."""
        return (await self.effective(tenant, math.inf)).base_moral_threshold

    async def _opened(self, tenant: str) -> Space:
        return await self._directory.opened(SpaceKey(tenant, TENANT_SPACE))

    async def _preview(self, space: Space, body: SetPolicy, ticket: Ticket) -> PolicySet:
        return expect(await self._access.foresee(space, body, ticket), PolicySet)

    async def _read(self, space: Space, deadline_s: float) -> PolicyView:
        request = pb.LinkRequest(policy=pb.PolicyRequest())
        reply = await self._access.ask(space, request, deadline_s=deadline_s)
        if not reply.policy.HasField("policy"):
            return PolicyView(_BUILT_IN.policy, reply.revision)
        return PolicyView(policy_from_proto(reply.policy.policy), reply.revision)
