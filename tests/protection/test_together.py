"""Concurrent work leaves no tasks behind if a part of it fails."""

import asyncio

import pytest

from mlsdm_grpc.errors import Unavailable
from mlsdm_grpc.protection.concurrency import all_of, both

pytestmark = pytest.mark.anyio


async def given(value):
    await asyncio.sleep(0)
    return value


async def full():
    await asyncio.sleep(0)
    raise Unavailable("full", reason="BULKHEAD_FULL")


class Slow:
    """Runs until it is cancelled."""

    running = 0

    async def run(self):
        self.running += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.running -= 1


async def test_results_are_in_order():
    assert await both(given(1), given("a")) == (1, "a")
    assert await all_of(given(i) for i in range(3)) == [0, 1, 2]
    assert await all_of(()) == []


@pytest.mark.parametrize("together", [both, lambda *parts: all_of(parts)])
async def test_an_error_comes_as_it_is_and_nothing_runs_on(together):
    slow = Slow()
    with pytest.raises(Unavailable, match="full"):
        await together(slow.run(), full())
    assert not slow.running
