"""The spaces that the parent process knows, and the worker that each belongs to."""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from weakref import WeakValueDictionary

from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.protection.memory_budget import Budget
from mlsdm_grpc.spaces.space import Space, SpaceLoader, SpaceStatus
from mlsdm_grpc.workers.pool import Pool

__all__ = ["SpaceRegistry"]


class SpaceRegistry:
    """Knows every space that somebody holds, and has those in use in the order of their use.

    Args:
        pool: Workers that hold the minds.
        budget: What the spaces may take in RAM, all together.
    """

    def __init__(self, pool: Pool, budget: Budget) -> None:
        self._pool = pool
        self._budget = budget
        self._in_use: OrderedDict[SpaceKey, Space] = OrderedDict()
        """Spaces in RAM, and those that their worker has lost; last used last."""
        self._known: WeakValueDictionary[SpaceKey, Space] = WeakValueDictionary()
        """Every space that somebody holds."""
        self._numbered: WeakValueDictionary[int, Space] = WeakValueDictionary()
        """Every space and every second copy of one, by number."""
        self._last_number = 0

    def __iter__(self) -> Iterator[Space]:
        return iter(list(self._in_use.values()))

    def __len__(self) -> int:
        return len(self._in_use)

    def __contains__(self, key: SpaceKey) -> bool:
        return key in self._in_use

    def count(self, status: SpaceStatus) -> int:
        """Return how many of the spaces in use are in a status."""
        return sum(space.status is status for space in self._in_use.values())

    def known(self, key: SpaceKey) -> Space | None:
        """Return a space if anybody holds it, in use or not."""
        return self._known.get(key)

    def numbered(self, number: int) -> Space | None:
        """Return the space, or the second copy of one, that has a number on the link."""
        return self._numbered.get(number)

    def create(self, key: SpaceKey, loader: SpaceLoader) -> Space:
        """Return a new copy of a space, which is not in use."""
        self._last_number += 1
        space = Space(key, self._last_number, self.worker_of(key), self._budget, loader)
        self._numbered[space.number] = space
        return space

    def use(self, key: SpaceKey, loader: SpaceLoader) -> Space:
        """Return the one space of a key, which is in use from here on and used last."""
        space = self._in_use.get(key)
        if space is None:
            space = self._in_use[key] = self._known.get(key) or self.create(key, loader)
            self._known[key] = space
        self._in_use.move_to_end(key)
        return space

    def keep(self, space: Space) -> None:
        """Note that a space is in use."""
        self._in_use[space.key] = space

    def uses(self, space: Space) -> bool:
        """Return whether a space is the one in use of its key."""
        return self._in_use.get(space.key) is space

    def release(self, key: SpaceKey) -> None:
        """Note that a space is in use no more."""
        self._in_use.pop(key, None)

    def worker_of(self, key: SpaceKey) -> int:
        """Return the index of the worker that holds a space."""
        return zlib.crc32("/".join(key).encode()) % self._pool.size

    def hangs(self, key: SpaceKey) -> bool:
        """Return whether the worker of a space hangs; see :meth:`Pool.hangs`."""
        return self._pool.hangs(self.worker_of(key))

    def watched(self, key: SpaceKey) -> Callable[[], bool]:
        """Return what says whether the worker of a space moves; see :meth:`Pool.watched`."""
        return self._pool.watched(self.worker_of(key))
