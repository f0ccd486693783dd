"""Usage of tenants: their spaces with capacity and bytes, counted on this node.

Counting begins when the usage of a tenant is first needed. The names of its spaces come from the
journal, and their amounts from the spaces themselves. After that, every creation, change and
applied record updates the usage. If a creation or change fails, the space is doubtful until it is
looked up again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from mlsdm_grpc.core.model.outcome import Outcome, SpaceChanged, SpaceCreated
from mlsdm_grpc.errors import QuotaExceeded
from mlsdm_grpc.spaces.space import Space
from mlsdm_grpc.value_classes import value_class

__all__ = ["Amounts", "TenantUsage", "UsageBook"]

_MAX_TENANTS: Final = 4_096


@value_class
class Amounts:
    """Amounts of a tenant: its usage, or its quotas, of which 0 means unlimited."""

    spaces: int = 0
    """Number of spaces."""
    capacity: int = 0
    """Sum of the capacities of the spaces, memories."""
    kept_bytes: int = 0
    """RAM that the spaces take when they are loaded, bytes."""

    @property
    def needs_amounts(self) -> bool:
        """True if these quotas need more than the number of spaces."""
        return bool(self.capacity or self.kept_bytes)


@dataclass(slots=True)
class _SpaceUsage:
    capacity: int = 0
    kept_bytes: int = 0
    changes: int = 0
    """Number of creations and changes of the capacity in progress."""
    epoch: int = 0
    """Number of the last creation or change of the space, unique in the tenant."""


@dataclass(slots=True)
class TenantUsage:
    """Usage of one tenant."""

    is_listed: bool = False
    """True if the names of all spaces were read from the journal."""
    doubtful: set[str] = field(default_factory=set)
    """Names of spaces that may not exist."""
    unmeasured: set[str] = field(default_factory=set)
    """Names of spaces whose amounts must be read."""
    unanswered: set[str] = field(default_factory=set)
    """Names of spaces with a failed creation or change that may still take effect."""
    _spaces: dict[str, _SpaceUsage] = field(default_factory=dict)
    _capacity: int = 0
    _kept_bytes: int = 0
    _epochs: int = 0
    _holders: int = 0

    @property
    def in_use(self) -> bool:
        """True if the usage must stay in its book, because a new count would lose information."""
        return bool(self._holders or self.unanswered)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Return a context during which the usage is not removed from its :class:`UsageBook`."""
        self._holders += 1
        try:
            yield
        finally:
            self._holders -= 1

    def uncounted(self, *, amounts: bool) -> set[str]:
        """Return the spaces to look up; ``amounts`` includes those whose amounts must be read."""
        return self.doubtful | self.unmeasured if amounts else set(self.doubtful)

    def is_counted(self, *, amounts: bool) -> bool:
        """Return True if no space has to be listed or looked up."""
        return self.is_listed and not self.doubtful and not (amounts and self.unmeasured)

    @property
    def total(self) -> Amounts:
        """Sum over all spaces."""
        return Amounts(len(self._spaces), self._capacity, self._kept_bytes)

    def changes(self, name: str) -> bool:
        """Return True if the space is being created or changed."""
        known = self._spaces.get(name)
        return known is not None and known.changes > 0

    def epoch(self, name: str) -> int:
        """Return a number that changes with each creation or change of the space; 0 if unknown."""
        known = self._spaces.get(name)
        return 0 if known is None else known.epoch

    def add(self, name: str) -> None:
        """Add a space from the journal, whose amounts must be read."""
        if name not in self._spaces:
            self._new(name)
            self.unmeasured.add(name)

    def _new(self, name: str) -> _SpaceUsage:
        known = self._spaces[name] = _SpaceUsage(epoch=self._next_epoch())
        return known

    def _next_epoch(self) -> int:
        self._epochs += 1
        return self._epochs

    def remove(self, name: str) -> None:
        """Remove a space that does not exist."""
        self._set(name, 0, 0)
        del self._spaces[name]
        self.exists(name)
        self.unmeasured.discard(name)

    def exists(self, name: str) -> None:
        """Register that the space exists, and that no write to it is unanswered."""
        self.doubtful.discard(name)
        self.unanswered.discard(name)

    def measured(self, name: str, capacity: int, kept_bytes: int) -> None:
        """Set the amounts of an existing space, as read from it."""
        self._set(name, capacity, kept_bytes)
        self.exists(name)
        self.unmeasured.discard(name)

    def applied(self, name: str, kept_bytes: int, *, reconfigured: bool = False) -> None:
        """Update the usage after a record was applied to a space.

        Args:
            name: The space.
            kept_bytes: RAM that the space takes, bytes; 0 if unknown.
            reconfigured: True if the record may have changed the capacity of the space.
        """
        known = self._spaces.get(name)
        if known is None:
            self.add(name)
            self.doubtful.add(name)
            return
        if kept_bytes:
            self._set(name, known.capacity, kept_bytes)
        if reconfigured and not known.changes:
            known.epoch = self._next_epoch()
            self.unmeasured.add(name)

    def _set(self, name: str, capacity: int, kept_bytes: int) -> None:
        known = self._spaces[name]
        self._capacity += capacity - known.capacity
        self._kept_bytes += kept_bytes - known.kept_bytes
        known.capacity, known.kept_bytes = capacity, kept_bytes

    def check(self, name: str, capacity: int, quotas: Amounts) -> None:
        """Raise an error for a new space, or a new capacity, that would exceed a quota.

        Raises:
            QuotaExceeded: QUOTA_EXCEEDED.
        """
        known = self._spaces.get(name)
        present = 0 if known is None else known.capacity
        if known is None:
            check_quota("spaces", quotas.spaces, len(self._spaces), more=1)
            check_quota("kept_bytes", quotas.kept_bytes, self._kept_bytes)
        if capacity > present:
            check_quota("capacity", quotas.capacity, self._capacity, more=capacity - present)

    @contextmanager
    def reserving(self, name: str, capacity: int, quotas: Amounts) -> Iterator[None]:
        """Reserve the capacity of a space during its creation, or during a change of its capacity.

        Raises:
            QuotaExceeded: QUOTA_EXCEEDED; nothing is reserved.
        """
        self.check(name, capacity, quotas)
        known = self._spaces.get(name)
        # If the space is not listed yet, or another change is in progress, the resulting capacity
        # must be read from the space.
        if known is not None or not self.is_listed:
            self.unmeasured.add(name)
        known = known or self._new(name)
        self._set(name, max(capacity, known.capacity), known.kept_bytes)
        known.epoch = self._next_epoch()
        known.changes += 1
        try:
            with self.held():
                yield
        except BaseException:
            self.doubtful.add(name)
            self.unanswered.add(name)
            self.unmeasured.add(name)
            raise
        finally:
            known.changes -= 1


def check_quota(name: str, quota: int, actual: int, *, more: int = 0) -> None:
    """Raise an error if an addition would exceed a quota; ``more=0`` stands for any addition.

    Raises:
        QuotaExceeded: QUOTA_EXCEEDED.
    """
    if quota and actual + (more or 1) > quota:
        raise QuotaExceeded(
            f"The tenant uses {actual} of {name}; the quota is {quota}, and the request needs"
            f" {more or 'more'}. Delete data, or raise the quota by SetTenant.",
            metadata={"quota_id": f"tenant.{name}", "limit": str(quota), "actual": str(actual)},
        )


class UsageBook:
    """Usage of the tenants for which it was requested; every applied record updates it.

    Args:
        max_tenants: Maximum number of tenants. The least recently used ones are removed, except
            those in use.
    """

    def __init__(self, max_tenants: int = _MAX_TENANTS) -> None:
        self._max_tenants = max_tenants
        self._tenants: OrderedDict[str, TenantUsage] = OrderedDict()

    def known(self, tenant: str) -> TenantUsage | None:
        """Return the usage of a tenant; None if it is not being counted."""
        return self._tenants.get(tenant)

    def of(self, tenant: str) -> TenantUsage:
        """Return the usage of a tenant; counting begins if necessary.

        It may be removed from the book at the next await of the caller, unless the caller holds it.
        """
        found = self._tenants.get(tenant)
        if found is None:
            if len(self._tenants) >= self._max_tenants:
                self._forget_one()
            found = self._tenants[tenant] = TenantUsage()
        self._tenants.move_to_end(tenant)
        return found

    def _forget_one(self) -> None:
        unused = (name for name, usage in self._tenants.items() if not usage.in_use)
        if (oldest := next(unused, None)) is not None:
            del self._tenants[oldest]

    def applied(self, space: Space, outcome: Outcome | None) -> None:
        """Update the usage of a space after a record, and register a change of its capacity."""
        tenant, name = space.key
        usage = self._tenants.get(tenant)
        if usage is not None and not name.startswith("_"):
            reconfigured = isinstance(outcome, SpaceCreated | SpaceChanged)
            usage.applied(name, space.held_bytes, reconfigured=reconfigured)
