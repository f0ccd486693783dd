"""What the RPCs with long streams share: how they end, and how a stream of items is served."""

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
    """Let the server, and the greatest age of a stream, ask the call to end by itself.

    Args:
        call: The call.
        max_age_s: Its greatest age, seconds.

    Yields:
        What is done when the call is to end; its result is the name of an ``ErrorReason``, or empty
        for its age.
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
    """Serve one stream of items to its end.

    Args:
        streams: What does the work.
        messages: The messages of the RPC.
        requests: What the client sends.
        call: The call.
        max_age_s: Greatest age of the stream, seconds.
    """
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
