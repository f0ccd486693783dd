"""Time limits that the service promises, at five times the figure of docs/operations.md."""

import asyncio
import math
import os
import signal
import statistics
import time
from contextlib import contextmanager

import grpc
import pytest
from node import Node, process, refusal, workers
from serving import ServerProcess, channel

from mlsdm_grpc._gen.mlsdm.v1 import (
    memory_put_pb2,
    memory_query_pb2,
    memory_stream_pb2,
    node_pb2,
)

pytestmark = [pytest.mark.anyio, pytest.mark.load, pytest.mark.timeout(120)]

GIVEN_BACK_S = 5 * 1.0
REFUSED_S = 5 * 0.1
CUT_S = 5 * (1.0 + 2.0)
"""A grace time of a second, and the extra time for the rest of the stop."""
DIMENSION = 16
HELD = 12


@contextmanager
def stopped(pid):
    """Hold a worker, so that calls wait for it."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def batch(node, count, timeout=60, *, value=1.0):
    """Begin a batch of queries, which is bulk work."""
    vector = {"floats": {"values": [value] * DIMENSION}}
    queries = [{"embedding": vector, "top_k": 1}] * count
    request = memory_query_pb2.BatchQueryMemoriesRequest(queries=queries)
    return node.memories.BatchQueryMemories(request, timeout=timeout)


def faulty_puts(node):
    """Begin a batch of memories that no node would take."""
    memories = [{"embedding": {"floats": {"values": [math.nan]}}}] * 2
    return node.memories.BatchPutMemories(
        memory_put_pb2.BatchPutMemoriesRequest(memories=memories), timeout=60
    )


def lanes(node):
    """Return a function that reads the numbers of calls in the engine and of waiting requests."""

    async def ask():
        found = (await node.status()).lanes
        return sum(lane.in_flight_count for lane in found), sum(lane.queue_count for lane in found)

    return ask


# P22 of docs/architecture.md.
@pytest.mark.parametrize("end", ["cancelled", "deadline"])
async def test_a_call_that_ends_early_gives_back_permit_and_place_in_the_queue(tmp_path, end):
    with process(tmp_path) as server:
        async with Node(server) as node:
            await node.put()
            (worker,) = workers(server.process.pid, "minds")
            with stopped(worker):
                timeout = 60 if end == "cancelled" else 5
                calls = [batch(node, 128, timeout) for _ in range(HELD)]
                await node.until(lanes(node), (HELD, HELD - 1), 60)
                if end == "cancelled":
                    for call in calls:
                        call.cancel()
                else:
                    await asyncio.wait([asyncio.ensure_future(refusal(call)) for call in calls])
                await node.until(lanes(node), (0, 0), GIVEN_BACK_S)
            assert (await node.query()).matches


async def fill_the_bulkhead(node):
    calls = [batch(node, 1) for _ in range(4)]
    await node.until(lanes(node), (4, 0), 60)
    return calls


async def fill_the_queue(node):
    calls = [batch(node, 128) for _ in range(HELD)]
    await node.until(lanes(node), (HELD, HELD - 1), 60)
    return calls


async def declare_an_emergency(node):
    await node.force(mode=node_pb2.NODE_MODE_EMERGENCY)
    return []


@pytest.mark.parametrize(
    ("prepare", "permits", "ask", "reason"),
    [
        (fill_the_bulkhead, 8, lambda node: batch(node, 1), "BULKHEAD_FULL"),
        (fill_the_bulkhead, 8, lambda node: batch(node, 1, value=math.nan), "BULKHEAD_FULL"),
        (fill_the_bulkhead, 8, faulty_puts, "BULKHEAD_FULL"),
        (fill_the_queue, 256, lambda node: batch(node, 1, timeout=0.2), "DEADLINE_TOO_SHORT"),
        (declare_an_emergency, 256, lambda node: node.put(), "EMERGENCY"),
    ],
    ids=["full", "unread queries", "unread memories", "too late", "emergency"],
)
async def test_what_is_refused_is_refused_soon(
    tmp_path, monkeypatch, prepare, permits, ask, reason
):
    """The parts of a batch that is refused for its size are not read."""
    monkeypatch.setenv("MLSDM_ENGINE__MAX_PENDING_BULK", str(permits))
    with process(tmp_path) as server:
        async with Node(server) as node:
            await node.put()
            (worker,) = workers(server.process.pid, "minds")
            with stopped(worker):
                calls = await prepare(node)
                took_s = []
                for _ in range(21):
                    began_s = time.monotonic()
                    error = await refusal(ask(node))
                    took_s.append(time.monotonic() - began_s)
                    assert error is not None
                    assert error.reason == reason
                for call in calls:
                    call.cancel()
    assert statistics.median(took_s) < REFUSED_S


async def test_a_drain_waits_for_nobody_longer_than_its_grace(tmp_path):
    environment = {"MLSDM_SERVER__DRAIN_GRACE_S": "1", "MLSDM_LOGGING__LEVEL": "error"}
    server = await asyncio.to_thread(ServerProcess, tmp_path, environment=environment)
    try:
        async with channel(server.listen) as one:
            ingest = one.stream_stream(
                "/mlsdm.v1.MemoryService/IngestMemories",
                request_serializer=memory_stream_pb2.IngestMemoriesRequest.SerializeToString,
                response_deserializer=memory_stream_pb2.IngestMemoriesResponse.FromString,
            )
            opened, silent = ingest(), ingest()
            opening = memory_stream_pb2.IngestOpen(stream={"stream_id": "s"})
            await opened.write(memory_stream_pb2.IngestMemoriesRequest(open=opening))
            await opened.read()
            half = one.stream_unary("/mlsdm.v1.MemoryService/PutMemory")()
            server.process.send_signal(signal.SIGTERM)
            _, logged = await asyncio.to_thread(server.process.communicate, timeout=CUT_S)
            assert (server.process.returncode, logged) == (0, "")
            while await opened.read() is not grpc.aio.EOF:  # a status comes after all messages
                pass
            assert await opened.code() is grpc.StatusCode.OK
            assert await silent.code() is grpc.StatusCode.UNAVAILABLE
            assert await half.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
    finally:
        server.kill()
