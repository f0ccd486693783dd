from __future__ import annotations

import anyio
import grpc
import grpc.aio
import pytest

from mlsdm_grpc import errors
from mlsdm_grpc._gen.mlsdm.v1 import memory_put_pb2
from mlsdm_grpc.client import request_id_of
from mlsdm_grpc.client.failures import typed_error
from mlsdm_grpc.wire.status import CODES

pytestmark = pytest.mark.anyio

UUID = "11111111-2222-3333-4444-555555555555"


def raising(error):
    def answer(_request, _metadata):
        raise error

    return answer


@pytest.mark.parametrize("cls", sorted(CODES, key=lambda cls: cls.__name__))
async def test_the_client_raises_the_class_that_the_server_raised(scripted, cls):
    async with scripted() as script, script.client() as memory:
        error = cls("It went wrong.", metadata={"space": "s"})
        script.answers["GetMemory"] = raising(error)
        with pytest.raises(cls) as caught:
            await memory.get("m")
    assert type(caught.value) is cls
    assert caught.value.reason == cls.reason
    if cls is not errors.InternalError:  # its text and metadata never leave the server
        assert caught.value.message == "It went wrong."
        assert caught.value.metadata == {"space": "s"}


async def test_violations_and_request_id_arrive(scripted):
    async with scripted() as script, script.client() as memory:
        violations = [
            errors.FieldViolation("memory.text", "too long"),
            errors.FieldViolation("memory.phase", "not in 0..1"),
        ]
        script.answers["PutMemory"] = raising(errors.InvalidInput(violations=violations))
        with pytest.raises(errors.InvalidInput) as caught:
            await memory.put("x")
    assert list(caught.value.violations) == violations
    assert request_id_of(caught.value) == script.metadata[0]["x-request-id"] != ""
    assert request_id_of(errors.NotFound("made here")) == ""


async def test_a_deadline_without_an_answer_is_typed(scripted):
    async with scripted() as script, script.client(timeout_s=0.1) as memory:
        script.answers["GetMemory"] = script.answers["PutMemory"] = lambda *_: anyio.sleep_forever()
        with anyio.fail_after(5):
            with pytest.raises(errors.DeadlineExceeded) as read:
                await memory.get("m")
            with pytest.raises(errors.DeadlineExceeded) as write:
                await memory.put("x", timeout_s=0.05, request_id=UUID)
    assert read.value.reason == "DEADLINE_EXPIRED"
    assert write.value.reason == "OUTCOME_UNKNOWN"
    assert write.value.metadata == {"request_id": UUID}


async def test_cancelling_a_call_cancels_it_on_the_server(scripted):
    began, cancelled = anyio.Event(), anyio.Event()

    async def wait():
        began.set()
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.set()

    async with scripted() as script, script.client() as memory:
        script.answers["PutMemory"] = lambda *_: wait()
        with anyio.fail_after(5):
            async with anyio.create_task_group() as group:
                group.start_soon(memory.put, "x")
                await began.wait()
                group.cancel_scope.cancel()
            await cancelled.wait()


async def test_a_status_of_somebody_else_keeps_its_code(scripted):
    async with scripted() as script, script.client() as memory:
        script.answers["PutMemory"] = lambda *_: memory_put_pb2.PutMemoryResponse()
        with pytest.raises(errors.ApiStatusError) as caught:
            await memory.health()  # this server has no health service
    assert caught.value.code == grpc.StatusCode.UNIMPLEMENTED.value[0]


def test_a_broken_connection_during_a_write_names_its_request_id():
    failure = grpc.aio.AioRpcError(
        grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata(), "Socket closed"
    )
    error = typed_error(failure, target="h:1", write_id="r-2")
    assert isinstance(error, errors.Unavailable)
    assert error.reason == "OUTCOME_UNKNOWN"
    assert error.metadata == {"request_id": "r-2"}
    assert error.message == "Socket closed"
