"""Watches: at once, after each change, joined, bounded, and alive when a worker is lost."""

import asyncio
import os
import signal
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import anyio
import pytest
from drive import KEY, running

from mlsdm_grpc.errors import NotFound, Unavailable
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.spaces.watches import Pace, Watches

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]


def watch(driver, key=KEY, min_revision=0, **pace):
    deadline_s = asyncio.get_running_loop().time() + 30
    given = Pace(**{"min_interval_s": 0.01, "heartbeat_s": 60.0, "until_s": deadline_s, **pace})
    return aclosing(
        driver.engine.watches.watch(key, given, min_revision=min_revision, deadline_s=deadline_s)
    )


@asynccontextmanager
async def waiting(views):
    """Wait for the next state in a task; yield its future."""
    following = asyncio.ensure_future(anext(views))
    await anyio.wait_all_tasks_blocked()
    yield following
    following.cancel()
    await asyncio.wait([following])


async def test_figures_come_at_once_and_after_each_change(driver):
    await driver.put(1)
    async with watch(driver) as views:
        assert (await anext(views)).used == 1
        for seed in (2, 3):
            async with waiting(views) as following:
                assert not following.done()
                await driver.put(seed)
                view = await following
            assert (view.used, view.revision) == (seed, seed + 1)


async def test_a_watch_without_news_says_that_it_is_alive_until_it_is_over():
    await_s = asyncio.get_running_loop().time
    async with running() as driver:
        await driver.put(1)
        until_s = await_s() + 0.5
        async with watch(driver, heartbeat_s=0.1, until_s=until_s) as views:
            first, *beats = [view async for view in views]
        assert await_s() >= until_s
        assert first.used == 1
        assert 1 <= len(beats) <= 5
        assert not any(beats)


async def test_a_change_that_may_not_be_told_before_the_end_is_told_at_the_end():
    clock = asyncio.get_running_loop().time
    async with running() as driver:
        await driver.put(1)
        pace = {"min_interval_s": 3_600.0, "until_s": clock() + 0.3}
        async with watch(driver, **pace) as views:
            await anext(views)
            await driver.put(2)
            assert [view.used async for view in views] == [2]


async def test_changes_in_quick_succession_are_joined_and_the_newest_arrives(driver):
    clock = asyncio.get_running_loop().time
    await driver.put(0)
    async with watch(driver, min_interval_s=0.2) as views:
        await anext(views)
        told_s = clock()
        async with waiting(views) as following:
            for seed in range(1, 21):
                await driver.put(seed)
            assert (await following).used == 21
        assert clock() - told_s >= 0.19


async def test_an_idle_watch_holds_the_timer_of_its_heartbeat_and_no_other(driver, monkeypatch):
    loop, handles = asyncio.get_running_loop(), []
    call_at = loop.call_at

    def noted(*arguments, **options):
        handles.append(call_at(*arguments, **options))
        return handles[-1]

    def timers():
        return sum(each.when() > loop.time() and not each.cancelled() for each in handles)

    monkeypatch.setattr(loop, "call_at", noted)

    await driver.put(1)
    async with watch(driver, min_interval_s=3_600.0) as views:
        await anext(views)
        before = timers()
        async with waiting(views):
            assert timers() == before + 1
        assert timers() == before


async def test_the_first_figures_wait_for_their_revision(driver):
    await driver.put(1)
    async with watch(driver, min_revision=3) as views, waiting(views) as following:
        assert not following.done()
        await driver.put(2)
        assert (await following).revision == 3


async def test_a_space_that_does_not_exist_is_not_found_with_space_not_found(driver):
    with pytest.raises(NotFound) as caught:
        async with watch(driver, key=SpaceKey("dev", "nowhere")) as views:
            await anext(views)
    assert caught.value.reason == "SPACE_NOT_FOUND"
    assert not driver.engine.watches.counts


async def test_another_life_of_the_space_ends_the_watch(driver):
    await driver.put(1)
    shift = 0

    class Shifted:
        directory = driver.engine.directory

        async def state(self, key, **arguments):
            view = await driver.engine.reads.state(key, **arguments)
            return replace(view, incarnation=view.incarnation + shift)

    watches = Watches(Shifted(), limit=1)
    pace = Pace(min_interval_s=0.01, heartbeat_s=60.0, until_s=float("inf"))
    async with aclosing(watches.watch(KEY, pace, min_revision=0, deadline_s=float("inf"))) as views:
        await anext(views)
        shift = 1
        await driver.put(2)
        with pytest.raises(NotFound) as caught:
            await anext(views)
    assert caught.value.reason == "SPACE_NOT_FOUND"


async def test_watches_of_a_space_are_bounded_and_release_their_places_with_bulkhead_full():
    async with running(max_watches=2) as driver:
        await driver.put(1)
        other = KEY._replace(space="other")
        await driver.put(1, key=other)
        async with watch(driver) as first, watch(driver) as second, watch(driver, other) as third:
            for views in (first, second, third):
                await anext(views)
            with pytest.raises(Unavailable) as caught:
                async with watch(driver) as views:
                    await anext(views)
            assert caught.value.reason == "BULKHEAD_FULL"
            assert caught.value.retry_after_s is not None
            await second.aclose()
            async with watch(driver) as views:
                await anext(views)
        assert not driver.engine.watches.counts


async def test_a_cancelled_watch_releases_everything(driver):
    await driver.put(1)
    async with watch(driver) as views:
        await anext(views)
        async with waiting(views) as following:
            following.cancel()
            await asyncio.wait([following])
            assert following.cancelled()
            assert not driver.engine.watches.counts
            assert all(status.in_use == 0 for status in driver.engine.lanes)


async def test_a_watch_brings_its_space_back_when_the_worker_is_lost():
    async with running(workers=1) as driver:
        await driver.put(1)
        async with watch(driver) as views:
            await anext(views)
            async with waiting(views) as following:
                (pid,) = driver.engine.parts.space_workers.pids()
                os.kill(pid, signal.SIGKILL)
                with anyio.fail_after(20):
                    while not driver.replayed():
                        await anyio.lowlevel.checkpoint()
                assert not following.done()
                await driver.put(2)
                assert (await following).used == 2


async def test_a_space_that_cannot_be_brought_back_ends_its_watches_with_worker_lost():
    async with running(workers=1) as driver:
        await driver.put(1)
        async with watch(driver) as views:
            await anext(views)
            async with waiting(views) as following:
                pool = driver.engine.parts.space_workers
                pool.limits = replace(pool.limits, ready_s=0.0)
                (pid,) = pool.pids()
                os.kill(pid, signal.SIGKILL)
                with anyio.fail_after(20), pytest.raises(Unavailable) as caught:
                    await following
                assert caught.value.reason == "WORKER_LOST"
                assert caught.value.retry_after_s is not None
