"""Work done at once: where a part of it fails, the rest is given up before the error goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

__all__ = ["all_of", "both"]

_T = TypeVar("_T")
_S = TypeVar("_S")


async def both(one: Coroutine[Any, Any, _T], other: Coroutine[Any, Any, _S]) -> tuple[_T, _S]:
    """Return what both give; the error of the first that fails, when the other has stopped.

    The first is done in the caller's own task and so in its context.
    """
    try:
        async with asyncio.TaskGroup() as tasks:
            second = tasks.create_task(other)
            first = await one
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return first, second.result()


async def all_of(several: Iterable[Coroutine[Any, Any, _T]]) -> list[_T]:
    """Return what each gives, in their order; errors as for :func:`both`."""
    try:
        async with asyncio.TaskGroup() as tasks:
            begun = [tasks.create_task(each) for each in several]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [each.result() for each in begun]
