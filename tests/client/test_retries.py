from __future__ import annotations

import contextlib
import socket

import anyio
import pytest

from mlsdm_grpc import errors
from mlsdm_grpc._gen.mlsdm.v1 import (
    cognition_service_pb2,
    generation_service_pb2,
    memory_pb2,
    memory_put_pb2,
    memory_query_pb2,
    memory_stream_pb2,
)
from mlsdm_grpc.client import MemoryClient
from mlsdm_grpc.client.channel import CONTRACT_FILES, REPEATABLE_REQUESTS, is_repeatable

pytestmark = pytest.mark.anyio


def failing(times: int, error: errors.MlsdmError, response):
    left = [times]

    def answer(_request, _metadata):
        if left[0]:
            left[0] -= 1
            raise error
        return response

    return answer


async def test_a_write_is_repeated_with_the_same_request_id_until_it_succeeds(scripted):
    async with scripted() as script, script.client() as memory:
        lost = errors.Unavailable("busy", reason="WORKER_LOST", retry_after_s=0.01)
        script.answers["PutMemory"] = failing(2, lost, memory_put_pb2.PutMemoryResponse(revision=7))
        response = await memory.put("once", request_id="11111111-2222-3333-4444-555555555555")
    assert response.revision == 7
    assert [request.request_id for request in script.requests] == [
        "11111111-2222-3333-4444-555555555555"
    ] * 3
    assert len({metadata["x-request-id"] for metadata in script.metadata}) == 1


# P18 of docs/architecture.md: the buffer that grpc has by default would leave this one out.
async def test_a_large_write_is_repeated_too(scripted):
    async with scripted() as script, script.client() as memory:
        lost = errors.Unavailable("busy", reason="WORKER_LOST", retry_after_s=0.01)
        script.answers["Generate"] = failing(
            2, lost, generation_service_pb2.GenerateResponse(revision=7)
        )
        assert (await memory.generate("x" * 2**20)).revision == 7
    assert len(script.requests) == 3


async def test_every_write_has_a_fresh_request_id(scripted):
    async with scripted() as script, script.client() as memory:
        script.answers["PutMemory"] = lambda *_: memory_put_pb2.PutMemoryResponse()
        script.answers["ProcessEvent"] = lambda *_: cognition_service_pb2.ProcessEventResponse()
        for _ in range(3):
            await memory.put("again")
            await memory.process_event("again")
    ids = {request.request_id for request in script.requests}
    assert len(ids) == 6
    assert all(len(each) == 36 for each in ids)


async def test_after_three_attempts_the_server_s_error_is_raised(scripted):
    async with scripted() as script, script.client() as memory:
        full = errors.Unavailable(
            "full", reason="BULKHEAD_FULL", metadata={"lane": "bulk"}, retry_after_s=0.01
        )
        script.answers["QueryMemories"] = failing(9, full, None)
        with pytest.raises(errors.Unavailable) as caught:
            await memory.query("x")
    assert len(script.requests) == 3
    assert caught.value.reason == "BULKHEAD_FULL"
    assert caught.value.metadata == {"lane": "bulk"}
    assert caught.value.retry_after_s == pytest.approx(0.01)


async def test_the_server_s_pushback_is_waited_for(scripted):
    async with scripted() as script, script.client() as memory:
        answer = memory_query_pb2.QueryMemoriesResponse(revision=1)
        script.answers["QueryMemories"] = failing(
            1, errors.Unavailable("later", retry_after_s=0.3), answer
        )
        began = anyio.current_time()
        await memory.query("x")
        assert anyio.current_time() - began >= 0.3


@pytest.mark.parametrize(
    "error",
    [errors.QuotaExceeded("slower", retry_after_s=0.01), errors.Conflict("changed")],
    ids=["quota", "conflict"],
)
async def test_only_unavailable_is_repeated(scripted, error):
    async with scripted() as script, script.client() as memory:
        script.answers["PutMemory"] = failing(9, error, None)
        with pytest.raises(type(error)):
            await memory.put("x")
    assert len(script.requests) == 1


# P6 of docs/architecture.md.
async def test_a_lost_connection_is_repaired(scripted):
    async with scripted() as script:
        memory = script.client()
        await memory.__aenter__()
        script.answers["PutMemory"] = lambda *_: memory_put_pb2.PutMemoryResponse()
        await memory.put("before")
        port = int(script.target.rpartition(":")[2])
    try:
        with pytest.raises(errors.Unavailable):
            await memory.put("meanwhile", timeout_s=2)
        async with scripted(port) as script:
            script.answers["PutMemory"] = lambda *_: memory_put_pb2.PutMemoryResponse()
            with anyio.fail_after(15):
                while not script.requests:
                    with contextlib.suppress(errors.Unavailable):
                        await memory.put("after")
            assert script.requests[0].memory.text == "after"
    finally:
        await memory.__aexit__(None, None, None)


async def test_no_server_is_a_typed_error_soon():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        target = f"127.0.0.1:{unused.getsockname()[1]}"
        async with MemoryClient(target) as memory:
            with anyio.fail_after(10), pytest.raises(errors.Unavailable) as caught:
                await memory.get("m")
    assert caught.value.reason == ""
    assert caught.value.metadata == {}


def test_exactly_the_calls_that_are_safe_to_repeat_are_repeated():
    assert {
        "mlsdm.v1.PutMemoryRequest",
        "mlsdm.v1.QueryMemoriesRequest",
        "mlsdm.v1.ProcessEventRequest",
        "mlsdm.v1.GetServerInfoRequest",
    } <= REPEATABLE_REQUESTS
    assert "mlsdm.v1.SetNodeModeRequest" not in REPEATABLE_REQUESTS
    assert "mlsdm.v1.IngestMemoriesRequest" not in REPEATABLE_REQUESTS


def test_each_method_of_the_contract_has_a_request_of_its_own():
    requests = [
        method.input_type.full_name
        for file in CONTRACT_FILES
        for service in file.services_by_name.values()
        for method in service.methods
    ]
    assert len(set(requests)) == len(requests)


def test_every_write_of_the_data_services_can_be_repeated():
    for file in CONTRACT_FILES[:2]:
        for service in file.services_by_name.values():
            for method in service.methods:
                assert is_repeatable(method) or method.client_streaming, method.full_name


async def test_a_stream_does_not_wait_for_longer_than_its_patience(scripted):
    async def answer(_requests, _metadata):
        raise errors.Unavailable("full", reason="JOURNAL_FULL", retry_after_s=30.0)
        yield

    async with scripted() as script, script.client() as memory:
        script.answers["IngestMemories"] = script.answers["ExportMemories"] = answer
        with anyio.fail_after(5):
            with pytest.raises(errors.Unavailable) as caught:
                await anext(memory.ingest([memory_pb2.Memory(text="a")], patience_s=10))
            with pytest.raises(errors.Unavailable):
                await anext(memory.export(patience_s=10))
    assert caught.value.reason == "JOURNAL_FULL"


async def test_a_stream_whose_name_a_broken_call_of_its_own_holds_is_tried_again(scripted):
    """The break precedes the open stream; an error of a first attempt is raised at once."""
    taken = errors.Conflict("taken", reason="STREAM_IN_USE", retry_after_s=0.01)
    broken = errors.Unavailable("broken", reason="WORKER_LOST", retry_after_s=0.01)

    async def answer(requests, _metadata):
        if failures:
            raise failures.pop(0)
        async for request in requests:
            if request.HasField("open"):
                flow = {"max_in_flight_count": 1, "max_batch_count": 1}
                yield memory_stream_pb2.IngestMemoriesResponse(opened={"flow": flow})
            else:
                yield memory_stream_pb2.IngestMemoriesResponse(ack={"acked_sequence": 1})

    async with scripted() as script, script.client() as memory:
        script.answers["IngestMemories"] = answer
        failures = [broken, taken, taken]
        source = [memory_pb2.Memory(text="a")]
        outcomes = [outcome async for outcome in memory.ingest(source)]
        assert [outcome.sequence for outcome in outcomes] == [1]
        failures = [taken]
        with pytest.raises(errors.Conflict):
            await anext(memory.ingest(source))
