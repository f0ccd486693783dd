"""Every call of the client with the fewest arguments, and a server that counts the calls."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio

import mlsdm_grpc.client
from mlsdm_grpc._gen.mlsdm.v1.event_pb2 import Event
from mlsdm_grpc.client import MemoryClient, Policy, new_memory
from mlsdm_grpc.errors import MlsdmError

GOOD: dict[str, dict[str, Any]] = {
    "MemoryClient": {"target": "127.0.0.1:1"},
    "put": {"text": "a"},
    "put_many": {"memories": [new_memory("a")]},
    "put_batches": {"memories": [new_memory("a")]},
    "update": {"memory_id": "m"},
    "delete": {"memory_id": "m"},
    "get": {"memory_id": "m"},
    "process_event": {"text": "a"},
    "consolidate": {},
    "query": {"text": "a"},
    "query_many": {"queries": ["a", [1.0]]},
    "state": {},
    "health": {},
    "watch_health": {},
    "watch_state": {},
    "list": {},
    "ingest": {"memories": [new_memory("a")]},
    "writer": {},
    "stream_events": {"events": [Event(text="a")]},
    "export": {},
    "create_space": {"space": "s"},
    "get_space": {},
    "update_space": {"etag": '"1"'},
    "list_spaces": {},
    "generate": {"prompt": "a"},
    "stream_generate": {"prompt": "a"},
    "evaluate": {"text": "a"},
    "analyze_speech": {"text": "a"},
    "repair_speech": {"text": "a"},
    "get_policy": {},
    "set_policy": {"policy": Policy(etag='"1"')},
    "get_tenant": {},
    "set_tenant": {"etag": '"1"'},
    "list_tenants": {},
    "server_info": {},
    "who_am_i": {},
    "health_names": {},
    "drain": {"reason": "a"},
    "new_memory": {"text": "a"},
    "split_passages": {"text": "a"},
    "passage_context": {"text": "a"},
    "request_id_of": {"error": MlsdmError("a")},
}
"""The fewest arguments of each call."""


def public() -> dict[str, Callable[..., Any]]:
    """Return all public methods of the client by name."""
    members = inspect.getmembers(MemoryClient, inspect.isfunction)
    methods = {name: member for name, member in members if not name.startswith("_")}
    exported = {name: getattr(mlsdm_grpc.client, name) for name in mlsdm_grpc.client.__all__}
    functions = {name: each for name, each in exported.items() if inspect.isfunction(each)}
    return {"MemoryClient": MemoryClient.__init__, **methods, **functions}


class Counted(grpc.GenericRpcHandler):
    """Server that counts the calls of each method and fails all of them."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def service(self, details: Any) -> None:
        self.calls.append(details.method)


@asynccontextmanager
async def counting() -> AsyncIterator[tuple[MemoryClient, Counted]]:
    counted = Counted()
    server = grpc.aio.server(handlers=[counted])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with MemoryClient(f"127.0.0.1:{port}") as memory:
            yield memory, counted
    finally:
        await server.stop(0)


async def called(memory: MemoryClient, call: str, given: dict[str, Any]) -> None:
    """Call and wait for the end, or for the first answer."""
    if call == "MemoryClient":
        MemoryClient(**given)
        return
    if call == "writer":
        async with memory.writer(**given) as writer:
            await writer.put("a")
        return
    result = (getattr(memory, call, None) or public()[call])(**given)
    if hasattr(result, "__aiter__"):
        async for _ in result:
            return
    elif inspect.isawaitable(result):
        await result
