"""Calls whose message never arrives or is too large: their cost for others, and their end."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import anyio
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from mlsdm_grpc.security.principal import Principal
from mlsdm_grpc.server.memory_plan import MemoryPlan
from mlsdm_grpc.server.room import Room
from tests.support.ping import SERVICE, outcome, serving

pytestmark = pytest.mark.anyio

LARGEST = 1_024 * 1_024
SILENT = ("Unary", "Write", "ServerStream")
CHECK = "/grpc.health.v1.Health/Check"
AT_ONCE_S = 1.0


class ByMetadata:
    """Takes the tenant from the metadata."""

    def authenticate(self, metadata, *_):
        tenant = str(metadata.get("tenant", ""))
        permissions = frozenset({"memory.read", "memory.write"})
        return Principal(tenant, tenant, permissions)


def room(messages):
    plenty = 100 * LARGEST
    total = int(messages * LARGEST)
    return Room(MemoryPlan(0, 0, total, plenty, plenty, plenty, 0, 0, 0), largest=LARGEST)


@asynccontextmanager
async def silent_calls(running, path, count, **options):
    """Begin calls that send no message; leave when each has begun at the server."""
    local = [("grpc.use_local_subchannel_pool", 1)]
    in_flight = running.router.in_flight
    async with grpc.aio.insecure_channel(running.target, options=local) as channel:
        before = len(in_flight.calls) + len(in_flight.open_calls)
        calls = [channel.stream_unary(path)(**options) for _ in range(count)]
        with anyio.fail_after(10):
            while len(in_flight.calls) + len(in_flight.open_calls) < before + count:  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.01)
        yield calls


async def _check(running):
    stub = health_pb2_grpc.HealthStub(running.channel)
    return await outcome(stub.Check(health_pb2.HealthCheckRequest(), timeout=AT_ONCE_S))


@pytest.mark.parametrize("messages", [2.1, 2.6, 5.5])
@pytest.mark.parametrize("name", SILENT)
async def test_silent_calls_keep_neither_health_nor_another_tenant_waiting(name, messages):
    async with (
        serving(authenticator=ByMetadata(), room=room(messages)) as running,
        silent_calls(running, CHECK, 20),
        silent_calls(running, f"/{SERVICE}/{name}", 20, metadata=(("tenant", "loud"),)),
    ):
        assert (await _check(running)).code == "OK"
        other = await running.call(
            "Unary", "hello", timeout=AT_ONCE_S, metadata=(("tenant", "quiet"),)
        )
        assert other.texts == ["hello"]


@pytest.mark.parametrize("path", [CHECK, *(f"/{SERVICE}/{name}" for name in SILENT)])
async def test_a_message_has_to_come_in_time_with_deadline_expired(path):
    gates = room(3)
    limit = {"first_message_timeout_s": 0.2}
    async with serving(room=gates, **limit) as running, silent_calls(running, path, 1) as (silent,):
        with anyio.fail_after(5 * 0.2 + 2):
            result = await outcome(silent)
        assert (result.code, result.error.reason) == ("DEADLINE_EXCEEDED", "DEADLINE_EXPIRED")
        assert result.error.metadata == {"limit_s": "0.2"}
        assert running.ping.texts == []
        assert gates.receiving.free == gates.receiving.total


async def test_a_large_request_of_an_open_method_is_refused_with_request_too_large():
    async with serving() as running:
        request = health_pb2.HealthCheckRequest(service="x" * 65_536)
        stub = health_pb2_grpc.HealthStub(running.channel)
        result = await outcome(stub.Check(request))
        assert (result.code, result.error.reason) == ("INVALID_ARGUMENT", "REQUEST_TOO_LARGE")
        assert result.error.metadata == {"limit": "65536", "actual": str(request.ByteSize())}
        assert (await _check(running)).code == "OK"
