"""Client side of an item stream, which survives reconnects and processes each item exactly once.

Items are numbered from 1 in the order of their source, and kept until they are acknowledged. After
a broken connection the client reopens the stream with its resume token and sends unacknowledged
items again; the server ignores those that it has already acknowledged. The server limits the number
of items in flight.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Generic, TypeVar

import grpc
import grpc.aio

from mlsdm_grpc._gen.mlsdm.v1.stream_pb2 import StreamFlow, StreamOpen
from mlsdm_grpc.client.connection import Connection
from mlsdm_grpc.client.failures import typed_errors
from mlsdm_grpc.client.retry import Retry
from mlsdm_grpc.errors import Conflict, MlsdmError, Unavailable
from mlsdm_grpc.units import MIB

__all__ = ["ItemMessages", "ItemStream"]

_MAX_BATCH_BYTES: Final = 1 * MIB
# Number of items read from a synchronous source before the event loop may run other tasks.
_SOURCE_SLICE: Final = 256


ItemT = TypeVar("ItemT")
OutcomeT = TypeVar("OutcomeT")


@dataclass(frozen=True, slots=True)
class ItemMessages(Generic[ItemT, OutcomeT]):
    """Conversion between items and the messages of one streaming RPC."""

    connection: Connection
    """Connection of the stream."""
    rpc: grpc.aio.StreamStreamMultiCallable[Any, Any]
    """Stub method of the RPC."""
    open: Callable[[StreamOpen], Any]
    """Function that returns the first message of a call."""
    batch: Callable[[int, list[ItemT]], Any]
    """Function that returns a message with items, given the sequence of the first item."""
    outcomes: Callable[[Any], Iterable[OutcomeT]]
    """Function that returns the outcomes in an acknowledgement."""
    unknown: Callable[[int], OutcomeT]
    """Function that returns the outcome of an item whose acknowledgement had no outcome for it."""


class ItemStream(Generic[ItemT, OutcomeT]):
    """A stream of items from one source.

    Args:
        messages: Messages of the RPC.
        opening: Space and id of the stream.
        source: Items to send.
        patience_s: Time without progress after which the stream fails, seconds.
    """

    def __init__(
        self,
        messages: ItemMessages[ItemT, OutcomeT],
        opening: StreamOpen,
        source: Iterable[ItemT] | AsyncIterable[ItemT],
        *,
        patience_s: float,
    ) -> None:
        self._messages = messages
        self._opening = opening
        self._source = source
        self._target = messages.connection.target
        self._retry = Retry(patience_s, messages.connection.on_wait)
        self._acked = 0
        # Number of items read from the source.
        self._taken = 0
        # Unacknowledged items; the first one has the number ``_acked + 1``.
        self._waiting: deque[ItemT] = deque()
        self._flow = StreamFlow(max_in_flight_count=1, max_batch_count=1)
        # Event-loop time before which no items may be sent.
        self._resume_s = 0.0
        self._changed = asyncio.Event()

    async def outcomes(self) -> AsyncGenerator[OutcomeT]:
        """Send all items and yield the outcome of each item, in order.

        Raises:
            MlsdmError: The stream was refused, or could not be resumed in time.
        """
        clock = asyncio.get_running_loop().time
        source = asyncio.create_task(self._take())
        source.add_done_callback(self._wake)
        first = True
        try:
            while True:
                try:
                    async with aclosing(self._connected(source)) as outcomes:
                        async for outcome in outcomes:
                            yield outcome
                except MlsdmError as error:
                    if isinstance(error, Conflict) and first:
                        # Another call, not an earlier attempt of this one, has opened a stream with
                        # this id.
                        raise
                    first = False
                    await self._retry.after(error)
                else:
                    if self._is_complete(source):
                        return
                    first = False
                await asyncio.sleep(self._resume_s - clock())
        finally:
            source.cancel()
            await asyncio.wait([source])

    def _is_complete(self, source: asyncio.Task[None]) -> bool:
        """Return True if all items are acknowledged; raise the exception of the source, if any."""
        if not source.done():
            return False
        source.result()
        return not self._waiting

    async def _take(self) -> None:
        """Read items from the source while the number in flight is below the server's limit."""
        if isinstance(self._source, AsyncIterable):
            async for item in self._source:
                await self._took(item)
            return
        for item in self._source:
            await self._took(item)
            # Without this, a source that never awaits would block the event loop.
            if self._taken % _SOURCE_SLICE == 0:
                await asyncio.sleep(0)

    async def _took(self, item: ItemT) -> None:
        self._taken += 1
        # An earlier stream with the same id and source has already delivered this item.
        if self._taken <= self._acked:
            return
        self._waiting.append(item)
        self._wake()
        while len(self._waiting) >= self._flow.max_in_flight_count:
            await self._changed.wait()

    async def _connected(self, source: asyncio.Task[None]) -> AsyncGenerator[OutcomeT]:
        """Make one call, until it ends, and yield the outcomes it brings."""
        call = self._messages.connection.conversation(self._messages.rpc)
        sender: asyncio.Task[None] | None = None
        try:
            with typed_errors(self._target):
                await call.write(self._messages.open(self._opening))
                response: Any
                while (response := await call.read()) is not grpc.aio.EOF:
                    kind = response.WhichOneof("kind")
                    if kind == "flow":
                        self._follow(response.flow)
                        continue
                    said = getattr(response, kind)
                    self._opening.resume_token = said.resume_token
                    if kind == "goodbye":
                        self._rest(said.reconnect_delay.ToTimedelta().total_seconds())
                        return
                    # Only progress restarts the patience. A connection that opens and breaks again,
                    # with items still waiting, is not progress.
                    if kind == "ack" or not self._waiting:
                        self._retry.went_on()
                    results = self._messages.outcomes(said) if kind == "ack" else ()
                    for outcome in self._settled(said.acked_sequence, results):
                        yield outcome
                    if kind == "opened":
                        self._follow(said.flow)
                        # Start sending only after the server has reported its position, so that no
                        # acknowledged item is sent again.
                        sender = asyncio.create_task(self._send(call, source))
        # The sender wrote to a call that had just ended.
        except asyncio.InvalidStateError as error:
            with typed_errors(self._target):
                await call.read()
            raise Unavailable(
                "The stream has ended; open a new one to send more.", reason=""
            ) from error
        finally:
            call.cancel()
            if sender is not None:
                sender.cancel()
                await asyncio.wait([sender])

    def _settled(self, acked: int, results: Iterable[OutcomeT]) -> Iterable[OutcomeT]:
        """Drop the acknowledged items and return an outcome for each of them."""
        outcomes = {outcome.sequence: outcome for outcome in results}  # type: ignore[attr-defined] # both kinds have it
        settled = range(self._acked + 1, acked + 1)
        for _ in settled:
            if self._waiting:
                self._waiting.popleft()
        self._acked = max(self._acked, acked)
        self._wake()
        return [outcomes.get(number) or self._messages.unknown(number) for number in settled]

    async def _send(
        self, call: grpc.aio.StreamStreamCall[Any, Any], source: asyncio.Task[None]
    ) -> None:
        """Send the unacknowledged items, then new items, until the source ends."""
        sent = self._acked
        clock = asyncio.get_running_loop().time
        # The error is suppressed here because the reading side raises it.
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            while True:
                sent = max(sent, self._acked)
                room = self._flow.max_in_flight_count - (sent - self._acked)
                batch = self._batch(sent - self._acked, min(room, self._flow.max_batch_count))
                if batch and clock() < self._resume_s:
                    await asyncio.sleep(self._resume_s - clock())
                elif batch:
                    await call.write(self._messages.batch(sent + 1, batch))
                    sent += len(batch)
                elif source.done() and sent == self._acked + len(self._waiting):
                    break
                else:
                    await self._changed.wait()
            await call.done_writing()

    def _batch(self, begin: int, count: int) -> list[ItemT]:
        """Return up to ``count`` waiting items from index ``begin`` on, at most 1 MiB together."""
        batch: list[ItemT] = []
        size = 0
        for item in islice(self._waiting, begin, begin + count):
            size += item.ByteSize()  # type: ignore[attr-defined] # a message
            if batch and size > _MAX_BATCH_BYTES:
                break
            batch.append(item)
        return batch

    def _follow(self, flow: StreamFlow) -> None:
        self._flow = flow
        self._rest(flow.pause.ToTimedelta().total_seconds())
        self._wake()

    def _rest(self, seconds: float) -> None:
        self._resume_s = asyncio.get_running_loop().time() + seconds

    def _wake(self, _: object = None) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
