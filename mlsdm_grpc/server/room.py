"""Byte budgets of requests and responses in the server.

A request is read only when there is capacity for the largest one. Until then it waits in the
transport, which accepts no more than a flow-control window. A burst of large messages therefore
delays callers instead of growing the server. A call holds its bytes until its end; a response holds
them until the client has received it.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any, Final

from mlsdm_grpc.messages.limits import MAX_CHUNK_BYTES
from mlsdm_grpc.protection.byte_gate import ByteGate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Hashable

    from mlsdm_grpc.server.memory_plan import MemoryPlan

__all__ = ["Holding", "Room"]

# Memory of a call in addition to its message, bytes.
_CALL_BYTES: Final = 32 * 1_024
# Memory of a large message while it is parsed, checked and journalled, as a multiple of its size.
_CONVERTED: Final = 8
# Memory of a response as a multiple of its size; the transport has a copy.
_SENT: Final = 2


class Room:
    """The byte gates of a server.

    Args:
        plan: Sizes of the budgets; None is unlimited.
        largest: Size of the largest request, bytes.
    """

    def __init__(self, plan: MemoryPlan | None = None, *, largest: int = 0) -> None:
        unbounded = sys.maxsize
        total = plan.receiving if plan else unbounded
        self.largest = min(largest + _CALL_BYTES, total)
        spare = self.largest if total >= 2 * self.largest else 0
        self.receiving = ByteGate("receiving", total, spare=spare, owner=_tenant)
        """One message of another tenant is always admitted if there is capacity for two
        messages."""
        self.converting = ByteGate("converting", plan.converting if plan else unbounded)
        self.computing = ByteGate("computing", plan.computing if plan else unbounded)
        """Budget of responses built by workers."""
        self.answering = ByteGate("answering", plan.answering if plan else unbounded)


class Holding:
    """The bytes held by one call.

    Args:
        room: Byte gates of the server.
        holder: Group that shares capacity: the tenant, and True for calls that may be large, so
            that a burst of batches lets queries through.
    """

    __slots__ = ("_converted", "_holder", "_received", "_room")

    def __init__(self, room: Room, holder: Hashable) -> None:
        self._room = room
        self._holder = holder
        self._received = self._converted = 0

    def try_expect(self) -> bool:
        """Take capacity for the largest message if there is enough at once."""
        room = self._room
        if not room.receiving.try_take(self._holder, room.largest):
            return False
        self._received = room.largest
        return True

    async def expect(self) -> None:
        """Wait for capacity for the largest message.

        Raises:
            Unavailable: BULKHEAD_FULL.
        """
        await self._room.receiving.take(self._holder, self._room.largest)
        self._received = self._room.largest

    def arrived(self, size: int) -> None:
        """Keep capacity for the received message only."""
        held = size + _CALL_BYTES
        self._room.receiving.change(self._holder, held - self._received)
        self._received = held

    async def convert(self, size: int) -> None:
        """Wait for permission to convert a large message.

        Raises:
            Unavailable: BULKHEAD_FULL.
        """
        gate = self._room.converting
        wanted = min(_CONVERTED * size, gate.total)
        await gate.take(self._holder, wanted)
        self._converted = wanted

    def converted(self) -> None:
        """Release the capacity for the conversion of the last message."""
        if self._converted:
            self._room.converting.change(self._holder, -self._converted)
            self._converted = 0

    def release(self) -> None:
        """Release all capacity."""
        self.converted()
        if self._received:
            self._room.receiving.change(self._holder, -self._received)
            self._received = 0

    async def answer(self, size: int, *, patient: bool) -> Callable[[Any], None]:
        """Reserve memory to send a large response; return the function that releases it.

        Args:
            size: Size of the response, bytes.
            patient: Wait until the call ends, because a completed write cannot be refused.

        Raises:
            Unavailable: BULKHEAD_FULL.
        """
        gate, holder = self._room.answering, self._holder
        wanted = min(_SENT * size, gate.total)
        await gate.take(holder, wanted, patient=patient)
        return lambda _: gate.change(holder, -wanted)

    @contextlib.asynccontextmanager
    async def export(self) -> AsyncIterator[None]:
        """Hold capacity for the chunks of a stream, one at a time.

        Raises:
            Unavailable: BULKHEAD_FULL.
        """
        gate = self._room.answering
        async with gate.inside(self._holder, _SENT * MAX_CHUNK_BYTES):
            yield


def _tenant(holder: Hashable) -> Hashable:
    return holder[0] if isinstance(holder, tuple) else holder
