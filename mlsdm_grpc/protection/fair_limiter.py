"""Time slices of the event loop: long work runs in slices, one at a time.

Between two slices the loop serves all other ready work. Slices are granted in order of request, so
other calls wait for at most one slice, however much long work there is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Final, TypeVar

__all__ = ["FEW", "LoopTurns", "Turn"]

_SLICE_S: Final = 0.004
# Pause without long work between slices, seconds. The grpc thread needs the interpreter lock
# briefly for each call: without pauses, twenty batches blocked calls for 5 s and more.
_PAUSE_S: Final = 0.001
FEW: Final = 32
"""Number of items processed at once; each takes 10 to 100 microseconds."""

_T = TypeVar("_T")
_S = TypeVar("_S")


class Turn:
    """The right to use the event loop for repeated time slices."""

    __slots__ = ("_end_s", "_held", "_lock")

    def __init__(self, lock: asyncio.Lock) -> None:
        self._lock = lock
        self._held = False
        self._end_s = 0.0

    @property
    def is_over(self) -> bool:
        """True if the slice is over and :meth:`pause` is due."""
        return time.perf_counter() >= self._end_s

    async def take(self) -> None:
        """Wait for a time slice."""
        await self._lock.acquire()
        self._held = True
        self._end_s = time.perf_counter() + _SLICE_S

    def give(self) -> None:
        """Release the slice, if one is held."""
        if self._held:
            self._held = False
            self._lock.release()

    async def pause(self) -> None:
        """Release the slice, and wait for the next one."""
        await asyncio.sleep(_PAUSE_S)
        self.give()
        await self.take()


class LoopTurns:
    """Scheduler of time slices of the event loop."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[Turn]:
        """Hold a time slice; inside, await only :meth:`Turn.pause`."""
        turn = Turn(self._lock)
        await turn.take()
        try:
            yield turn
        finally:
            turn.give()

    async def each(self, work: Callable[[_T], _S], items: Sequence[_T]) -> list[_S]:
        """Return the result of ``work`` for each item; many items take several slices."""
        if len(items) <= FEW:
            return [work(item) for item in items]
        return await self.all(map(work, items))

    async def all(self, items: Iterable[_T]) -> list[_T]:
        """Return all items of an iterator whose steps are long work."""
        made = list[_T]()
        async with self.taken() as turn:
            for item in items:
                made.append(item)
                if turn.is_over:
                    await turn.pause()
        return made
