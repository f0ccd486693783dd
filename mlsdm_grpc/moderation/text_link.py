"""Sending of requests to responsive text workers, with a thread of this process as fallback."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.errors import RETRY_SOON_S, Unavailable
from mlsdm_grpc.protection.lanes import Before, Lane, Lanes
from mlsdm_grpc.spaces.patience import Patience, patience_s
from mlsdm_grpc.workers.link import InlineLink, Link
from mlsdm_grpc.workers.main import make_handler
from mlsdm_grpc.workers.pool import Pool
from mlsdm_grpc.workers.progress import Progress
from mlsdm_grpc.workers.space_codec import raise_failure

__all__ = ["TextLink"]

# Minimum timeout of a step of a worker, as a multiple of the estimated cost.
_SLOW: Final = 4.0


class TextLink:
    """Client that distributes requests over the text workers in turn.

    Args:
        pool: The workers.
        lanes: Admission to the workers.
    """

    def __init__(self, pool: Pool, lanes: Lanes) -> None:
        self._pool = pool
        self._lanes = lanes
        self._next = 0
        # For each worker whose caller gave up: function that returns True once the worker has made
        # progress again.
        self._given_up: dict[int, Callable[[], bool]] = {}
        # Link to a thread of this process, used if workers hang; created on first use.
        self._here: asyncio.Future[InlineLink] | None = None

    async def ask(
        self,
        request: pb.LinkRequest,
        cost_s: float,
        tenant: str,
        deadline_s: float,
        *,
        vectors_optional: bool = False,
    ) -> pb.LinkReply:
        """Send a request to the next responsive worker and return its reply.

        If the worker hangs, a request without embedding is handled in a thread of this process, so
        that the worker does not delay the answer. The thread handles one text at a time, because
        it competes with the event loop for the interpreter lock.
        """
        index, embeds = self._turn(), _embeds(request) and not vectors_optional
        hangs = self._hangs(index)
        if hangs and not embeds and self._here is not None:
            return await self._handled_here(request)
        gate = self._lanes.gate(Lane.TEXT, Before.TEXT, index)
        link = await self._ready(index)
        every_s = patience_s(deadline_s, hangs=hangs)
        every_s = max(every_s if embeds else every_s / 2, _SLOW * cost_s)
        has_moved = self._pool.watched(index)
        patience = Patience(has_moved, every_s=every_s)
        try:
            with patience:
                await gate.enter(tenant, cost_s, deadline_s)
                try:
                    reply = await link.request(request, done=partial(gate.leave, cost_s))
                except Unavailable:
                    raise _lost() from None
        except TimeoutError:
            if not patience.is_over:
                raise
            self._given_up[index] = has_moved
            if embeds:
                raise _lost() from None
            return await self._handled_here(request)
        raise_failure(reply, "")
        return reply

    async def _handled_here(self, request: pb.LinkRequest) -> pb.LinkReply:
        """Handle a request without embedding in a thread; the first request loads the rules."""
        if self._here is None:
            self._here = asyncio.ensure_future(_link_to_a_thread())
        link = await asyncio.shield(self._here)
        again = pb.LinkRequest()  # the original request is still in use by its worker
        again.CopyFrom(request)
        if again.HasField("measure"):
            for text in again.measure.texts:
                text.embed = False
        reply = await link.request(again)
        raise_failure(reply, "")
        return reply

    def _hangs(self, index: int) -> bool:
        """Return True if a worker made no progress since a caller gave up, or for a long time."""
        has_moved = self._given_up.get(index)
        if has_moved is not None and has_moved():
            del self._given_up[index]
        return index in self._given_up or self._pool.hangs(index)

    def _turn(self) -> int:
        """Return the index of the next worker, skipping hanging ones unless all hang."""
        for _ in range(self._pool.size):
            self._next = (self._next + 1) % self._pool.size
            if not self._hangs(self._next):
                break
        return self._next

    async def _ready(self, index: int) -> Link:
        try:
            return await self._pool.ready(index)
        except Unavailable:
            raise _lost() from None


async def _link_to_a_thread() -> InlineLink:
    return InlineLink(await asyncio.to_thread(make_handler, "text", "", Progress()))


def _embeds(request: pb.LinkRequest) -> bool:
    if request.WhichOneof("kind") == "measure":
        return any(text.embed for text in request.measure.texts)
    return request.WhichOneof("kind") == "embed"


def _lost() -> Unavailable:
    return Unavailable(
        "The text worker does not respond; nothing was written.",
        reason="WORKER_LOST",
        metadata={"space": ""},
        retry_after_s=RETRY_SOON_S,
    )
