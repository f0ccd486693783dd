"""Turns of the event loop: long work on it is cut into slices of which one runs at a time.

Between two slices the loop serves everything else that is ready. Who wants a slice waits in the
order of asking, so that however much long work there is, no other call waits for more than a slice.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Final, TypeVar

__all__ = ["FEW", "LoopTurns", "Turn"]

_SLICE_S: Final = 0.004
_PAUSE_S: Final = 0.001
"""Time without any long work. Grpc's own thread needs the interpreter lock for a moment for each
call: while slices followed each other at once, twenty batches kept calls out for 5 s and more."""
FEW: Final = 32
"""Items that are worked on at once; each takes 10 to 100 microseconds."""

_T = TypeVar("_T")
_S = TypeVar("_S")


class Turn:
    """The right to work on the event loop for some milliseconds, again and again."""

    __slots__ = ("_end_s", "_held", "_lock")

    def __init__(self, lock: asyncio.Lock) -> None:
        self._lock = lock
        self._held = False
        self._end_s = 0.0

    @property
    def is_over(self) -> bool:
        """Whether it is time to :meth:`pause`."""
        return time.perf_counter() >= self._end_s

    async def take(self) -> None:
        """Wait for a slice."""
        await self._lock.acquire()
        self._held = True
        self._end_s = time.perf_counter() + _SLICE_S

    def give(self) -> None:
        """Let the next one work; where the wait for a slice was given up, nothing is held."""
        if self._held:
            self._held = False
            self._lock.release()

    async def pause(self) -> None:
        """Let others work, and wait for the next slice."""
        await asyncio.sleep(_PAUSE_S)
        self.give()
        await self.take()


class LoopTurns:
    """Deals slices of the event loop to those who have much to do on it."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[Turn]:
        """Wait for a slice and hold it; inside, wait for nothing but :meth:`Turn.pause`."""
        turn = Turn(self._lock)
        await turn.take()
        try:
            yield turn
        finally:
            turn.give()

    async def each(self, work: Callable[[_T], _S], items: Sequence[_T]) -> list[_S]:
        """Return what ``work`` makes of each item; many items take several slices."""
        if len(items) <= FEW:
            return [work(item) for item in items]
        return await self.all(map(work, items))

    async def all(self, items: Iterable[_T]) -> list[_T]:
        """Return all items of an iterator whose steps are work."""
        made = list[_T]()
        async with self.taken() as turn:
            for item in items:
                made.append(item)
                if turn.is_over:
                    await turn.pause()
        return made
