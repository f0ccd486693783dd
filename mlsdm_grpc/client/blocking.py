"""Synchronous forms of the methods of the asyncio client.

Each is one line in :class:`SyncMemoryClient` and keeps the signature, the types and the docstring
of the asynchronous method, which does the work in :data:`BACKGROUND`.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Collection,
    Coroutine,
    Generator,
    Iterable,
    Iterator,
)
from contextlib import AbstractAsyncContextManager
from itertools import islice
from types import TracebackType
from typing import Any, Concatenate, Final, Generic, ParamSpec, Protocol, Self, TypeVar

import anyio.to_thread

from mlsdm_grpc.client.background_loop import BACKGROUND

__all__ = ["BlockingContext", "Facade", "blocking", "iterating", "sending"]

P = ParamSpec("P")
Result = TypeVar("Result")
Item = TypeVar("Item")
InnerT = TypeVar("InnerT")
InnerT_co = TypeVar("InnerT_co", covariant=True)
ContextT = TypeVar("ContextT", bound=AbstractAsyncContextManager[Any])

_END: Final = object()
# A lazy source is read in a thread, up to this many items or this long at a time.
_SLICE_ITEMS: Final = 256
_SLICE_S: Final = 0.01


class Facade(Protocol[InnerT_co]):
    """Object whose methods block, over an asynchronous one."""

    @property
    def inner(self) -> InnerT_co:
        """The asynchronous object."""
        ...


class BlockingContext(Generic[ContextT]):
    """Context manager that blocks, over an asynchronous one; a :class:`Facade`.

    Args:
        inner: Asynchronous object.
    """

    def __init__(self, inner: ContextT) -> None:
        self.inner = inner

    def __enter__(self) -> Self:
        BACKGROUND.run(self.inner.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        BACKGROUND.run(self.inner.__aexit__(kind, error, traceback))


def blocking(
    method: Callable[Concatenate[InnerT, P], Coroutine[Any, Any, Result]],
) -> Callable[Concatenate[Facade[InnerT], P], Result]:
    """Return a method that returns the result of an asynchronous one."""

    @functools.wraps(method)
    def run(self: Facade[InnerT], /, *args: P.args, **kwargs: P.kwargs) -> Result:
        return BACKGROUND.run(_called(method, self.inner, _read, args, kwargs))

    return run


def iterating(
    method: Callable[Concatenate[InnerT, P], AsyncIterator[Item]],
) -> Callable[Concatenate[Facade[InnerT], P], Generator[Item]]:
    """Return a method that yields what an asynchronous one yields; closing it closes the other."""

    @functools.wraps(method)
    def run(self: Facade[InnerT], /, *args: P.args, **kwargs: P.kwargs) -> Generator[Item]:
        return _items(_called(method, self.inner, _read, args, kwargs))

    return run


def sending(
    method: Callable[Concatenate[InnerT, P], AsyncIterator[Item]],
) -> Callable[Concatenate[Facade[InnerT], P], Generator[Item]]:
    """Do the same as :func:`iterating` for a method whose source may be endless, or may block."""

    @functools.wraps(method)
    def run(self: Facade[InnerT], /, *args: P.args, **kwargs: P.kwargs) -> Generator[Item]:
        return _items(_called(method, self.inner, _taken, args, kwargs))

    return run


def _called(
    method: Callable[..., Result],
    inner: object,
    adapt: Callable[[object], object],
    args: tuple[object, ...],
    kwargs: dict[str, object],
) -> Result:
    return method(
        inner,
        *(adapt(each) for each in args),
        **{name: adapt(each) for name, each in kwargs.items()},
    )


def _is_lazy(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, Collection | AsyncIterable)


def _read(value: object) -> object:
    """Return an argument; one that is read step by step, such as a generator, as a list.

    Its steps may block or make calls of their own, which the thread of the loop must not wait for.
    """
    return list(value) if _is_lazy(value) else value  # type: ignore[call-overload] # an iterable


def _taken(value: object) -> object:
    return _from_thread(iter(value)) if _is_lazy(value) else value  # type: ignore[call-overload] # an iterable


def _items(source: AsyncIterator[Item]) -> Generator[Item]:
    # An interrupted caller closes the source while its last step still ends.
    turn = asyncio.Lock()

    async def following() -> Any:
        async with turn:
            return await anext(source, _END)

    async def close() -> None:
        # All methods of the client that yield are asynchronous generators.
        if isinstance(source, AsyncGenerator):
            async with turn:
                await source.aclose()

    try:
        while (item := BACKGROUND.run(following())) is not _END:
            yield item
    finally:
        BACKGROUND.finish(close())


async def _from_thread(source: Iterator[Item]) -> AsyncGenerator[Item]:
    """Yield the items of an iterator that is read in a worker thread."""
    while True:
        taken, error = await anyio.to_thread.run_sync(_slice, source, abandon_on_cancel=True)
        for item in taken:
            yield item
        if error is not None:
            raise error
        if not taken:
            return


def _slice(source: Iterator[Item]) -> tuple[list[Item], Exception | None]:
    """Return the next items, with the error that ended them."""
    taken: list[Item] = []
    until_s = time.monotonic() + _SLICE_S
    try:
        for item in islice(source, _SLICE_ITEMS):
            taken.append(item)
            if time.monotonic() > until_s:
                break
    except Exception as error:  # noqa: BLE001 - raised again behind the items
        return taken, error
    return taken, None
