"""Watches: the state of a space at once and after each change, for as long as somebody looks.

A watch that has nothing to tell waits on the space's own event and costs no timer. Changes that
come faster than a watch may tell them are joined: it asks for the state when its time has come, so
the newest always arrives. A space whose worker was lost is brought back by its watches.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Protocol

from mlsdm_grpc.core.mind import SpaceView
from mlsdm_grpc.engine.spaces import Directory, space_not_found
from mlsdm_grpc.errors import Unavailable
from mlsdm_grpc.journal.protocol import SpaceKey

__all__ = ["Watches"]

_RETRY_AFTER_S = 1.0


class _ReadState(Protocol):
    async def __call__(
        self, key: SpaceKey, *, min_revision: int, deadline_s: float
    ) -> SpaceView: ...


class Watches:
    """All watches of this node.

    Args:
        directory: Where spaces are found and brought back.
        read_state: Returns the figures of a space as they stand now.
        limit: Watches of one space at once.
    """

    def __init__(self, directory: Directory, read_state: _ReadState, *, limit: int) -> None:
        self._directory = directory
        self._read_state = read_state
        self._limit = limit
        self._counts: Counter[SpaceKey] = Counter()

    async def watch(
        self, key: SpaceKey, *, min_revision: int, min_interval_s: float, deadline_s: float
    ) -> AsyncGenerator[SpaceView]:
        """Yield the figures of a space now and after each change, by rising revision.

        Args:
            key: The space.
            min_revision: Lowest revision that the first figures may be of.
            min_interval_s: Shortest time between two figures, seconds.
            deadline_s: Event-loop time until which somebody looks; may be infinite.

        Raises:
            NotFound: SPACE_NOT_FOUND; it does not exist, or was deleted meanwhile.
            Unavailable: BULKHEAD_FULL, REVISION_NOT_REACHED, or WORKER_LOST where the space could
                not be brought back.
        """
        clock = asyncio.get_running_loop().time
        with self._place(key):
            view = await self._read_state(key, min_revision=min_revision, deadline_s=deadline_s)
            while True:
                told_s = clock()
                yield view
                view = await self._changed(key, view, told_s + min_interval_s, deadline_s)

    async def _changed(
        self, key: SpaceKey, last: SpaceView, not_before_s: float, deadline_s: float
    ) -> SpaceView:
        """Return the figures once they are of a later revision, and not before a time."""
        clock = asyncio.get_running_loop().time
        while True:
            space = await self._directory.existing(key)
            if space.applied <= last.revision:
                await space.reached.wait()
                continue
            await asyncio.sleep(max(0.0, not_before_s - clock()))
            view = await self._read_state(key, min_revision=0, deadline_s=deadline_s)
            if view.incarnation != last.incarnation:
                raise space_not_found(key)
            if view.revision > last.revision:
                return view

    @contextmanager
    def _place(self, key: SpaceKey) -> Iterator[None]:
        if self._counts[key] >= self._limit:
            raise Unavailable(
                "Too many watch the space.",
                reason="BULKHEAD_FULL",
                metadata={"lane": "watch"},
                retry_after_s=_RETRY_AFTER_S,
            )
        self._counts[key] += 1
        try:
            yield
        finally:
            self._counts[key] -= 1
            if not self._counts[key]:
                del self._counts[key]
