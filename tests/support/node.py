"""Helpers that query the status of a running node and check its refusals."""

import asyncio
from contextlib import contextmanager

import aiohttp
import grpc
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from processes import pids_by_role
from serving import ServerProcess, channel

from mlsdm_grpc._gen.mlsdm.v1 import (
    admin_service_pb2,
    admin_service_pb2_grpc,
    memory_put_pb2,
    memory_query_pb2,
    memory_service_pb2_grpc,
    node_pb2,
)

ENTERED_S = 5 * 1.0
LEFT_S = 5 * 15.0
"""Five times what docs/operations.md promises."""


@contextmanager
def process(data_dir, *, dimension=16, drain_delay_s=0, group=None, **pressure):
    """A real server with these settings of ``pressure``; the others are the defaults."""
    names = {f"MLSDM_PRESSURE__{name.upper()}": str(value) for name, value in pressure.items()}
    environment = {
        "MLSDM_SPACE__DIMENSION": str(dimension),
        "MLSDM_SERVER__DRAIN_DELAY_S": str(drain_delay_s),
        "MLSDM_ENGINE__WORKER_STALL_TIMEOUT_S": "120",  # tests stop workers on purpose
        "MLSDM_LOGGING__LEVEL": "error",  # the pipe has no reader and limited room
        **names,
    }
    server = ServerProcess(data_dir, environment=environment, group=group)
    try:
        yield server
        if server.process.poll() is None:
            assert server.terminate() == 0
    finally:
        if server.process.poll() is None:
            server.kill()


class Node:
    """A client of one node; ``async with``."""

    def __init__(self, server, *, dimension=16):
        self.server = server
        self._dimension = dimension

    async def __aenter__(self):
        self.channel = await channel(self.server.listen).__aenter__()
        self.admin = admin_service_pb2_grpc.AdminServiceStub(self.channel)
        self.memories = memory_service_pb2_grpc.MemoryServiceStub(self.channel)
        self._health = health_pb2_grpc.HealthStub(self.channel)
        return self

    async def __aexit__(self, *error):
        await self.channel.__aexit__(*error)

    async def status(self):
        request = admin_service_pb2.GetNodeStatusRequest()
        return (await self.admin.GetNodeStatus(request, timeout=10)).status

    async def mode(self):
        status = await self.status()
        return node_pb2.NodeMode.Name(status.mode).removeprefix("NODE_MODE_")

    async def memory_limit(self):
        return (await self.status()).memory_limit_bytes

    async def serving(self, name):
        answer = await self._health.Check(health_pb2.HealthCheckRequest(service=name), timeout=10)
        return answer.status == health_pb2.HealthCheckResponse.SERVING

    async def readyz(self):
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{self.server.ops}/readyz") as response,
        ):
            return response.status, await response.json()

    async def force(self, **fields):
        request = admin_service_pb2.SetNodeModeRequest(reason="a test", **fields)
        return (await self.admin.SetNodeMode(request, timeout=10)).status

    async def put(self, seed=1.0, within_s=10, **fields):
        vector = {"floats": {"values": [seed] * (self._dimension - 1) + [1.0]}}
        request = memory_put_pb2.PutMemoryRequest(memory={"embedding": vector}, **fields)
        return await self.memories.PutMemory(request, timeout=within_s)

    async def query(self, within_s=10):
        vector = {"floats": {"values": [1.0] * self._dimension}}
        request = memory_query_pb2.QueryMemoriesRequest(embedding=vector, top_k=1)
        return await self.memories.QueryMemories(request, timeout=within_s)

    async def until(self, ask, wanted, within_s):
        """Repeat a request until the response is the expected one."""
        async with asyncio.timeout(within_s):
            while True:
                if await ask() == wanted:
                    return
                await asyncio.sleep(0.02)

    async def until_writes(self, within_s):
        """Repeat a write until one is accepted; other results must be refusals with reasons."""
        async with asyncio.timeout(within_s):
            while (error := await refusal(self.put())) is not None:
                assert error.code is grpc.StatusCode.UNAVAILABLE, error
                await asyncio.sleep(0.02)

    async def until_refused(self, reason, within_s):
        """Write until a write is refused with a reason; return the number of accepted ones."""
        taken = 0
        async with asyncio.timeout(within_s):
            while True:
                error = await refusal(self.put())
                if error is not None and error.reason == reason:
                    return taken
                taken += error is None
                await asyncio.sleep(0.005)


class Refusal:
    """Refusal of a call."""

    def __init__(self, error):
        self.code = error.code()
        self.message = error.details()
        trailers = dict(error.trailing_metadata() or ())
        self.pushback_ms = int(trailers.get("grpc-retry-pushback-ms", -1))
        self.reason, self.metadata, self.retry_s = "", {}, None
        self.fields = []
        status = status_pb2.Status.FromString(trailers.get("grpc-status-details-bin", b""))
        for detail in status.details:
            if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
                info = error_details_pb2.ErrorInfo.FromString(detail.value)
                self.reason, self.metadata = info.reason, dict(info.metadata)
            if detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
                faults = error_details_pb2.BadRequest.FromString(detail.value)
                self.fields = [each.field for each in faults.field_violations]
            if detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
                retry = error_details_pb2.RetryInfo.FromString(detail.value)
                self.retry_s = retry.retry_delay.ToMilliseconds() / 1_000

    def __repr__(self):
        return f"{self.code.name} {self.reason} {self.metadata} retry {self.retry_s}"


async def refusal(call):
    """Return how a call was refused, or None if it was not."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return Refusal(error)
    return None


async def assert_emergency(node, cause):
    """Check that writes are refused with a reason and a retry delay."""
    error = await refusal(node.put())
    assert error is not None
    assert (error.code, error.reason) == (grpc.StatusCode.UNAVAILABLE, "EMERGENCY"), error
    assert cause in error.metadata["cause"].split(",")
    assert 0.1 <= error.retry_s <= 600
    beyond_deadline = error.pushback_ms == -1 and error.retry_s > 9
    assert beyond_deadline or error.pushback_ms == round(error.retry_s * 1_000)


def workers(pid, *roles):
    """Return the process ids of the workers of a server."""
    found = pids_by_role(pid)
    return [worker for role in roles or ("minds", "text") for worker in found[role]]
