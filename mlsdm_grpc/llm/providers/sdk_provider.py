"""Common part of providers that use the SDK of their vendor: whole and streamed answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Protocol

import httpx2

from mlsdm_grpc.llm.providers.answer_reader import Dialect, pieces_of, whole_of
from mlsdm_grpc.llm.providers.provider import ModelAnswer, ModelChunk, ModelRequest

__all__ = ["SdkProvider", "reading"]


class SdkResponse(Protocol):
    """A response of an SDK whose body has not been read."""

    http_response: httpx2.Response


@asynccontextmanager
async def reading(
    call: AbstractAsyncContextManager[SdkResponse], dialect: Dialect, *, model: str
) -> AsyncIterator[AsyncIterator[ModelChunk]]:
    """Send a request and yield an iterator over its answer; leaving closes all generators.

    An unclosed generator could be closed by the garbage collector, in any thread, even while the
    event loop closes it.
    """
    async with call as response:
        # The iterators of the SDKs would not close the iterator of the HTTP client.
        parts = response.http_response.aiter_bytes()
        async with aclosing(pieces_of(parts, dialect, model=model)) as pieces:
            yield pieces


class SdkProvider(ABC):
    """Base class of providers; each subclass sends requests in the form of its vendor."""

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """Return a whole answer; see :class:`Provider`."""
        async with self._called(request, stream=False) as pieces:
            return await whole_of(pieces)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelChunk, None]:
        """Yield an answer in pieces; see :class:`Provider`."""
        async with self._called(request, stream=True) as pieces:
            async for piece in pieces:
                yield piece

    @abstractmethod
    def _called(
        self, request: ModelRequest, *, stream: bool
    ) -> AbstractAsyncContextManager[AsyncIterator[ModelChunk]]:
        """Send a request and read its answer; leaving the context closes the connection."""
