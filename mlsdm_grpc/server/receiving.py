"""Receipt of request messages: the first one within a time limit, those of a stream in turn."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from mlsdm_grpc.protection.byte_gate import SMALL_BYTES
from mlsdm_grpc.protection.concurrency import TimeLimit
from mlsdm_grpc.server.endings import silent
from mlsdm_grpc.wire.reading import Parts

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlsdm_grpc.server.hooks import Chain
    from mlsdm_grpc.server.room import Holding
    from mlsdm_grpc.server.transport import Transport
    from mlsdm_grpc.wire.call import Call
    from mlsdm_grpc.wire.reading import Reader

__all__ = ["RequestStream", "first_message"]


class RequestStream:
    """Messages of a client stream, received and parsed one by one.

    Args:
        transport: Transport of the call.
        holding: Budget of its messages.
        reader: Parser of the messages.
        chain: Limits of all calls.
        call: State of the call.
        check: Check of each message; raises if it fails.
    """

    __slots__ = ("_call", "_chain", "_check", "_first", "_holding", "_reader", "_transport")

    def __init__(
        self,
        transport: Transport,
        holding: Holding,
        reader: Reader,
        *,
        chain: Chain,
        call: Call,
        check: Callable[[Any], None],
    ) -> None:
        self._transport = transport
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
            raw = await first_message(self._transport, self._chain)
        else:
            raw = await self._transport.read()
        if raw is None:
            raise StopAsyncIteration
        if len(raw) > SMALL_BYTES:
            await self._holding.convert(len(raw))
        request = await self._reader.read(raw)
        self._check(request)
        if self._call.charge_items is not None and isinstance(request, Parts):
            # The wait slows down the client, because it stops the receipt of messages.
            await asyncio.sleep(self._call.charge_items(len(request)))
        return request


async def first_message(transport: Transport, chain: Chain) -> bytes | None:
    """Return the bytes of the first message of a call; None if the client sends none.

    Raises:
        DeadlineExceeded: DEADLINE_EXPIRED; the message did not arrive in time.
    """
    limit = TimeLimit(asyncio.get_running_loop().time() + chain.first_message_s)
    chain.waiting_count += 1
    try:
        with limit:
            return await transport.read()
    except TimeoutError:
        if not limit.is_over:
            raise
        raise silent(chain.first_message_s) from None
    finally:
        chain.waiting_count -= 1
