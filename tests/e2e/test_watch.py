"""WatchState over the wire: states as they come, and how a watch ends."""

import asyncio
from contextlib import aclosing

import anyio
import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2
from serving import channel, in_process, remembering

from mlsdm_grpc._gen.mlsdm.v1 import cognition_service_pb2 as pb
from mlsdm_grpc._gen.mlsdm.v1 import cognition_service_pb2_grpc
from mlsdm_grpc.client import MemoryClient
from mlsdm_grpc.errors import InvalidInput, NotFound, Unavailable

pytestmark = pytest.mark.anyio

ONE = [1.0] + [0.0] * 15


async def test_states_come_at_once_and_after_each_change():
    async with (
        in_process() as server,
        MemoryClient(str(server.listen)) as memory,
        aclosing(memory.watch_state(min_interval_s=0.01, include_traces=True)) as states,
    ):
        await memory.put(embedding=ONE)
        first = await anext(states)
        assert (first.state.memory.used, first.revision) == (1, 2)
        assert len(first.state.synaptic_traces.l1.f32_le) == 4 * 16
        await memory.process_event(embedding=ONE[::-1], moral_value=0.9)
        second = await anext(states)
        assert (second.state.step, second.state.memory.used) == (1, 2)
        assert second.revision > first.revision


async def test_a_drain_ends_a_watch_at_once():
    async with in_process(server={"drain_grace_s": 60.0}) as server, channel(server.listen) as one:
        await put_one(server)
        stub = cognition_service_pb2_grpc.CognitionServiceStub(one)
        watch = stub.WatchState(pb.WatchStateRequest())
        await watch.read()
        with anyio.fail_after(20):
            await server.drain()
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await watch.read()
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        details = details_of(caught.value)
        assert details["ErrorInfo"].reason == "DRAINING"
        assert details["RetryInfo"].retry_delay.ToMilliseconds() > 0
        assert not server.engine.watches.counts


async def test_a_client_that_goes_away_leaves_nothing_behind():
    async with in_process() as server, channel(server.listen) as one:
        await put_one(server)
        stub = cognition_service_pb2_grpc.CognitionServiceStub(one)
        watch = stub.WatchState(pb.WatchStateRequest())
        await watch.read()
        assert server.engine.watches.counts
        watch.cancel()
        with anyio.fail_after(10):
            while server.engine.watches.counts:
                await anyio.lowlevel.checkpoint()


async def test_refused_watches_say_why():
    async with remembering(engine={"max_watches": 1}) as memory:
        with pytest.raises(NotFound) as missing:
            await anext(memory.watch_state())
        assert missing.value.reason == "SPACE_NOT_FOUND"
        for wrong in (0.001, 3_601.0):
            with pytest.raises(InvalidInput) as invalid:
                await anext(memory.watch_state(min_interval_s=wrong))
            assert [v.field for v in invalid.value.violations] == ["min_interval_s"]
        await memory.put(embedding=ONE)
        async with aclosing(memory.watch_state()) as states:
            await anext(states)
            with pytest.raises(Unavailable) as full:
                await anext(memory.watch_state())
            assert full.value.reason == "BULKHEAD_FULL"
            assert full.value.retry_after_s is not None


async def test_min_interval_is_kept():
    async with (
        in_process() as server,
        channel(server.listen) as one,
        MemoryClient(str(server.listen)) as memory,
    ):
        await memory.put(embedding=ONE)
        stub = cognition_service_pb2_grpc.CognitionServiceStub(one)
        request = pb.WatchStateRequest(min_interval=Duration(seconds=1))
        watch = stub.WatchState(request)
        clock = asyncio.get_running_loop().time
        began_s = clock()
        await watch.read()
        for number in range(10):
            await memory.put(embedding=[1.0, float(number + 1)] + [0.0] * 14)
        last = await watch.read()
        assert clock() - began_s >= 1.0
        assert last.state.memory.used == 11
        watch.cancel()


async def put_one(server):
    async with MemoryClient(str(server.listen)) as memory:
        await memory.put(embedding=ONE)


def details_of(error):
    value = next(v for k, v in error.trailing_metadata() if k == "grpc-status-details-bin")
    found = {}
    for packed in status_pb2.Status.FromString(value).details:
        name = packed.TypeName().rpartition(".")[2]
        found[name] = getattr(error_details_pb2, name)()
        packed.Unpack(found[name])
    return found
