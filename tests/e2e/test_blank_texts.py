"""Blank texts, of white space or invisible characters only, are refused."""

import grpc
import pytest
from node import Refusal
from serving import channel, in_process
from talk import Talk, kinds

from mlsdm_grpc._gen.mlsdm.v1 import (
    cognition_service_pb2,
    governance_service_pb2,
    memory_pb2,
    memory_put_pb2,
    memory_query_pb2,
    memory_stream_pb2,
)
from mlsdm_grpc._gen.mlsdm.v1 import generation_service_pb2 as pb

pytestmark = pytest.mark.anyio

WHITE_SPACE = [
    *(" ", "   ", "\t", "\n", "\r\n", "\v\f", "\u0085", "\u00a0", "\u1680"),
    *("\u2000\u2001\u2002\u2003\u2004\u2005", "\u2006\u2007\u2008\u2009\u200a"),
    *("\u2028", "\u2029", "\u202f", "\u205f", "\u3000"),
]
INVISIBLE = [
    *("\u200b", "\u200c\u200d", "\u2060", "\ufeff", "\u00ad", "\u034f", "\u061c"),
    *("\u200e\u200f", "\u202a\u202e", "\u2066\u2069", "\u180e", "\ufe0f", "\u2800", "\u3164"),
    *("\u115f\u1160", "\uffa0", "\x00", "\x07", "\x1b", "\x7f", "\U000e0041\U000e007f"),
    *("\U000e0100", " \u200b \n", "\u200b" * 9),
]
VISIBLE = ["?", ".", "0", "\u0301", "\u0600", "\u200b?\u200b", "\U0001f600", "\ufffd", "天"]
VECTOR = {"floats": {"values": [1.0, 0.5]}}


@pytest.fixture(scope="module")
async def talk():
    async with in_process(space={"dimension": 2}) as server, channel(server.listen) as one:
        yield Talk(one, server)


async def violations(call):
    """Return the fields that a call was refused for."""
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call
    told = Refusal(failed.value)
    assert (told.code, told.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
    return told.fields


@pytest.mark.parametrize("text", ["", *WHITE_SPACE, *INVISIBLE], ids=ascii)
async def test_what_says_nothing_is_refused_by_its_field(talk, text):
    memory = memory_pb2.Memory(text=text)
    batch = [memory_pb2.Memory(embedding=VECTOR), memory]
    item, own = ("memory.text", "text") if text else ("memory", "embedding")
    minds, governance = talk.minds.ProcessEvent, talk.governance
    for call, request, fields in (
        (talk.generation.Generate, pb.GenerateRequest(prompt=text), ["prompt"]),
        (talk.memory.QueryMemories, memory_query_pb2.QueryMemoriesRequest(text=text), ["text"]),
        (
            talk.memory.BatchQueryMemories,
            memory_query_pb2.BatchQueryMemoriesRequest(queries=[{"text": text}]),
            ["queries[0].text"],
        ),
        (talk.memory.PutMemory, memory_put_pb2.PutMemoryRequest(memory=memory), [item]),
        (
            talk.memory.BatchPutMemories,
            memory_put_pb2.BatchPutMemoriesRequest(memories=batch),
            [item.replace("memory", "memories[1]")],
        ),
        (
            minds,
            cognition_service_pb2.ProcessEventRequest(text=text, moral_value=0.9),
            [own],
        ),
        (
            minds,
            cognition_service_pb2.ProcessEventRequest(text=text, embedding=VECTOR),
            ["moral_value"],
        ),
        (
            governance.EvaluateContent,
            governance_service_pb2.EvaluateContentRequest(text=text),
            ["text"],
        ),
        (governance.RepairSpeech, governance_service_pb2.RepairSpeechRequest(text=text), ["text"]),
    ):
        assert await violations(call(request)) == fields, request
    assert await violations(talk.stream(text)) == ["prompt"]


@pytest.mark.parametrize("text", [" \n", "\u200b"], ids=ascii)
async def test_items_of_streams_that_say_nothing_fail_alone(talk, text):
    good = memory_pb2.Memory(embedding=VECTOR)
    ingest = talk.memory.IngestMemories()
    opened = memory_stream_pb2.IngestMemoriesRequest()
    opened.open.stream.stream_id = f"memories-{ord(text[0])}"
    await ingest.write(opened)
    batch = memory_stream_pb2.IngestMemoriesRequest()
    batch.batch.first_sequence = 1
    batch.batch.memories.extend([memory_pb2.Memory(text=text), good])
    await ingest.write(batch)
    await ingest.done_writing()
    outcomes = [each async for message in ingest for each in message.ack.outcomes]
    assert [each.HasField("status") for each in outcomes] == [True, False]
    assert outcomes[0].status.metadata["field"] == "memory.text"


@pytest.mark.parametrize("text", VISIBLE, ids=ascii)
async def test_what_says_little_is_taken(talk, text):
    answer = await talk.generate(text, top_k=0, remember=False)
    assert answer.finish_reason == pb.FINISH_REASON_STOP
    assert kinds(await talk.stream(text, top_k=0, remember=False))[-1] == "final"
    request = governance_service_pb2.EvaluateContentRequest(text=text)
    assert (await talk.governance.EvaluateContent(request)).policy_version


async def test_with_a_vector_a_memory_may_say_nothing(talk):
    """The memory is found by its vector, and a page or an export can be stored again unchanged."""
    memory = memory_pb2.Memory(text=" \u200b", embedding=VECTOR, memory_id="blank")
    await talk.memory.PutMemory(memory_put_pb2.PutMemoryRequest(space="vectors", memory=memory))
    event = cognition_service_pb2.ProcessEventRequest(
        space="vectors", text="\u2003", embedding=VECTOR, moral_value=0.9
    )
    assert (await talk.minds.ProcessEvent(event)).outcome.accepted
    found = await talk.memory.QueryMemories(
        memory_query_pb2.QueryMemoriesRequest(space="vectors", embedding=VECTOR)
    )
    assert {match.memory.text for match in found.matches} == {" \u200b", "\u2003"}
