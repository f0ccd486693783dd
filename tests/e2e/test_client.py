"""The client with real servers, where the effect of requests matters."""

from __future__ import annotations

import random
from contextlib import aclosing

import pytest
from serving import ServerProcess, remembering

from mlsdm_grpc.client import MemoryClient, new_memory
from mlsdm_grpc.errors import InvalidInput
from mlsdm_grpc.messages.limits import MAX_TEXT_BYTES
from mlsdm_grpc.moderation.text_costs import BATCH_TEXT_BYTES

pytestmark = pytest.mark.anyio

WORDS = (
    "the invoice of March is due on Friday said Anna to the bank; Ben moved from Hanoi to Rome in"
    " 1987 and reads about boats, bread, trains and the weather in the garden of his sister"
)


def texts(count, size, seed=7):
    """Return ``count`` different texts of the given size."""
    choose = random.Random(seed)
    return [" ".join(choose.choices(WORDS.split(), k=size))[:size].strip() for _ in range(count)]


async def test_texts_go_in_the_batches_that_the_server_advises():
    half = BATCH_TEXT_BYTES // MAX_TEXT_BYTES // 2
    memories = [
        new_memory("x" * MAX_TEXT_BYTES, embedding=[1.0] * 16, memory_id=f"m{number}")
        for number in range(3 * half)
    ]
    async with remembering() as memory:
        assert (await memory.server_info()).limits.advised_batch_text_bytes == BATCH_TEXT_BYTES
        answers = await memory.put_many(memories)
    assert [len(answer.memories) for answer in answers] == [2 * half, half]


@pytest.mark.load
@pytest.mark.timeout(300)
async def test_five_hundred_long_texts_are_stored_within_the_default_deadlines(tmp_path):
    memories = [new_memory(text) for text in texts(500, MAX_TEXT_BYTES)]
    server = ServerProcess(tmp_path, environment={"MLSDM_LOGGING__LEVEL": "error"})
    try:
        async with MemoryClient(server.listen) as memory:
            answers = await memory.put_many(memories)
            assert (await memory.state()).state.memory.used == 500
    finally:
        server.terminate()
    counts = [len(answer.memories) for answer in answers]
    assert sum(counts) == 500
    assert max(counts) == BATCH_TEXT_BYTES // MAX_TEXT_BYTES


async def test_what_no_memory_is_ends_an_ingestion_after_those_before_it():
    def given():
        yield new_memory(embedding=[1.0] * 16, memory_id="before")
        yield "no memory"
        yield new_memory(embedding=[1.0] * 16, memory_id="behind")

    async with remembering() as memory:
        async with aclosing(memory.ingest(given())) as stream:
            assert (await anext(stream)).memory_id == "before"
            with pytest.raises(InvalidInput, match=r"^memories\[1\]: must be a message Memory"):
                await anext(stream)
        assert [each.memory_id async for each in memory.list()] == ["before"]
