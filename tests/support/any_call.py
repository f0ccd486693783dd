"""Calls of any method by its descriptor, without a stub."""

from __future__ import annotations


def start_call(opened, method, *requests, **options):
    """Start a call of any shape, whose responses are bytes."""
    shape = ("stream" if method.client_streaming else "unary") + (
        "_stream" if method.server_streaming else "_unary"
    )
    start = getattr(opened, shape)(
        f"/{method.containing_service.full_name}/{method.name}",
        request_serializer=type(requests[0]).SerializeToString,
    )
    return start(iter(requests) if method.client_streaming else requests[0], **options)


async def answers(call, method, *, most=None):
    """Yield the answers of a call, of a stream at most the given number."""
    if not method.server_streaming:
        yield await call
        return
    count = 0
    async for answer in call:
        yield answer
        count += 1
        if count == most:
            call.cancel()
            return
