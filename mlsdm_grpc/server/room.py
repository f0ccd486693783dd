"""Room for messages: how many bytes of requests and answers the server holds at once.

A request is not read before there is room for the largest one: until then it waits in the
transport, which takes no more of it than a window. So a rush of large messages makes callers wait
and not the server grow. Who holds room keeps it until the end of the call; an answer keeps it until
its client has taken it.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any, Final

from mlsdm_grpc.protection.byte_gate import ByteGate
from mlsdm_grpc.wire.limits import MAX_CHUNK_BYTES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Hashable

    from mlsdm_grpc.server.memory_plan import MemoryPlan

__all__ = ["Holding", "Room"]

_CALL_BYTES: Final = 32 * 1_024
"""What a call takes beside its message."""
_CONVERTED: Final = 8
"""Times its size that a large message takes while it is parsed, checked and journalled."""
_SENT: Final = 2
"""The same of an answer: the transport has a copy."""


class Room:
    """The gates of a server.

    Args:
        plan: What each may let in; None bounds nothing.
        largest: Bytes of the largest request.
    """

    def __init__(self, plan: MemoryPlan | None = None, *, largest: int = 0) -> None:
        unbounded = sys.maxsize
        total = plan.receiving if plan else unbounded
        self.largest = min(largest + _CALL_BYTES, total)
        spare = self.largest if total >= 2 * self.largest else 0
        self.receiving = ByteGate("receiving", total, spare=spare, owner=_tenant)
        """One message of another tenant always finds room, if there is enough for two."""
        self.converting = ByteGate("converting", plan.converting if plan else unbounded)
        self.computing = ByteGate("computing", plan.computing if plan else unbounded)
        """For answers that workers make."""
        self.answering = ByteGate("answering", plan.answering if plan else unbounded)


class Holding:
    """The bytes that one call holds.

    Args:
        room: Where they are.
        holder: Whom calls share room with: their tenant, and whether they may be large, so that a
            rush of batches lets queries through.
    """

    __slots__ = ("_converted", "_holder", "_received", "_room")

    def __init__(self, room: Room, holder: Hashable) -> None:
        self._room = room
        self._holder = holder
        self._received = self._converted = 0

    def try_expect(self) -> bool:
        """Take room for the largest message if there is some at once."""
        room = self._room
        if not room.receiving.try_take(self._holder, room.largest):
            return False
        self._received = room.largest
        return True

    async def expect(self) -> None:
        """Wait until the largest message may come.

        Raises:
            Unavailable: BULKHEAD_FULL.
        """
        await self._room.receiving.take(self._holder, self._room.largest)
        self._received = self._room.largest

    def arrived(self, size: int) -> None:
        """Keep room for the message that has come, no more."""
        held = size + _CALL_BYTES
        self._room.receiving.change(self._holder, held - self._received)
        self._received = held

    async def convert(self, size: int) -> None:
        """Wait until a large message may be converted.

        Raises:
            Unavailable: BULKHEAD_FULL.
        """
        gate = self._room.converting
        wanted = min(_CONVERTED * size, gate.total)
        await gate.take(self._holder, wanted)
        self._converted = wanted

    def converted(self) -> None:
        """Give back what the conversion of the last message took."""
        if self._converted:
            self._room.converting.change(self._holder, -self._converted)
            self._converted = 0

    def release(self) -> None:
        """Give everything back."""
        self.converted()
        if self._received:
            self._room.receiving.change(self._holder, -self._received)
            self._received = 0

    async def answer(self, size: int, *, patient: bool) -> Callable[[Any], None]:
        """Wait until a large answer may be sent; return what gives its room back.

        Args:
            size: Bytes.
            patient: Wait until the call ends: what has been written cannot be refused any more.

        Raises:
            Unavailable: BULKHEAD_FULL.
        """
        gate, holder = self._room.answering, self._holder
        wanted = min(_SENT * size, gate.total)
        await gate.take(holder, wanted, patient=patient)
        return lambda _: gate.change(holder, -wanted)

    @contextlib.asynccontextmanager
    async def export(self) -> AsyncIterator[None]:
        """Hold room for the chunks of a stream, one after the other.

        Raises:
            Unavailable: BULKHEAD_FULL.
        """
        gate = self._room.answering
        async with gate.inside(self._holder, _SENT * MAX_CHUNK_BYTES):
            yield


def _tenant(holder: Hashable) -> Hashable:
    return holder[0] if isinstance(holder, tuple) else holder
