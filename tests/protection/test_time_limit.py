"""TimeLimit ends a body as asyncio.timeout_at does."""

from __future__ import annotations

import asyncio
import time

import anyio
import pytest

from mlsdm_grpc.protection.concurrency import TimeLimit

pytestmark = pytest.mark.anyio


def _in(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


async def test_a_body_that_takes_too_long_ends():
    limit = TimeLimit(_in(0.01))
    with anyio.fail_after(5), pytest.raises(TimeoutError), limit:
        await asyncio.Event().wait()
    assert limit.is_over
    assert asyncio.current_task().cancelling() == 0


@pytest.mark.parametrize("seconds", [-1.0, 0.0])
async def test_a_time_that_has_passed_ends_it_at_its_first_wait(seconds):
    reached = asyncio.Event()

    async def body() -> None:
        with TimeLimit(_in(seconds)):
            reached.set()
            await asyncio.Event().wait()

    with anyio.fail_after(5), pytest.raises(TimeoutError):
        await body()
    assert reached.is_set()


async def test_a_body_that_is_done_in_time_goes_on():
    limit = TimeLimit(_in(0.01))
    with limit:
        await asyncio.sleep(0)
    await asyncio.sleep(0.05)
    assert not limit.is_over


async def test_what_a_body_raises_stays():
    with pytest.raises(KeyError), TimeLimit(_in(5)):
        raise KeyError


async def test_it_ends_only_when_it_is_told_without_a_time():
    limit = TimeLimit(None)
    asyncio.get_running_loop().call_later(0.01, limit.end)
    with anyio.fail_after(5), pytest.raises(TimeoutError), limit:
        await asyncio.Event().wait()


async def test_the_inner_one_of_two_ends_its_body_alone():
    outer, inner = TimeLimit(_in(5)), TimeLimit(_in(0.01))
    with outer:
        with pytest.raises(TimeoutError), inner:
            await asyncio.Event().wait()
        await asyncio.sleep(0)
    assert (inner.is_over, outer.is_over) == (True, False)


async def test_a_cancellation_from_outside_stays_one():
    reached = asyncio.Event()

    async def body(limit: TimeLimit) -> None:
        with limit:
            reached.set()
            await asyncio.Event().wait()

    early = asyncio.create_task(body(TimeLimit(_in(5))))
    await reached.wait()
    early.cancel()
    with pytest.raises(asyncio.CancelledError):
        await early


async def test_a_cancellation_in_the_same_turn_stays_one():
    reached = asyncio.Event()
    limit = TimeLimit(None)

    async def body() -> None:
        with limit:
            reached.set()
            await asyncio.Event().wait()

    both = asyncio.create_task(body())
    await reached.wait()
    limit.end()
    both.cancel()
    with pytest.raises(asyncio.CancelledError):
        await both
    assert both.cancelled()


async def test_two_ends_in_one_turn_are_one():
    limit = TimeLimit(_in(0.01))
    asyncio.get_running_loop().call_later(0.005, limit.end)
    asyncio.get_running_loop().call_soon(time.sleep, 0.05)  # noqa: TID251 - the loop stands still
    with anyio.fail_after(5), pytest.raises(TimeoutError), limit:
        await asyncio.Event().wait()
    assert asyncio.current_task().cancelling() == 0
