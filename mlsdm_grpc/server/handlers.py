"""Handlers of single calls through grpc.aio, for each of the four RPC shapes.

A handler builds the :class:`~mlsdm_grpc.wire.call.Call` and runs ``before`` of every interceptor.
Only then does it receive and parse the request, so a refused call is cheap. Therefore every method
is registered as client-streaming, which lets the handler decide when to read.

Invariants:

- The server sends exactly one status for each call. That of an error has
  ``grpc-status-details-bin``, and never the text of an unexpected exception.
- An error before the first message is sent without response headers, because clients retry a call
  only before they receive headers (gRFC A6).
- ``CancelledError`` propagates if and only if the peer cancelled. After any other error that
  propagates, grpc.aio sends no status, and the client waits until its deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import grpc
import structlog

from mlsdm_grpc.errors import RETRY_AT_ONCE_S, Unavailable
from mlsdm_grpc.messages.bounds import SCAN_BYTES
from mlsdm_grpc.protection.byte_gate import SMALL_BYTES
from mlsdm_grpc.protection.concurrency import TimeLimit
from mlsdm_grpc.server.endings import ENTRY_BYTES, check_size, cut, expired, too_large
from mlsdm_grpc.server.hooks import Chain
from mlsdm_grpc.server.receiving import RequestStream, first_message, read_on
from mlsdm_grpc.server.room import Holding
from mlsdm_grpc.wire.call import Call, Method, RpcStatus
from mlsdm_grpc.wire.metadata import PUSHBACK, REQUEST_ID, STATUS_DETAILS
from mlsdm_grpc.wire.method_classes import WORK, MethodClass
from mlsdm_grpc.wire.request_space import RequestSpace
from mlsdm_grpc.wire.status import to_status

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from google.protobuf.message import Message

    from mlsdm_grpc.wire.reading import Reader

    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]
    Before: TypeAlias = Callable[[Call], Awaitable[None] | None]
    After: TypeAlias = Callable[[Call], None]

__all__ = ["MethodHandler", "StreamAnswer", "UnaryAnswer", "WriterAnswer"]

_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}
# Errors of a read or write after the end of the connection or the server. One is private in grpc.
_CONNECTION_ERRORS: Final = tuple(
    cls
    for cls in grpc.aio.BaseError.__subclasses__()
    if cls not in {grpc.aio.AbortError, grpc.aio.UsageError}
)
# Time left until the deadline, seconds, at which a cancelled call counts as expired.
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
        "_bulk", "_calls", "_chain", "_foreign", "_large", "_method", "_reader", "_run", "_space",
        "_streams",
    )  # fmt: skip

    def __init__(
        self,
        chain: Chain,
        method: Method,
        run: Callable[..., Any],
        reader: Reader,
        *,
        foreign: bool,
    ) -> None:
        self._chain = chain
        self._method = method
        self._run = run
        self._reader = reader
        self._foreign = foreign
        self._space = RequestSpace(reader.descriptor)
        self._bulk = WORK.get(method.path) is MethodClass.BULK
        self._large = self._bulk or method.name.startswith("Batch")
        self._streams = method.shape.client_streaming
        in_flight = chain.in_flight
        self._calls = in_flight.open_calls if method.open else in_flight.calls

    async def serve(self, _requests: object, context: Context) -> bytes | None:
        """Serve one call. grpc.aio calls this method."""
        chain = self._chain
        call = self._begin(context)
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - grpc.aio runs handlers in tasks
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
            answer = await self._answer(holding, call, context)
        except (asyncio.CancelledError, Exception) as error:  # noqa: BLE001 - all become statuses
            raised = self._settle(error, call, context, task)
        finally:
            del self._calls[task]
            chain.in_flight.ended()
            if holding is not None:
                holding.release()
        for after in afters:
            try:
                after(call)
            except Exception as error:  # noqa: BLE001 - must not break the answer
                _log("interceptor failed", error, call)
        try:
            if raised is not None:
                raise raised
            if call.error is not None:
                await _fail(call, context)
                return None
            await self._finish(call, context)
            return answer
        finally:
            # The traceback of the error refers to this frame, which is a reference cycle. So does
            # the error of an abort, which grpc keeps in the state behind these three variables.
            call.error = raised = None
            del context, task, _requests

    def _begin(self, context: Context) -> Call:
        pairs = context.invocation_metadata() or ()
        metadata = dict(pairs)
        size = sum(len(key) + len(value) for key, value in pairs) + ENTRY_BYTES * len(pairs)
        call = Call(
            self._method,
            metadata,
            context.peer(),
            context.time_remaining(),
            self._chain.clock(),
            size,
        )
        if self._chain.names is not None:
            call.identities = self._chain.names(context)
        if len(metadata) != len(pairs):
            counts = Counter(key for key, _ in pairs)
            call.repeated = frozenset(key for key, count in counts.items() if count > 1)
        return call

    async def _request(self, holding: Holding, call: Call, context: Context) -> Any:
        """Receive the request once its capacity is available, and check its space.

        For a client stream, return an iterator of the messages. Open methods need no capacity: a
        health check of a busy server gets a response, and callers without a credential use no
        capacity of others.
        """
        if self._streams:
            check = partial(self._space.check, call)
            return RequestStream(
                context, holding, self._reader, chain=self._chain, call=call, check=check
            )
        is_open = self._method.open
        if not is_open and not holding.try_expect():
            await holding.expect()
        raw = await self._receive(context)
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

    async def _receive(self, context: Context) -> bytes:
        raw = await first_message(context, self._chain)
        if raw is grpc.aio.EOF:
            await read_on(context)
            raise self._reader.malformed("The call has no request message.")
        return raw  # type: ignore[no-any-return]  # the stub knows no bytes

    def _begin_work(self, call: Call, context: Context) -> Call | Context:
        """Mark the start of the servicer, and return its second argument."""
        call.begun = True
        if not self._foreign:
            return call
        context.set_trailing_metadata(tuple(call.trailers.items()))
        return context

    @abstractmethod
    async def _answer(self, holding: Holding, call: Call, context: Context) -> bytes | None:
        """Run the servicer, and return or write its response."""

    async def _finish(self, call: Call, context: Context) -> None:
        """Prepare the end of a successful call."""
        context.set_trailing_metadata(tuple(call.trailers.items()))

    def _settle(
        self, error: BaseException, call: Call, context: Context, task: asyncio.Task[Any]
    ) -> BaseException | None:
        """Set ``call.error`` after a failure; return the exception for grpc.aio, or None."""
        if isinstance(error, asyncio.CancelledError):
            if not task.cancelling():
                _log("call cancelled from inside", error, call)
                call.error = Unavailable(
                    "The worker of the call was lost; retry, with the same request_id for a write.",
                    reason="WORKER_LOST",
                    retry_after_s=RETRY_AT_ONCE_S,
                )
                return None
            if self._chain.in_flight.was_cut(task):
                call.error = call.cut_error or cut(call)
                return None
            # The type stub omits None.
            remaining_s: float | None = context.time_remaining()
            passed = remaining_s is not None and remaining_s <= _DEADLINE_SLACK_S
            call.error = expired(call) if passed else error
            return error
        if isinstance(error, grpc.aio.AbortError):
            call.status = RpcStatus(context.code().value[0], context.details())
            return error
        if isinstance(error, _CONNECTION_ERRORS):
            # A read or write failed before grpc reported the cancellation of the peer.
            call.error = asyncio.CancelledError()
            return error
        call.error = error
        return None


class UnaryAnswer(MethodHandler):
    __slots__ = ()

    async def _answer(self, holding: Holding, call: Call, context: Context) -> bytes | None:
        if self._foreign or not call.deadline_s:
            return await self._run_once(holding, call, context)
        limit = TimeLimit(call.deadline_s - _ANSWER_S)
        try:
            with limit:
                return await self._run_once(holding, call, context)
        except TimeoutError:
            if limit.is_over:
                raise expired(call) from None
            raise

    async def _run_once(self, holding: Holding, call: Call, context: Context) -> bytes:
        # No other reference to the request exists, so the servicer can release its parts early.
        answer = _encoded(
            await self._run(
                await self._request(holding, call, context), self._begin_work(call, context)
            )
        )
        if len(answer) > SMALL_BYTES:
            # A completed write must not be reported as refused, because the client would assume
            # that nothing was written.
            done = await holding.answer(len(answer), patient=not self._method.read_only)
            context.add_done_callback(done)  # type: ignore[arg-type]  # the stub takes nothing
        return answer


class StreamAnswer(MethodHandler):
    __slots__ = ()

    async def _answer(self, holding: Holding, call: Call, context: Context) -> bytes | None:
        request = await self._request(holding, call, context)
        async with contextlib.AsyncExitStack() as held:
            if self._bulk and not self._streams:
                await held.enter_async_context(holding.export())
            responses: AsyncGenerator[Message | bytes] = self._run(
                request, self._begin_work(call, context)
            )
            held.push_async_callback(responses.aclose)
            begun = False
            async for response in responses:
                payload = _encoded(response)
                if not begun:
                    await _send_headers(call, context)
                    begun = True
                await context.write(payload)
        if not begun:
            await _send_headers(call, context)
        return None


class WriterAnswer(MethodHandler):
    """Handler of a foreign coroutine function that writes its messages to the context."""

    __slots__ = ()

    async def _answer(self, holding: Holding, call: Call, context: Context) -> bytes | None:
        request = await self._request(holding, call, context)
        await _send_headers(call, context)
        await self._run(request, self._begin_work(call, context))
        return None


def _log(event: str, error: BaseException, call: Call) -> None:
    """Log a defect. Never raises, because the text of the exception would reach the client."""
    with contextlib.suppress(Exception):
        _logger.error(event, exc_info=error, request_id=call.request_id, method=call.method.path)


def _encoded(response: Message | bytes) -> bytes:
    return response if isinstance(response, bytes) else response.SerializeToString()


async def _send_headers(call: Call, context: Context) -> None:
    await context.send_initial_metadata(((REQUEST_ID, call.request_id),))


async def _fail(call: Call, context: Context) -> None:
    """End the call with its status. Raises ``AbortError``, as grpc.aio expects."""
    status = call.status
    if not status.code:
        status = to_status(call.error or Exception(), call.request_id)
    trailers = {**call.trailers, STATUS_DETAILS: status.details}
    if status.pushback_ms is not None:
        trailers[PUSHBACK] = str(status.pushback_ms)
    try:
        await context.abort(_CODES[status.code], status.message, tuple(trailers.items()))
    except grpc.aio.InternalError:  # The peer disconnected meanwhile.
        pass
    finally:
        del context  # see MethodHandler.serve
