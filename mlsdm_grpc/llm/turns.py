"""Queue for concurrent provider calls, fair between tenants; docs/adr/0022 explains why."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from mlsdm_grpc.errors import DeadlineExceeded
from mlsdm_grpc.observability.current import QUEUE_WAIT_S

__all__ = ["CallLimit"]


class CallLimit:
    """Limit of concurrent calls. Waiting calls are admitted round robin by tenant, oldest first.

    The permits of the lane limit the number of waiting calls. The waiting time is counted in
    :data:`QUEUE_WAIT_S`.

    The gates of other lanes admit work by its estimated seconds. The duration of a provider call
    cannot be estimated, so this class counts calls instead. A waiting call fails at its deadline
    even if every provider hangs.

    Args:
        limit: Maximum number of concurrent calls, at least 1.
        clock: Clock of the event loop, seconds.
    """

    def __init__(self, limit: int, *, clock: Callable[[], float]) -> None:
        self.limit = limit
        self.in_flight = 0
        self._clock = clock
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @property
    def waiting(self) -> int:
        """Number of waiting calls."""
        return sum(map(len, self._waiting.values()))

    @asynccontextmanager
    async def turn(self, tenant: str, deadline_s: float) -> AsyncIterator[None]:
        """Occupy a slot while the context is open.

        Raises:
            DeadlineExceeded: DEADLINE_EXPIRED; no slot was free before the deadline.
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
                "The deadline passed before the model was called; nothing was written.",
                reason="DEADLINE_EXPIRED",
            ) from None
        except asyncio.CancelledError:
            self._withdraw(tenant, mine)
            raise
        finally:
            QUEUE_WAIT_S.set(QUEUE_WAIT_S.get() + self._clock() - began_s)

    def _withdraw(self, tenant: str, mine: asyncio.Future[None]) -> None:
        """Stop waiting; a slot that was granted at the same moment goes to the next call."""
        if mine.done() and not mine.cancelled():
            self._leave()
            return
        queue = self._waiting.get(tenant, deque())
        if mine in queue:
            queue.remove(mine)
            if not queue:
                del self._waiting[tenant]

    def _leave(self) -> None:
        """Pass the slot on to the next waiting call, or free it."""
        while self._waiting:
            tenant = next(iter(self._waiting))
            queue = self._waiting.pop(tenant)
            turn = queue.popleft()
            if queue:
                self._waiting[tenant] = queue  # the tenant goes to the end of the queue
            if not turn.cancelled():
                turn.set_result(None)
                return
        self.in_flight -= 1
