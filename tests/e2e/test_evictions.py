"""Every answer to a write names the memories that had to leave for it."""

import pytest
from serving import remembering
from talk import talking

from mlsdm_grpc._gen.mlsdm.v1 import event_pb2
from mlsdm_grpc.client import new_memory

pytestmark = pytest.mark.anyio

CAPACITY = 3
FACTS = [
    "My dog is called Bruno.",
    "The heating is serviced in October.",
    "Bread is baked on Mondays.",
    "The ferry leaves at noon.",
    "Maria plays the cello.",
]


@pytest.fixture
async def memory():
    async with remembering(space={"capacity": CAPACITY}) as client:
        yield client


async def held(memory):
    return [each.memory_id async for each in memory.list()]


async def test_a_put_and_a_batch(memory):
    ids = [(await memory.put(fact)).memory.memory_id for fact in FACTS[:CAPACITY]]
    put = await memory.put(FACTS[3])
    assert list(put.evicted_memory_ids) == ids[:1]
    (batch,) = await memory.put_many([new_memory(FACTS[4]), new_memory(FACTS[0])])
    assert list(batch.evicted_memory_ids) == ids[1:3]
    assert not (await memory.put(FACTS[4])).evicted_memory_ids, "it was there, so nothing leaves"


async def test_an_ingestion_names_them_at_the_item_that_took_their_place(memory):
    outcomes = [each async for each in memory.ingest(map(new_memory, FACTS))]
    ids = [each.memory_id for each in outcomes]
    evicted = [list(each.evicted_memory_ids) for each in outcomes]
    assert evicted == [[]] * CAPACITY + [ids[:1], ids[1:2]]
    assert await held(memory) == ids[2:]


async def test_events_one_by_one_and_in_a_stream(memory):
    ids = []
    for fact in FACTS[:CAPACITY]:
        ids.append((await memory.process_event(fact)).outcome.memory_id)  # noqa: PERF401
    outcome = (await memory.process_event(FACTS[3])).outcome
    assert list(outcome.evicted_memory_ids) == ids[:1]
    (result,) = [each async for each in memory.stream_events([event_pb2.Event(text=FACTS[4])])]
    assert list(result.outcome.evicted_memory_ids) == ids[1:2]


async def test_an_exchange_that_is_remembered():
    async with talking(space={"capacity": CAPACITY}) as talk:
        first = await talk.generate(FACTS[0])
        assert not first.evicted_memory_ids
        second = await talk.generate(FACTS[1])
        assert list(second.evicted_memory_ids) == list(first.memory_ids)[:1]
        final = (await talk.stream(FACTS[2]))[-1].final
        assert list(final.evicted_memory_ids) == [first.memory_ids[1], second.memory_ids[0]]
        assert not (await talk.generate(FACTS[3], remember=False)).evicted_memory_ids
