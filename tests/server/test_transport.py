"""Handlers serve every RPC shape through a transport that is not grpc."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from mlsdm_grpc.server.transport import PeerGoneError
from mlsdm_grpc.wire.metadata import REQUEST_ID, STATUS_DETAILS
from mlsdm_grpc.wire.status import CODE_NAMES, from_status
from tests.support.ping import PingRequest, PingResponse, serving

pytestmark = pytest.mark.anyio

SERVICE = "/test.v1.PingService/"


class MemoryTransport:
    """A call in the memory of the test.

    ``window`` is the number of responses that the client accepts before it reads one.
    """

    def __init__(self, *, deadline_s=None, window=10, metadata=()):
        self.metadata = metadata
        self.peer = "192.0.2.1"
        self.peer_identity = ("spiffe://test/agent",)
        self._requests = asyncio.Queue()
        self.responses = asyncio.Queue(window)
        self.headers = None
        self.trailers = None
        self.status = None
        self.gone = False
        self._ends_s = deadline_s and asyncio.get_running_loop().time() + deadline_s
        self._callbacks = []

    def send(self, *texts):
        for text in texts:
            self._requests.put_nowait(PingRequest(text=text).SerializeToString())

    def half_close(self):
        self._requests.put_nowait(None)

    def time_remaining_s(self):
        return self._ends_s and self._ends_s - asyncio.get_running_loop().time()

    async def read(self):
        return await self._requests.get()

    async def send_headers(self, headers):
        self.headers = dict(headers)

    async def write(self, message):
        if self.gone:
            raise PeerGoneError
        await self.responses.put(message)

    def set_trailers(self, trailers):
        self.trailers = dict(trailers)

    async def fail(self, status, trailers):
        self.status, self.trailers = status, dict(trailers)

    def on_end(self, callback):
        self._callbacks.append(callback)

    def start(self, handler):
        """Run the handler as a transport does: its deadline and its client cancel the task."""
        task = asyncio.ensure_future(handler.serve(self))
        if self._ends_s is not None:
            asyncio.get_running_loop().call_at(self._ends_s, task.cancel)
        return task

    async def run(self, handler):
        """Return the outcome of a call: the name of its code and the texts of its responses."""
        answer = None
        cancelled = False
        try:
            answer = await self.start(handler)
        except asyncio.CancelledError:
            cancelled = True
        for callback in self._callbacks:
            callback(None)
        if answer is not None:
            self.responses.put_nowait(answer)
        texts = [PingResponse.FromString(each).text for each in self._received()]
        if self.status is not None:
            return CODE_NAMES[self.status.code], texts
        return ("CANCELLED" if cancelled else "OK"), texts

    def _received(self):
        while not self.responses.empty():
            yield self.responses.get_nowait()

    @property
    def reason(self):
        return from_status(
            self.status.code, self.status.message, self.trailers[STATUS_DETAILS]
        ).reason


@pytest.mark.parametrize(
    ("method", "sent", "received"),
    [
        ("Unary", ["a"], ["a"]),
        ("ServerStream", ["a"], ["first", "a"]),
        ("ClientStream", ["a", "b"], ["a b"]),
        ("ClientStream", [], [""]),
        ("BidiStream", ["a", "b"], ["a", "b"]),
        ("BidiStream", [], []),
    ],
)
async def test_every_shape_is_served(method, sent, received):
    async with serving() as running:
        call = MemoryTransport(metadata=(("x-request-id", "0f8fad5b-d9cb-469f-a165-70867728950e"),))
        call.send(*sent)
        call.half_close()
        assert await call.run(running.router.handlers[SERVICE + method]) == ("OK", received)
        assert call.trailers is not None
        if "Server" in method or "Bidi" in method:
            assert call.headers == {REQUEST_ID: "0f8fad5b-d9cb-469f-a165-70867728950e"}
        assert running.handled(method, "OK") == 1
        if sent:
            assert running.ping.call.peer == "192.0.2.1"
            assert running.ping.call.peer_identity == ("spiffe://test/agent",)
        assert not running.router.in_flight.calls


@pytest.mark.parametrize("method", ["Unary", "ServerStream", "ClientStream", "BidiStream"])
@pytest.mark.parametrize(
    ("text", "code", "reason"),
    [("fail", "UNAVAILABLE", "JOURNAL_UNAVAILABLE"), ("crash", "INTERNAL", "INTERNAL")],
)
async def test_an_error_is_a_status_with_details(method, text, code, reason):
    async with serving() as running:
        running.ping.error.reason = "JOURNAL_UNAVAILABLE"
        call = MemoryTransport()
        call.send(text)
        call.half_close()
        found, texts = await call.run(running.router.handlers[SERVICE + method])
        assert (found, call.reason) == (code, reason)
        assert texts == (["first"] if method == "ServerStream" else [])
        assert running.handled(method, code) == 1


async def test_a_call_without_a_message_is_refused():
    async with serving() as running:
        call = MemoryTransport()
        call.half_close()
        code, _ = await call.run(running.router.handlers[SERVICE + "Unary"])
        assert code == "INVALID_ARGUMENT"


async def test_an_unknown_method_is_refused():
    async with serving() as running:
        call = MemoryTransport()
        code, _ = await call.run(running.router.unknown("/no.Such/Method"))
        assert (code, call.reason) == ("UNIMPLEMENTED", "METHOD_UNKNOWN")


@pytest.mark.parametrize("method", ["Unary", "ServerStream", "ClientStream", "BidiStream"])
async def test_a_cancelled_call_ends_the_servicer(method):
    async with serving() as running:
        call = MemoryTransport()
        call.send("hang")
        task = call.start(running.router.handlers[SERVICE + method])
        await running.ping.begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert running.ping.cleaned.is_set()
        assert call.status is None
        assert running.handled(method, "CANCELLED") == 1


@pytest.mark.parametrize("method", ["Unary", "ServerStream"])
async def test_the_deadline_ends_the_call(method):
    async with serving() as running:
        call = MemoryTransport(deadline_s=0.2)
        call.send("hang")
        call.half_close()
        with contextlib.suppress(asyncio.CancelledError):
            await call.start(running.router.handlers[SERVICE + method])
        assert running.ping.cleaned.is_set()
        assert running.handled(method, "DEADLINE_EXCEEDED") == 1


async def test_a_slow_reader_holds_its_stream():
    async with serving() as running:
        call = MemoryTransport(window=1)
        call.send("a", "b", "c")
        call.half_close()
        task = call.start(running.router.handlers[SERVICE + "BidiStream"])
        for _ in range(500):
            await asyncio.sleep(0)
        # One response waits in the window and one in the handler; the third request is not read.
        assert running.ping.texts == ["a", "b"]
        for expected in ("a", "b", "c"):
            assert PingResponse.FromString(await call.responses.get()).text == expected
        await task


async def test_a_lost_connection_counts_as_cancelled():
    async with serving() as running:
        call = MemoryTransport()
        call.gone = True
        call.send("a")
        call.half_close()
        with pytest.raises(asyncio.CancelledError):
            await call.start(running.router.handlers[SERVICE + "ServerStream"])
        assert running.handled("ServerStream", "CANCELLED") == 1
