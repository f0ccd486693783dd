"""Memory budgets for the bytes of requests and responses.

A request is read only when there is capacity for a request of the maximum size. Until then it waits
in the transport, which accepts no more than a flow-control window. So a burst of large requests
delays callers, and the RAM of the server does not grow. A call holds the capacity for its request
until its end. A response holds capacity until the client has received it.
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

# RAM of a call in addition to its request, bytes.
_CALL_BYTES: Final = 32 * 1_024
# RAM of a large request while it is parsed, checked and journalled, as a multiple of its size.
_CONVERTED: Final = 8
# RAM of a response as a multiple of its size, because the transport has a copy.
_SENT: Final = 2


class Room:
    """Memory budgets of a server.

    Args:
        plan: Sizes of the budgets; None for unlimited ones.
        largest: Maximum size of a request, bytes.
    """

    def __init__(self, plan: MemoryPlan | None = None, *, largest: int = 0) -> None:
        unbounded = sys.maxsize
        total = plan.receiving if plan else unbounded
        self.largest = min(largest + _CALL_BYTES, total)
        spare = self.largest if total >= 2 * self.largest else 0
        self.receiving = ByteGate("receiving", total, spare=spare, owner=_tenant)
        """Budget of requests received or in service.

        If it is large enough for two requests of the maximum size, one tenant always leaves
        capacity for one request of another.
        """
        self.converting = ByteGate("converting", plan.converting if plan else unbounded)
        self.computing = ByteGate("computing", plan.computing if plan else unbounded)
        """Budget of responses while workers build them."""
        self.answering = ByteGate("answering", plan.answering if plan else unbounded)


class Holding:
    """Capacity that one call holds in the budgets.

    Args:
        room: Memory budgets of the server.
        holder: Group that shares capacity: the tenant, and True for methods with large requests. So
            a burst of batches does not block queries.
    """

    __slots__ = ("_converted", "_holder", "_received", "_room")

    def __init__(self, room: Room, holder: Hashable) -> None:
        self._room = room
        self._holder = holder
        self._received = self._converted = 0

    def try_expect(self) -> bool:
        """Acquire capacity for a request of the maximum size, if it is available at once."""
        room = self._room
        if not room.receiving.try_take(self._holder, room.largest):
            return False
        self._received = room.largest
        return True

    async def expect(self) -> None:
        """Wait for capacity for a request of the maximum size.

        Raises:
            Unavailable: BULKHEAD_FULL.
        """
        await self._room.receiving.take(self._holder, self._room.largest)
        self._received = self._room.largest

    def arrived(self, size: int) -> None:
        """Reduce the capacity to the size of the received request, in bytes."""
        held = size + _CALL_BYTES
        self._room.receiving.change(self._holder, held - self._received)
        self._received = held

    async def convert(self, size: int) -> None:
        """Wait for capacity to convert a large request.

        Args:
            size: Size of the request, bytes.

        Raises:
            Unavailable: BULKHEAD_FULL.
        """
        gate = self._room.converting
        wanted = min(_CONVERTED * size, gate.total)
        await gate.take(self._holder, wanted)
        self._converted = wanted

    def converted(self) -> None:
        """Release the capacity for the conversion of the last request."""
        if self._converted:
            self._room.converting.change(self._holder, -self._converted)
            self._converted = 0

    def release(self) -> None:
        """Release all capacity of requests."""
        self.converted()
        if self._received:
            self._room.receiving.change(self._holder, -self._received)
            self._received = 0

    async def answer(self, size: int, *, patient: bool) -> Callable[[Any], None]:
        """Acquire capacity for a large response, and return the function that releases it.

        Args:
            size: Size of the response, bytes.
            patient: True to wait as long as the call lasts, because a completed write cannot be
                refused.

        Raises:
            Unavailable: BULKHEAD_FULL.
        """
        gate, holder = self._room.answering, self._holder
        wanted = min(_SENT * size, gate.total)
        await gate.take(holder, wanted, patient=patient)
        return lambda _: gate.change(holder, -wanted)

    @contextlib.asynccontextmanager
    async def export(self) -> AsyncIterator[None]:
        """Hold capacity for one chunk of a stream of responses.

        Raises:
            Unavailable: BULKHEAD_FULL.
        """
        gate = self._room.answering
        async with gate.inside(self._holder, _SENT * MAX_CHUNK_BYTES):
            yield


def _tenant(holder: Hashable) -> Hashable:
    return holder[0] if isinstance(holder, tuple) else holder
