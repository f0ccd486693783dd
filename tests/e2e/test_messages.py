"""The message of a status names the fault and the correct form; most clients print only it."""

import grpc
import pytest
from node import refusal
from serving import channel, in_process

from mlsdm_grpc._gen.mlsdm.v1 import (
    admin_service_pb2,
    admin_service_pb2_grpc,
    generation_service_pb2,
    generation_service_pb2_grpc,
    governance_service_pb2,
    governance_service_pb2_grpc,
    memory_put_pb2,
    memory_query_pb2,
    memory_service_pb2_grpc,
    node_pb2,
)

pytestmark = pytest.mark.anyio

GOOD = {"floats": {"values": [1.0] * 16}}


@pytest.fixture
async def connection():
    async with in_process() as server, channel(server.listen) as opened:
        yield opened


async def message_of(call):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.details()


@pytest.mark.parametrize(
    ("memory", "message"),
    [
        ({"embedding": GOOD, "phase": 2.0}, "memory.phase: must be a number from 0 to 1"),
        (
            {"embedding": GOOD, "phase": 2.0, "confidence": 7.0},
            "memory.phase: must be a number from 0 to 1 (1 more)",
        ),
        (
            {"embedding": GOOD, "source": 99},
            (
                "memory.source: must be one of MEMORY_SOURCE_USER_INPUT, "
                "MEMORY_SOURCE_LLM_GENERATION, MEMORY_SOURCE_RETRIEVED, MEMORY_SOURCE_SYSTEM"
            ),
        ),
        (
            {"embedding": {"floats": {"values": [1.0] * 5}}},
            (
                "The embedding has 5 components, and those of the space have 16. "
                "The space does not exist yet: CreateSpace chooses its dimension."
            ),
        ),
    ],
)
async def test_a_put_that_is_refused_says_why(connection, memory, message):
    stub = memory_service_pb2_grpc.MemoryServiceStub(connection)
    request = memory_put_pb2.PutMemoryRequest(memory=memory)
    assert await message_of(stub.PutMemory(request, timeout=10)) == message


async def test_a_space_that_exists_needs_no_advice(connection):
    stub = memory_service_pb2_grpc.MemoryServiceStub(connection)
    await stub.PutMemory(memory_put_pb2.PutMemoryRequest(memory={"embedding": GOOD}), timeout=10)
    other = {"embedding": {"floats": {"values": [1.0] * 5}}}
    refused = stub.PutMemory(memory_put_pb2.PutMemoryRequest(memory=other), timeout=10)
    expected = "The embedding has 5 components, and those of the space have 16."
    assert await message_of(refused) == expected
    asked = memory_query_pb2.QueryMemoriesRequest(embedding={"floats": {"values": [1.0] * 5}})
    assert await message_of(stub.QueryMemories(asked, timeout=10)) == expected


async def test_a_wrong_model_names_the_right_ones(connection):
    stub = generation_service_pb2_grpc.GenerationServiceStub(connection)
    request = generation_service_pb2.GenerateRequest(prompt="Hello.", model="none-such")
    assert await message_of(stub.Generate(request, timeout=10)) == "model: must be one of echo-1"


async def test_a_wrong_stage_names_the_right_ones_as_requests_write_them(connection):
    stub = governance_service_pb2_grpc.GovernanceServiceStub(connection)
    request = governance_service_pb2.EvaluateContentRequest(text="Hello.", stage=77)
    message = await message_of(stub.EvaluateContent(request, timeout=10))
    assert message.startswith("stage: must be one of GOVERNANCE_STAGE_PROMPT, ")


async def test_an_emergency_names_its_cause(connection):
    admin = admin_service_pb2_grpc.AdminServiceStub(connection)
    forced = admin_service_pb2.SetNodeModeRequest(
        mode=node_pb2.NODE_MODE_EMERGENCY, reason="a test"
    )
    await admin.SetNodeMode(forced, timeout=10)
    stub = memory_service_pb2_grpc.MemoryServiceStub(connection)
    put = stub.PutMemory(memory_put_pb2.PutMemoryRequest(memory={"embedding": GOOD}), timeout=10)
    error = await refusal(put)
    assert error.reason == "EMERGENCY"
    assert error.metadata == {"cause": "operator"}
    assert error.message.endswith(" Cause: operator.")


async def test_a_full_disk_is_told_with_both_figures(tmp_path):
    pressure = {"disk_reserve_bytes": 2**50}
    journal = {"kind": "sqlite", "data_dir": str(tmp_path)}
    async with (
        in_process(pressure=pressure, journal=journal) as server,
        channel(server.listen) as opened,
    ):
        stub = memory_service_pb2_grpc.MemoryServiceStub(opened)
        request = memory_put_pb2.PutMemoryRequest(memory={"embedding": GOOD})
        message = await message_of(stub.PutMemory(request, timeout=10))
    assert "Cause: disk: " in message
    assert f" MiB free, {2**50 // 2**20} MiB needed." in message
