"""A node under pressure: each cause entered at once, served through, and left without help."""

import asyncio
import os
import signal
import sqlite3
import subprocess
from contextlib import contextmanager

import anyio
import groups
import grpc
import pytest
from node import ENTERED_S, LEFT_S, Node, assert_emergency, process, refusal, workers
from serving import in_process

from mlsdm_grpc._gen.mlsdm.v1 import memory_put_pb2, memory_stream_pb2, node_pb2
from mlsdm_grpc.client import MemoryClient
from mlsdm_grpc.errors import MlsdmError, Unavailable
from mlsdm_grpc.protection.monitor import Monitor
from mlsdm_grpc.server.lifecycle import GrpcServer

pytestmark = [pytest.mark.anyio, pytest.mark.load, pytest.mark.timeout(240)]

MIB = 2**20
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


async def test_the_operator_forces_every_mode_and_gives_it_back():
    async with in_process() as server, Node(server) as node:
        await node.put()
        status = await node.force(mode=node_pb2.NODE_MODE_EMERGENCY)
        assert (status.mode, status.mode_forced) == (node_pb2.NODE_MODE_EMERGENCY, True)
        assert not status.HasField("mode_expire_time")
        await assert_emergency(node, "operator")
        assert (await node.query()).matches
        assert await node.serving("readiness")
        assert await node.serving("journal")
        await node.force(mode=node_pb2.NODE_MODE_SHEDDING)
        batch = memory_put_pb2.BatchPutMemoriesRequest(memories=[{"text": "late"}])
        error = await refusal(node.memories.BatchPutMemories(batch, timeout=10))
        assert (error.reason, error.metadata) == ("SHEDDING", {"cause": "operator"})
        assert error.pushback_ms > 0
        await node.put()
        sheddable = [("x-mlsdm-criticality", "sheddable")]
        request = memory_put_pb2.PutMemoryRequest(memory={"text": "late"})
        error = await refusal(node.memories.PutMemory(request, metadata=sheddable, timeout=10))
        assert error.reason == "SHEDDING"
        status = await node.force(automatic=True)
        assert (status.mode, status.mode_forced) == (node_pb2.NODE_MODE_NORMAL, False)
        await node.put()


async def test_no_call_is_taken_before_the_first_look_at_the_signals(monkeypatch):
    look, start, order = Monitor.look, GrpcServer.start, []

    async def looked(monitor):
        await look(monitor)
        order.append("look")

    async def started(data_port):
        order.append("start")
        return await start(data_port)

    monkeypatch.setattr(Monitor, "look", looked)
    monkeypatch.setattr(GrpcServer, "start", started)
    async with in_process() as server, Node(server) as node:
        await node.put()
    assert order == ["look", "start"]


async def test_an_open_stream_is_paused_while_bulk_work_is_refused():
    async with in_process() as server, Node(server) as node:
        call = node.memories.IngestMemories(timeout=60)
        opening = memory_stream_pb2.IngestOpen(stream={"stream_id": "s"})
        await call.write(memory_stream_pb2.IngestMemoriesRequest(open=opening))
        await call.read()
        await node.force(mode=node_pb2.NODE_MODE_SHEDDING)
        batch = memory_stream_pb2.IngestBatch(first_sequence=1, memories=[{"text": "late"}])
        await call.write(memory_stream_pb2.IngestMemoriesRequest(batch=batch))
        assert (await call.read()).flow.pause.ToMilliseconds() > 0
        await node.force(automatic=True)
        await call.done_writing()
        acked = []
        while (message := await call.read()) is not grpc.aio.EOF:
            acked += [message.ack.acked_sequence] if message.HasField("ack") else []
        assert acked == [1]


async def test_a_forced_mode_ends_with_its_time():
    async with in_process() as server, Node(server) as node:
        status = await node.force(mode=node_pb2.NODE_MODE_EMERGENCY, ttl={"seconds": 1})
        assert status.mode_forced
        left_s = status.mode_expire_time.ToMilliseconds() / 1_000 - status.start_time.seconds
        assert left_s > 0
        await node.until(node.mode, "NORMAL", ENTERED_S)
        await node.put()


async def test_a_refused_request_is_not_parsed():
    async with in_process() as server, Node(server) as node:
        await node.force(mode=node_pb2.NODE_MODE_EMERGENCY)
        raw = node.channel.unary_unary("/mlsdm.v1.MemoryService/PutMemory")
        assert (await refusal(raw(b"\xff\xff no message", timeout=10))).reason == "EMERGENCY"
        await node.force(automatic=True)
        assert (await refusal(raw(b"\xff\xff no message", timeout=10))).reason == (
            "MESSAGE_MALFORMED"
        )


# P16 of docs/architecture.md.
async def test_a_loop_that_was_late_takes_the_node_out_of_the_balancer(tmp_path):
    with process(tmp_path, max_loop_lag_s=1) as server:
        async with Node(server) as node:
            await node.put()
            server.process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(4)  # the cause itself, not a wait for something
            server.process.send_signal(signal.SIGCONT)
            await node.until(node.mode, "EMERGENCY", ENTERED_S)
            await assert_emergency(node, "loop_lag")
            assert (await node.query()).matches
            assert not await node.serving("readiness")
            assert await node.serving("journal")
            assert await node.readyz() == (
                503,
                {"status": "not ready", "reasons": {"loop_lag": "above its limit"}},
            )
            await node.until(node.mode, "NORMAL", LEFT_S)
            await node.until_writes(ENTERED_S)
            assert await node.serving("readiness")
            assert (await node.readyz())[0] == 200
            assert await server.metric('mlsdm_node_mode{kind="normal"}') == 1
            entered = 'mlsdm_node_transitions_total{kind="emergency"}'
            assert await server.metric(entered) >= 1


async def test_work_that_gets_too_old(tmp_path):
    with process(tmp_path, max_processing_s=2) as server:
        async with Node(server) as node:
            await node.put()
            (worker,) = workers(server.process.pid, "minds")
            os.kill(worker, signal.SIGSTOP)
            try:
                late = await refusal(node.query(within_s=1))
                assert late.code is grpc.StatusCode.DEADLINE_EXCEEDED
                await node.until(node.mode, "EMERGENCY", 2 + ENTERED_S)
                await assert_emergency(node, "queue_age")
                assert await node.serving("readiness")
            finally:
                os.kill(worker, signal.SIGCONT)
            await node.until(node.mode, "NORMAL", LEFT_S)
            assert (await node.query()).matches
            await node.until_writes(ENTERED_S)


async def test_a_journal_that_fails(tmp_path):
    with process(tmp_path) as server:
        async with Node(server) as node:
            await node.put()
            other = sqlite3.connect(tmp_path / "journal.sqlite3", isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            first = await refusal(node.put(within_s=60))
            assert first.reason == "JOURNAL_UNAVAILABLE"
            await node.until(node.mode, "EMERGENCY", ENTERED_S)
            await assert_emergency(node, "journal")
            assert (await node.query()).matches
            assert not await node.serving("journal")
            assert await node.serving("readiness")
            other.execute("ROLLBACK")
            other.close()
            await node.until_writes(LEFT_S)
            await node.until(node.mode, "NORMAL", LEFT_S)
            assert await node.serving("journal")


@contextmanager
def small_disk(folder, size_bytes):
    """A file system of a fixed size."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("cannot mount a tmpfs")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(file, leave_bytes):
    """Take the room of a file system but for some bytes."""
    found = os.statvfs(file.parent)
    rest = found.f_bavail * found.f_frsize - leave_bytes
    with file.open("wb") as ballast:
        os.posix_fallocate(ballast.fileno(), 0, rest)


async def unlink(file):
    await asyncio.to_thread(file.unlink)


@pytest.mark.root
@needs_root
async def test_writes_are_refused_before_the_disk_is_full_with_emergency(tmp_path):
    with (
        small_disk(tmp_path, 64 * MIB),
        process(tmp_path / "data", disk_reserve_bytes=16 * MIB) as server,
    ):
        async with Node(server) as node:
            await node.put()
            fill(tmp_path / "ballast", 8 * MIB)
            await node.until(node.mode, "EMERGENCY", ENTERED_S)
            await assert_emergency(node, "disk")
            assert (await node.query()).matches
            assert not await node.serving("journal")
            assert await node.serving("readiness")
            assert (await node.status()).journal.state == node_pb2.COMPONENT_STATE_SERVING
            await unlink(tmp_path / "ballast")
            await node.until(node.mode, "NORMAL", LEFT_S)
            await node.put()
            assert await node.serving("journal")


@pytest.mark.root
@needs_root
async def test_a_disk_that_is_full_nevertheless(tmp_path):
    with (
        small_disk(tmp_path, 32 * MIB),
        process(tmp_path / "data", disk_reserve_bytes=0) as server,
    ):
        async with Node(server) as node:
            stored = (await node.put()).revision
            fill(tmp_path / "ballast", 0)
            stored += await node.until_refused("JOURNAL_FULL", LEFT_S)
            await node.until(node.mode, "EMERGENCY", ENTERED_S)
            await assert_emergency(node, "journal")
            assert (await node.query()).matches
            await node.until(node.mode, "PROBING", LEFT_S)
            await node.until_refused("JOURNAL_FULL", LEFT_S)
            await node.until(node.mode, "EMERGENCY", ENTERED_S)
            await unlink(tmp_path / "ballast")
            await node.until_writes(LEFT_S)
            await node.until(node.mode, "NORMAL", LEFT_S)
            assert (await node.query()).revision > stored


@pytest.mark.root
@needs_root
@pytest.mark.parametrize("timeout_s", [2.0, 7.0])
async def test_a_write_that_a_full_disk_refused_ends_as_refused_and_in_time(tmp_path, timeout_s):
    """The client's waits between attempts end before its deadline, and none hides a refusal."""
    stored, failures = [], []

    async def write(memory, name):
        for number in range(6):
            began_s = anyio.current_time()
            try:
                text = f"{name} {number} " + "x" * 8_000
                await memory.put(text, embedding=[1.0] * 15 + [float(number)])
                stored.append(f"{name} {number}")
            except MlsdmError as error:
                failures.append(error.reason)
                assert isinstance(error, Unavailable), error
                assert "request_id" not in error.metadata
                assert anyio.current_time() - began_s < timeout_s
                await anyio.sleep(0.5)

    with (
        small_disk(tmp_path, 32 * MIB),
        process(tmp_path / "data", disk_reserve_bytes=0) as server,
    ):
        async with MemoryClient(server.listen, timeout_s=timeout_s) as memory:
            await memory.put("before", embedding=[1.0] * 16)
            fill(tmp_path / "ballast", 64 * 1024)
            async with anyio.create_task_group() as writers:
                for name in "abcd":
                    writers.start_soon(write, memory, name)
            assert failures
            assert set(failures) <= {"JOURNAL_FULL", "EMERGENCY"}
            await unlink(tmp_path / "ballast")
            async with Node(server) as node:
                await node.until_writes(LEFT_S)
            kept = [each.text.rstrip("x").strip() async for each in memory.list()]
    assert sorted(set(kept) & {f"{name} {n}" for name in "abcd" for n in range(6)}) == sorted(
        stored
    )


@contextmanager
def memory_group(limit_bytes):
    """A cgroup below this process's own that limits memory, version 1."""
    try:
        with groups.memory_group(limit_bytes) as group:
            yield group
    except groups.NoGroups as error:
        pytest.skip(str(error))


def processes(server):
    """Return the process ids of a server and its workers."""
    return [server.process.pid, *workers(server.process.pid)]


@pytest.mark.root
@needs_root
async def test_memory_near_the_limit_of_the_cgroup(tmp_path):
    with (
        memory_group(2**62) as group,
        # What a first query of so much prepares comes on top, while the node is in emergency.
        process(tmp_path, dimension=4_096, group=group, memory_share=0.7) as server,
    ):
        async with Node(server, dimension=4_096) as node:
            await node.put()
            pids = processes(server)
            limit = group.held_bytes + 256 * MIB
            group.limit(limit)
            await node.until(node.memory_limit, int(0.7 * limit), ENTERED_S)
            stored = await fill_memory(node, 4_096, 300 * MIB)
            await node.until(node.mode, "EMERGENCY", ENTERED_S)
            await assert_emergency(node, "memory")
            assert stored
            assert (await node.query()).matches
            assert not await node.serving("readiness")
            assert await node.serving("journal")
            assert (await node.readyz())[0] == 503
            assert processes(server) == pids
            assert group.oom_kills == 0
            group.limit(2**62)
            await node.until(node.mode, "NORMAL", LEFT_S)
            await node.put()
            assert await node.serving("readiness")


async def fill_memory(node, dimension, size_bytes):
    """Store vectors until the node refuses; return the number of stored ones."""
    batch = 64
    for number in range(size_bytes // (4 * dimension * batch)):
        request = memory_put_pb2.BatchPutMemoriesRequest(
            memories=[wide(dimension) for _ in range(batch)]
        )
        error = await refusal(node.memories.BatchPutMemories(request, timeout=60))
        if error is not None:
            assert error.reason in {"EMERGENCY", "SHEDDING"}, error
            if error.reason == "EMERGENCY":
                return number * batch
            for _ in range(batch):  # what is not bulk is taken while the node sheds
                single = memory_put_pb2.PutMemoryRequest(memory=wide(dimension))
                error = await refusal(node.memories.PutMemory(single, timeout=60))
                if error is not None:
                    assert error.reason == "EMERGENCY", error
                    return number * batch
    raise AssertionError("the node took everything")


def wide(dimension):
    """Return a memory with a vector that no other has."""
    raw = bytearray(os.urandom(2 * dimension))
    raw[1::2] = b"\x3c" * dimension  # halves from 1 to 1.25
    return {"embedding": {"f16_le": bytes(raw)}}
