"""Eviction of spaces from RAM: of all when they take too much, of idle ones in short memory."""

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

_IDLE_S: Final = 5.0
"""A space that nobody has asked for that long may leave when the node is short of memory."""
_AGAIN_S: Final = 0.1


class Evictor:
    """Lets spaces leave RAM, least recently used first.

    Args:
        registry: The spaces in use.
        budget: What they may take, all together.
        snapshots: Makes a space that is to leave cheap to load again; calls go on meanwhile.
        metrics: Where figures go.
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
        """Keep to the budget, in a task of this group."""
        self._budget.is_kept = True
        tasks.start_soon(self._make_room_for_ever)

    def stop(self) -> None:
        """Begin nothing by itself any more."""
        self._budget.is_kept = False
        self._making_room.cancel()
        self._budget.roomy.set()

    def shed(self) -> None:
        """Let spaces that nobody has asked for lately leave in the background."""
        if self._budget.is_kept:
            self._shedding = True
            self._budget.room_wanted.set()

    async def evict_idle(self, *, idle_s: float = 0.0) -> None:
        """Let every space leave RAM that nobody is at and nobody has asked for lately.

        Args:
            idle_s: Nobody has asked for them for this long, seconds.
        """
        until_s = asyncio.get_running_loop().time() - idle_s
        for space in self._registry:
            if space.used_s <= until_s:
                await self._evict(space)

    async def _make_room_for_ever(self) -> None:
        budget = self._budget
        with self._making_room:
            while True:
                # What was in use a moment ago may leave soon.
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
        """Let a space leave RAM unless somebody is at it."""
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
                # Nobody is woken: how far the space is has not changed. Who waits for a change
                # holds the space, and the next write brings it back.
                space.status = SpaceStatus.COLD
                self._registry.release(space.key)
                self._evictions.inc()
