"""Long work on the event loop is cut into slices, one at a time, in the order of asking."""

from __future__ import annotations

import asyncio
import time

import pytest

from mlsdm_grpc.protection.fair_limiter import FEW, LoopTurns

pytestmark = pytest.mark.anyio


def burn(seconds):
    end_s = time.thread_time() + seconds
    while time.thread_time() < end_s:
        pass


async def test_few_items_are_worked_on_at_once_and_many_in_slices():
    turns, looks = LoopTurns(), []

    async def look():
        while True:
            looks.append(None)
            await asyncio.sleep(0)

    watching = asyncio.create_task(look())
    assert await turns.each(lambda item: item + 1, range(FEW)) == list(range(1, FEW + 1))
    assert not looks

    def slow(item):
        burn(0.001)
        return item

    assert await turns.each(slow, range(100)) == list(range(100))
    assert len(looks) >= 15  # a hundred milliseconds in slices of four
    watching.cancel()


async def test_those_who_have_much_to_do_take_turns():
    turns, order = LoopTurns(), []

    async def work(name):
        async with turns.taken() as turn:
            for _ in range(3):
                order.append(name)
                burn(0.005)
                if turn.is_over:
                    await turn.pause()

    await asyncio.gather(*map(work, "abc"))
    assert order == list("abcabcabc")


@pytest.mark.parametrize("yields", [1, 2, 3, 4, 5])
async def test_work_that_is_cancelled_keeps_no_turn(yields):
    turns = LoopTurns()

    async def work():
        async with turns.taken() as turn:
            while True:
                burn(0.005)
                await turn.pause()

    tasks = [asyncio.create_task(work()) for _ in range(3)]
    for _ in range(yields):
        await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert all(task.cancelled() for task in tasks)
    async with asyncio.timeout(5), turns.taken():
        pass
