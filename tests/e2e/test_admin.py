"""Operations of an operator: GetNodeStatus, SetNodeMode, Drain."""

import asyncio
import contextlib
import hashlib
import os
import signal
import time

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from node import ENTERED_S, Node, process, refusal, workers
from serving import in_process

from mlsdm_grpc._gen.mlsdm.v1 import admin_service_pb2, node_pb2

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

EMERGENCY = node_pb2.NODE_MODE_EMERGENCY
MIB = 2**20


async def test_the_status_tells_how_the_node_is(tmp_path):
    before = time.time()
    with process(tmp_path) as server:
        async with Node(server) as node:
            await node.put()
            await node.until(memory_is_measured(node), True, ENTERED_S)
            status = await node.status()
            assert status.node
            assert (status.mode, status.mode_forced) == (node_pb2.NODE_MODE_NORMAL, False)
            assert (status.ready, status.draining) == (True, False)
            assert abs(status.start_time.ToSeconds() - before) < 60
            assert status.connection_count == 1
            assert status.cool_down.ToSeconds() == 5
            assert (status.hot_space_count, status.quarantined_space_count) == (1, 0)
            kinds = [(each.kind, each.worker, each.space_count) for each in status.workers]
            assert kinds == [("space", 0, 1), ("text", 0, 0)]
            for each in status.workers:
                assert (each.state, each.restart_count) == (node_pb2.COMPONENT_STATE_SERVING, 0)
                assert 10 * MIB < each.resident_bytes < status.resident_bytes
                assert each.start_time.seconds >= status.start_time.seconds - 60
            signals = {each.signal: each for each in status.pressure}
            assert {"loop_lag", "queue_age", "journal", "disk"} <= set(signals)
            assert not any(each.firing for each in signals.values())
            journal = status.journal
            assert (journal.kind, journal.state) == ("sqlite", node_pb2.COMPONENT_STATE_SERVING)
            assert journal.size_bytes > 4_096
            assert 0 < journal.append_latency.ToNanoseconds() < 60e9
            lanes = {each.lane: each.permit_count for each in status.lanes}
            assert lanes["interactive"] > 0
            assert lanes["text"] > 0

            (worker,) = workers(server.process.pid, "minds")
            os.kill(worker, signal.SIGKILL)
            await node.until(restarts(node), 1, 60)


def memory_is_measured(node):
    async def measured():
        return all(each.resident_bytes for each in (await node.status()).workers)

    return measured


def restarts(node):
    async def count():
        status = await node.status()
        up = [each for each in status.workers if each.state == node_pb2.COMPONENT_STATE_SERVING]
        return next((each.restart_count for each in up if each.kind == "space"), 0)

    return count


async def test_the_status_with_a_journal_in_memory():
    async with in_process() as server, Node(server) as node:
        status = await node.status()
    assert (status.journal.kind, status.journal.size_bytes) == ("memory", 0)
    assert not status.journal.HasField("append_latency")
    assert "disk" not in {each.signal for each in status.pressure}


@pytest.mark.parametrize(
    ("fields", "faulty"),
    [
        ({}, {"mode", "reason"}),
        ({"mode": EMERGENCY}, {"reason"}),
        ({"mode": EMERGENCY, "reason": "x" * 257}, {"reason"}),
        ({"mode": 0, "reason": "x"}, {"mode"}),
        ({"mode": node_pb2.NODE_MODE_PROBING, "reason": "x"}, {"mode"}),
        ({"mode": 99, "reason": "x"}, {"mode"}),
        ({"automatic": False, "reason": "x"}, {"automatic"}),
        ({"mode": EMERGENCY, "reason": "x", "ttl": {"nanos": 999_999_999}}, {"ttl"}),
        ({"mode": EMERGENCY, "reason": "x", "ttl": {"seconds": 86_401}}, {"ttl"}),
        ({"mode": EMERGENCY, "reason": "x", "ttl": {"seconds": -1}}, {"ttl"}),
    ],
)
async def test_a_wrong_mode_changes_nothing(fields, faulty):
    async with in_process() as server, Node(server) as node:
        call = node.admin.SetNodeMode(admin_service_pb2.SetNodeModeRequest(**fields), timeout=10)
        assert await violations(call) == faulty
        assert await node.mode() == "NORMAL"


@pytest.mark.parametrize(
    ("fields", "faulty"),
    [
        ({}, {"reason"}),
        ({"reason": "x" * 257, "grace": {"seconds": -1}}, {"reason", "grace"}),
        ({"reason": "x", "grace": {"seconds": 3_601}}, {"grace"}),
    ],
)
async def test_a_wrong_drain_begins_nothing(fields, faulty):
    async with in_process() as server, Node(server) as node:
        call = node.admin.Drain(admin_service_pb2.DrainRequest(**fields), timeout=10)
        assert await violations(call) == faulty
        assert not (await node.status()).draining
        assert not server.stop.is_set()


async def violations(call):
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    packed = dict(raised.value.trailing_metadata())["grpc-status-details-bin"]
    found = set()
    for detail in status_pb2.Status.FromString(packed).details:
        if detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            bad = error_details_pb2.BadRequest.FromString(detail.value)
            found |= {violation.field for violation in bad.field_violations}
    return found


async def test_what_operators_do_is_audited(logs):
    async with in_process() as server, Node(server) as node:
        await node.force(mode=EMERGENCY, ttl={"seconds": 60})
        await node.force(automatic=True)
        await node.admin.Drain(
            admin_service_pb2.DrainRequest(reason="incident 42", grace={"seconds": 1}), timeout=10
        )
    forced, released = logs.events("node_mode_set")
    assert (forced["principal"], forced["tenant"], forced["component"]) == ("dev", "dev", "audit")
    assert (forced["mode"], forced["ttl_s"], forced["reason"]) == ("EMERGENCY", 60, "a test")
    assert (released["mode"], released["ttl_s"]) == ("automatic", None)
    (drained,) = logs.events("node_drained")
    assert (drained["reason"], drained["grace_s"]) == ("incident 42", 1)
    modes = [line["mode"] for line in logs.events("node_mode_changed")]
    assert modes == ["EMERGENCY", "NORMAL"]


async def test_only_platform_tokens_operate_the_node(tmp_path):
    tokens = {"plain": "", "sre": "platform = true\n"}
    file = tmp_path / "tokens.toml"
    entries = [
        f'[[token]]\nname = "{name}"\ntenant = "acme"\n'
        f'sha256 = "{hashlib.sha256(name.encode()).hexdigest()}"\n{more}'
        for name, more in tokens.items()
    ]
    await asyncio.to_thread(file.write_text, "".join(entries))
    security = {"mode": "token", "tokens_file": file}
    async with in_process(security=security) as server, Node(server) as node:
        mine = [("authorization", "Bearer plain")]
        status, force = admin_service_pb2.GetNodeStatusRequest(), {"reason": "x", "mode": EMERGENCY}
        for call in (
            node.admin.GetNodeStatus(status, metadata=mine, timeout=10),
            node.admin.SetNodeMode(
                admin_service_pb2.SetNodeModeRequest(**force), metadata=mine, timeout=10
            ),
            node.admin.Drain(admin_service_pb2.DrainRequest(reason="x"), metadata=mine, timeout=10),
        ):
            error = await refusal(call)
            assert error.code is grpc.StatusCode.PERMISSION_DENIED
            assert error.reason == "PERMISSION_MISSING"
            assert error.metadata["scope"] == "platform"
        info = admin_service_pb2.GetServerInfoRequest()
        await node.admin.GetServerInfo(info, metadata=mine, timeout=10)
        ours = [("authorization", "Bearer sre")]
        answer = await node.admin.GetNodeStatus(status, metadata=ours, timeout=10)
        assert answer.status.mode == node_pb2.NODE_MODE_NORMAL


async def test_drain_answers_when_it_has_begun_and_the_process_ends(tmp_path):
    with process(tmp_path) as server:
        (worker,) = workers(server.process.pid, "minds")
        async with Node(server) as node:
            await node.put()
            os.kill(worker, signal.SIGSTOP)
            held = asyncio.ensure_future(node.query(within_s=60))
            await node.until(in_flight(node), 1, ENTERED_S)
            drain = admin_service_pb2.DrainRequest(reason="a test", grace={"seconds": 60})
            first = await node.admin.Drain(drain, timeout=10)
            assert first.in_flight_count == 1
            left_s = first.end_time.ToMilliseconds() / 1_000 - time.time()
            assert 60 < left_s < 120
            assert not await node.serving("readiness")
            error = await refusal(node.put())
            assert (error.code, error.reason) == (grpc.StatusCode.UNAVAILABLE, "DRAINING")
            status = await node.status()
            assert (status.draining, status.ready) == (True, False)
            joined = admin_service_pb2.DrainRequest(reason="me too", grace={"seconds": 0})
            second = await node.admin.Drain(joined, timeout=10)
            assert second.in_flight_count == 1
            moved_ms = second.end_time.ToMilliseconds() - first.end_time.ToMilliseconds()
            assert abs(moved_ms) < 1_000
            assert not held.done()
            os.kill(worker, signal.SIGCONT)
            assert (await held).matches
        _, log = await asyncio.to_thread(server.process.communicate, timeout=60)
        assert server.process.returncode == 0, log
    with process(tmp_path) as again:
        async with Node(again) as node:
            assert (await node.query()).matches
            assert await again.metric("mlsdm_journal_replayed_records_total") == 0


async def test_a_drain_cuts_the_delay_of_a_signal_short(tmp_path):
    with process(tmp_path, drain_delay_s=300) as server:
        async with Node(server) as node:
            server.process.terminate()
            await node.until(draining(node), True, within_s=10)
            await node.put()
            drain = admin_service_pb2.DrainRequest(reason="now", grace={})
            await node.admin.Drain(drain, timeout=10)
            assert (await refusal(node.put())).code == grpc.StatusCode.UNAVAILABLE
        _, log = await asyncio.to_thread(server.process.communicate, timeout=60)
        assert server.process.returncode == 0, log


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("signalled", [False, True])
async def test_a_drain_ends_the_process_in_time_whatever_hangs(tmp_path, evidence, signalled):
    with process(tmp_path, drain_delay_s=300) as server:
        (worker,) = workers(server.process.pid, "minds")
        async with Node(server) as node:
            revision = (await node.put()).revision
            os.kill(worker, signal.SIGSTOP)
            if signalled:
                server.process.terminate()
                await node.until(draining(node), True, within_s=10)
            drain = admin_service_pb2.DrainRequest(reason="a test", grace={})
            answer = await node.admin.Drain(drain, timeout=10)
            promised_s = answer.end_time.ToMilliseconds() / 1_000 - time.time()
        began = time.monotonic()
        await asyncio.to_thread(server.process.wait, timeout=5 * promised_s)
        evidence["seconds"] = round(time.monotonic() - began, 1)
        with contextlib.suppress(ProcessLookupError):  # the server may have come so far
            os.kill(worker, signal.SIGKILL)
        await asyncio.to_thread(server.process.communicate)
    with process(tmp_path) as again:
        async with Node(again) as node:
            assert (await node.query()).revision == revision


def draining(node):
    async def is_draining():
        return (await node.status()).draining

    return is_draining


def in_flight(node):
    async def count():
        lanes = (await node.status()).lanes
        return next(each.in_flight_count for each in lanes if each.lane == "interactive")

    return count
