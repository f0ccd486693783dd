"""Watches: the state of a space, immediately and after each change, until the call ends.

A watch waits for the event of its space until the state changes or a heartbeat is due. Changes
within the minimum interval are combined: the state is read after the interval, so the newest state
is always sent. If the worker of the space is lost, the watch loads the space again.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, suppress

from mlsdm_grpc.core.mind.space_view import SpaceView
from mlsdm_grpc.errors import RETRY_LATER_S, Unavailable
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.spaces.directory import space_not_found
from mlsdm_grpc.spaces.space import Space
from mlsdm_grpc.spaces.space_client import Access
from mlsdm_grpc.value_classes import value_class

__all__ = ["Pace", "Watches"]


@value_class
class Pace:
    """Timing of a watch."""

    min_interval_s: float
    """Minimum time between two states, seconds."""
    heartbeat_s: float
    """Maximum time without a state or heartbeat, seconds."""
    until_s: float
    """Event-loop time at which the watch ends."""


class Watches:
    """All watches of this node.

    Args:
        access: Access to the spaces.
        limit: Maximum number of watches on one space.
    """

    def __init__(self, access: Access, *, limit: int) -> None:
        self._directory = access.directory
        self._read_state = access.state
        self._limit = limit
        self.counts: Counter[SpaceKey] = Counter()
        """Number of watches by space; spaces without one are absent."""

    async def watch(
        self, key: SpaceKey, pace: Pace, *, min_revision: int, deadline_s: float
    ) -> AsyncGenerator[SpaceView | None]:
        """Yield the state of a space now and after each change, in order of revision.

        None is a heartbeat: the last state is still current.

        Args:
            key: The space.
            pace: Timing of the watch.
            min_revision: Minimum revision of the first state.
            deadline_s: Event-loop time of the deadline of the call; may be infinite.

        Raises:
            NotFound: SPACE_NOT_FOUND; the space does not exist, or was deleted in the meantime.
            Unavailable: BULKHEAD_FULL, REVISION_NOT_REACHED, or WORKER_LOST: the space could not be
                loaded again.
        """
        clock = asyncio.get_running_loop().time
        with self._place(key):
            view = await self._read_state(key, min_revision=min_revision, deadline_s=deadline_s)
            # A reference to the object does not prevent the space from being unloaded.
            space = await self._directory.existing(key)
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
        """Return the state at a later revision, read no earlier than ``not_before_s``.

        Returns:
            None if there is no later revision by ``until_s``.
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
                f"The space has {self._limit} watches, the maximum; retry after one ends.",
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
