"""Directory of spaces: their location, loading and unloading.

The states of a space are COLD -> LOADING -> HOT -> EVICTING -> COLD. All calls that need a space
share one load, which reads a snapshot and then the records after it. A worker loads a few spaces at
a time, in turn between tenants. Records that become durable during a load wait in order. Their
revisions show which of them the load has already applied.

A lost worker or a failed append makes a space COLD, and the next call loads it again. The spaces of
a lost worker are loaded automatically, most recently used first. When all spaces together exceed
their memory budget, unused ones are unloaded, least recently used first. A call during the
unloading waits for its end and loads the space again.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import NamedTuple

import structlog

from mlsdm_grpc.core.mind.space_view import SpaceView
from mlsdm_grpc.errors import DataLoss, MlsdmError, NotFound, PreconditionFailed, Unavailable
from mlsdm_grpc.journal.protocol import Journal, SpaceKey
from mlsdm_grpc.observability.metrics import Metrics
from mlsdm_grpc.protection.memory_budget import Budget
from mlsdm_grpc.spaces.loader import Loader
from mlsdm_grpc.spaces.registry import SpaceRegistry
from mlsdm_grpc.spaces.space import Space, SpaceStatus

__all__ = ["TENANT_SPACE", "Directory", "Glimpse", "space_not_found"]

TENANT_SPACE = "_tenant"
"""Reserved space of every tenant; requests cannot address it."""
# Time after which the same error of a space is logged again, seconds.
_LOG_AGAIN_S = 60.0
# Maximum time that a load waits for free RAM, seconds; a hanging worker must not delay it longer.
_ROOM_S = 1.0
_log = structlog.get_logger(__name__)


class Glimpse(NamedTuple):
    """State of a space that may not be loaded any more."""

    view: SpaceView | None
    """State of the space; None if it was deleted."""
    held_bytes: int
    """RAM that the space takes while it is loaded, bytes."""


class _NotServed:
    """Log of spaces that cannot be loaded, limited to once a minute, because callers retry."""

    def __init__(self) -> None:
        self._logged: dict[SpaceKey, tuple[str, float]] = {}

    def served(self, key: SpaceKey) -> None:
        """Register that a space was loaded."""
        self._logged.pop(key, None)

    def log(self, key: SpaceKey, error: MlsdmError) -> None:
        """Log an error, unless the same one was logged for the space within a minute."""
        now_s = time.monotonic()
        message, logged_s = self._logged.get(key, ("", -math.inf))
        if message == error.message and now_s < logged_s + _LOG_AGAIN_S:
            return
        self._logged[key] = error.message, now_s
        _log.error(
            "space_not_served",
            tenant=key.tenant,
            space=key.space,
            reason=error.reason,
            detail=error.message,
        )


class Directory:
    """All spaces in use on this node.

    Args:
        journal: Source of the list of spaces.
        registry: Registry of the known spaces.
        loader: Loader of spaces.
        budget: Memory budget of all spaces together.
        on_backlog: Callback at the end of every load, which sends the waiting records.
        metrics: Metrics to update.
    """

    def __init__(
        self,
        journal: Journal,
        registry: SpaceRegistry,
        loader: Loader,
        *,
        budget: Budget,
        on_backlog: Callable[[Space], None],
        metrics: Metrics,
    ) -> None:
        self._journal = journal
        self.registry = registry
        """Registry of the known spaces."""
        self._loader = loader
        self._budget = budget
        self._on_backlog = on_backlog
        self._not_served = _NotServed()
        metrics.spaces_loaded.set_function(lambda: len(registry))
        metrics.spaces_memory.set_function(lambda: budget.used_bytes)
        for status in SpaceStatus:
            metrics.spaces.labels(status.value).set_function(partial(registry.count, status))

    def __iter__(self) -> Iterator[Space]:
        return iter(self.registry)

    def __len__(self) -> int:
        return len(self.registry)

    def ready(self, key: SpaceKey, min_revision: int) -> Space | None:
        """Return a space that can be read without waiting; None if there is none."""
        if key not in self.registry:
            return None
        space = self.registry.use(key, self)
        view = space.view
        if view is None or view.revision < space.configured:
            return None
        if space.status is not SpaceStatus.HOT or space.applied < min_revision:
            return None
        space.used_s = asyncio.get_running_loop().time()
        return space

    async def existing(self, key: SpaceKey) -> Space:
        """Return an existing space, loaded.

        Raises:
            NotFound: SPACE_NOT_FOUND; no object is created for the name.
        """
        # The journal is read first, so that unknown names take no RAM.
        if key not in self.registry and await self.is_new(key):
            raise space_not_found(key)
        space = await self.opened(key)
        if await self.current_view(space) is None:
            raise space_not_found(key)
        return space

    async def current_view(self, space: Space) -> SpaceView | None:
        """Return the state of a space with its present parameters; None if it does not exist."""
        view = space.view
        # Parameters may have changed since the state was read.
        if space.applied and (view is None or view.revision < space.configured):
            await self.refresh_view(space)
        return space.view

    async def glimpse(self, key: SpaceKey) -> Glimpse:
        """Return the state of a space; a space that is not in use is unloaded again.

        Cost: a space that is not in use is read from the journal completely.
        """
        if key in self.registry:
            space = await self.opened(key)
            await self.refresh_view(space)
            return Glimpse(space.view, space.held_bytes)
        async with self.apart(key) as space:
            return Glimpse(space.view, space.held_bytes)

    @asynccontextmanager
    async def apart(self, key: SpaceKey) -> AsyncIterator[Space]:
        """Load a second copy of a space from snapshot and journal, and unload it at the end.

        Raises:
            DataLoss: Snapshot and journal together do not contain the whole space.
        """
        space = self.registry.create(key, self)
        try:
            async with self._loader.turn(space):
                await self._loader.bring_up(space)
            yield space
        finally:
            space.unload()

    async def is_new(self, key: SpaceKey) -> bool:
        """Return True if a space has no record."""
        return self.registry.known(key) is None and await self._journal.head(key) == 0

    def known(self, key: SpaceKey) -> Space | None:
        """Return the object of a space, loaded or not, if any reference to it exists."""
        return self.registry.known(key)

    async def opened(self, key: SpaceKey) -> Space:
        """Return a space, loaded; its ``view`` is None if it does not exist yet."""
        space = self.registry.use(key, self)
        space.used_s = asyncio.get_running_loop().time()
        if space.status is not SpaceStatus.HOT:
            await self.loaded(space)
        return space

    async def loaded(self, space: Space) -> None:
        """Wait until a space is loaded; it stays loaded until the next await of the caller.

        Raises:
            DataLoss: The space cannot be restored.
            Unavailable: WORKER_LOST.
        """
        with space:
            while space.status is not SpaceStatus.HOT:
                # Several callers wait for the same load, so the cancellation of one must not cancel
                # it.
                await asyncio.shield(space.moving or self._begin_to_load(space))

    def reload(self, space: Space) -> None:
        """Load a space because durable records wait in its backlog."""
        if space.moving is None:
            self._begin_to_load(space)
        # Unloading cannot be stopped, so the load begins after it.
        elif space.status is SpaceStatus.EVICTING:
            space.moving.add_done_callback(lambda _: self.reload(space))

    def drop(self, space: Space) -> None:
        """Remove a space whose first write failed, unless other calls use it."""
        used = space.moving or space.calls or space.writes
        if space.view is None and not used and self.registry.uses(space):
            self.registry.release(space.key)
            space.unload()
            space.go_cold()

    def _begin_to_load(self, space: Space) -> asyncio.Task[None]:
        self.registry.keep(space)
        space.status = SpaceStatus.LOADING
        space.moving = asyncio.ensure_future(self._load(space))
        space.moving.add_done_callback(_retrieved)
        return space.moving

    async def _load(self, space: Space) -> None:
        try:
            async with self._loader.turn(space):
                # All callers that waited for the space were cancelled.
                if not space.wanted:
                    space.go_cold()
                    self.registry.release(space.key)
                    return
                if self._budget.exceeded:
                    await self._budget.make_room(_ROOM_S)
                    # Records in the backlog are durable already and must be applied.
                    if self._budget.exhausted and not space.backlog:
                        raise _no_room()
                await self._loader.bring_up(space)
            # The worker may have been lost during the load.
            if space.status is SpaceStatus.LOADING:
                space.status = SpaceStatus.HOT
            self._not_served.served(space.key)
        except (DataLoss, PreconditionFailed) as error:
            self._not_served.log(space.key, error)
            space.go_cold()
            self.registry.release(space.key)
            raise
        except BaseException:
            space.go_cold()
            raise
        finally:
            space.moving = None
            self._on_backlog(space)

    async def refresh_view(self, space: Space) -> None:
        """Read the state of a space from its worker."""
        await self.loaded(space)
        with space:
            await self._loader.read_view(space, space.ready_link())


def _retrieved(loading: asyncio.Task[None]) -> None:
    """Retrieve the error of a load without callers, so that asyncio does not log it."""
    if not loading.cancelled():
        loading.exception()


def _no_room() -> Unavailable:
    return Unavailable(
        "The space cannot be loaded: the memory budget (engine.memory_budget_bytes) is full, and"
        " all loaded spaces are in use. Retry later.",
        reason="BULKHEAD_FULL",
        metadata={"lane": "spaces"},
        retry_after_s=_ROOM_S,
    )


def space_not_found(key: SpaceKey) -> NotFound:
    """Return the error for a space that does not exist in the tenant."""
    return NotFound(
        "The space does not exist.", reason="SPACE_NOT_FOUND", metadata={"space": key.space}
    )
