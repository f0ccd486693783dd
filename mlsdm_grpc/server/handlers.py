"""Handlers of single calls, for each of the four RPC shapes; they know no transport.

A handler builds the :class:`~mlsdm_grpc.wire.call.Call` and runs ``before`` of every interceptor.
Only then does it receive and parse the message, so a refused call costs neither.

Invariants:

- The server sends exactly one status for each call. That of an error has
  ``grpc-status-details-bin``, and never the text of an unexpected exception.
- An error before the first message is sent without response headers, because clients retry a call
  only while they have received none (gRFC A6).
- ``CancelledError`` propagates if and only if the peer cancelled.
"""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import structlog

from mlsdm_grpc.errors import RETRY_AT_ONCE_S, Unavailable
from mlsdm_grpc.messages.bounds import SCAN_BYTES
from mlsdm_grpc.protection.byte_gate import SMALL_BYTES
from mlsdm_grpc.protection.concurrency import TimeLimit
from mlsdm_grpc.server.endings import ENTRY_BYTES, check_size, cut, expired, too_large
from mlsdm_grpc.server.hooks import Chain
from mlsdm_grpc.server.receiving import RequestStream, first_message
from mlsdm_grpc.server.room import Holding
from mlsdm_grpc.server.transport import PeerGoneError
from mlsdm_grpc.wire.call import Call, Method
from mlsdm_grpc.wire.metadata import PUSHBACK, REQUEST_ID, STATUS_DETAILS
from mlsdm_grpc.wire.method_classes import WORK, MethodClass
from mlsdm_grpc.wire.request_space import RequestSpace
from mlsdm_grpc.wire.status import to_status

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from google.protobuf.message import Message

    from mlsdm_grpc.server.transport import Transport
    from mlsdm_grpc.wire.reading import Reader

    Before: TypeAlias = Callable[[Call], Awaitable[None] | None]
    After: TypeAlias = Callable[[Call], None]

__all__ = ["MethodHandler", "StreamAnswer", "UnaryAnswer"]

_DEADLINE_SLACK_S: Final = 0.005
# A unary call ends this long before its deadline, in seconds, so that the client receives the
# status with the reason.
_ANSWER_S: Final = 0.004
# Maximum size of a request to an open method, bytes. Valid requests are far smaller.
_OPEN_BYTES: Final = SMALL_BYTES
_logger = structlog.get_logger(component="transport")


class MethodHandler(ABC):
    """Handler of one method. Each subclass handles one kind of response."""

    __slots__ = (
        "_bulk", "_calls", "_chain", "_large", "_method", "_reader", "_run", "_space", "_streams",
    )  # fmt: skip

    def __init__(
        self,
        chain: Chain,
        method: Method,
        run: Callable[..., Any],
        reader: Reader,
    ) -> None:
        self._chain = chain
        self._method = method
        self._run = run
        self._reader = reader
        self._space = RequestSpace(reader.descriptor)
        self._bulk = WORK.get(method.path) is MethodClass.BULK
        self._large = self._bulk or method.name.startswith("Batch")
        self._streams = method.shape.client_streaming
        in_flight = chain.in_flight
        self._calls = in_flight.open_calls if method.open else in_flight.calls

    @property
    def method(self) -> Method:
        """The method that this handler serves."""
        return self._method

    async def serve(self, transport: Transport) -> bytes | None:
        """Serve one call; return the response of a method with one response.

        The caller sends it together with the status OK, in one piece.

        Raises:
            CancelledError: The peer cancelled.
            Exception: The exception of ``Transport.fail``.
        """
        chain = self._chain
        call = self._begin(transport)
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - transports run handlers in tasks
        self._calls[task] = call
        afters: tuple[After, ...] = ()
        holding: Holding | None = None
        answer: bytes | None = None
        raised: BaseException | None = None
        try:
            check_size(call.metadata_bytes, chain.max_metadata_bytes)
            for before, entered in chain.befores:
                afters = entered
                if (waiting := before(call)) is not None:
                    await waiting
            afters = chain.afters
            holding = Holding(chain.room, (call.principal.tenant, self._large))
            answer = await self._answer(holding, call, transport)
        except (asyncio.CancelledError, Exception) as error:  # noqa: BLE001 - all become statuses
            raised = self._settle(error, call, transport, task)
        finally:
            del self._calls[task]
            chain.in_flight.ended()
            if holding is not None:
                holding.release()
        for after in afters:
            try:
                after(call)
            except Exception as error:  # noqa: BLE001 - must not break the answer
                _log("interceptor_failed", error, call)
        try:
            if raised is not None:
                raise raised
            if call.error is not None:
                await _fail(call, transport)
                return None
            transport.set_trailers(call.trailers)
            return answer
        finally:
            # The error refers to this frame by its traceback, a reference cycle. So does the error
            # of ``Transport.fail``, which a transport may keep with the call.
            call.error = raised = None
            del transport, task

    def _begin(self, transport: Transport) -> Call:
        pairs = transport.metadata
        metadata = dict(pairs)
        size = sum(len(key) + len(value) for key, value in pairs) + ENTRY_BYTES * len(pairs)
        call = Call(
            self._method,
            metadata,
            transport.peer,
            transport.time_remaining_s(),
            self._chain.clock(),
            size,
            peer_identity=transport.peer_identity,
        )
        if len(metadata) != len(pairs):
            counts = Counter(key for key, _ in pairs)
            call.repeated = frozenset(key for key, count in counts.items() if count > 1)
        return call

    async def _request(self, holding: Holding, call: Call, transport: Transport) -> Any:
        """Receive the message of a call once there is capacity, and check its space.

        For a client stream, return an iterator of the messages. Open methods need no capacity: a
        health check of a busy server gets a response, and callers without a credential use no
        capacity of others.
        """
        if self._streams:
            check = partial(self._space.check, call)
            return RequestStream(
                transport, holding, self._reader, chain=self._chain, call=call, check=check
            )
        is_open = self._method.open
        if not is_open and not holding.try_expect():
            await holding.expect()
        raw = await self._receive(transport)
        if not is_open:
            holding.arrived(len(raw))
        elif len(raw) > _OPEN_BYTES:
            raise too_large(len(raw), _OPEN_BYTES)
        if len(raw) <= SCAN_BYTES and call.charge_items is None:
            request = self._reader.parse(raw)
        else:
            if len(raw) > SMALL_BYTES:
                await holding.convert(len(raw))
            request = await self._reader.read(raw, call.charge_items)
        if call.principal.spaces is not None:
            self._space.check(call, request)
        return request

    async def _receive(self, transport: Transport) -> bytes:
        raw = await first_message(transport, self._chain)
        if raw is None:
            raise self._reader.malformed("The call has no request message.")
        return raw

    @abstractmethod
    async def _answer(self, holding: Holding, call: Call, transport: Transport) -> bytes | None:
        """Run the servicer, and return or write its response."""

    def _settle(
        self, error: BaseException, call: Call, transport: Transport, task: asyncio.Task[Any]
    ) -> BaseException | None:
        """Set ``call.error`` to the reason of the failure.

        Return the exception that ends the handler, if any.
        """
        if isinstance(error, asyncio.CancelledError):
            if not task.cancelling():
                _log("call_cancelled_internally", error, call)
                call.error = Unavailable(
                    "The worker of the call was lost; retry, with the same request_id for a write.",
                    reason="WORKER_LOST",
                    retry_after_s=RETRY_AT_ONCE_S,
                )
                return None
            if self._chain.in_flight.was_cut(task):
                call.error = call.cut_error or cut(call)
                return None
            remaining_s = transport.time_remaining_s()
            passed = remaining_s is not None and remaining_s <= _DEADLINE_SLACK_S
            call.error = expired(call) if passed else error
            return error
        if isinstance(error, PeerGoneError):
            # A read or write failed before the transport cancelled the task.
            call.error = asyncio.CancelledError()
            return call.error
        call.error = error
        return None


class UnaryAnswer(MethodHandler):
    __slots__ = ()

    async def _answer(self, holding: Holding, call: Call, transport: Transport) -> bytes | None:
        if not call.deadline_s:
            return await self._run_once(holding, call, transport)
        limit = TimeLimit(call.deadline_s - _ANSWER_S)
        try:
            with limit:
                return await self._run_once(holding, call, transport)
        except TimeoutError:
            if limit.is_over:
                raise expired(call) from None
            raise

    async def _run_once(self, holding: Holding, call: Call, transport: Transport) -> bytes:
        # The request has no other reference, so the servicer may release it after reading.
        request = self._request(holding, call, transport)
        answer = _encoded(await self._run(await request, _begun(call)))
        if len(answer) > SMALL_BYTES:
            # A completed write must not be reported as refused, because the client would assume
            # that nothing was written.
            done = await holding.answer(len(answer), patient=not self._method.read_only)
            transport.on_end(done)
        return answer


class StreamAnswer(MethodHandler):
    __slots__ = ()

    async def _answer(self, holding: Holding, call: Call, transport: Transport) -> bytes | None:
        request = await self._request(holding, call, transport)
        async with contextlib.AsyncExitStack() as held:
            if self._bulk and not self._streams:
                await held.enter_async_context(holding.export())
            responses: AsyncGenerator[Message | bytes] = self._run(request, _begun(call))
            held.push_async_callback(responses.aclose)
            begun = False
            async for response in responses:
                payload = _encoded(response)
                if not begun:
                    await _send_headers(call, transport)
                    begun = True
                await transport.write(payload)
        if not begun:
            await _send_headers(call, transport)
        return None


def _log(event: str, error: BaseException, call: Call) -> None:
    """Log a defect. Never raises, because the text of the exception would reach the client."""
    with contextlib.suppress(Exception):
        _logger.error(event, exc_info=error, request_id=call.request_id, method=call.method.path)


def _encoded(response: Message | bytes) -> bytes:
    return response if isinstance(response, bytes) else response.SerializeToString()


def _begun(call: Call) -> Call:
    """Mark the start of the servicer."""
    call.begun = True
    return call


async def _send_headers(call: Call, transport: Transport) -> None:
    await transport.send_headers({REQUEST_ID: call.request_id})


async def _fail(call: Call, transport: Transport) -> None:
    """End the call with its status."""
    status = call.status
    if not status.code:
        status = to_status(call.error or Exception(), call.request_id)
    trailers = {**call.trailers}
    if status.details:
        trailers[STATUS_DETAILS] = status.details
    if status.pushback_ms is not None:
        trailers[PUSHBACK] = str(status.pushback_ms)
    try:
        await transport.fail(status, trailers)
    finally:
        del transport  # see MethodHandler.serve
