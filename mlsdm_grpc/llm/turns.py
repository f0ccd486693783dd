"""Turns at the providers: so many calls at once, the rest waits, tenants one after the other."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from mlsdm_grpc.errors import DeadlineExceeded
from mlsdm_grpc.observability.current import QUEUE_WAIT_S

__all__ = ["CallLimit"]


class CallLimit:
    """A limit of calls in flight; who waits is let in tenant by tenant, oldest first within one.

    How many may wait is bounded before, by the permits of the lane. The time counts as one in
    queues, see :data:`QUEUE_WAIT_S`.

    The gates of the lanes share out estimated seconds of work. How long a provider takes cannot
    be estimated, so calls are counted here, and who waits is answered at its deadline even
    while every provider hangs.

    Args:
        limit: Calls in flight at once, at least 1.
        clock: Seconds; that of the event loop.
    """

    def __init__(self, limit: int, *, clock: Callable[[], float]) -> None:
        self.limit = limit
        self.in_flight = 0
        self._clock = clock
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @property
    def waiting(self) -> int:
        """Calls that wait."""
        return sum(map(len, self._waiting.values()))

    @asynccontextmanager
    async def turn(self, tenant: str, deadline_s: float) -> AsyncIterator[None]:
        """Hold one of the turns.

        Raises:
            DeadlineExceeded: DEADLINE_EXPIRED; none came before the deadline.
        """
        await self._enter(tenant, deadline_s)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, tenant: str, deadline_s: float) -> None:
        if self.in_flight < self.limit and not self._waiting:
            self.in_flight += 1
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant, deque()).append(mine)
        began_s = self._clock()
        try:
            async with asyncio.timeout(deadline_s - self._clock()):
                await mine
        except TimeoutError:
            self._withdraw(tenant, mine)
            raise DeadlineExceeded(
                "The deadline passed before the model could be asked; nothing was done.",
                reason="DEADLINE_EXPIRED",
            ) from None
        except asyncio.CancelledError:
            self._withdraw(tenant, mine)
            raise
        finally:
            QUEUE_WAIT_S.set(QUEUE_WAIT_S.get() + self._clock() - began_s)

    def _withdraw(self, tenant: str, mine: asyncio.Future[None]) -> None:
        """Give up waiting; a turn that came at the same moment goes to the next."""
        if mine.done() and not mine.cancelled():
            self._leave()
            return
        queue = self._waiting.get(tenant, deque())
        if mine in queue:
            queue.remove(mine)
            if not queue:
                del self._waiting[tenant]

    def _leave(self) -> None:
        """Pass the turn on, or leave it free."""
        while self._waiting:
            tenant = next(iter(self._waiting))
            queue = self._waiting.pop(tenant)
            turn = queue.popleft()
            if queue:
                self._waiting[tenant] = queue  # behind the others
            if not turn.cancelled():
                turn.set_result(None)
                return
        self.in_flight -= 1
