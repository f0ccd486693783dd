from __future__ import annotations

import asyncio

import pytest

from mlsdm_grpc.errors import DeadlineExceeded
from mlsdm_grpc.llm.turns import CallLimit
from mlsdm_grpc.observability.current import QUEUE_WAIT_S

pytestmark = pytest.mark.anyio


def turns(limit):
    return CallLimit(limit, clock=asyncio.get_running_loop().time)


def later(seconds=5.0):
    return asyncio.get_running_loop().time() + seconds


async def test_no_more_than_the_limit_are_in_flight():
    each = turns(3)
    most = 0

    async def work():
        nonlocal most
        async with each.turn("t", later()):
            most = max(most, each.in_flight)
            await asyncio.sleep(0.001)

    await asyncio.gather(*(work() for _ in range(20)))
    assert most == 3
    assert (each.in_flight, each.waiting) == (0, 0)


async def test_tenants_come_in_turn():
    each = turns(1)
    order = []

    async def work(tenant):
        async with each.turn(tenant, later()):
            order.append(tenant)

    async with (
        asyncio.TaskGroup() as tasks,
        each.turn("first", later()),
    ):
        for tenant in "aaaabbc":
            tasks.create_task(work(tenant))
        while each.waiting < 7:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0)
        assert each.waiting == 7
    assert "".join(order) == "abcabaa"


async def test_who_waits_too_long_is_told_and_takes_no_turn_with_deadline_expired():
    each = turns(1)
    async with each.turn("a", later()):
        with pytest.raises(DeadlineExceeded) as caught:
            async with each.turn("b", later(0.02)):
                pass
    assert caught.value.reason == "DEADLINE_EXPIRED"
    assert (each.in_flight, each.waiting) == (0, 0)


async def test_who_gives_up_leaves_no_trace():
    each = turns(1)

    async def work():
        async with each.turn("b", later()):
            raise AssertionError("its turn never comes")

    async with each.turn("a", later()):
        waiting = [asyncio.create_task(work()) for _ in range(3)]
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    assert (each.in_flight, each.waiting) == (0, 0)


async def test_a_turn_that_comes_as_its_taker_goes_is_passed_on():
    each = turns(1)
    had = asyncio.Event()

    async def work(event=None):
        async with each.turn("b", later()):
            if event:
                event.set()

    async with asyncio.TaskGroup() as tasks:
        async with each.turn("a", later()):
            gone = asyncio.create_task(work())
            await asyncio.sleep(0)
            tasks.create_task(work(had))
            await asyncio.sleep(0)
        gone.cancel()  # its turn was just given to it
        with pytest.raises(asyncio.CancelledError):
            await gone
    assert had.is_set()
    assert (each.in_flight, each.waiting) == (0, 0)


async def test_waiting_counts_as_time_in_queues_also_where_it_was_in_vain():
    each = turns(1)

    async def waited(wait_s):
        try:
            async with each.turn("b", later(wait_s)):
                return QUEUE_WAIT_S.get()
        except DeadlineExceeded:
            return QUEUE_WAIT_S.get()

    async with asyncio.TaskGroup() as tasks, each.turn("a", later()):
        QUEUE_WAIT_S.set(0.0)
        patient = tasks.create_task(waited(5.0))
        hasty = tasks.create_task(waited(0.02))
        await asyncio.sleep(0.06)
    assert 0.05 <= await patient < 1
    assert 0.01 <= await hasty < 0.05
