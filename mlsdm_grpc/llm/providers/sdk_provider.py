"""The part that providers behind the SDK of their vendor share: whole and streamed answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager

from mlsdm_grpc.llm.providers.answer_reader import whole_of
from mlsdm_grpc.llm.providers.provider import ModelAnswer, ModelChunk, ModelRequest

__all__ = ["SdkProvider"]


class SdkProvider(ABC):
    """Answers whole or in pieces; each subclass sends requests in the form of its vendor."""

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
