"""Slices of the event loop: long work runs in slices, one at a time.

Between two slices the loop serves all other tasks that are ready. Slices are granted in the order
of the requests. So other calls wait for at most one slice, regardless of the amount of long work.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Final, TypeVar

__all__ = ["FEW", "LoopTurns", "Turn"]

_SLICE_S: Final = 0.004
# Pause between two slices, seconds. For each call, the grpc thread briefly needs the interpreter
# lock: without pauses, twenty batches blocked calls for 5 s and more.
_PAUSE_S: Final = 0.001
FEW: Final = 32
"""Maximum number of items that are processed without a slice. Each takes 10 to 100 us."""

_T = TypeVar("_T")
_S = TypeVar("_S")


class Turn:
    """Right to use the event loop, slice after slice."""

    __slots__ = ("_end_s", "_held", "_lock")

    def __init__(self, lock: asyncio.Lock) -> None:
        self._lock = lock
        self._held = False
        self._end_s = 0.0

    @property
    def is_over(self) -> bool:
        """True if the slice is over and :meth:`pause` must be called."""
        return time.perf_counter() >= self._end_s

    async def take(self) -> None:
        """Wait for a slice."""
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
    """Scheduler of slices of the event loop."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[Turn]:
        """Hold a slice within an ``async with`` block, which must await only :meth:`Turn.pause`."""
        turn = Turn(self._lock)
        await turn.take()
        try:
            yield turn
        finally:
            turn.give()

    async def each(self, work: Callable[[_T], _S], items: Sequence[_T]) -> list[_S]:
        """Return the results of ``work`` for all items; many items take several slices."""
        if len(items) <= FEW:
            return [work(item) for item in items]
        return await self.all(map(work, items))

    async def all(self, items: Iterable[_T]) -> list[_T]:
        """Return all items of an iterator; each step of it may be long work."""
        made = list[_T]()
        async with self.taken() as turn:
            for item in items:
                made.append(item)
                if turn.is_over:
                    await turn.pause()
        return made
