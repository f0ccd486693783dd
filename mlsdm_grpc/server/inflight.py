"""Calls in flight. A stopping server waits for them, and then ends the rest."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlsdm_grpc.errors import MlsdmError
    from mlsdm_grpc.security.principal import Principal
    from mlsdm_grpc.wire.call import Call

__all__ = ["InFlight"]


class InFlight:
    """Tasks of the calls in flight, by kind of method."""

    def __init__(self) -> None:
        self.calls: dict[asyncio.Task[object], Call] = {}
        """Calls that a stopping server waits for."""
        self.open_calls: dict[asyncio.Task[object], Call] = {}
        """Calls of open methods, for example health watches, which end with their client."""
        self.ended_count = 0
        """Number of ended calls."""
        self.cut_count = 0
        """Number of calls that the stop of the server ended, without endless ones."""
        self._cut: set[asyncio.Task[object]] = set()
        self._changed = asyncio.Event()

    def ended(self) -> None:
        """Count the end of a call, and notify waiters."""
        self.ended_count += 1
        self._changed.set()

    async def wait_idle(self, *, open_methods: bool = False) -> None:
        """Wait until no call is in flight. Calls of open methods count only on request."""
        while self.calls or (open_methods and self.open_calls):
            self._changed.clear()
            await self._changed.wait()

    def cut(self, *, open_methods: bool = False) -> int:
        """End the remaining calls with UNAVAILABLE, and return their number."""
        self.cut_count += len(self.calls)
        return self._end([*self.calls, *(self.open_calls if open_methods else ())])

    def ask_to_end(self) -> None:
        """Request the graceful end of the streams that support it."""
        for call in self.calls.values():
            if call.ending is not None and not call.ending.done():
                call.ending.set_result("DRAINING")

    def end_streams(self, invalid: Callable[[Principal], MlsdmError | None]) -> int:
        """End streams with an invalid credential.

        Args:
            invalid: Returns the error for a principal, or None for a valid one.

        Returns:
            Number of ended streams.
        """
        found = []
        for task, call in self.calls.items():
            shape = call.method.shape
            if shape.client_streaming or shape.server_streaming:
                call.cut_error = invalid(call.principal)
                if call.cut_error is not None:
                    found.append(task)
        return self._end(found)

    def cut_endless(self) -> int:
        """End the calls that only their client would end, and return their number."""
        return self._end([task for task, call in self.calls.items() if call.endless])

    def _end(self, tasks: list[asyncio.Task[object]]) -> int:
        for task in tasks:
            self._cut.add(task)
            # The handler of a call reads this set when it chooses the status.
            task.add_done_callback(self._cut.discard)
            task.cancel()
        return len(tasks)

    def was_cut(self, task: asyncio.Task[object]) -> bool:
        """Return True if this server, and not the client, cancelled a task."""
        return task in self._cut
