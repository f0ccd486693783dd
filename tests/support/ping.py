"""A service of five methods in all four shapes, and a whole server around it.

What a method does is said by the ``text`` of the request: see :class:`Ping`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc.aio
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, MethodOptions

from mlsdm_grpc._gen.mlsdm.v1 import authz_pb2
from mlsdm_grpc.config import LimitSettings, PressureSettings, ServerSettings
from mlsdm_grpc.errors import MlsdmError, Unauthenticated, Unavailable
from mlsdm_grpc.ids import Ids
from mlsdm_grpc.interceptors.admission import AdmissionInterceptor
from mlsdm_grpc.interceptors.chain import build_chain
from mlsdm_grpc.interceptors.drain import DrainInterceptor
from mlsdm_grpc.observability.metrics import Metrics
from mlsdm_grpc.protection.mode_machine import ModeMachine
from mlsdm_grpc.security.authenticator import Authenticator, DevAuthenticator
from mlsdm_grpc.server import health
from mlsdm_grpc.server.grpc_aio import AioPort
from mlsdm_grpc.server.lifecycle import GrpcServer
from mlsdm_grpc.server.reflection import add_reflection
from mlsdm_grpc.server.room import Room
from mlsdm_grpc.server.router import Router
from mlsdm_grpc.wire.call import Call, Interceptor
from mlsdm_grpc.wire.metadata import STATUS_DETAILS
from mlsdm_grpc.wire.status import from_status

SERVICE = "test.v1.PingService"
SHAPES = ("Unary", "ServerStream", "ClientStream", "BidiStream")
SECRET = "secret-dsn=postgres://user:password@host"


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name="test/v1/ping.proto", package="test.v1", syntax="proto3"
    )
    file.dependency.append(authz_pb2.DESCRIPTOR.name)
    for name in ("PingRequest", "PingResponse"):
        text = FieldDescriptorProto(
            name="text",
            number=1,
            type=FieldDescriptorProto.TYPE_STRING,
            label=FieldDescriptorProto.LABEL_OPTIONAL,
        )
        file.message_type.add(name=name, field=[text])
    service = file.service.add(name="PingService")
    for name, client, server in (
        ("Unary", False, False),
        ("ServerStream", False, True),
        ("ClientStream", True, False),
        ("BidiStream", True, True),
        ("Write", False, False),
        ("Missing", False, False),
        ("MissingStream", True, True),
    ):
        method = service.method.add(
            name=name,
            input_type=".test.v1.PingRequest",
            output_type=".test.v1.PingResponse",
            client_streaming=client,
            server_streaming=server,
        )
        rule = method.options.Extensions[authz_pb2.authz]
        rule.permission = "memory.write" if name == "Write" else "memory.read"
        rule.scope = authz_pb2.SCOPE_TENANT
        if name != "Write":
            method.options.idempotency_level = MethodOptions.NO_SIDE_EFFECTS
    return file


_POOL = descriptor_pool.DescriptorPool()
for _each in (descriptor_pb2, authz_pb2):
    _POOL.AddSerializedFile(_each.DESCRIPTOR.serialized_pb)
DESCRIPTOR = _POOL.AddSerializedFile(_file().SerializeToString()).services_by_name["PingService"]
PingRequest: Any = message_factory.GetMessageClass(DESCRIPTOR.methods[0].input_type)
PingResponse: Any = message_factory.GetMessageClass(DESCRIPTOR.methods[0].output_type)


class Ping:
    """Servicer that returns the text of the request, unless the text names another action.

    ``fail`` raises an error of ours, ``crash`` any other, ``hang`` waits for ever, ``inner``
    raises a CancelledError of its own, ``wait`` waits for :attr:`release`.
    """

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.release = asyncio.Event()
        self.cleaned = asyncio.Event()
        self.texts: list[str] = []
        self.error: MlsdmError = Unavailable(
            "The journal is away.", retry_after_s=0.25, metadata={"space": "blue"}
        )
        self.call: Call | None = None

    async def do(self, text: str, call: Call) -> Any:
        """Answer a request; tests replace this function."""
        self.call = call
        self.texts.append(text)
        self.begun.set()
        try:
            if text == "fail":
                raise self.error
            if text == "crash":
                raise ValueError(SECRET)
            if text == "hang":
                await asyncio.Event().wait()
            if text == "wait":
                await self.release.wait()
            if text == "inner":
                inner = asyncio.get_running_loop().create_future()
                inner.cancel()
                await inner
        finally:
            self.cleaned.set()
        return PingResponse(text=text)

    async def Unary(self, request: Any, call: Call) -> Any:  # noqa: N802
        return await self.do(request.text, call)

    async def Write(self, request: Any, call: Call) -> Any:  # noqa: N802
        return await self.do(request.text, call)

    async def ServerStream(self, request: Any, call: Call) -> AsyncIterator[Any]:  # noqa: N802
        async with aclosing(self.stream(request, call)) as responses:
            async for response in responses:
                yield response

    async def stream(self, request: Any, call: Call) -> AsyncIterator[Any]:
        """Answer with a stream of responses; tests replace this function."""
        yield PingResponse(text="first")
        yield await self.do(request.text, call)

    async def ClientStream(self, requests: AsyncIterator[Any], call: Call) -> Any:  # noqa: N802
        texts = [(await self.do(request.text, call)).text async for request in requests]
        return PingResponse(text=" ".join(texts))

    async def BidiStream(  # noqa: N802
        self, requests: AsyncIterator[Any], call: Call
    ) -> AsyncIterator[Any]:
        async for request in requests:
            yield await self.do(request.text, call)


@dataclass
class Running:
    """A running server, and its parts."""

    ping: Ping
    server: GrpcServer
    router: Router
    health: health.Health
    metrics: Metrics
    channel: grpc.aio.Channel
    target: str
    drain: DrainInterceptor = field(default_factory=DrainInterceptor)

    def method(self, name: str) -> Any:
        """Return a function that calls a method; for a client stream it takes a list of texts."""
        kinds = {
            "ServerStream": self.channel.unary_stream,
            "ClientStream": self.channel.stream_unary,
            "BidiStream": self.channel.stream_stream,
            "MissingStream": self.channel.stream_stream,
        }
        kind: Any = kinds.get(name, self.channel.unary_unary)
        return kind(
            f"/{SERVICE}/{name}",
            request_serializer=PingRequest.SerializeToString,
            response_deserializer=PingResponse.FromString,
        )

    def start(self, name: str, *texts: str, **options: Any) -> Any:
        """Begin a call and return it."""
        requests = [PingRequest(text=text) for text in texts]
        streams = name in {"ClientStream", "BidiStream", "MissingStream"}
        return self.method(name)(requests if streams else requests[0], **options)

    async def call(self, name: str, *texts: str, **options: Any) -> Outcome:
        """Make a call to its end."""
        return await outcome(self.start(name, *texts, **options))

    def handled(self, name: str, code: str, service: str = SERVICE) -> float:
        """Return the number of calls of a method that ended with a code."""
        total = 0.0
        for family in self.metrics.registry.collect():
            for sample in family.samples:
                labels = sample.labels
                if sample.name == "grpc_server_handled_total" and (
                    labels["grpc_service"],
                    labels["grpc_method"],
                    labels["grpc_code"],
                ) == (service, name, code):
                    total += sample.value
        return total

    async def settled(self) -> None:
        """Return when no call is in flight."""
        await self.router.in_flight.wait_idle()


@dataclass
class Outcome:
    """End of a call, as the client sees it."""

    code: str
    message: str
    texts: list[str]
    headers: dict[str, Any]
    trailers: dict[str, Any]

    @property
    def error(self) -> MlsdmError:
        number = grpc.StatusCode[self.code].value[0]
        return from_status(number, self.message, self.trailers.get(STATUS_DETAILS, b""))


def _text(response: Any) -> str:
    return response.text if isinstance(response, PingResponse) else ""


async def outcome(call: Any) -> Outcome:
    """Wait for the end of a call."""
    texts = []
    try:
        if hasattr(call, "read"):
            while (response := await call.read()) is not grpc.aio.EOF:
                texts.append(_text(response))
        else:
            texts.append(_text(await call))
    except (asyncio.CancelledError, grpc.aio.AioRpcError):
        pass
    return Outcome(
        (await call.code()).name,
        await call.details(),
        texts,
        dict(await call.initial_metadata() or ()),
        dict(await call.trailing_metadata() or ()),
    )


class Refusing:
    """Authenticator that refuses every credential."""

    def authenticate(self, *_: object) -> Any:
        raise Unauthenticated("No.", reason="CREDENTIAL_INVALID")


def serving(
    *,
    authenticator: Authenticator | None = None,
    extra: Sequence[Interceptor] = (),
    room: Room | None = None,
    limits: LimitSettings | None = None,
    **settings: Any,
) -> AbstractAsyncContextManager[Running]:
    """Run a server of :class:`Ping` with health and reflection on its own port."""
    return _serving(authenticator or DevAuthenticator(), extra, room, limits, settings)


@asynccontextmanager
async def _serving(
    authenticator: Authenticator,
    extra: Sequence[Interceptor],
    room: Room | None,
    limits: LimitSettings | None,
    settings: dict[str, Any],
) -> AsyncIterator[Running]:
    chosen = ServerSettings(listen="127.0.0.1:0", ops="127.0.0.1:0", **settings)
    metrics, drain, ping = Metrics(), DrainInterceptor(), Ping()
    machine = ModeMachine(PressureSettings(), clock=time.monotonic)
    chain = build_chain(
        chosen,
        ids=Ids(),
        metrics=metrics,
        drain=drain,
        authenticator=authenticator,
        admission=AdmissionInterceptor(machine, metrics),
        limits=limits,
    )
    router = Router(
        (*chain, *extra),
        room=room,
        first_message_s=chosen.first_message_timeout_s,
        max_metadata_bytes=chosen.max_metadata_bytes,
    )
    router.add(DESCRIPTOR, ping)
    parts = health.Health(router.services)
    router.add(health.SERVICE, parts, permission="")
    add_reflection(router, router.services)
    port = AioPort(chosen, router)
    server = GrpcServer(chosen, port=port, router=router, health=parts, drain=drain)
    target = str(await server.start())
    channel = grpc.aio.insecure_channel(target, options=[("grpc.use_local_subchannel_pool", 1)])
    try:
        async with channel:
            yield Running(ping, server, router, parts, metrics, channel, target, drain)
    finally:
        await server.stop()
