"""A real server of the wire in the test's own loop, whose answers the test decides."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import grpc.aio
import pytest
from google.protobuf import message_factory
from google.protobuf.message import Message

from mlsdm_grpc import errors
from mlsdm_grpc.client import MemoryClient
from mlsdm_grpc.client.channel import CONTRACT_FILES
from mlsdm_grpc.wire.metadata import PUSHBACK, REQUEST_ID, STATUS_DETAILS
from mlsdm_grpc.wire.status import to_status

Answer = Callable[[Any, dict[str, Any]], Any]


class Script:
    """Answers of the server by method name, and the requests received.

    An answer is a function of request and metadata; it returns a message, raises an error of ours,
    or is asynchronous; that of a stream is an asynchronous generator function.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.requests: list[Any] = []
        self.metadata: list[dict[str, Any]] = []
        self.target = ""

    def client(self, **arguments: Any) -> MemoryClient:
        return MemoryClient(self.target, **arguments)

    async def serve(self, name: str, request: Any, context: Any) -> Message:
        metadata = dict(context.invocation_metadata())
        self.requests.append(request)
        self.metadata.append(metadata)
        try:
            answer = self.answers[name](request, metadata)
            return await answer if hasattr(answer, "__await__") else answer
        except errors.MlsdmError as error:
            return await self._fail(error, metadata, context)

    async def stream(self, name: str, request: Any, context: Any) -> AsyncIterator[Message]:
        metadata = dict(context.invocation_metadata())
        self.requests.append(request)
        self.metadata.append(metadata)
        try:
            async for message in self.answers[name](request, metadata):
                yield message
        except errors.MlsdmError as error:
            await self._fail(error, metadata, context)

    async def _fail(self, error: errors.MlsdmError, metadata: Any, context: Any) -> Any:
        status = to_status(error, metadata.get(REQUEST_ID, ""))
        trailers: list[tuple[str, str | bytes]] = [
            (STATUS_DETAILS, status.details),
            (REQUEST_ID, metadata.get(REQUEST_ID, "")),
        ]
        if status.pushback_ms is not None:
            trailers.append((PUSHBACK, str(status.pushback_ms)))
        context.set_trailing_metadata(tuple(trailers))
        codes = {code.value[0]: code for code in grpc.StatusCode}
        return await context.abort(codes[status.code], status.message)


BUILDERS = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


def handlers(script: Script) -> list[grpc.GenericRpcHandler]:
    found = []
    for file in CONTRACT_FILES:
        for service in file.services_by_name.values():
            methods = {}
            for method in service.methods:

                async def serve(request: Any, context: Any, name: str = method.name) -> Message:
                    return await script.serve(name, request, context)

                async def stream(
                    request: Any, context: Any, name: str = method.name
                ) -> AsyncIterator[Message]:
                    async for message in script.stream(name, request, context):
                        yield message

                shape = method.client_streaming, method.server_streaming
                build: Any = BUILDERS[shape]
                methods[method.name] = build(
                    stream if method.server_streaming else serve,
                    request_deserializer=message_factory.GetMessageClass(
                        method.input_type
                    ).FromString,
                    response_serializer=lambda message: message.SerializeToString(),
                )
            found.append(grpc.method_handlers_generic_handler(service.full_name, methods))
    return found


@asynccontextmanager
async def _scripted(port: int = 0) -> AsyncIterator[Script]:
    script = Script()
    server = grpc.aio.server(handlers=handlers(script))
    script.target = f"127.0.0.1:{server.add_insecure_port(f'127.0.0.1:{port}')}"
    await server.start()
    try:
        yield script
    finally:
        await server.stop(0)


@pytest.fixture
def scripted() -> Callable[..., AbstractAsyncContextManager[Script]]:
    """A context manager: a server that answers as the test says."""
    return _scripted
