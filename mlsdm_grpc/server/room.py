"""Room for messages: how many bytes of requests and answers the server holds at once.

A request is not read before there is room for the largest one: until then it waits in the
transport, which takes no more of it than a window. So a rush of large messages makes callers wait
and not the server grow. Who holds room keeps it until the end of the call; an answer keeps it until
its client has taken it.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING, Any, Final

from mlsdm_grpc.errors import Unavailable
from mlsdm_grpc.wire.limits import MAX_CHUNK_BYTES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from mlsdm_grpc.engine.memory import MemoryPlan

__all__ = ["SMALL_BYTES", "ByteGate", "Holding", "Room"]

SMALL_BYTES: Final = 64 * 1_024
"""Messages up to this are bounded by the number of calls."""

_CALL_BYTES: Final = 32 * 1_024
"""What a call takes beside its message."""
_CONVERTED: Final = 8
"""Times its size that a large message takes while it is parsed, checked and journalled."""
_SENT: Final = 2
"""The same of an answer: the transport has a copy."""
_LONGEST_WAIT_S: Final = 2.0
_RETRY_AFTER_S: Final = 0.5


class ByteGate:
    """A bounded number of bytes. Whoever finds none free waits, in turn between tenants.

    A tenant takes more while it holds less than what is free (dynamic thresholds, as bulkheads
    do), so nobody finds all taken by one other; one that holds nothing may take whatever is free.

    Args:
        name: What it is for, as callers see it.
        total: Bytes.
    """

    def __init__(self, name: str, total: int) -> None:
        self.name = name
        self.total = self.free = total
        self.waiting = 0
        """Calls that wait."""
        self._most_waiting = max(1, total // SMALL_BYTES)
        self._held: dict[str, int] = {}
        self._queues: dict[str, dict[asyncio.Future[None], int]] = {}

    def try_take(self, tenant: str, size: int) -> bool:
        """Take bytes if that is possible at once; never more than there are."""
        if tenant in self._queues or not self._may(tenant, size):
            return False
        self.change(tenant, size)
        return True

    async def take(self, tenant: str, size: int) -> None:
        """Take bytes as soon as they are free.

        Raises:
            Unavailable: BULKHEAD_FULL; too many wait, or it took too long.
        """
        if self.try_take(tenant, size):
            return
        if self.waiting >= self._most_waiting:
            raise self._full()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(tenant, {})[turn] = size
        self.waiting += 1
        try:
            async with asyncio.timeout(_LONGEST_WAIT_S):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():  # its turn came at the same moment
                self.change(tenant, -size)
            if isinstance(error, TimeoutError):
                raise self._full() from None
            raise
        finally:
            self.waiting -= 1
            self._forget(tenant, turn)

    def change(self, tenant: str, by: int) -> None:
        """Let a tenant hold so much more, whatever is free, or less."""
        self.free -= by
        held = self._held.get(tenant, 0) + by
        if held:
            self._held[tenant] = held
        else:
            del self._held[tenant]
        if by < 0 and self._queues:
            self._admit()

    def _may(self, tenant: str, size: int) -> bool:
        held = self._held.get(tenant, 0)
        return size <= self.free and held < self.free

    def _admit(self) -> None:
        """Let in who waits, one of each tenant after the other, as long as there is room."""
        admitted = True
        while admitted and self.free > 0:
            admitted = False
            for tenant, queue in list(self._queues.items()):
                turn, size = next(iter(queue.items()))
                if turn.done() or self._may(tenant, size):
                    admitted = True
                    self._forget(tenant, turn)
                    if not turn.done():
                        self.change(tenant, size)
                        turn.set_result(None)

    def _forget(self, tenant: str, turn: asyncio.Future[None]) -> None:
        queue = self._queues.get(tenant, {})
        queue.pop(turn, None)
        if not queue:
            self._queues.pop(tenant, None)

    def _full(self) -> Unavailable:
        return Unavailable(
            "There is no room for the message now.",
            reason="BULKHEAD_FULL",
            metadata={"lane": self.name},
            retry_after_s=_RETRY_AFTER_S,
        )


class Room:
    """The gates of a server.

    Args:
        plan: What each may let in; None bounds nothing.
        largest: Bytes of the largest request.
    """

    def __init__(self, plan: MemoryPlan | None = None, *, largest: int = 0) -> None:
        unbounded = sys.maxsize
        self.receiving = ByteGate("receiving", plan.receiving if plan else unbounded)
        self.converting = ByteGate("converting", plan.converting if plan else unbounded)
        self.answering = ByteGate("answering", plan.answering if plan else unbounded)
        self.largest = min(largest + _CALL_BYTES, self.receiving.total)


class Holding:
    """The bytes that one call holds."""

    __slots__ = ("_converted", "_received", "_room", "_tenant")

    def __init__(self, room: Room, tenant: str) -> None:
        self._room = room
        self._tenant = tenant
        self._received = self._converted = 0

    async def expect(self) -> None:
        """Wait until the largest message may come.

        Raises:
            Unavailable: BULKHEAD_FULL.
        """
        room = self._room
        if not room.receiving.try_take(self._tenant, room.largest):
            await room.receiving.take(self._tenant, room.largest)
        self._received = room.largest

    async def arrived(self, size: int) -> None:
        """Keep room for the message that has come; wait until one that is large may be converted.

        Raises:
            Unavailable: BULKHEAD_FULL.
        """
        room, held = self._room, size + _CALL_BYTES
        if self._received:  # messages of streams have a part of their own
            room.receiving.change(self._tenant, held - self._received)
            self._received = held
        if size > SMALL_BYTES:
            wanted = min(_CONVERTED * size, room.converting.total)
            await room.converting.take(self._tenant, wanted)
            self._converted = wanted

    def converted(self) -> None:
        """Give back what the conversion of the last message took."""
        if self._converted:
            self._room.converting.change(self._tenant, -self._converted)
            self._converted = 0

    def release(self) -> None:
        """Give everything back."""
        self.converted()
        if self._received:
            self._room.receiving.change(self._tenant, -self._received)
            self._received = 0

    async def answer(self, size: int) -> Callable[[Any], None]:
        """Wait until a large answer may be sent; return what gives its room back.

        Raises:
            Unavailable: BULKHEAD_FULL.
        """
        gate, tenant = self._room.answering, self._tenant
        wanted = min(_SENT * size, gate.total)
        await gate.take(tenant, wanted)
        return lambda _: gate.change(tenant, -wanted)

    @contextlib.asynccontextmanager
    async def export(self) -> AsyncIterator[None]:
        """Hold room for the chunks of a stream, one after the other.

        Raises:
            Unavailable: BULKHEAD_FULL.
        """
        done = await self.answer(MAX_CHUNK_BYTES)
        try:
            yield
        finally:
            done(None)
