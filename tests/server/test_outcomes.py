"""Writes that are begun and get no answer of their own: never taken for not written."""

from __future__ import annotations

import asyncio

import pytest

from mlsdm_grpc.client.attempts import UNCERTAIN_REASONS
from mlsdm_grpc.protection import byte_gate
from mlsdm_grpc.protection.byte_gate import SMALL_BYTES
from mlsdm_grpc.server.memory_plan import MemoryPlan
from mlsdm_grpc.server.room import Room
from tests.support.ping import outcome, serving

pytestmark = pytest.mark.anyio

LARGE = "x" * (2 * SMALL_BYTES)


@pytest.fixture
def full(monkeypatch):
    """Return a room in which all that answers may have is taken."""
    monkeypatch.setattr(byte_gate, "LONGEST_WAIT_S", 0.1)
    plenty = 10**9
    room = Room(MemoryPlan(0, 0, plenty, plenty, plenty, 10 * SMALL_BYTES, 0, 0, 0))
    assert room.answering.try_take("other", room.answering.total)
    return room


async def test_the_large_answer_of_a_write_waits_for_room_and_that_of_a_read_is_refused(full):
    async with serving(room=full) as running:
        read = await running.call("Unary", LARGE)
        assert (read.code, read.error.reason) == ("UNAVAILABLE", "BULKHEAD_FULL")
        write = asyncio.ensure_future(running.call("Write", LARGE))
        await asyncio.sleep(0.5)
        assert not write.done()
        full.answering.change("other", -full.answering.total)
        assert (await write).texts == [LARGE]
        await running.settled()
    assert full.answering.free == full.answering.total


@pytest.mark.parametrize("limit", [{"default_deadline_s": 0.5}, {}])
async def test_a_write_without_room_for_its_answer_ends_unknown_at_its_deadline(full, limit):
    options = {} if limit else {"timeout": 0.5}
    async with serving(room=full, **limit) as running:
        result = await running.call("Write", LARGE, **options)
        assert result.code == "DEADLINE_EXCEEDED"
        if limit:
            assert result.error.reason == "OUTCOME_UNKNOWN"
        await running.settled()
    assert full.answering.waiting == 0


async def test_a_write_that_the_end_of_the_grace_cuts_is_unknown_with_outcome_unknown():
    async with serving() as running:
        write = asyncio.ensure_future(running.call("Write", "hang"))
        await running.ping.begun.wait()
        await running.server.drain(delay_s=0, grace_s=0.05)
        result = await write
    assert (result.code, result.error.reason) == ("UNAVAILABLE", "OUTCOME_UNKNOWN")
    assert result.error.reason in UNCERTAIN_REASONS
    assert result.error.retry_after_s > 0


async def test_a_write_that_is_cut_before_its_message_came_has_done_nothing():
    async with serving() as running:
        silent = running.channel.stream_unary("/test.v1.PingService/Write")()
        while not running.router.in_flight.calls:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0.01)
        await running.server.drain(delay_s=0, grace_s=0.05)
        assert (await outcome(silent)).error.reason == "DRAINING"
