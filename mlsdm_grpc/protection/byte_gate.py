"""Memory budget that calls share fairly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from typing import Final

from mlsdm_grpc.errors import RETRY_SOON_S, Unavailable

__all__ = ["LONGEST_WAIT_S", "SMALL_BYTES", "ByteGate"]

SMALL_BYTES: Final = 64 * 1_024
"""Maximum size of a message that needs no capacity for its conversion or sending, bytes.

The limits of parallel calls bound the RAM of such messages.
"""

# Maximum wait for bytes, seconds.
LONGEST_WAIT_S: Final = 2.0


class ByteGate:
    """Memory budget in bytes. When it is used up, calls wait, and holders take turns.

    A holder may take more while it holds less than the free amount (dynamic thresholds, as in
    bulkheads). So no holder can take all. A holder without bytes may take all that are free.

    Args:
        name: Name of the budget in errors.
        total: Size of the budget, bytes.
        spare: Bytes that one owner must leave to others.
        owner: Returns the owner of a holder. By default each holder is its own owner.
    """

    def __init__(
        self,
        name: str,
        total: int,
        *,
        spare: int = 0,
        owner: Callable[[Hashable], Hashable] = lambda holder: holder,
    ) -> None:
        self.name = name
        self._spare = spare
        self._owner = owner
        self.total = self.free = total
        self.waiting = 0
        """Number of waiting calls."""
        self._most_waiting = max(1, total // SMALL_BYTES)
        self._held: dict[Hashable, int] = {}
        self._queues: dict[Hashable, dict[asyncio.Future[None], int]] = {}

    @property
    def holders(self) -> frozenset[Hashable]:
        """Holders that hold bytes or wait for some."""
        return frozenset(self._held | self._queues)

    def try_take(self, holder: Hashable, size: int) -> bool:
        """Take bytes and return True, or return False if they are not free at once."""
        if holder in self._queues or not self._may(holder, size):
            return False
        self.change(holder, size)
        return True

    async def take(self, holder: Hashable, size: int, *, patient: bool = False) -> None:
        """Take bytes, and wait until they are free.

        Args:
            holder: Holder of the bytes.
            size: Number of bytes, at most the total.
            patient: True to wait without limit. The caller then limits the wait.

        Raises:
            Unavailable: BULKHEAD_FULL; too many calls wait, or the wait was too long.
        """
        if self.try_take(holder, size):
            return
        if not patient and self.waiting >= self._most_waiting:
            raise self._full()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(holder, {})[turn] = size
        self.waiting += 1
        try:
            async with asyncio.timeout(None if patient else LONGEST_WAIT_S):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():  # granted just before the cancellation
                self.change(holder, -size)
            if isinstance(error, TimeoutError):
                raise self._full() from None
            raise
        finally:
            self.waiting -= 1
            self._forget(holder, turn)

    @asynccontextmanager
    async def inside(self, holder: Hashable, size: int) -> AsyncIterator[None]:
        """Hold bytes within an ``async with`` block, at most the whole budget; see :meth:`take`."""
        size = min(size, self.total)
        await self.take(holder, size)
        try:
            yield
        finally:
            self.change(holder, -size)

    def change(self, holder: Hashable, by: int) -> None:
        """Change the number of bytes of a holder, even if the budget is then exceeded."""
        self.free -= by
        held = self._held.get(holder, 0) + by
        if held:
            self._held[holder] = held
        else:
            del self._held[holder]
        if by < 0 and self._queues:
            self._admit()

    def _may(self, holder: Hashable, size: int) -> bool:
        held = self._held.get(holder, 0)
        return size <= self.free and held < self.free and self._spares(holder, size)

    def _spares(self, holder: Hashable, size: int) -> bool:
        """Return True if the owner of a holder would leave ``spare`` bytes to others."""
        if size <= self.free - self._spare:
            return True
        owner = self._owner(holder)
        owned = sum(held for other, held in self._held.items() if self._owner(other) == owner)
        return owned + size <= self.total - self._spare

    def _admit(self) -> None:
        """Admit waiting calls while bytes are free. Holders take turns."""
        admitted = True
        while admitted and self.free > 0:
            admitted = False
            for holder, queue in list(self._queues.items()):
                turn, size = next(iter(queue.items()))
                if turn.done() or self._may(holder, size):
                    admitted = True
                    self._forget(holder, turn)
                    if not turn.done():
                        self.change(holder, size)
                        turn.set_result(None)

    def _forget(self, holder: Hashable, turn: asyncio.Future[None]) -> None:
        queue = self._queues.get(holder, {})
        queue.pop(turn, None)
        if not queue:
            self._queues.pop(holder, None)

    def _full(self) -> Unavailable:
        return Unavailable(
            "The server has no free memory for the message at the moment.",
            reason="BULKHEAD_FULL",
            metadata={"lane": self.name},
            retry_after_s=RETRY_SOON_S,
        )
