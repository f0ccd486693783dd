"""The yardstick: a bare grpc.aio server that parses requests and serialises fixed answers.

It has the event loop and the transport options of the real server and nothing else of it. Standard
input is a JSON object of method paths and answers in base64; it stops when that is closed.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import grpc
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from mlsdm_grpc.config import ServerSettings
from mlsdm_grpc.server.build import SERVICES
from mlsdm_grpc.server.grpc_options import server_options


def handlers(answers: dict[str, str]) -> grpc.GenericRpcHandler:
    """Return a handler of the methods that there are answers for."""
    found = {}
    for service in SERVICES:
        for method in service.methods:
            path = f"/{service.full_name}/{method.name}"
            if path in answers:
                response_type = GetMessageClass(method.output_type)
                response = response_type.FromString(base64.b64decode(answers[path]))
                found[path] = grpc.unary_unary_rpc_method_handler(
                    _always(response),
                    request_deserializer=GetMessageClass(method.input_type).FromString,
                    response_serializer=response_type.SerializeToString,
                )
    return _Handlers(found)


def _always(response: Message) -> Callable[[Message, Any], Awaitable[Message]]:
    async def answer(_request: Message, _context: Any) -> Message:
        return response

    return answer


class _Handlers(grpc.GenericRpcHandler):
    def __init__(self, found: dict[str, grpc.RpcMethodHandler]) -> None:
        self._found = found

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler | None:
        """Return the handler of a call."""
        return self._found.get(handler_call_details.method)


async def serve(answers: dict[str, str]) -> None:
    """Serve until standard input is closed."""
    server = grpc.aio.server(options=server_options(ServerSettings()))
    server.add_generic_rpc_handlers((handlers(answers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"SERVING listen=127.0.0.1:{port}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(None)


if __name__ == "__main__":
    use_uvloop = sys.argv[1:] != ["asyncio"]
    anyio.run(serve, json.loads(sys.stdin.readline()), backend_options={"use_uvloop": use_uvloop})
