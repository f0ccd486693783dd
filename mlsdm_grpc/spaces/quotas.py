"""Enforcement of the quotas of tenants before a record is written.

For a quota on spaces, only the names of the spaces of a tenant are needed. Quotas on capacity and
bytes need the amounts of each space, which is read once after a start.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from mlsdm_grpc.config import QuotaSettings
from mlsdm_grpc.core.model.tenant import TenantSettings
from mlsdm_grpc.errors import (
    RETRY_LATER_S,
    DataLoss,
    PreconditionFailed,
    QuotaExceeded,
    Unavailable,
)
from mlsdm_grpc.journal.protocol import Journal, SpaceKey
from mlsdm_grpc.spaces.directory import TENANT_SPACE, Directory, Glimpse
from mlsdm_grpc.spaces.reserved_spaces import ReservedSpaces
from mlsdm_grpc.spaces.tenant_usage import Amounts, TenantUsage, UsageBook, check_quota

__all__ = ["Quotas"]

_NAMES_AT_ONCE: Final = 1_000


class Quotas:
    """Quotas and usage of the tenants.

    Args:
        reserved: Reserved spaces, with the quotas and defaults of tenants.
        directory: Directory of spaces.
        journal: Source of the list of spaces.
        book: Usage of tenants; it must observe all writes.
        settings: Quotas of a tenant without quotas of its own.
        default_capacity: Capacity of a new space of a tenant without a default of its own,
            memories.
    """

    def __init__(
        self,
        reserved: ReservedSpaces,
        directory: Directory,
        journal: Journal,
        book: UsageBook,
        *,
        settings: QuotaSettings,
        default_capacity: int,
    ) -> None:
        self._reserved = reserved
        self._directory = directory
        self._journal = journal
        self._book = book
        self._settings = settings
        self._default_capacity = default_capacity
        # Counts in progress, by tenant and whether they read the amounts of the spaces.
        self._counts: dict[tuple[str, bool], asyncio.Task[None]] = {}

    def in_force(self, own: TenantSettings) -> Amounts:
        """Return the effective quotas of a tenant with these settings."""
        server = self._settings
        return Amounts(
            _in_force(own.max_spaces, server.max_spaces),
            _in_force(own.max_capacity, server.max_capacity),
            _in_force(own.max_kept_bytes, server.max_kept_bytes),
        )

    async def default_capacity(self, tenant: str, deadline_s: float = math.inf) -> int:
        """Return the capacity of a new space of a tenant, memories."""
        own = (await self._reserved.current(tenant, deadline_s)).settings.settings
        return own.default_capacity or self._default_capacity

    async def usage(self, tenant: str, deadline_s: float) -> Amounts:
        """Return the present usage of a tenant.

        Raises:
            Unavailable: SPACE_LOADING; not all spaces could be read in time. The count continues.

        Cost: the first call reads every space of the tenant.
        """
        return (await self._counted(tenant, deadline_s, amounts=True)).total

    @asynccontextmanager
    async def reserving(
        self, key: SpaceKey, capacity: int | None, deadline_s: float
    ) -> AsyncIterator[None]:
        """Reserve the capacity of a space while it is created, or while its capacity changes.

        Args:
            key: The space.
            capacity: New capacity, memories; None if it does not change.
            deadline_s: Event-loop time of the deadline of the call.

        Raises:
            QuotaExceeded: QUOTA_EXCEEDED; the new capacity would exceed a quota of the tenant.
            Unavailable: SPACE_LOADING; the usage could not be counted in time.
        """
        if capacity is None:
            yield
            return
        quotas = await self._quotas(key.tenant, deadline_s)
        if quotas == Amounts():
            usage = self._book.known(key.tenant)
        else:
            usage = await self._counted(key.tenant, deadline_s, amounts=quotas.needs_amounts)
        if usage is None:
            yield
            return
        with usage.reserving(key.space, capacity, quotas):
            yield

    async def check(self, key: SpaceKey, capacity: int | None, deadline_s: float) -> None:
        """Raise the errors that :meth:`reserving` would raise."""
        quotas = await self._quotas(key.tenant, deadline_s)
        if capacity is not None and quotas != Amounts():
            usage = await self._counted(key.tenant, deadline_s, amounts=quotas.needs_amounts)
            usage.check(key.space, capacity, quotas)

    def limits_content(self, tenant: str) -> bool:
        """Return False if the tenant certainly has no quota on bytes; does not wait."""
        found = self._reserved.cached(tenant)
        if found is None:
            return True
        own = found.settings.settings.max_kept_bytes
        return _in_force(own, self._settings.max_kept_bytes) > 0

    async def content_refusal(self, tenant: str, deadline_s: float) -> QuotaExceeded | None:
        """Return the error for more content of a tenant; None if its quota permits more.

        Cost: two dictionary look-ups, unless the tenant has a quota on bytes.
        """
        quota = (await self._quotas(tenant, deadline_s)).kept_bytes
        if not quota:
            return None
        usage = await self._counted(tenant, deadline_s, amounts=True)
        try:
            check_quota("kept_bytes", quota, usage.total.kept_bytes)
        except QuotaExceeded as error:
            return error
        return None

    async def _quotas(self, tenant: str, deadline_s: float) -> Amounts:
        return self.in_force((await self._reserved.current(tenant, deadline_s)).settings.settings)

    async def _counted(self, tenant: str, deadline_s: float, *, amounts: bool) -> TenantUsage:
        """Return the usage of a tenant; ``amounts`` requires the amounts of all spaces.

        All callers wait for the same count, which continues after they stop waiting.
        """
        usage = self._book.of(tenant)
        if usage.is_counted(amounts=amounts):
            return usage
        with usage.held():
            counting = self._counts.get((tenant, amounts))
            if counting is None:
                counting = self._begin_to_count(tenant, usage, amounts=amounts)
            left_s = deadline_s - asyncio.get_running_loop().time()
            await asyncio.wait([counting], timeout=None if left_s == math.inf else left_s / 2)
            if not counting.done() or counting.cancelled():
                raise _not_counted()
            counting.result()
        return usage

    def _begin_to_count(
        self, tenant: str, usage: TenantUsage, *, amounts: bool
    ) -> asyncio.Task[None]:
        counting = asyncio.create_task(self._count(tenant, usage, amounts=amounts))
        self._counts[tenant, amounts] = counting
        counting.add_done_callback(partial(self._ended, (tenant, amounts)))
        return counting

    def _ended(self, count: tuple[str, bool], counting: asyncio.Task[None]) -> None:
        del self._counts[count]
        # If no caller waits any more, asyncio would log the error.
        if not counting.cancelled():
            counting.exception()

    async def _count(self, tenant: str, usage: TenantUsage, *, amounts: bool) -> None:
        """List the spaces of a tenant, and look up each of them once.

        Raises:
            Unavailable: The first error of a space; all other spaces were looked up.
        """
        tried = set[str]()
        failure: Unavailable | None = None
        with usage.held():
            await self._list(tenant, usage)
            while names := usage.uncounted(amounts=amounts) - tried:
                tried |= names
                for name in names:
                    try:
                        await self._look_up(SpaceKey(tenant, name), usage, amounts=amounts)
                    except Unavailable as error:
                        failure = failure or error
        if failure is not None:
            raise failure

    async def _list(self, tenant: str, usage: TenantUsage) -> None:
        after = 0
        while not usage.is_listed:
            names = await self._journal.spaces(tenant, after=after, limit=_NAMES_AT_ONCE)
            for listed in names:
                after = listed.ordinal
                if not listed.space.startswith("_"):
                    usage.add(listed.space)
            usage.is_listed = len(names) < _NAMES_AT_ONCE
            await asyncio.sleep(0)

    async def _look_up(self, key: SpaceKey, usage: TenantUsage, *, amounts: bool) -> None:
        """Determine whether a space exists, and read its amounts if ``amounts`` is set."""
        name = key.space
        while (epoch := usage.epoch(name)) and not self._keeps_reservation(key, usage):
            exists, found = await self._found(key, amounts=amounts)
            # A value that was read before a change may be older than the change.
            if usage.epoch(name) != epoch:
                continue
            if not exists:
                usage.remove(name)
            elif found is None:
                usage.exists(name)
            else:
                capacity = 0 if found.view is None else found.view.capacity
                usage.measured(name, capacity, found.held_bytes)
            return

    def _keeps_reservation(self, key: SpaceKey, usage: TenantUsage) -> bool:
        """Return True if a creation or change of the space is in progress."""
        if usage.changes(key.space):
            return True
        space = self._directory.known(key)
        return key.space in usage.unanswered and space is not None and space.writes > 0

    async def _found(self, key: SpaceKey, *, amounts: bool) -> tuple[bool, Glimpse | None]:
        """Return True if a space exists, and its state if ``amounts`` is set or it is loaded."""
        try:
            if await self._directory.is_new(key):
                return False, None
            if not amounts and self._directory.known(key) is None:
                return True, None
            found = await self._directory.glimpse(key)
        except (DataLoss, PreconditionFailed):
            # A space that cannot be loaded counts as a space without capacity.
            return True, Glimpse(None, 0)
        return found.view is not None, found

    def stop(self) -> None:
        """Cancel all counts."""
        for counting in self._counts.values():
            counting.cancel()


def _in_force(own: int | None, of_server: int) -> int:
    return of_server if own is None else own


def _not_counted() -> Unavailable:
    return Unavailable(
        "The usage of the tenant is still being counted from its spaces; retry later.",
        reason="SPACE_LOADING",
        metadata={"space": TENANT_SPACE},
        retry_after_s=RETRY_LATER_S,
    )
