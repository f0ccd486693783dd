"""Work that goes on in tasks of the engine after what began it has returned."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVarTuple, Unpack

import anyio.abc

__all__ = ["Background"]

_Arguments = TypeVarTuple("_Arguments")


class Background:
    """Begins work from callbacks of the event loop too.

    There a task group of anyio begins nothing under ``asyncio.run``: it knows its event loop in
    tasks only. So a task begins the others.

    Args:
        tasks: Where the work is done; it has to be cancelled at the end.
    """

    def __init__(self, tasks: anyio.abc.TaskGroup) -> None:
        self._tasks = tasks
        self._waiting: asyncio.Queue[Callable[[], Coroutine[Any, Any, object]]] = asyncio.Queue()
        tasks.start_soon(self._begin_for_ever)

    def begin(
        self,
        function: Callable[[Unpack[_Arguments]], Coroutine[Any, Any, object]],
        *arguments: *_Arguments,
    ) -> None:
        """Begin a task soon."""
        self._waiting.put_nowait(lambda: function(*arguments))

    async def _begin_for_ever(self) -> None:
        while True:
            self._tasks.start_soon(await self._waiting.get())
