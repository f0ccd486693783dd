"""Effective policies of the tenants, with a cache."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from mlsdm_grpc.core.model.policy import PolicySet, SetPolicy, StoredPolicy
from mlsdm_grpc.governance.policy.effective_policy import EffectivePolicy, effective_policy
from mlsdm_grpc.governance.policy.rules import BUILT_IN_RULES, Rule
from mlsdm_grpc.spaces.reserved_spaces import MAX_CACHED, ReservedSpaces, TenantResources
from mlsdm_grpc.spaces.ticket import Ticket

__all__ = ["Policies"]


class _Cached(NamedTuple):
    """A stored policy with its effective form."""

    policy: StoredPolicy
    effective: EffectivePolicy


class Policies:
    """Access to the policies of the tenants.

    Args:
        reserved: Reserved spaces of the tenants.
        rules: Built-in rules of this server.
        now_ns: Function that returns the wall clock time, Unix nanoseconds.
    """

    def __init__(
        self,
        reserved: ReservedSpaces,
        rules: Sequence[Rule] = BUILT_IN_RULES,
        *,
        now_ns: Callable[[], int],
    ) -> None:
        self.rules = rules
        """Built-in rules of this server."""
        self._reserved = reserved
        self._now_ns = now_ns
        self._cache: OrderedDict[str, _Cached] = OrderedDict()

    async def effective(self, tenant: str, deadline_s: float) -> EffectivePolicy:
        """Return the current policy of a tenant.

        Raises:
            Unavailable: BULKHEAD_FULL or WORKER_LOST; there is no fallback policy.

        Cost: two dictionary look-ups if the policy is cached and unchanged.
        """
        now_ns = self._now_ns()
        policy = (await self._reserved.current(tenant, deadline_s)).policy
        cached = self._cache.get(tenant)
        if (
            cached is None
            or cached.policy is not policy
            or now_ns >= cached.effective.valid_until_ns
        ):
            cached = self._cache[tenant] = _Cached(policy, self.come_to(policy, now_ns))
            if len(self._cache) > MAX_CACHED:
                self._cache.popitem(last=False)
        self._cache.move_to_end(tenant)
        return cached.effective

    def come_to(self, policy: StoredPolicy, now_ns: int) -> EffectivePolicy:
        """Return the effective form of a stored policy with the rules of this server."""
        return effective_policy(policy.settings, self.rules, version=policy.version, now_ns=now_ns)

    async def get(self, tenant: str, *, min_revision: int, deadline_s: float) -> TenantResources:
        """Return policy and settings of a tenant; what was never set has version 0.

        Raises:
            Unavailable: REVISION_NOT_REACHED, BULKHEAD_FULL, WORKER_LOST.
        """
        return await self._reserved.get(tenant, min_revision=min_revision, deadline_s=deadline_s)

    async def set(self, tenant: str, body: SetPolicy, ticket: Ticket) -> PolicySet:
        """Replace the policy of a tenant.

        Raises:
            Conflict: ETAG_MISMATCH; another policy was set in the meantime.
            InvalidInput: REQUEST_ID_REUSED.
        """
        return await self._reserved.set(tenant, body, ticket, PolicySet)

    async def preview(self, tenant: str, body: SetPolicy, ticket: Ticket) -> PolicySet:
        """Return the result that :meth:`set` would have, with the current revision.

        Writes nothing.
        """
        return await self._reserved.preview(tenant, body, ticket, PolicySet)

    async def base_moral_threshold(self, tenant: str) -> float:
        """Return the initial moral threshold of a new space of a tenant."""
        return (await self.effective(tenant, math.inf)).base_moral_threshold
