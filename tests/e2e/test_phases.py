"""Queries by day and by night: all phases without a phase, a band with one."""

from datetime import UTC, datetime, timedelta

import anyio
import pytest
from serving import remembering

from mlsdm_grpc._gen.mlsdm.v1 import event_pb2
from mlsdm_grpc.errors import InvalidInput

pytestmark = pytest.mark.anyio

DAY, NIGHT = pytest.approx(0.1), pytest.approx(0.9)


def axis(number):
    """A unit vector of dimension 16."""
    return [float(number == i) for i in range(16)]


async def fall_asleep(memory):
    """Eight events: the space wakes for eight and then sleeps for three."""
    for number in range(8):
        event = await memory.process_event(
            f"event {number}", embedding=axis(number + 1), moral_value=0.9
        )
    assert event.outcome.rhythm_state == event_pb2.RHYTHM_STATE_SLEEP


def texts(response):
    return [match.memory.text for match in response.matches]


async def test_what_was_stored_by_day_is_found_by_night_and_the_other_way_round():
    async with remembering() as memory:
        await memory.put("by day", embedding=axis(0))
        await fall_asleep(memory)
        by_night = await memory.query(embedding=axis(0), top_k=1)
        assert texts(by_night) == ["by day"]
        assert by_night.phase is None
        assert by_night.outside_phase_count == 0
        await memory.put("by night", embedding=axis(15))
        for number in range(3):
            await memory.process_event(
                f"dream {number}", embedding=axis(number + 9), moral_value=0.9
            )
        by_day = await memory.query(embedding=axis(15), top_k=1)
        assert texts(by_day) == ["by night"]
        assert by_day.matches[0].memory.phase == NIGHT


async def test_a_phase_means_its_band_and_the_answer_counts_what_that_leaves_out():
    async with remembering() as memory:
        for number, phase in enumerate([0.1, 0.25, 0.26, 0.9]):
            await memory.put(f"at {phase}", embedding=axis(number), phase=phase, labels=["kept"])
        soon = datetime.now(UTC) + timedelta(seconds=3)
        await memory.put("for a moment", embedding=axis(4), phase=0.9, expire_time=soon)
        found = await memory.query(embedding=axis(0), phase=0.1)
        assert (found.phase, found.outside_phase_count) == (DAY, 3)
        assert sorted(texts(found)) == ["at 0.1", "at 0.25"]  # inclusive
        await anyio.sleep(3.2)
        for limits in ({}, {"labels": ["none"]}, {"min_confidence": 1.0}, {"top_k": 1}):
            found = await memory.query(embedding=axis(0), phase=0.1, **limits)
            assert found.outside_phase_count == 2
        wide = await memory.query(embedding=axis(0), phase=0.1, phase_tolerance=1)
        assert (wide.phase, wide.outside_phase_count, len(wide.matches)) == (DAY, 0, 4)
        narrow = await memory.query(embedding=axis(0), phase=0.26, phase_tolerance=0)
        assert (texts(narrow), narrow.outside_phase_count) == (["at 0.26"], 3)


async def test_a_space_may_recall_in_the_band_of_its_phase():
    async with remembering() as memory:
        await memory.create_space("band", dimension=16, recall_phase="band")
        await memory.put("by day", embedding=axis(0), space="band")
        await memory.put("by night", embedding=axis(1), phase=0.9, space="band")
        found = await memory.query(embedding=axis(1), space="band")
        assert (texts(found), found.phase, found.outside_phase_count) == (["by day"], DAY, 1)
        everywhere = await memory.query(embedding=axis(1), phase_tolerance=1, space="band")
        assert texts(everywhere) == ["by night", "by day"]
        assert everywhere.phase is None
        elsewhere = await memory.query(embedding=axis(1), phase=0.9, space="band")
        assert (texts(elsewhere), elsewhere.outside_phase_count) == (["by night"], 1)
        etag = (await memory.get_space("band")).space.etag
        await memory.update_space("band", etag=etag, recall_phase="all")
        assert len((await memory.query(embedding=axis(1), space="band")).matches) == 2


async def test_a_tolerance_without_a_phase_has_nothing_to_lie_around():
    async with remembering() as memory:
        await memory.put("by day", embedding=axis(0))
        everywhere = await memory.query(embedding=axis(0), phase_tolerance=1)
        assert texts(everywhere) == ["by day"]
        assert everywhere.phase is None
        for tolerance in (0.0, 0.15, 0.999):
            with pytest.raises(InvalidInput) as alone:
                await memory.query(embedding=axis(0), phase_tolerance=tolerance)
            assert [v.field for v in alone.value.violations] == ["phase_tolerance"]
        with pytest.raises(InvalidInput) as alone:
            await memory.query_many([axis(0), axis(1)], phase_tolerance=0.15)
        assert [v.field for v in alone.value.violations] == [
            "queries[0].phase_tolerance",
            "queries[1].phase_tolerance",
        ]


async def test_a_soft_weight_without_a_phase_counts_from_the_current_one():
    async with remembering() as memory:
        await memory.put("by day", embedding=axis(0))
        await fall_asleep(memory)
        found = await memory.query(embedding=axis(0), top_k=1, phase_weight=0.5)
        (match,) = found.matches
        assert found.phase is None
        assert match.components.phase_distance == pytest.approx(0.8)
        assert match.resonance == pytest.approx(1 - 0.5 * 0.8)


async def test_the_queries_of_a_batch_follow_the_same_rules():
    async with remembering() as memory:
        await memory.put("by day", embedding=axis(0))
        await memory.put("by night", embedding=axis(1), phase=0.9)
        for result in (await memory.query_many([axis(0), axis(1)])).results:
            assert len(result.matches) == 2
            assert result.phase is None
            assert result.outside_phase_count == 0
        for result in (await memory.query_many([axis(0), axis(1)], phase=0.9)).results:
            assert texts(result) == ["by night"]
            assert (result.phase, result.outside_phase_count) == (NIGHT, 1)
