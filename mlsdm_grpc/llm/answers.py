"""Answers of models, whole and streamed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, replace

from mlsdm_grpc.errors import MlsdmError
from mlsdm_grpc.llm.breaker import Pass
from mlsdm_grpc.llm.providers.provider import (
    MAX_ANSWER_CHARS,
    FaultKind,
    Finish,
    ModelChunk,
    ModelRequest,
    Provider,
    ProviderFault,
    TokenUsage,
)
from mlsdm_grpc.llm.upstream import judge, judge_silence

__all__ = ["AnswerStream", "ModelResult", "StartedAnswer", "open_stream"]


@dataclass(frozen=True, slots=True)
class ModelResult:
    """A complete answer with its token usage and times."""

    text: str
    """Text of the answer, without control characters."""
    finish: Finish
    usage: TokenUsage
    provider: str
    model: str
    """Model that answered, under the name that the provider reports."""
    call_count: int
    """Number of calls to providers, including retries and fallbacks, at least 1."""
    queue_wait_s: float
    """Time in the queue, seconds."""
    elapsed_s: float
    """Time of all provider calls together, with the pauses between attempts, seconds."""


@dataclass(frozen=True, slots=True)
class StartedAnswer:
    """A streamed answer whose first text has arrived."""

    chunks: AsyncGenerator[ModelChunk, None]
    first: list[ModelChunk]
    leave: Pass

    async def close(self) -> None:
        """Close the connection, unless the answer has ended."""
        self.leave.void()
        await self.chunks.aclose()


async def open_stream(provider: Provider, request: ModelRequest, leave: Pass) -> StartedAnswer:
    """Start a streamed answer and wait for its first text or its end.

    Raises:
        ProviderFault: The call failed before the first text.
    """
    chunks = provider.stream(request)
    first = list[ModelChunk]()
    try:
        async for chunk in chunks:
            first.append(chunk)
            if chunk.text:
                break
    finally:
        if not (first and first[-1].text):
            await chunks.aclose()
    return StartedAnswer(chunks, first, leave)


class AnswerStream:
    """A streamed answer; iterate it once, in the task and context that created it.

    Args:
        opened: The answer with its first pieces.
        so_far: Provider, number of calls and times so far; its text is empty.
        deadline_s: Clock time by which the answer must end.
        idle_timeout_s: Maximum pause between two pieces, seconds.
        clock: Clock of the event loop, seconds.
        failed: Called when the provider fails during the stream; returns the error to raise.
    """

    def __init__(
        self,
        opened: StartedAnswer,
        so_far: ModelResult,
        *,
        deadline_s: float,
        idle_timeout_s: float,
        clock: Callable[[], float],
        failed: Callable[[ProviderFault | None], MlsdmError],
    ) -> None:
        self._opened = opened
        self._known = so_far
        self._deadline_s = deadline_s
        self._idle_timeout_s = idle_timeout_s
        self._clock = clock
        self._failed = failed
        self._began_s = clock() - so_far.elapsed_s
        self._texts: list[str] = []
        self._length = 0

    async def __aiter__(self) -> AsyncIterator[str]:
        """Yield the non-empty pieces of text.

        Raises:
            Unavailable: PROVIDER_UNAVAILABLE; the provider failed during the stream.
            DeadlineExceeded: DEADLINE_EXPIRED.
        """
        waiting = deque(self._opened.first)
        while chunk := waiting.popleft() if waiting else await self._next():
            self._known = replace(
                self._known,
                finish=chunk.finish or self._known.finish,
                usage=chunk.usage or self._known.usage,
                model=chunk.model or self._known.model,
            )
            if chunk.text:
                self._length += len(chunk.text)
                if self._length > MAX_ANSWER_CHARS:
                    raise self._broken(ProviderFault(FaultKind.TOO_LARGE))
                self._texts.append(chunk.text)
                yield chunk.text
        self._opened.leave.succeeded()

    @property
    def result(self) -> ModelResult:
        """Text received so far, with its token usage and times."""
        elapsed_s = self._clock() - self._began_s
        return replace(self._known, text="".join(self._texts), elapsed_s=elapsed_s)

    async def _next(self) -> ModelChunk | None:
        """Return the next piece, or None at the end."""
        left_s = self._deadline_s - self._clock()
        limit_s = min(left_s, self._idle_timeout_s)
        try:
            async with asyncio.timeout(limit_s):
                return await anext(self._opened.chunks, None)
        except TimeoutError:
            if limit_s == left_s:
                judge_silence(self._opened.leave, limit_s)
                raise self._failed(None) from None
            fault = ProviderFault(FaultKind.TIMEOUT)
        except ProviderFault as broken:
            fault = broken
        raise self._broken(fault) from None

    def _broken(self, fault: ProviderFault) -> MlsdmError:
        judge(self._opened.leave, fault)
        return self._failed(fault)
