"""The calls that are being served: to wait for them when the server stops, and to cut the rest."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlsdm_grpc.wire.call import Call

__all__ = ["InFlight"]


class InFlight:
    """Tasks of calls by kind. Calls of open methods end with their client, not with the work."""

    def __init__(self) -> None:
        self.calls: dict[asyncio.Task[object], Call] = {}
        """Calls that a stopping server lets finish."""
        self.open_calls: dict[asyncio.Task[object], Call] = {}
        """Calls of open methods, e.g. watches of health."""
        self.ended_count = 0
        """Calls that have ended."""
        self._cut: set[asyncio.Task[object]] = set()
        self._changed = asyncio.Event()

    def ended(self) -> None:
        """Count one end and wake whoever waits for calls to end."""
        self.ended_count += 1
        self._changed.set()

    async def wait_idle(self, *, open_methods: bool = False) -> None:
        """Return when no call is left; those of open methods count only if asked for."""
        while self.calls or (open_methods and self.open_calls):
            self._changed.clear()
            await self._changed.wait()

    def cut(self, *, open_methods: bool = False) -> int:
        """End the calls that are left with UNAVAILABLE; return their number."""
        return self._end([*self.calls, *(self.open_calls if open_methods else ())])

    def ask_to_end(self) -> None:
        """Ask the streams that can to end politely."""
        for call in self.calls.values():
            if call.ending is not None and not call.ending.done():
                call.ending.set_result("DRAINING")

    def cut_endless(self) -> int:
        """End, in the same way, the calls that would not finish however long one waits."""
        return self._end([task for task, call in self.calls.items() if call.endless])

    def _end(self, tasks: list[asyncio.Task[object]]) -> int:
        for task in tasks:
            self._cut.add(task)
            task.add_done_callback(self._cut.discard)
            task.cancel()
        return len(tasks)

    def was_cut(self, task: asyncio.Task[object]) -> bool:
        """Return whether :meth:`cut` or :meth:`cut_endless` is why this task was cancelled."""
        return task in self._cut
