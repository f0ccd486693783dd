"""Writer that gathers memories into batches, for programs that make them one by one.

It sends over one stream: what arrives while a batch is on its way makes the next batch, and the
server controls how much is in flight. Waiting items are bounded, so that a fast producer waits.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from contextlib import aclosing
from types import TracebackType
from typing import Final, Self, TypeAlias, Unpack

from mlsdm_grpc._gen.mlsdm.v1.error_reason_pb2 import ErrorReason
from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import Memory, PutResult
from mlsdm_grpc._gen.mlsdm.v1.memory_stream_pb2 import IngestOutcome
from mlsdm_grpc.client.arguments import instance, known
from mlsdm_grpc.client.messages import MemoryFields, new_memory
from mlsdm_grpc.client.values import wrong_type
from mlsdm_grpc.errors import MlsdmError, PreconditionFailed
from mlsdm_grpc.wire.status import error_of_item

__all__ = ["MemoryWriter", "OnOutcome"]

OnOutcome: TypeAlias = Callable[[Memory, IngestOutcome], None]
"""Function of a memory and its outcome; must not block."""

# Items that wait for the server to take them; more than it lets a stream have in flight.
_MAX_WAITING: Final = 2_000
_ENUM_PREFIX: Final = "PUT_RESULT_"


class MemoryWriter:
    """Asynchronous context manager that stores memories in batches; many tasks may share one.

    Its end waits until all memories are durable::

        async with memory.writer() as writer:
            for line in lines:
                await writer.put(line, labels=["file:notes"])
        print(writer.results)

    Args:
        ingest: Method that stores the memories of an asynchronous iterable, in order.
        on_outcome: Called with each memory and its outcome. Without it, the first memory that
            cannot be stored raises its error from :meth:`flush` and from the end; memories after it
            are stored nevertheless. Refusals by rules are counted, and raise nothing.
    """

    def __init__(
        self,
        ingest: Callable[[AsyncIterable[Memory]], AsyncGenerator[IngestOutcome]],
        on_outcome: OnOutcome | None = None,
    ) -> None:
        if on_outcome is not None and not callable(on_outcome):
            raise wrong_type("on_outcome", "a function of a memory and its outcome", on_outcome)
        self._on_outcome = on_outcome
        self._waiting: deque[Memory] = deque()
        # Memories sent and not yet acknowledged.
        self._sent: deque[Memory] = deque()
        self._open_count = 0
        self._is_closing = False
        self._changed = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self._broken: Exception | None = None
        self._refusal: MlsdmError | None = None
        self.results: dict[str, int] = Counter()
        """Number of memories for each result: CREATED, REFRESHED, REFUSED, SKIPPED, REPLACED, the
        reason of an error, or ACKNOWLEDGED (stored while the connection was broken)."""
        self._outcomes = ingest(self._source())

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._task is not None  # noqa: S101 - entered before
        async with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        try:
            await self._task
        finally:
            self._task.cancel()
        if error is None:
            self._raise()

    async def put(self, text: str = "", **fields: Unpack[MemoryFields]) -> None:
        """Store one memory; waits only while too many are on their way.

        Args:
            text: Text to store; the server embeds it if there is no embedding.
            fields: As in :func:`new_memory`.

        Raises:
            InvalidInput: An argument cannot be sent.
            Exception: The stream or ``on_outcome`` has failed; see :meth:`flush`.
        """
        known(MemoryFields, fields)
        await self.add(new_memory(text, **fields))

    async def add(self, memory: Memory) -> None:
        """Store a result of :func:`new_memory`; see :meth:`put`."""
        given = instance("memory", memory, Memory)
        async with self._changed:
            await self._changed.wait_for(
                lambda: self._broken is not None or len(self._waiting) < _MAX_WAITING
            )
            self._raise_broken()
            if self._task is None or self._is_closing:
                raise PreconditionFailed(
                    "The writer is not open; use it inside `async with memory.writer() as w:`.",
                    reason="",
                )
            self._waiting.append(given)
            self._open_count += 1
            self._changed.notify_all()

    async def flush(self) -> None:
        """Wait until all memories so far are durable, or refused for good.

        Raises:
            MlsdmError: A memory was not stored, and there is no ``on_outcome``; or the stream has
                failed, so that memories may be missing.
            Exception: ``on_outcome`` has raised it, which ends the stream.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: self._broken is not None or not self._open_count)
        self._raise()

    async def _run(self) -> None:
        try:
            async with aclosing(self._outcomes) as outcomes:
                async for outcome in outcomes:
                    await self._acknowledge(outcome)
        # An error of `on_outcome` as well: otherwise callers would wait for ever.
        except Exception as error:  # noqa: BLE001 - raised in the callers
            async with self._changed:
                self._broken = error
                self._changed.notify_all()

    async def _source(self) -> AsyncGenerator[Memory]:
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: self._waiting or self._is_closing)
                if not self._waiting:
                    return
                memory = self._waiting.popleft()
                self._sent.append(memory)
                self._changed.notify_all()
            yield memory

    async def _acknowledge(self, outcome: IngestOutcome) -> None:
        memory = self._sent.popleft()
        self.results[_named(outcome)] += 1
        if self._on_outcome is not None:
            self._on_outcome(memory, outcome)
        elif outcome.HasField("status") and self._refusal is None:
            self._refusal = error_of_item(outcome.status)
            self._refusal.add_note(f"memory {outcome.sequence} of the writer")
        async with self._changed:
            self._open_count -= 1
            self._changed.notify_all()

    def _raise(self) -> None:
        self._raise_broken()
        error, self._refusal = self._refusal, None
        if error is not None:
            raise error

    def _raise_broken(self) -> None:
        if self._broken is not None:
            raise self._broken


def _named(outcome: IngestOutcome) -> str:
    if outcome.HasField("status"):
        return ErrorReason.Name(outcome.status.reason).removeprefix("ERROR_REASON_")
    name = PutResult.Name(outcome.result).removeprefix(_ENUM_PREFIX)
    return "ACKNOWLEDGED" if name == "UNSPECIFIED" else name
