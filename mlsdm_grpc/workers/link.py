"""Server end of the link to a worker: frames over a socket pair, see ``workers/frames.py``.

The link never blocks. All messages that are queued in one turn of the event loop are sent with one
write. A worker sends all replies to the requests that it received together with one write.
"""

from __future__ import annotations

import asyncio
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeAlias, cast

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.errors import Unavailable
from mlsdm_grpc.workers.frames import (
    LENGTHS,
    FrameReader,
    RequestHandler,
    handle_some,
)

__all__ = ["InlineLink", "Link", "SocketLink", "worker_lost"]

# Size up to which frames are joined into one write, bytes. Copying more costs more than a write.
_JOINED_BYTES = 64 * 1_024
# Kinds of requests that may run long, so their age is no sign of a stall.
_LONG_KINDS = {"load", "replay", "snapshot", "plan", "scrub", "repair"}


class Link(Protocol):
    """Server end of a link."""

    @property
    def pending(self) -> int:
        """Number of requests without a reply, including cancelled ones."""
        ...

    @property
    def oldest_s(self) -> float:
        """Monotonic time at which the oldest unanswered request was sent; infinite if none.

        Requests that may run long, or that wait in the worker, are not counted.
        """
        ...

    def request(
        self,
        message: pb.LinkRequest,
        *,
        record: bytes = b"",
        done: Callable[[], None] | None = None,
    ) -> asyncio.Future[pb.LinkReply]:
        """Send ``message`` with a new ``call_id`` and return a future for its reply.

        Args:
            message: Request; its ``call_id`` is overwritten.
            record: Large record to apply or preview, which is sent after the message.
            done: Callback, called once when the request no longer occupies the worker: the worker
                has answered it, has queued it behind other requests of the space, or is lost. It is
                called for cancelled requests too.

        Raises:
            Unavailable: WORKER_LOST, raised by the future if the worker ends before it replies.
        """
        ...

    def cancel(self, call_id: int) -> None:
        """Notify the worker that a request was cancelled."""
        ...

    def close(self) -> None:
        """Disconnect the worker; pending requests fail."""
        ...


def worker_lost() -> Unavailable:
    """Return the error of a request whose worker ended before it answered."""
    return Unavailable(
        "The worker of the space was lost; repeat the call with the same request_id.",
        reason="WORKER_LOST",
        retry_after_s=0.5,
    )


# Future of the reply, callback ``done``, and monotonic time of sending, which is infinite for a
# request that may run long or that waits in the worker.
_Call: TypeAlias = tuple[asyncio.Future[pb.LinkReply], Callable[[], None] | None, float]


class _Pending:
    """Requests without a reply."""

    def __init__(self) -> None:
        self._calls: dict[int, _Call] = {}
        self._last_call_id = 0

    def add(
        self, message: pb.LinkRequest, done: Callable[[], None] | None
    ) -> asyncio.Future[pb.LinkReply]:
        self._last_call_id += 1
        message.call_id = self._last_call_id
        future: asyncio.Future[pb.LinkReply] = asyncio.get_running_loop().create_future()
        sent_s = math.inf if message.WhichOneof("kind") in _LONG_KINDS else time.monotonic()
        self._calls[message.call_id] = future, done, sent_s
        return future

    @property
    def oldest_s(self) -> float:
        sent = (sent_s for _, _, sent_s in self._calls.values())
        return next((sent_s for sent_s in sent if sent_s < math.inf), math.inf)

    def __len__(self) -> int:
        return len(self._calls)

    def __contains__(self, call_id: int) -> bool:
        return call_id in self._calls

    def resolve(self, reply: pb.LinkReply) -> None:
        call = self._calls.get(reply.call_id)
        if call is None:
            return
        future, done, _ = call
        # The worker has queued the request, so its age is no longer a sign of a stall.
        if reply.waits:
            self._calls[reply.call_id] = future, None, math.inf
        else:
            del self._calls[reply.call_id]
            if not future.done():
                future.set_result(reply)
        if done is not None:
            done()

    def fail(self) -> None:
        calls, self._calls = self._calls, {}
        for future, done, _ in calls.values():
            if not future.done():
                future.set_exception(worker_lost())
                future.exception()
            if done is not None:
                done()


class _RequestLink(ABC):
    """Request bookkeeping of both kinds of link; subclasses send the bytes."""

    def __init__(self) -> None:
        self._pending = _Pending()
        self._lost = False

    @property
    def pending(self) -> int:
        """Number of requests without a reply."""
        return len(self._pending)

    @property
    def oldest_s(self) -> float:
        """Monotonic time at which the oldest unanswered request was sent; see :class:`Link`."""
        return self._pending.oldest_s

    def request(
        self,
        message: pb.LinkRequest,
        *,
        record: bytes = b"",
        done: Callable[[], None] | None = None,
    ) -> asyncio.Future[pb.LinkReply]:
        """Send ``message``; see :class:`Link`."""
        future = self._pending.add(message, done)
        if self._lost:
            self._pending.fail()
            return future
        self._send(message, record)
        return future

    def cancel(self, call_id: int) -> None:
        """Notify the worker; see :class:`Link`."""
        if call_id in self._pending:
            self._send(pb.LinkRequest(cancel=call_id))

    @abstractmethod
    def _send(self, message: pb.LinkRequest, record: bytes = b"") -> None:
        """Queue a message; all messages of one turn of the event loop are sent together."""


class SocketLink(_RequestLink, asyncio.Protocol):
    """Link to a worker process.

    Args:
        on_ready: Callback for the greeting of the worker.
        on_lost: Callback for the end of the connection, called once.
    """

    def __init__(self, *, on_ready: Callable[[], None], on_lost: Callable[[], None]) -> None:
        super().__init__()
        self._on_ready = on_ready
        self._on_lost = on_lost
        self._reader = FrameReader()
        self._outgoing: list[bytes] = []
        self._outgoing_bytes = 0
        self._transport: asyncio.Transport | None = None

    def _send(self, message: pb.LinkRequest, record: bytes = b"") -> None:
        if not self._outgoing:
            asyncio.get_running_loop().call_soon(self._flush)
        body = message.SerializeToString()
        self._outgoing += LENGTHS.pack(len(body), len(record)), body, record
        self._outgoing_bytes += len(body) + len(record)

    def _flush(self) -> None:
        parts, self._outgoing = self._outgoing, []
        size, self._outgoing_bytes = self._outgoing_bytes, 0
        if self._transport is None or self._lost:
            return
        for data in filter(None, parts) if size > _JOINED_BYTES else (b"".join(parts),):
            self._transport.write(data)

    def close(self) -> None:
        """Close the socket, which makes the worker end."""
        if self._transport is not None:
            self._flush()
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport. Transports of uvloop do not derive from the classes of asyncio."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Resolve the futures of the received replies; call 0 is the greeting of the worker."""
        try:
            for frame, _ in self._reader.feed(data):
                reply = pb.LinkReply.FromString(frame)
                if reply.call_id == 0:
                    self._on_ready()
                else:
                    self._pending.resolve(reply)
        # The rest of the stream cannot be parsed, so the connection is unusable.
        except ValueError:
            if self._transport is not None:
                self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's name
        """Fail all pending requests."""
        self._lost = True
        try:
            self._pending.fail()
        finally:
            self._on_lost()


class InlineLink(_RequestLink):
    """Link to a handler in a thread of this process, for tests and while text workers hang.

    It groups requests like a worker.

    Args:
        handler: Handler of the requests.
        on_lost: Callback for :meth:`lose`.
    """

    def __init__(
        self, handler: RequestHandler, *, on_lost: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__()
        self.handler = handler
        """Handler of the requests."""
        self._on_lost = on_lost
        self._queue: list[pb.LinkRequest] = []
        self._records: dict[int, bytes] = {}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="worker")
        self._busy = False

    def _send(self, message: pb.LinkRequest, record: bytes = b"") -> None:
        self._queue.append(message)
        if record:
            self._records[message.call_id] = record
        if not self._busy:
            self._busy = True
            asyncio.get_running_loop().call_soon(self._handle)

    def _handle(self) -> None:
        if self._lost:
            return
        queue, self._queue = self._queue, []
        records, self._records = self._records, {}
        loop = asyncio.get_running_loop()
        handled = loop.run_in_executor(self._thread, handle_some, self.handler, queue, records)
        handled.add_done_callback(self._handled)

    def _handled(self, handled: asyncio.Future[list[pb.LinkReply]]) -> None:
        for reply in handled.result():
            self._pending.resolve(reply)
        self._busy = bool(self._queue) or self.handler.busy
        if self._busy:
            self._handle()

    def close(self) -> None:
        """Fail all pending requests and refuse further ones."""
        self._lost = True
        self._pending.fail()
        self._thread.shutdown(wait=False)

    def lose(self) -> None:
        """Simulate the end of a worker process."""
        self.close()
        self._on_lost()
