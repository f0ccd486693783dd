"""Context, event times and conversations of memories: kept, found by, never quoted as text."""

from datetime import UTC, datetime, timedelta

import pytest
from node import refusal
from serving import channel, in_process, remembering

from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import ExchangeRole, MemorySource, PutResult
from mlsdm_grpc._gen.mlsdm.v1.memory_put_pb2 import PutMemoryRequest
from mlsdm_grpc._gen.mlsdm.v1.memory_query_pb2 import ListMemoriesRequest, QueryMemoriesRequest
from mlsdm_grpc._gen.mlsdm.v1.memory_service_pb2_grpc import MemoryServiceStub
from mlsdm_grpc.client import new_memory

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

MAY = datetime(2023, 5, 8, 13, 56, tzinfo=UTC)
DAY = timedelta(days=1)


def texts(answer):
    return [match.memory.text for match in answer.matches]


@pytest.mark.parametrize("mode", ["lexical", "hybrid", "vector"])
async def test_a_memory_is_found_by_its_context_less_than_by_its_text(mode):
    async with remembering() as memory:
        await memory.put("A green one, in the market.", context="Anna: Did you buy a parrot?")
        await memory.put("We talked about the weather.", context="Ben: Did it rain?")
        await memory.put("The parrot is called Coco, and it is green.")
        found = await memory.query("parrot", mode=mode, top_k=2)
        assert texts(found) == [
            "The parrot is called Coco, and it is green.",
            "A green one, in the market.",
        ]
        assert found.matches[1].memory.context == "Anna: Did you buy a parrot?"


async def test_equal_texts_with_other_circumstances_are_memories_of_their_own():
    async with remembering() as memory:
        told = [
            {},
            {"context": "Anna: Tea?"},
            {"context": "Anna: Coffee?"},
            {"event_time": MAY},
            {"event_time": MAY + DAY},
            {"conversation_id": "one"},
            {"conversation_id": "two"},
        ]
        for fields in told * 2:
            await memory.put("Yes, please.", **fields)
        assert (await memory.state()).state.memory.used == len(told)
        again = await memory.put("Yes, please.", context="Anna: Tea?")
        assert again.result == PutResult.PUT_RESULT_REFRESHED
        await memory.consolidate()
        assert (await memory.state()).state.memory.used == len(told)


@pytest.mark.parametrize("mode", ["lexical", "hybrid", "vector"])
async def test_queries_are_limited_to_times_sources_and_conversations(mode):
    async with remembering() as memory:
        await memory.put("The parrot slept.", event_time=MAY, conversation_id="one")
        await memory.put("The parrot flew.", event_time=MAY + DAY, conversation_id="two")
        await memory.put("The parrot sang.")
        machine = new_memory("The parrot spoke.")
        machine.source = MemorySource.MEMORY_SOURCE_LLM_GENERATION
        await memory.put_many([machine])

        async def found(**limits):
            return set(texts(await memory.query("parrot", mode=mode, **limits)))

        assert len(await found()) == 4
        assert await found(before=MAY) == set()
        assert await found(after=MAY, before=MAY + DAY) == {"The parrot slept."}
        assert await found(after=MAY + DAY, before=MAY + 2 * DAY) == {"The parrot flew."}
        assert await found(after=MAY + 2 * DAY) == {"The parrot sang.", "The parrot spoke."}
        assert await found(conversation_id="one") == {"The parrot slept."}
        assert await found(conversation_id="three") == set()
        assert await found(sources=["llm_generation"]) == {"The parrot spoke."}
        assert len(await found(sources=["user_input", "system"])) == 3


async def test_lists_and_answers_are_limited_to_times():
    async with remembering() as memory:
        await memory.put("The parrot slept in the parrot cage.", event_time=MAY)
        await memory.put("The parrot flew to the parrot tree.", event_time=MAY + DAY)
        await memory.put("The parrot sang a parrot song.")

        async def found(**times):
            listed = {each.text async for each in memory.list(page_size=1, **times)}
            answer = await memory.generate("parrot", remember=False, **times)
            assert {match.memory.text for match in answer.recalled} == listed
            streamed = memory.stream_generate("parrot", remember=False, **times)
            recalls = [each.recall async for each in streamed if each.HasField("recall")]
            assert {match.memory.text for match in recalls[0].recalled} == listed
            return sorted(text.split()[2] for text in listed)

        assert await found() == ["flew", "sang", "slept"]
        assert await found(before=MAY) == []
        assert await found(after=MAY, before=MAY + DAY) == ["slept"]
        assert await found(after=MAY + DAY) == ["flew", "sang"]
        assert await found(after=MAY + 2 * DAY) == ["sang"]


async def test_a_page_of_other_times_is_refused():
    async with in_process() as server, channel(server.listen) as open_channel:
        stub = MemoryServiceStub(open_channel)
        for text in ("one", "two"):
            memory = new_memory(text, event_time=MAY)
            await stub.PutMemory(PutMemoryRequest(memory=memory))
        request = ListMemoriesRequest(page_size=1)
        request.after.FromDatetime(MAY)
        request.page_token = (await stub.ListMemories(request)).next_page_token
        assert request.page_token
        request.after.FromDatetime(MAY + DAY)
        found = await refusal(stub.ListMemories(request))
        assert (found.code.name, found.fields) == ("INVALID_ARGUMENT", ["page_token"])


@pytest.mark.parametrize("mode", ["lexical", "hybrid", "vector"])
async def test_queries_and_lists_are_limited_to_metadata(mode):
    async with remembering() as memory:
        await memory.put("The parrot slept.", memory_id="a", metadata={"bird": "1", "day": "mon"})
        await memory.put("The parrot flew.", metadata={"bird": "1", "day": "tue"})
        await memory.put("The parrot sang.", metadata={"bird": "2"})
        await memory.put("The parrot spoke.")

        async def found(**metadata):
            limits = {"mode": mode, "metadata": metadata}
            single = set(texts(await memory.query("parrot", **limits)))
            (one,) = (await memory.query_many(["parrot"], **limits)).results
            assert {match.memory.text for match in one.matches} == single
            listed = memory.list(metadata=metadata, page_size=1)
            assert {each.text async for each in listed} == single
            return single

        assert len(await found()) == 4
        assert await found(bird="1") == {"The parrot slept.", "The parrot flew."}
        assert await found(bird="1", day="tue") == {"The parrot flew."}
        assert await found(day="1") == await found(bird="3") == await found(cat="1") == set()
        await memory.delete("a")
        await memory.put("The parrot dreamt.", metadata={"bird": "1", "day": "mon"})
        assert await found(bird="1") == {"The parrot dreamt.", "The parrot flew."}


async def test_a_filter_by_too_much_metadata_is_refused():
    long = {"k": "v" * 4_096}
    async with in_process() as server, channel(server.listen) as open_channel:
        stub = MemoryServiceStub(open_channel)
        for call, request in (
            (stub.QueryMemories, QueryMemoriesRequest(text="parrot", metadata=long)),
            (stub.ListMemories, ListMemoriesRequest(metadata=long)),
        ):
            found = await refusal(call(request))
            assert (found.code.name, found.fields) == ("INVALID_ARGUMENT", ["metadata"])


async def test_lists_are_limited_to_sources_and_conversations():
    async with remembering() as memory:
        for i in range(10):
            await memory.put(f"Turn {i}.", conversation_id="even" if i % 2 == 0 else "odd")
        machine = new_memory("Said by a machine.", conversation_id="even")
        machine.source = MemorySource.MEMORY_SOURCE_LLM_GENERATION
        machine.exchange_role = ExchangeRole.EXCHANGE_ROLE_ANSWER
        await memory.put_many([machine])
        even = [each async for each in memory.list(conversation_id="even", page_size=2)]
        assert [each.text for each in even] == [f"Turn {i}." for i in range(0, 10, 2)] + [
            "Said by a machine."
        ]
        assert even[-1].exchange_role == ExchangeRole.EXCHANGE_ROLE_ANSWER
        machines = [each async for each in memory.list(sources=["llm_generation"])]
        assert [each.text for each in machines] == ["Said by a machine."]


async def test_circumstances_survive_a_restart_and_a_replay(tmp_path):
    journal = {"kind": "sqlite", "data_dir": str(tmp_path)}
    told = {"context": "Anna: Tea?", "event_time": MAY, "conversation_id": "one"}
    async with remembering(journal=journal) as memory:
        await memory.put("Yes, please.", memory_id="yes", **told)
        before = (await memory.get("yes")).memory
    for _ in range(2):
        async with remembering(journal=journal) as memory:
            assert (await memory.get("yes")).memory == before
            assert before.context == "Anna: Tea?"
            assert before.event_time.ToDatetime(UTC) == MAY
            assert texts(await memory.query("tea", mode="lexical")) == ["Yes, please."]


async def test_personal_data_is_taken_out_of_the_context_as_out_of_the_text():
    async with remembering() as memory:
        policy = (await memory.get_policy()).policy
        for rule in policy.rules:
            if rule.rule_id == "pii.memory":
                rule.enforcement, rule.decision = 3, 3
        await memory.set_policy(policy, etag=policy.etag)
        await memory.put(
            "Write to anna.b@example.org, not by mail.",
            context="Ben of ben.c@example.org asked for an address.",
            memory_id="one",
        )
        stored = (await memory.get("one")).memory
        assert stored.text == "Write to [email], not by mail."
        assert stored.context == "Ben of [email] asked for an address."


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"context": "alone", "embedding": {"floats": {"values": [1.0] * 256}}}, "memory.context"),
        ({"text": "a", "context": "x" * 4_097}, "memory.context"),
        ({"text": "a", "conversation_id": "no spaces"}, "memory.conversation_id"),
        ({"text": "a", "exchange_role": 9}, "memory.exchange_role"),
        ({"text": "a", "event_time": {"seconds": 10**10}}, "memory.event_time"),
    ],
)
async def test_what_cannot_be_kept_is_refused(fields, field):
    async with in_process() as server, channel(server.listen) as one:
        memories = MemoryServiceStub(one)
        refused = await refusal(memories.PutMemory(PutMemoryRequest(memory=fields)))
        assert (refused.code.name, refused.fields) == ("INVALID_ARGUMENT", [field])
