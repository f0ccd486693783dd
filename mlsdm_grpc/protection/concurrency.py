"""Concurrent awaiting with cancellation if one part fails, and a limit of time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from types import TracebackType
from typing import Any, Self, TypeVar

__all__ = ["TimeLimit", "all_of", "both"]

_T = TypeVar("_T")
_S = TypeVar("_S")


async def both(one: Coroutine[Any, Any, _T], other: Coroutine[Any, Any, _S]) -> tuple[_T, _S]:
    """Return both results, or raise the first error after the other part has stopped.

    The first coroutine runs in the caller's task, and so in its context.
    """
    try:
        async with asyncio.TaskGroup() as tasks:
            second = tasks.create_task(other)
            first = await one
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return first, second.result()


async def all_of(several: Iterable[Coroutine[Any, Any, _T]]) -> list[_T]:
    """Return all results in order; errors as for :func:`both`."""
    try:
        async with asyncio.TaskGroup() as tasks:
            begun = [tasks.create_task(each) for each in several]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [each.result() for each in begun]


class TimeLimit:
    """Ends the body of a ``with`` by TimeoutError, as ``asyncio.timeout_at`` does.

    Every call has several, so it is a plain context manager: it costs a third. It belongs to the
    task that enters it.

    Args:
        end_s: Event-loop time of the end; None leaves it to :meth:`end`.
    """

    __slots__ = ("_cancelling", "_end_s", "_task", "_timer", "is_over")

    def __init__(self, end_s: float | None) -> None:
        self._end_s = end_s
        self._timer: asyncio.TimerHandle | None = None
        self.is_over = False
        """The body was ended by this limit."""

    def __enter__(self) -> Self:
        """Begin to count."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None  # noqa: S101 - a coroutine of ours runs in a task
        self._task = task
        self._cancelling = task.cancelling()
        if self._end_s is not None:
            self._timer = loop.call_at(self._end_s, self.end)
        return self

    def end(self) -> None:
        """End the body now, once; for callbacks, not for the body itself."""
        if not self.is_over:
            self.is_over = True
            self._task.cancel()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Raise TimeoutError in place of the cancellation by which this ended the body."""
        if self._timer is not None:
            self._timer.cancel()
        if not self.is_over:
            return
        others = self._task.uncancel() > self._cancelling
        if not others and exc_type is asyncio.CancelledError:
            raise TimeoutError from exc
