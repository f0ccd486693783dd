"""Watches: the state of a space at once and after each change, for as long as somebody looks.

A watch that has nothing to tell waits on the space's own event, until it has to tell that it is
alive. Changes that come faster than a watch may tell them are joined: it asks for the state when
its time has come, so the newest always arrives. A space whose worker was lost is brought back by
its watches.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from mlsdm_grpc.core.mind.mind import SpaceView
from mlsdm_grpc.errors import RETRY_LATER_S, Unavailable
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.spaces.directory import Space, space_not_found
from mlsdm_grpc.spaces.space_client import Access

__all__ = ["Pace", "Watches"]


@dataclass(frozen=True, slots=True)
class Pace:
    """When a watch tells something."""

    min_interval_s: float
    """Shortest time between two figures, seconds."""
    heartbeat_s: float
    """Longest time without a word while nothing changes, seconds."""
    until_s: float
    """Event-loop time at which the watch is over."""


class Watches:
    """All watches of this node.

    Args:
        access: The way to the spaces.
        limit: Watches of one space at once.
    """

    def __init__(self, access: Access, *, limit: int) -> None:
        self._directory = access.directory
        self._read_state = access.state
        self._limit = limit
        self.counts: Counter[SpaceKey] = Counter()
        """Number of watches of each space that has any."""

    async def watch(
        self, key: SpaceKey, pace: Pace, *, min_revision: int, deadline_s: float
    ) -> AsyncGenerator[SpaceView | None]:
        """Yield the figures of a space now and after each change, by rising revision.

        None in their place says that the last ones still stand.

        Args:
            key: The space.
            pace: When something is told.
            min_revision: Lowest revision that the first figures may be of.
            deadline_s: Event-loop time until which somebody looks; may be infinite.

        Raises:
            NotFound: SPACE_NOT_FOUND; it does not exist, or was deleted meanwhile.
            Unavailable: BULKHEAD_FULL, REVISION_NOT_REACHED, or WORKER_LOST where the space could
                not be brought back.
        """
        clock = asyncio.get_running_loop().time
        with self._place(key):
            view = await self._read_state(key, min_revision=min_revision, deadline_s=deadline_s)
            space = await self._directory.existing(key)  # held, so it may leave RAM meanwhile
            told_s = clock()
            yield view
            while (heard_s := clock()) < pace.until_s:
                new = await self._changed(
                    space,
                    view,
                    not_before_s=min(told_s + pace.min_interval_s, pace.until_s),
                    until_s=min(heard_s + pace.heartbeat_s, pace.until_s),
                    deadline_s=deadline_s,
                )
                if new is not None:
                    view, told_s = new, clock()
                    yield view
                elif clock() < pace.until_s:
                    yield None

    async def _changed(
        self,
        space: Space,
        last: SpaceView,
        *,
        not_before_s: float,
        until_s: float,
        deadline_s: float,
    ) -> SpaceView | None:
        """Return the figures once they are of a later revision, and not before a time.

        None if they are of the same one at another time.
        """
        clock = asyncio.get_running_loop().time
        while True:
            if space.applied > last.revision:
                await asyncio.sleep(max(0.0, not_before_s - clock()))
                view = await self._read_state(space.key, min_revision=0, deadline_s=deadline_s)
                if view.incarnation != last.incarnation:
                    raise space_not_found(space.key)
                if view.revision > last.revision:
                    return view
            elif clock() >= until_s:
                return None
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(until_s):
                        await space.reached.wait()
                        await self._directory.loaded(space)

    @contextmanager
    def _place(self, key: SpaceKey) -> Iterator[None]:
        if self.counts[key] >= self._limit:
            raise Unavailable(
                "Too many watch the space.",
                reason="BULKHEAD_FULL",
                metadata={"lane": "watch"},
                retry_after_s=RETRY_LATER_S,
            )
        self.counts[key] += 1
        try:
            yield
        finally:
            self.counts[key] -= 1
            if not self.counts[key]:
                del self.counts[key]
