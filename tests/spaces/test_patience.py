"""Waits end at their time limit or without progress; other ends are passed on."""

import asyncio
import os
import signal

import pytest
from drive import KEY, running

from mlsdm_grpc.errors import DeadlineExceeded, InternalError, Unavailable
from mlsdm_grpc.spaces.patience import Patience, patience_s, waiting_for

pytestmark = pytest.mark.anyio


def now():
    return asyncio.get_running_loop().time()


async def test_a_wait_goes_on_while_there_is_movement():
    looks = iter([True, True, False])
    with pytest.raises(TimeoutError), Patience(lambda: next(looks), every_s=0.01) as patience:
        await asyncio.Event().wait()
    assert patience.is_over
    assert not list(looks)


async def test_a_wait_ends_at_its_time_whatever_moves():
    with (
        pytest.raises(TimeoutError),
        Patience(lambda: True, every_s=0.01, until_s=now() + 0.05) as patience,
    ):
        await asyncio.Event().wait()
    assert patience.is_over


async def test_nobody_looks_after_the_end():
    looks = []
    with Patience(lambda: looks.append(1) or True, every_s=0.01) as patience:
        await asyncio.sleep(0.05)
    seen = len(looks)
    await asyncio.sleep(0.05)
    assert len(looks) == seen > 0
    assert not patience.is_over


async def test_a_cancellation_from_outside_stays_one():
    async def wait():
        with Patience(lambda: True, every_s=0.01):
            await asyncio.Event().wait()

    task = asyncio.ensure_future(wait())
    await asyncio.sleep(0.03)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    ("left_s", "expected_s"),
    [(0.01, 0.1), (1.0, 0.2), (4.0, 0.8), (30.0, 2.0), (float("inf"), 2.0)],
)
async def test_patience_is_a_share_of_what_is_left(left_s, expected_s):
    assert patience_s(now() + left_s, hangs=False) == pytest.approx(expected_s, abs=0.01)
    assert patience_s(now() + left_s, hangs=True) == 0.1


async def test_a_worker_that_stands_still_is_waited_for_no_longer_and_one_that_works_is():
    async with running(workers=1) as driver:
        await driver.put(1)
        spaces = driver.engine.directory.registry
        (pid,) = driver.engine.parts.space_workers.pids()

        async def state(deadline_s=5.0, **fields):
            async with waiting_for(spaces, KEY, deadline_s=now() + deadline_s, **fields):
                return await driver.state()

        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(Unavailable) as hung:
                await state(deadline_s=1.0)
            with pytest.raises(DeadlineExceeded) as late:
                await state(until_s=now() + 0.05)
            with pytest.raises(InternalError):
                await state(deadline_s=0.1, overdue=lambda: InternalError("as the caller says"))
            async with waiting_for(spaces, KEY, deadline_s=now() + 0.3):
                for _ in range(20):  # the memory is not what this waits for
                    await asyncio.sleep(0.02)
                    driver.engine.parts.space_workers.worker(0).position.enter()
        finally:
            os.kill(pid, signal.SIGCONT)
        assert hung.value.reason == "WORKER_LOST"
        assert hung.value.metadata == {"space": KEY.space}
        assert late.value.reason == "DEADLINE_EXPIRED"
        assert (await state()).used == 1
        assert not spaces.hangs(KEY)
