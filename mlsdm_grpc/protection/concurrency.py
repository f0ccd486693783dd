"""Concurrent awaiting with cancellation: if one part fails, the others are cancelled first."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

__all__ = ["all_of", "both"]

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
