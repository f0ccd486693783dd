"""Receipt of request messages: the first one within a time limit, those of a stream in turn."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc

from mlsdm_grpc.protection.byte_gate import SMALL_BYTES
from mlsdm_grpc.protection.concurrency import TimeLimit
from mlsdm_grpc.server.endings import silent
from mlsdm_grpc.wire.reading import Parts

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlsdm_grpc.server.hooks import Chain
    from mlsdm_grpc.server.room import Holding
    from mlsdm_grpc.wire.call import Call
    from mlsdm_grpc.wire.reading import Reader

    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]

__all__ = ["RequestStream", "first_message", "read_on"]


class RequestStream:
    """Messages of a client stream, received and parsed one by one.

    Args:
        context: Context of the call.
        holding: Memory budget of its messages.
        reader: Parser of the messages.
        chain: Limits of all calls.
        call: State of the call.
        check: Check of each message; raises if it fails.
    """

    __slots__ = ("_call", "_chain", "_check", "_context", "_first", "_holding", "_reader")

    def __init__(
        self,
        context: Context,
        holding: Holding,
        reader: Reader,
        *,
        chain: Chain,
        call: Call,
        check: Callable[[Any], None],
    ) -> None:
        self._context = context
        self._holding = holding
        self._reader = reader
        self._chain = chain
        self._call = call
        self._check = check
        self._first = True

    def __aiter__(self) -> RequestStream:
        return self

    async def __anext__(self) -> Any:
        self._holding.converted()
        if self._first:
            self._first = False
            raw = await first_message(self._context, self._chain)
        else:
            raw = await self._context.read()
        if raw is grpc.aio.EOF:
            await read_on(self._context)
            raise StopAsyncIteration
        if len(raw) > SMALL_BYTES:
            await self._holding.convert(len(raw))
        request = await self._reader.read(raw)
        self._check(request)
        if self._call.charge_items is not None and isinstance(request, Parts):
            # The wait slows down the client, because it stops the receipt of messages.
            await asyncio.sleep(self._call.charge_items(len(request)))
        return request


async def first_message(context: Context, chain: Chain) -> Any:
    """Return the bytes of the first message of a call, or EOF.

    Raises:
        DeadlineExceeded: DEADLINE_EXPIRED; the message did not arrive in time.
    """
    limit = TimeLimit(asyncio.get_running_loop().time() + chain.first_message_s)
    chain.waiting_count += 1
    try:
        with limit:
            return await context.read()
    except TimeoutError:
        if not limit.is_over:
            raise
        raise silent(chain.first_message_s) from None
    finally:
        chain.waiting_count -= 1


async def read_on(context: Context) -> None:
    """Read once more after EOF, so that a cancellation by the client can arrive.

    A cancelled client stream also reads as EOF, always before the cancellation arrives (measured:
    300 of 300). After a second read, the cancellation has arrived (6,000 of 6,000). Otherwise an
    incomplete stream would count as complete.
    """
    await context.read()
