"""Registry of the spaces known to the server process, with their workers."""

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
    """Registry of all referenced spaces; spaces in use are ordered by last use.

    Args:
        pool: Workers that hold the spaces.
        budget: Memory budget of all spaces together.
    """

    def __init__(self, pool: Pool, budget: Budget) -> None:
        self._pool = pool
        self._budget = budget
        # Spaces that are loaded, or were until their worker was lost; last used last.
        self._in_use: OrderedDict[SpaceKey, Space] = OrderedDict()
        # All spaces with a reference.
        self._known: WeakValueDictionary[SpaceKey, Space] = WeakValueDictionary()
        # All spaces and second copies, by their number on the link.
        self._numbered: WeakValueDictionary[int, Space] = WeakValueDictionary()
        self._last_number = 0

    def __iter__(self) -> Iterator[Space]:
        return iter(list(self._in_use.values()))

    def __len__(self) -> int:
        return len(self._in_use)

    def __contains__(self, key: SpaceKey) -> bool:
        return key in self._in_use

    def count(self, status: SpaceStatus) -> int:
        """Return the number of spaces in use with a status."""
        return sum(space.status is status for space in self._in_use.values())

    def known(self, key: SpaceKey) -> Space | None:
        """Return the object of a space, in use or not, if any reference to it exists."""
        return self._known.get(key)

    def numbered(self, number: int) -> Space | None:
        """Return the space or second copy with this number on the link."""
        return self._numbered.get(number)

    def create(self, key: SpaceKey, loader: SpaceLoader) -> Space:
        """Return a new object for a space, which is not in use."""
        self._last_number += 1
        space = Space(key, self._last_number, self.worker_of(key), self._budget, loader)
        self._numbered[space.number] = space
        return space

    def use(self, key: SpaceKey, loader: SpaceLoader) -> Space:
        """Return the space of a key, and mark it as in use and last used."""
        space = self._in_use.get(key)
        if space is None:
            space = self._in_use[key] = self._known.get(key) or self.create(key, loader)
            self._known[key] = space
        self._in_use.move_to_end(key)
        return space

    def keep(self, space: Space) -> None:
        """Mark a space as in use."""
        self._in_use[space.key] = space

    def uses(self, space: Space) -> bool:
        """Return True if this object is the one in use for its key."""
        return self._in_use.get(space.key) is space

    def release(self, key: SpaceKey) -> None:
        """Mark a space as no longer in use."""
        self._in_use.pop(key, None)

    def worker_of(self, key: SpaceKey) -> int:
        """Return the index of the worker of a space."""
        return zlib.crc32("/".join(key).encode()) % self._pool.size

    def hangs(self, key: SpaceKey) -> bool:
        """Return True if the worker of a space hangs; see :meth:`Pool.hangs`."""
        return self._pool.hangs(self.worker_of(key))

    def watched(self, key: SpaceKey) -> Callable[[], bool]:
        """Return a function that reports progress of the worker; see :meth:`Pool.watched`."""
        return self._pool.watched(self.worker_of(key))
