"""Adapter between servicers and grpc.aio: every method of a service descriptor gets a handler.

Generated server code and grpc.aio interceptors are not used, because they see neither the call nor
its end. One generic handler serves all methods. If each method were registered, as generated code
does, grpc.aio would wait for one future for each method in every call: with 50 methods that costs
30 us a call.
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
from mlsdm_grpc.messages.bounds import BOUNDS
from mlsdm_grpc.protection.fair_limiter import LoopTurns
from mlsdm_grpc.server.handlers import MethodHandler, StreamAnswer, UnaryAnswer, WriterAnswer
from mlsdm_grpc.server.hooks import Chain
from mlsdm_grpc.server.room import Room
from mlsdm_grpc.units import KIB
from mlsdm_grpc.wire.call import Call, Method, RpcShape
from mlsdm_grpc.wire.reading import Reader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
    from google.protobuf.message import Message

    from mlsdm_grpc.messages.bounds import Bound
    from mlsdm_grpc.server.inflight import InFlight
    from mlsdm_grpc.wire.call import Interceptor

__all__ = ["Router"]

_UNKNOWN_METHOD: Final = Method("other", "other", RpcShape(True, True))


def _not_yet(path: str) -> NotYetAvailable:
    return NotYetAvailable("This server does not serve the method yet.", metadata={"method": path})


async def _missing(_request: object, call: Call) -> Message:
    raise _not_yet(call.method.path)


async def _missing_stream(_request: object, call: Call) -> AsyncIterator[Message]:
    raise _not_yet(call.method.path)
    yield  # makes the function a generator


async def _unknown(path: str, _request: object, _call: Call) -> AsyncIterator[Message]:
    raise NotYetAvailable(
        "There is no such method.", reason="METHOD_UNKNOWN", metadata={"method": path}
    )
    yield  # makes the function a generator


class Router(grpc.GenericRpcHandler):
    """Router from method paths to handlers. An unknown method gets ``METHOD_UNKNOWN``."""

    def __init__(
        self,
        interceptors: Sequence[Interceptor],
        *,
        room: Room | None = None,
        bounds: Mapping[str, Bound] = BOUNDS,
        turns: LoopTurns | None = None,
        clock: Callable[[], float] = time.monotonic,
        names: Callable[[Any], tuple[str, ...]] | None = None,
        first_message_s: float = 10.0,
        max_metadata_bytes: int = 16 * KIB,
    ) -> None:
        """Create a router without services.

        Args:
            interceptors: Interceptors, outermost first (``interceptors/chain.py``).
            room: Budgets for the bytes of messages; unlimited by default.
            bounds: Bounds that are checked while large requests are parsed, by full field name.
            turns: Scheduler of slices of the event loop for large requests, shared with the
                servicers.
            clock: Monotonic clock, seconds; must be the clock of the event loop.
            names: Returns the names in the certificate of a peer; None if no call needs them.
            first_message_s: Time within which the first message of a call must arrive, seconds.
            max_metadata_bytes: Maximum size of the metadata of a call, bytes.
        """
        self._chain = Chain(
            interceptors,
            clock,
            room or Room(),
            names,
            first_message_s=first_message_s,
            max_metadata_bytes=max_metadata_bytes,
        )
        self._bounds = bounds
        self._turns = turns or LoopTurns()
        self._handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
        self._services: list[str] = []
        self._methods: list[str] = []
        self._served: dict[str, None] = {}

    @property
    def in_flight(self) -> InFlight:
        """Calls in flight."""
        return self._chain.in_flight

    @property
    def waiting_count(self) -> int:
        """Number of calls whose first message has not arrived yet."""
        return self._chain.waiting_count

    @property
    def services(self) -> tuple[str, ...]:
        """Full names of the services, in the order in which they were added."""
        return tuple(self._services)

    @property
    def served_services(self) -> tuple[str, ...]:
        """Full names of the services with at least one implemented method."""
        return tuple(self._served)

    @property
    def methods(self) -> tuple[str, ...]:
        """Implemented methods of the contract as ``service/name``, sorted."""
        return tuple(sorted(self._methods))

    def add(
        self,
        service: ServiceDescriptor,
        servicer: object,
        *,
        name: str | None = None,
        foreign: bool = False,
        permission: str = "",
    ) -> None:
        """Add the methods of a service.

        Args:
            service: Descriptor of the service.
            servicer: Object with a function ``(request, call)`` for each method. A method with one
                response is a coroutine function that returns a message or its bytes. A method with
                a stream of responses is an async generator function. A stream of requests is an
                async iterator. An absent method gets ``NOT_YET_AVAILABLE``.
            name: Full name of the service, if it differs from that in the descriptor.
            foreign: True for a servicer written for grpc.aio. Its methods receive the context in
                place of the call, and may write to the context. Without ``permission`` they need no
                credential.
            permission: Permission of all methods of a foreign service.

        Raises:
            TypeError: A method is another kind of function, or the contract lacks its permission or
                scope.
        """
        full_name = name or service.full_name
        self._services.append(full_name)
        for descriptor in service.methods:
            rule = descriptor.GetOptions().Extensions[authz_pb2.authz]
            if not foreign and not (rule.permission and rule.scope):
                raise TypeError(f"{full_name}/{descriptor.name} has no permission or no scope")
            method = Method(
                full_name,
                descriptor.name,
                RpcShape(descriptor.client_streaming, descriptor.server_streaming),
                open=foreign and not permission,
                read_only=descriptor.GetOptions().idempotency_level
                == MethodOptions.NO_SIDE_EFFECTS,
                permission=permission or rule.permission,
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
        """Return the handler of a call; grpc.aio calls this method."""
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
        # In client-streaming methods, grpc.aio leaves the reading of messages to the handler.
        if streams:
            return grpc.stream_stream_rpc_method_handler(
                handler.serve, response_serializer=serializer
            )
        return grpc.stream_unary_rpc_method_handler(handler.serve)
