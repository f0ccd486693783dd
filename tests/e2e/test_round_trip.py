"""Results of reads can be stored in another space, and are equal there."""

from datetime import UTC, datetime, timedelta

import pytest
from serving import in_process

from mlsdm_grpc._gen.mlsdm.v1 import memory_pb2
from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import Memory
from mlsdm_grpc.client import MemoryClient, new_memory
from mlsdm_grpc.errors import AlreadyExists, Conflict, PreconditionFailed

pytestmark = pytest.mark.anyio

MODEL = "wordllama-l2-supercat-256"
OWN = {  # what a space decides by itself
    "create_time",
    "update_time",
    "revision",
    "create_revision",
    "etag",
    "provenance",
}
REFRESHED = memory_pb2.PUT_RESULT_REFRESHED
CREATED = memory_pb2.PUT_RESULT_CREATED
WIDE = [f"label{i}" for i in range(40)]
LATER = datetime.now(UTC) + timedelta(days=30)


def serving():
    return in_process(engine={"text_workers": 1})


async def read(memory, space, *, by="list"):
    reads = memory.list if by == "list" else memory.export
    return [each async for each in reads(include_embedding=True, space=space)]


def comparable(memories):
    for each in memories:
        for name in OWN:
            each.ClearField(name)
    return sorted(each.SerializeToString(deterministic=True) for each in memories)


async def put(memory, message, space):
    """Put one memory in the form of a read, and return the result."""
    (done,) = await memory.put_many([message], space=space)
    return done.results[0], done.memories[0].memory_id


async def fill(memory, space):
    """Store memories of every kind."""
    await memory.put("The invoice is due on Friday.", labels=["b", "a"], space=space)
    await memory.put("The cat sleeps.", metadata={"page": "3"}, confidence=0.7, space=space)
    await memory.put("Named by its caller.", memory_id="mine", pinned=True, space=space)
    await memory.put("Until then.", expire_time=LATER, phase=0.9, space=space)
    await memory.put("Same words.", metadata={"k": "1"}, space=space)
    await memory.put("Same words.", metadata={"k": "2"}, space=space)
    await memory.put("With a vector of its own.", embedding=[0.3] * 255 + [7.0], space=space)
    await memory.put(embedding=[1.0, 2.0] * 128, space=space)
    told = {"context": "Anna: What did you buy?", "event_time": LATER, "conversation_id": "talk"}
    await memory.put("A parrot.", **told, space=space)
    await memory.put("A parrot.", context="Ben: What did you see?", space=space)
    await memory.process_event("An event happened.", moral_value=0.9, space=space)


@pytest.mark.parametrize("by", ["list", "export"])
async def test_a_space_goes_into_a_fresh_one(by):
    async with serving() as server, MemoryClient(str(server.listen)) as memory:
        await fill(memory, "old")
        there = await read(memory, "old", by=by)
        await memory.put_many(there, space="new")
        here = await read(memory, "new", by=by)
        assert [each.text for each in here] == [each.text for each in there]
        assert comparable(here) == comparable(await read(memory, "old"))


async def test_the_same_text_is_refreshed_in_both():
    async with serving() as server, MemoryClient(str(server.listen)) as memory:
        await fill(memory, "old")
        await memory.put_many(await read(memory, "old"), space="new")
        for space in ("old", "new"):
            again = await memory.put("The cat sleeps.", metadata={"page": "3"}, space=space)
            assert again.result == REFRESHED
            other = await memory.put("The cat sleeps.", metadata={"page": "4"}, space=space)
            assert other.result == CREATED
            await memory.delete(other.memory.memory_id, space=space)
        assert comparable(await read(memory, "new")) == comparable(await read(memory, "old"))


async def test_putting_everything_back_into_its_own_space_changes_nothing():
    async with serving() as server, MemoryClient(str(server.listen)) as memory:
        await fill(memory, "old")
        there = await read(memory, "old")
        for each in there:
            if each.server_assigned_id:
                assert await put(memory, each, "old") == (REFRESHED, each.memory_id)
            else:
                with pytest.raises(AlreadyExists):
                    await put(memory, each, "old")
        assert comparable(await read(memory, "old")) == comparable(there)


async def test_reads_tell_who_chose_an_id_and_by_which_model_a_text_was_embedded():
    async with serving() as server, MemoryClient(str(server.listen)) as memory:
        await fill(memory, "old")
        for each in await read(memory, "old"):
            assert each.server_assigned_id == (each.memory_id != "mine")
            own_vector = not each.text or each.text.startswith("With a vector")
            assert each.embedding_model == ("" if own_vector else MODEL)
        (match,) = (await memory.query("invoice", top_k=1, space="old")).matches
        assert match.memory.embedding_model == MODEL
        assert match.memory.server_assigned_id


async def test_an_etag_counts_only_where_a_memory_may_be_replaced():
    async with serving() as server, MemoryClient(str(server.listen)) as memory:
        stale = '"1-abc"'
        first = await memory.put("One.", memory_id="one", etag=stale)
        assert first.result == CREATED
        with pytest.raises(Conflict):
            await memory.put("Two.", memory_id="one", etag=stale, allow_replace=True)
        with pytest.raises(Conflict):
            await memory.put("Two.", memory_id="two", etag=stale, allow_replace=True)
        three = new_memory("Three.", memory_id="three", etag=stale)
        assert await put(memory, three, None) == (CREATED, "three")
        await memory.put("Two.", memory_id="one", etag=first.memory.etag, allow_replace=True)


async def test_vectors_of_the_servers_model_make_a_space_for_its_texts():
    async with serving() as server, MemoryClient(str(server.listen)) as memory:
        vector = [0.1] * 255 + [1.0]
        one = new_memory("Embedded elsewhere.", embedding=vector)
        one.embedding_model = MODEL
        await put(memory, one, "ours")
        config = (await memory.get_space("ours")).space.config
        assert (config.dimension, config.embedder_model) == (256, MODEL)
        assert (await memory.query("elsewhere", space="ours")).matches
        one.embedding_model = "other"
        with pytest.raises(PreconditionFailed) as wrong:
            await put(memory, one, "theirs")
        assert wrong.value.reason == "DIMENSION_MISMATCH"
        bare = Memory(text="Embedded elsewhere.", embedding_model="other")
        for space in ("ours", "fresh"):
            with pytest.raises(PreconditionFailed) as wrong:
                await put(memory, bare, space)
            assert wrong.value.reason == "EMBEDDER_MISMATCH"
            assert wrong.value.metadata["actual"] == "other"


async def test_equal_memories_stay_two():
    async with serving() as server, MemoryClient(str(server.listen)) as memory:
        for labels in (WIDE[:20], WIDE[20:]):  # together more than one memory can carry
            await memory.put("Same words.", labels=labels, space="old")
        first, second = await read(memory, "old")
        await memory.update(second.memory_id, remove_labels=WIDE[20:], space="old")
        there = await read(memory, "old")
        await memory.put_many(there, space="new")
        here = await read(memory, "new")
        assert [each.memory_id for each in here] == [first.memory_id, second.memory_id]
        assert comparable(here) == comparable(there)
