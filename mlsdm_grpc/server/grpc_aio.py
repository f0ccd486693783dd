"""grpc.aio serves our servicers: every method of a service descriptor becomes a handler.

No generated server code and no grpc.aio interceptors are used: those see neither the call nor its
end. One generic handler serves everything. Registering each method, as generated code does, makes
grpc.aio wait on one future a method for every call: with 50 methods that costs 30 us a call.
"""

from __future__ import annotations

import inspect
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import grpc
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message_factory import GetMessageClass

from mlsdm_grpc._gen.mlsdm.v1 import authz_pb2
from mlsdm_grpc.errors import NotYetAvailable
from mlsdm_grpc.protection.fair_limiter import LoopTurns
from mlsdm_grpc.server.handlers import Chain, MethodHandler, StreamAnswer, UnaryAnswer, WriterAnswer
from mlsdm_grpc.server.room import Room
from mlsdm_grpc.wire.bounds import BOUNDS
from mlsdm_grpc.wire.call import Call, Method, RpcShape
from mlsdm_grpc.wire.reading import Reader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
    from google.protobuf.message import Message

    from mlsdm_grpc.server.inflight import InFlight
    from mlsdm_grpc.wire.bounds import Bound
    from mlsdm_grpc.wire.call import Interceptor

__all__ = ["Router"]

_UNKNOWN_METHOD: Final = Method("other", "other", RpcShape(True, True))


def _not_yet(path: str) -> NotYetAvailable:
    return NotYetAvailable("This server does not serve the method yet.", metadata={"method": path})


async def _missing(_request: object, call: Call) -> Message:
    raise _not_yet(call.method.path)


async def _missing_stream(_request: object, call: Call) -> AsyncIterator[Message]:
    raise _not_yet(call.method.path)
    yield  # makes it a generator


async def _unknown(path: str, _request: object, _call: Call) -> AsyncIterator[Message]:
    raise NotYetAvailable(
        "There is no such method.", reason="METHOD_UNKNOWN", metadata={"method": path}
    )
    yield  # makes it a generator


class Router(grpc.GenericRpcHandler):
    """Finds the handler of every method; what it does not know gets ``METHOD_UNKNOWN``."""

    def __init__(
        self,
        interceptors: Sequence[Interceptor],
        *,
        room: Room | None = None,
        bounds: Mapping[str, Bound] = BOUNDS,
        turns: LoopTurns | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Serve nothing yet.

        Args:
            interceptors: Outermost first (``interceptors/chain.py``).
            room: For messages; unbounded by default.
            bounds: That large requests are held to, by the full names of fields.
            turns: Slices of the event loop, for large requests; those that the servicers use.
            clock: Seconds, monotonic; the event loop has to count on the same clock.
        """
        self._chain = Chain(interceptors, clock, room or Room())
        self._bounds = bounds
        self._turns = turns or LoopTurns()
        self._handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
        self._services: list[str] = []
        self._methods: list[str] = []
        self._served: dict[str, None] = {}

    @property
    def in_flight(self) -> InFlight:
        """The calls that are being served."""
        return self._chain.in_flight

    @property
    def services(self) -> tuple[str, ...]:
        """Full names of the services, in the order in which they were added."""
        return tuple(self._services)

    @property
    def served_services(self) -> tuple[str, ...]:
        """Full names of the services of which any method has code behind it."""
        return tuple(self._served)

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods of ours that have code behind them, sorted, ``service/name``."""
        return tuple(sorted(self._methods))

    def add(
        self,
        service: ServiceDescriptor,
        servicer: object,
        *,
        name: str | None = None,
        foreign: bool = False,
    ) -> None:
        """Serve the methods of a service.

        Args:
            service: Where the methods, their shapes and messages are read from.
            servicer: Has a coroutine function ``(request, call)`` for a method with one answer,
                which is a message or its bytes, an async generator function for one with a stream
                of answers; a client stream comes as an async iterator. A method that it lacks is
                ``NOT_YET_AVAILABLE``.
            name: Full name to serve under; the descriptor's when absent.
            foreign: The servicer is made for grpc.aio: its methods take the context in place of
                the call, need no credential, and may write to the context.

        Raises:
            TypeError: A method is neither of the two kinds of functions.
        """
        full_name = name or service.full_name
        self._services.append(full_name)
        for descriptor in service.methods:
            rule = descriptor.GetOptions().Extensions[authz_pb2.authz]
            method = Method(
                full_name,
                descriptor.name,
                RpcShape(descriptor.client_streaming, descriptor.server_streaming),
                open=foreign,
                read_only=descriptor.GetOptions().idempotency_level
                == MethodOptions.NO_SIDE_EFFECTS,
                permission=rule.permission,
                platform=rule.scope == authz_pb2.SCOPE_PLATFORM,
            )
            if hasattr(servicer, method.name):
                self._served[full_name] = None
                if not foreign:
                    self._methods.append(method.path.removeprefix("/"))
            self._handlers[method.path] = self._build(descriptor, method, servicer, foreign=foreign)

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """Return the handler of a call: what grpc.aio asks a generic handler for."""
        path = handler_call_details.method
        return self._handlers.get(path) or self._unknown(path)

    def _unknown(self, path: str) -> grpc.RpcMethodHandler[Any, Any]:
        run = partial(_unknown, path)
        reader = Reader(path, Empty, self._bounds, self._turns)
        handler = StreamAnswer(self._chain, _UNKNOWN_METHOD, run, reader, foreign=False)
        return grpc.stream_stream_rpc_method_handler(handler.serve)

    def _build(
        self, descriptor: MethodDescriptor, method: Method, servicer: object, *, foreign: bool
    ) -> grpc.RpcMethodHandler[Any, Any]:
        streams = method.shape.server_streaming
        run = getattr(servicer, method.name, _missing_stream if streams else _missing)
        serializer = None
        if inspect.isasyncgenfunction(run) and streams:
            kind: type[MethodHandler] = StreamAnswer
        elif inspect.iscoroutinefunction(run) and not streams:
            kind = UnaryAnswer
        elif inspect.iscoroutinefunction(run) and foreign:
            kind = WriterAnswer
            serializer = GetMessageClass(descriptor.output_type).SerializeToString
        else:
            raise TypeError(f"{method.path} is served by the wrong kind of function")
        request_type = GetMessageClass(descriptor.input_type)
        reader = Reader(method.path, request_type, self._bounds, self._turns)
        handler = kind(self._chain, method, run, reader, foreign=foreign)
        # Of a client that streams, grpc.aio reads nothing before the handler does.
        if streams:
            return grpc.stream_stream_rpc_method_handler(
                handler.serve, response_serializer=serializer
            )
        return grpc.stream_unary_rpc_method_handler(handler.serve)
