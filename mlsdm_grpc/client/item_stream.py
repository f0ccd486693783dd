"""One stream of items as a client keeps it going: over reconnects, each item exactly once.

Items are numbered from 1 in the order of their source, and kept until they are acknowledged. After
a break the stream is opened again, by its token, and what is not acknowledged is sent again; the
server ignores what it has settled. How much is under way is for the server to say.
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
from mlsdm_grpc.client.failures import typed_errors
from mlsdm_grpc.client.retry import Retry
from mlsdm_grpc.config import MIB
from mlsdm_grpc.errors import Conflict, MlsdmError, Unavailable

__all__ = ["ItemMessages", "ItemStream"]

_MAX_BATCH_BYTES: Final = 1 * MIB
_SOURCE_SLICE: Final = 256
"""Items taken from a synchronous source in one turn of the event loop."""


ItemT = TypeVar("ItemT")
OutcomeT = TypeVar("OutcomeT")


@dataclass(frozen=True, slots=True)
class ItemMessages(Generic[ItemT, OutcomeT]):
    """How one RPC spells the protocol."""

    connect: Callable[[], grpc.aio.StreamStreamCall[Any, Any]]
    """Begins a call."""
    open: Callable[[StreamOpen], Any]
    """Returns the first message."""
    batch: Callable[[int, list[ItemT]], Any]
    """Returns a batch whose first item has this sequence."""
    outcomes: Callable[[Any], Iterable[OutcomeT]]
    """Returns the outcomes in an acknowledgement."""
    unknown: Callable[[int], OutcomeT]
    """Returns the outcome of an item that was settled without the client hearing of it."""


class ItemStream(Generic[ItemT, OutcomeT]):
    """A stream that is sent from one source.

    Args:
        messages: The messages of the RPC.
        opening: Space and name of the stream.
        source: The items.
        patience_s: How long to try without a word of the server, seconds.
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
        self._retry = Retry(patience_s)
        self._acked = 0
        self._taken = 0
        """Items that were taken from the source."""
        self._waiting: deque[ItemT] = deque()
        """Items from ``_acked + 1`` on."""
        self._flow = StreamFlow(max_in_flight_count=1, max_batch_count=1)
        self._resume_s = 0.0
        """Event-loop time before which nothing may be sent."""
        self._changed = asyncio.Event()

    async def outcomes(self) -> AsyncGenerator[OutcomeT]:
        """Send everything and yield the outcome of each item, in order.

        Raises:
            MlsdmError: The stream was refused, or could not be taken up again in time.
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
                        raise  # the name is taken, and not by a broken call of this stream
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
        """Return whether every item is acknowledged; raises what the source raised."""
        if not source.done():
            return False
        source.result()
        return not self._waiting

    async def _take(self) -> None:
        """Take items from the source while the server lets us send more."""
        if isinstance(self._source, AsyncIterable):
            async for item in self._source:
                await self._took(item)
            return
        for item in self._source:
            await self._took(item)
            if self._taken % _SOURCE_SLICE == 0:
                await asyncio.sleep(0)

    async def _took(self, item: ItemT) -> None:
        self._taken += 1
        if self._taken <= self._acked:
            return
        self._waiting.append(item)
        self._wake()
        while len(self._waiting) >= self._flow.max_in_flight_count:
            await self._changed.wait()

    async def _connected(self, source: asyncio.Task[None]) -> AsyncGenerator[OutcomeT]:
        """Speak with the server over one call until it ends."""
        call = self._messages.connect()
        sender: asyncio.Task[None] | None = None
        try:
            with typed_errors():
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
                    if kind == "ack" or not self._waiting:
                        self._retry.went_on()
                    told = self._messages.outcomes(said) if kind == "ack" else ()
                    for outcome in self._settled(said.acked_sequence, told):
                        yield outcome
                    if kind == "opened":
                        self._follow(said.flow)
                        sender = asyncio.create_task(self._send(call, source))
        except asyncio.InvalidStateError as error:  # written to a call that has ended meanwhile
            with typed_errors():
                await call.read()
            raise Unavailable("The call has ended.", reason="") from error
        finally:
            call.cancel()
            if sender is not None:
                sender.cancel()
                await asyncio.wait([sender])

    def _settled(self, acked: int, told: Iterable[OutcomeT]) -> Iterable[OutcomeT]:
        """Forget the items up to one and return an outcome of each."""
        outcomes = {outcome.sequence: outcome for outcome in told}  # type: ignore[attr-defined] # both kinds have it
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
        """Send what is not acknowledged, and then what is taken, to the end of the source."""
        sent = self._acked
        clock = asyncio.get_running_loop().time
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):  # the reader learns why
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
        """Return up to ``count`` items that wait behind the first ``begin`` ones."""
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
