"""SIGTERM: calls in flight finish or end with DRAINING; the next start replays nothing."""

import asyncio
import uuid

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from serving import ServerProcess, channel

from mlsdm_grpc._gen.mlsdm.v1 import (
    cognition_service_pb2,
    cognition_service_pb2_grpc,
    memory_put_pb2,
    memory_service_pb2_grpc,
)

pytestmark = [pytest.mark.anyio, pytest.mark.load, pytest.mark.timeout(120)]

CALLS = 100
TEXTS = 100


async def put(memories, number):
    """Store texts; return OK or how the call ended."""
    try:
        await memories.BatchPutMemories(
            memory_put_pb2.BatchPutMemoriesRequest(
                memories=[
                    {"text": f"call {number}, text {i}: " + "word " * 60} for i in range(TEXTS)
                ],
                request_id=str(uuid.UUID(int=number + 1)),
            ),
            timeout=60,
        )
    except grpc.aio.AioRpcError as error:
        return error
    return None


# The calls are sent before the signal; the delay is there for those still on their way in.
@pytest.mark.parametrize(("delay_s", "grace_s", "cut"), [("5", "60", False), ("0", "0", True)])
async def test_sigterm_with_a_hundred_calls_in_flight(tmp_path, delay_s, grace_s, cut):
    environment = {
        "MLSDM_SERVER__DRAIN_DELAY_S": delay_s,
        "MLSDM_SERVER__DRAIN_GRACE_S": grace_s,
    }
    server = await asyncio.to_thread(ServerProcess, tmp_path, environment=environment)
    async with channel(server.listen) as one:
        memories = memory_service_pb2_grpc.MemoryServiceStub(one)
        first = await put(memories, CALLS)
        assert first is None
        calls = [asyncio.ensure_future(put(memories, number)) for number in range(CALLS)]
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        in_flight = sum(not call.done() for call in calls)
        exit_code = asyncio.create_task(asyncio.to_thread(server.terminate))
        ends = await asyncio.gather(*calls)
        assert await exit_code == 0
    failed = [end for end in ends if end is not None]
    for error in failed:
        assert error.code() is grpc.StatusCode.UNAVAILABLE, error
        assert retry_delay(error) is not None, error
    assert in_flight > CALLS // 2
    assert bool(failed) == cut

    server = await asyncio.to_thread(ServerProcess, tmp_path)
    async with channel(server.listen) as one:
        minds = cognition_service_pb2_grpc.CognitionServiceStub(one)
        state = (await minds.GetState(cognition_service_pb2.GetStateRequest())).state
        assert state.memory.used >= (CALLS + 1 - len(failed)) * TEXTS
        assert await server.metric("mlsdm_journal_replayed_records_total") == 0
        memories = memory_service_pb2_grpc.MemoryServiceStub(one)
        again = [await put(memories, n) for n in range(CALLS) if ends[n] is not None][:3]
        assert not any(again)
    assert await asyncio.to_thread(server.terminate) == 0


def retry_delay(error):
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status = status_pb2.Status.FromString(value)
            for detail in status.details:
                if detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
                    return error_details_pb2.RetryInfo.FromString(detail.value).retry_delay
    return None
