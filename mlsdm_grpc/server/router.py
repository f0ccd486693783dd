"""Router of calls: every method of a service descriptor gets a handler."""

from __future__ import annotations

import inspect
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message_factory import GetMessageClass

from mlsdm_grpc._gen.mlsdm.v1 import authz_pb2
from mlsdm_grpc.errors import NotYetAvailable
from mlsdm_grpc.messages.bounds import BOUNDS
from mlsdm_grpc.protection.fair_limiter import LoopTurns
from mlsdm_grpc.server.handlers import MethodHandler, StreamAnswer, UnaryAnswer
from mlsdm_grpc.server.hooks import Chain
from mlsdm_grpc.server.room import Room
from mlsdm_grpc.units import KIB
from mlsdm_grpc.wire.call import Call, Method, RpcShape
from mlsdm_grpc.wire.reading import Reader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from google.protobuf.descriptor import Descriptor, ServiceDescriptor
    from google.protobuf.message import Message

    from mlsdm_grpc.messages.bounds import Bound
    from mlsdm_grpc.server.inflight import InFlight
    from mlsdm_grpc.wire.call import Interceptor

__all__ = ["Router"]

_UNKNOWN_METHOD: Final = Method("other", "other", RpcShape(True, True))


def _not_yet(path: str) -> NotYetAvailable:
    return NotYetAvailable(
        "The method is not available in this version of the server.", metadata={"method": path}
    )


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


class Router:
    """Router of calls to handlers; an unknown method gets ``METHOD_UNKNOWN``."""

    def __init__(
        self,
        interceptors: Sequence[Interceptor],
        *,
        room: Room | None = None,
        bounds: Mapping[str, Bound] = BOUNDS,
        turns: LoopTurns | None = None,
        clock: Callable[[], float] = time.monotonic,
        first_message_s: float = 10.0,
        max_metadata_bytes: int = 16 * KIB,
    ) -> None:
        """Create a router without services.

        Args:
            interceptors: Interceptors, outermost first (``interceptors/chain.py``).
            room: Byte budgets of messages; unlimited by default.
            bounds: Limits enforced while large requests are parsed, by full field name.
            turns: Time slices of the event loop for large requests, shared with the servicers.
            clock: Monotonic clock in seconds; must be the clock of the event loop.
            first_message_s: Time in which the first message of a call must arrive, seconds.
            max_metadata_bytes: Maximum size of the metadata of a call, bytes.
        """
        self._chain = Chain(
            interceptors,
            clock,
            room or Room(),
            first_message_s=first_message_s,
            max_metadata_bytes=max_metadata_bytes,
        )
        self._bounds = bounds
        self._turns = turns or LoopTurns()
        self.handlers: dict[str, MethodHandler] = {}
        """Handlers of the known methods by path, ``/service/name``."""
        self._services: list[str] = []
        self._methods: list[str] = []
        self._served: dict[str, None] = {}

    @property
    def in_flight(self) -> InFlight:
        """The calls in flight."""
        return self._chain.in_flight

    @property
    def waiting_count(self) -> int:
        """Number of calls whose first message has not arrived."""
        return self._chain.waiting_count

    @property
    def services(self) -> tuple[str, ...]:
        """Full names of the services, in the order of their addition."""
        return tuple(self._services)

    @property
    def served_services(self) -> tuple[str, ...]:
        """Full names of the services with at least one implemented method."""
        return tuple(self._served)

    @property
    def methods(self) -> tuple[str, ...]:
        """Implemented methods of this contract, sorted, ``service/name``."""
        return tuple(sorted(self._methods))

    def add(
        self,
        service: ServiceDescriptor,
        servicer: object,
        *,
        name: str | None = None,
        permission: str | None = None,
    ) -> None:
        """Add the methods of a service.

        Args:
            service: Descriptor of methods, shapes and messages.
            servicer: Object with a coroutine function ``(request, call)`` for each method with one
                response (a message or its bytes), and an async generator function for each method
                with a stream of responses. A client stream is an async iterator. A missing method
                returns ``NOT_YET_AVAILABLE``.
            name: Full name of the service, if it differs from the descriptor's.
            permission: Permission of all methods of a service that is not part of this contract,
                such as health; empty: callers need no credential. None: a service of the contract,
                which states permission and scope of each method.

        Raises:
            TypeError: A method is neither kind of function, or the contract gives it no permission
                or scope.
        """
        full_name = name or service.full_name
        self._services.append(full_name)
        for descriptor in service.methods:
            options = descriptor.GetOptions()
            rule = options.Extensions[authz_pb2.authz]
            if permission is None and not (rule.permission and rule.scope):
                raise TypeError(f"{full_name}/{descriptor.name} has no permission or no scope")
            method = Method(
                full_name,
                descriptor.name,
                RpcShape(descriptor.client_streaming, descriptor.server_streaming),
                open=permission == "",
                read_only=options.idempotency_level == MethodOptions.NO_SIDE_EFFECTS,
                permission=rule.permission if permission is None else permission,
                platform=rule.scope == authz_pb2.SCOPE_PLATFORM,
            )
            if hasattr(servicer, method.name):
                self._served[full_name] = None
                if permission is None:
                    self._methods.append(method.path.removeprefix("/"))
            self.handlers[method.path] = self._build(descriptor.input_type, method, servicer)

    def unknown(self, path: str) -> MethodHandler:
        """Return a handler that refuses the call of an unknown method."""
        reader = Reader(path, Empty, self._bounds, self._turns)
        return StreamAnswer(self._chain, _UNKNOWN_METHOD, partial(_unknown, path), reader)

    def _build(self, request: Descriptor, method: Method, servicer: object) -> MethodHandler:
        streams = method.shape.server_streaming
        run = getattr(servicer, method.name, _missing_stream if streams else _missing)
        if not (inspect.isasyncgenfunction if streams else inspect.iscoroutinefunction)(run):
            raise TypeError(f"{method.path}: streaming of the handler and of the method differ")
        reader = Reader(method.path, GetMessageClass(request), self._bounds, self._turns)
        return (StreamAnswer if streams else UnaryAnswer)(self._chain, method, run, reader)
