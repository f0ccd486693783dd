"""Common parts of long streams: their graceful end, and the service of streams of items."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, contextmanager

from mlsdm_grpc.engine.streams import Streams
from mlsdm_grpc.wire.call import Call
from mlsdm_grpc.wire.reading import Parts
from mlsdm_grpc.wire.streams import ItemT, RequestT, ResponseT, StreamMessages

__all__ = ["ending_politely", "serve_stream"]


@contextmanager
def ending_politely(call: Call, max_age_s: float) -> Iterator[asyncio.Future[str]]:
    """Provide a future that completes when the stream must end gracefully.

    The stop of the server or the maximum age of the stream completes it.

    Args:
        call: State of the call.
        max_age_s: Maximum age, seconds.

    Yields:
        The future. Its result is the name of an ``ErrorReason``, or "" at the maximum age.
    """
    loop = asyncio.get_running_loop()
    ending: asyncio.Future[str] = loop.create_future()
    call.ending = ending

    def too_old() -> None:
        if not ending.done():
            ending.set_result("")

    timer = loop.call_at(call.started_s + max_age_s, too_old)
    try:
        yield ending
    finally:
        timer.cancel()


async def serve_stream(
    streams: Streams,
    messages: StreamMessages[RequestT, ItemT, ResponseT],
    requests: AsyncIterator[Parts[RequestT, ItemT]],
    call: Call,
    *,
    max_age_s: float,
) -> AsyncGenerator[ResponseT]:
    """Serve one stream of items until its end.

    Args:
        streams: Streams of the engine.
        messages: Conversion of the messages of the RPC.
        requests: Messages of the client.
        call: State of the call.
        max_age_s: Maximum age of the stream, seconds.
    """
    # A stopping server does not wait for a client that has not sent its first message.
    call.endless = True
    first = await anext(requests, None)
    call.endless = False
    with ending_politely(call, max_age_s) as ending:
        opening = messages.opening(first.message if first is not None else None, call, ending)
        async with aclosing(
            streams.run(opening, messages.batches(requests, call, opening))
        ) as events:
            async for event in events:
                yield messages.response(event, opening)
