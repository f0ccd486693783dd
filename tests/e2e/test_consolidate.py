"""Consolidate over the wire, and the consolidation of a space that falls asleep."""

from contextlib import aclosing

import anyio
import pytest
from serving import remembering

from mlsdm_grpc._gen.mlsdm.v1 import event_pb2, memory_pb2
from mlsdm_grpc.errors import InvalidInput, NotFound

pytestmark = pytest.mark.anyio

REQUEST_ID = "11111111-2222-3333-4444-555555555555"


def near(number, axis=0):
    """Vectors near to one axis."""
    values = [0.0] * 16
    values[axis] = 1.0
    values[(axis + 1 + number) % 16] = 0.05
    return values


async def put_near(memory):
    """Store two that say the same, one that is pinned, one that its caller named, and another."""
    first = await memory.put("second.", embedding=near(1), labels=["a"])
    second = await memory.put("second", embedding=near(1), labels=["b"])
    await memory.put("pinned", embedding=near(1), pinned=True)
    await memory.put("named", embedding=near(1), memory_id="named")
    await memory.put("far", embedding=near(1, axis=12))
    return [first.memory.memory_id, second.memory.memory_id]


async def test_memories_that_say_the_same_are_merged():
    async with remembering() as memory:
        parents = await put_near(memory)
        foreseen = await memory.consolidate(validate_only=True)
        assert (foreseen.merged_count, foreseen.purged_count, foreseen.used) == (2, 0, 4)
        done = await memory.consolidate(request_id=REQUEST_ID)
        assert (done.merged_count, done.purged_count, done.used) == (2, 0, 4)
        assert await memory.consolidate(request_id=REQUEST_ID) == done
        with pytest.raises(InvalidInput) as reused:
            await memory.consolidate(request_id=REQUEST_ID, merge_min_cosine=0.9)
        assert reused.value.reason == "REQUEST_ID_REUSED"
        assert_merged([each async for each in memory.list(include_embedding=True)], parents)


def assert_merged(memories, parents):
    texts = {each.text: each for each in memories}
    assert set(texts) == {"pinned", "named", "far", "second"}
    merged = texts["second"]
    assert merged.source == memory_pb2.MEMORY_SOURCE_USER_INPUT  # as that of both
    assert sorted(merged.provenance.parent_ids) == sorted(parents)
    assert list(merged.labels) == ["a", "b"]
    assert merged.memory_id not in parents
    assert memories[-1] == merged


async def test_faulty_requests_are_refused_with_space_not_found():
    async with remembering() as memory:
        with pytest.raises(NotFound) as missing:
            await memory.consolidate()
        assert missing.value.reason == "SPACE_NOT_FOUND"
        for wrong in (0.4, 1.1, float("nan")):
            with pytest.raises(InvalidInput) as invalid:
                await memory.consolidate(merge_min_cosine=wrong)
            assert [v.field for v in invalid.value.violations] == ["merge_min_cosine"]


async def test_a_space_that_falls_asleep_consolidates_itself():
    async with remembering() as memory:
        parents = await put_near(memory)
        for number in range(8):
            event = await memory.process_event(
                f"event {number}", embedding=near(5, axis=number + 1), moral_value=0.9
            )
        assert event.outcome.rhythm_state == event_pb2.RHYTHM_STATE_SLEEP
        revision = event.outcome.revision + 1
        with anyio.fail_after(20):
            async with aclosing(memory.watch_state(min_revision=revision)) as states:
                state = (await anext(states)).state
        assert state.memory.used == event.outcome.used - 1
        memories = [each async for each in memory.list() if not each.text.startswith("event")]
        assert_merged(memories, parents)
