"""Concurrent tasks that are cancelled together, and a time limit."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from types import TracebackType
from typing import Any, Self, TypeVar

__all__ = ["TimeLimit", "all_of", "both"]

_T = TypeVar("_T")
_S = TypeVar("_S")


async def both(one: Coroutine[Any, Any, _T], other: Coroutine[Any, Any, _S]) -> tuple[_T, _S]:
    """Run two coroutines at once and return both results.

    An error of one cancels the other, and is raised after its end. The first coroutine runs in the
    task of the caller, and therefore in its context.
    """
    try:
        async with asyncio.TaskGroup() as tasks:
            second = tasks.create_task(other)
            first = await one
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return first, second.result()


async def all_of(several: Iterable[Coroutine[Any, Any, _T]]) -> list[_T]:
    """Run coroutines at once and return all results in order; errors as for :func:`both`."""
    try:
        async with asyncio.TaskGroup() as tasks:
            begun = [tasks.create_task(each) for each in several]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [each.result() for each in begun]


class TimeLimit:
    """Time limit of a ``with`` block, which raises ``TimeoutError`` as ``asyncio.timeout_at`` does.

    Every call has several limits, so this is a plain context manager, which costs one third of
    ``asyncio.timeout_at``. It belongs to the task that enters it.

    Args:
        end_s: Time of the end on the clock of the event loop, seconds; None if only :meth:`end`
            ends the block.
    """

    __slots__ = ("_cancelling", "_end_s", "_task", "_timer", "is_over")

    def __init__(self, end_s: float | None) -> None:
        self._end_s = end_s
        self._timer: asyncio.TimerHandle | None = None
        self.is_over = False
        """True if this limit has ended the block."""

    def __enter__(self) -> Self:
        """Start the limit in the current task."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None  # noqa: S101 - a coroutine of ours runs in a task
        self._task = task
        self._cancelling = task.cancelling()
        if self._end_s is not None:
            self._timer = loop.call_at(self._end_s, self.end)
        return self

    def end(self) -> None:
        """End the block now. For callbacks; the block itself must not call it."""
        if not self.is_over:
            self.is_over = True
            self._task.cancel()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Raise ``TimeoutError`` in place of the cancellation by this limit."""
        if self._timer is not None:
            self._timer.cancel()
        if not self.is_over:
            return
        others = self._task.uncancel() > self._cancelling
        if not others and exc_type is asyncio.CancelledError:
            raise TimeoutError from exc
