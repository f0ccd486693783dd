"""Unloading of spaces: when the budget is exceeded, and of idle ones when RAM is scarce."""

from __future__ import annotations

import asyncio
from typing import Final

import anyio
import anyio.abc

from mlsdm_grpc.observability.metrics import Metrics
from mlsdm_grpc.protection.memory_budget import Budget
from mlsdm_grpc.spaces.registry import SpaceRegistry
from mlsdm_grpc.spaces.snapshots import Snapshots
from mlsdm_grpc.spaces.space import Space, SpaceStatus

__all__ = ["Evictor"]

# Minimum time without a request before a space is unloaded because RAM is scarce, seconds.
_IDLE_S: Final = 5.0
# Interval of attempts while the budget is exceeded, seconds.
_AGAIN_S: Final = 0.1


class Evictor:
    """Task that unloads spaces, least recently used first.

    Args:
        registry: Registry of the spaces in use.
        budget: Memory budget of all spaces together.
        snapshots: Takes a snapshot before a space is unloaded, so that the next load is fast. The
            space serves calls meanwhile.
        metrics: Metrics to update.
    """

    def __init__(
        self, registry: SpaceRegistry, budget: Budget, snapshots: Snapshots, metrics: Metrics
    ) -> None:
        self._registry = registry
        self._evictions = metrics.space_evictions
        self._budget = budget
        self._snapshots = snapshots
        self._shedding = False
        self._making_room = anyio.CancelScope()

    def start(self, tasks: anyio.abc.TaskGroup) -> None:
        """Start enforcing the budget, in a task of this group."""
        self._budget.is_kept = True
        tasks.start_soon(self._make_room_for_ever)

    def stop(self) -> None:
        """Stop automatic unloading."""
        self._budget.is_kept = False
        self._making_room.cancel()
        self._budget.roomy.set()

    def shed(self) -> None:
        """Request the unloading of idle spaces in the background."""
        if self._budget.is_kept:
            self._shedding = True
            self._budget.room_wanted.set()

    async def evict_idle(self, *, idle_s: float = 0.0) -> None:
        """Unload every unused space without a recent request.

        Args:
            idle_s: Minimum time since the last request, seconds.
        """
        until_s = asyncio.get_running_loop().time() - idle_s
        for space in self._registry:
            if space.used_s <= until_s:
                await self._evict(space)

    async def _make_room_for_ever(self) -> None:
        budget = self._budget
        with self._making_room:
            while True:
                # With the budget exceeded, retry soon: spaces in use now may become idle.
                with anyio.move_on_after(_AGAIN_S if budget.exceeded else None):
                    await budget.room_wanted.wait()
                budget.room_wanted.clear()
                if self._shedding:
                    self._shedding = False
                    await self.evict_idle(idle_s=_IDLE_S)
                for space in self._registry:
                    if budget.used_bytes <= budget.goal_bytes:
                        break
                    await self._evict(space)
                budget.roomy.set()

    async def _evict(self, space: Space) -> None:
        """Unload a space unless it is in use."""
        if space.idle:
            await self._snapshots.before_eviction(space)
        if space.idle:
            space.status = SpaceStatus.EVICTING
            space.moving = asyncio.ensure_future(self._leave(space))
            await asyncio.shield(space.moving)

    async def _leave(self, space: Space) -> None:
        unloaded = space.unload()
        try:
            if unloaded is not None:
                await asyncio.wait([unloaded])
        finally:
            space.moving = None
            if space.status is SpaceStatus.EVICTING:
                # The revision has not changed, so no waiting call is woken. Waiting calls keep a
                # reference to the space, and the next write loads it again.
                space.status = SpaceStatus.COLD
                self._registry.release(space.key)
                self._evictions.inc()
