"""Workers that end, stall or exceed their memory are replaced; other workers are unaffected."""

import asyncio
import contextlib
import os
import signal
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from drive import KEY, running, ticket, vector
from processes import pids_by_role

from mlsdm_grpc.core.model.bodies import PutMemories, SpaceChange
from mlsdm_grpc.core.model.new_memory import NewMemory
from mlsdm_grpc.errors import Unavailable
from mlsdm_grpc.protection.sensors import resident_bytes
from mlsdm_grpc.workers.progress import LOADING, Applying, Progress, shared_page

MIB = 1_024 * 1_024

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]


def keys_of(driver, worker, count):
    """Names of spaces that live on one worker."""
    directory = driver.engine.directory
    keys = (KEY._replace(space=f"s{i}") for i in range(10_000))
    found = (key for key in keys if directory.registry.worker_of(key) == worker)
    return [next(found) for _ in range(count)]


def restarts(driver):
    name = "mlsdm_worker_restarts_total"
    return driver.metrics.registry.get_sample_value(name, {"kind": "minds"}) or 0


def alive(pid):
    return Path(f"/proc/{pid}").exists()


async def until(condition, within_s=60):
    """Wait for an effect of another process."""
    with anyio.fail_after(within_s):
        while not condition():  # noqa: ASYNC110 - other processes set no events
            await anyio.sleep(0.01)


async def test_a_lost_worker_is_replaced_with_all_its_records():
    async with running(workers=1) as driver:
        pool = driver.engine.parts.space_workers
        await driver.put(1)
        (pid,) = pool.pids()
        os.kill(pid, signal.SIGKILL)
        await until(lambda: pool.pids() not in ([], [pid]))
        assert (await driver.state()).used == 1
        await driver.put(2)
        pids = [pid, *pool.pids()]
    assert not any(map(alive, pids))


async def test_a_worker_that_starts_while_the_engine_stops_ends_too():
    async with running(workers=1) as driver:
        os.kill(driver.engine.parts.space_workers.pids()[0], signal.SIGKILL)
        await until(lambda: not driver.engine.parts.space_workers.pids())
    left = pids_by_role(os.getpid())
    assert [left[role] for role in ("forks", "minds", "text")] == [[], [], []]


async def test_a_worker_that_stands_still_is_replaced_and_its_spaces_come_back():
    async with running(workers=2, worker_stall_timeout_s=0.4) as driver:
        pids = driver.engine.parts.space_workers.pids()
        (stuck,), (other,) = (keys_of(driver, worker, 1) for worker in (0, 1))
        for key in (stuck, other):
            await driver.put(1, 2, 3, key=key)
        os.kill(pids[0], signal.SIGSTOP)
        waiting = asyncio.ensure_future(driver.query(1, key=stuck))
        while not waiting.done():
            assert (await driver.query(2, key=other))[0] == ["m2"]
            await anyio.sleep(0.01)
        with pytest.raises(Unavailable) as caught:
            await waiting
        assert caught.value.reason == "WORKER_LOST"
        assert caught.value.retry_after_s is not None
        assert (await driver.query(3, key=stuck))[0] == ["m3"]
        assert driver.engine.parts.space_workers.pids()[0] != pids[0]
        assert driver.engine.parts.space_workers.pids()[1] == pids[1]
        assert restarts(driver) == 1
        assert not driver.engine.quarantine.spaces


async def test_writes_that_wait_for_a_stuck_worker_hold_up_no_other():
    async with running(workers=2, worker_stall_timeout_s=0) as driver:
        (stuck,), (other,) = (keys_of(driver, worker, 1) for worker in (0, 1))
        for key in (stuck, other):
            await driver.put(0, key=key)
        pid = driver.engine.parts.space_workers.pids()[0]
        os.kill(pid, signal.SIGSTOP)
        try:
            waiting = [
                asyncio.ensure_future(driver.put(seed, key=stuck, request=seed.to_bytes(16, "big")))
                for seed in range(1, 201)
            ]
            for seed in range(1, 11):
                assert (await driver.put(seed, key=other)).revision == seed + 2
            assert not any(write.done() for write in waiting)
        finally:
            os.kill(pid, signal.SIGCONT)
        assert len({write.revision for write in await asyncio.gather(*waiting)}) == 200


async def test_an_idle_worker_may_stand_still():
    async with running(workers=1, worker_stall_timeout_s=0.05, scrub_rows_per_s=0) as driver:
        await driver.put(1)
        worker = driver.engine.parts.space_workers.worker(0)
        for _ in range(100):
            worker.look()
            assert not worker.stood(1.0, 2.0)
        await driver.put(2)
        assert restarts(driver) == 0


def looks_until_stood(worker, for_s):
    looks = 0
    while not (looks and worker.stood(1.0, for_s)):
        worker.look()
        looks += 1
    return looks


async def test_a_step_over_many_bytes_may_take_longer():
    async with running(workers=1, worker_stall_timeout_s=0.0, scrub_rows_per_s=0) as driver:
        await driver.put(1)
        worker = driver.engine.parts.space_workers.worker(0)
        os.kill(worker.process.pid, signal.SIGSTOP)
        try:
            asking = asyncio.ensure_future(driver.state())
            await until(lambda: worker.link.pending)
            assert looks_until_stood(worker, 4.0) == 5  # the first only notes where the worker is
            worker.position.enter(step_bytes=40 * 1024 * 1024)
            assert looks_until_stood(worker, 4.0) == 15
        finally:
            os.kill(worker.process.pid, signal.SIGCONT)
        assert (await asking).used == 1


async def test_a_durable_write_is_answered_by_the_replacement():
    async with running(workers=1) as driver:
        await driver.put(0)
        pool = driver.engine.parts.space_workers
        for round_ in range(3):
            (pid,) = pool.pids()
            os.kill(pid, signal.SIGSTOP)  # it takes nothing, so the records wait at its door
            seeds = range(1 + 10 * round_, 11 + 10 * round_)
            writes = [
                asyncio.ensure_future(driver.put(seed, request=seed.to_bytes(16, "big")))
                for seed in seeds
            ]
            head = 2 + 10 * (round_ + 1)
            await until(lambda: pool.worker(0).link.pending >= 10)
            os.kill(pid, signal.SIGKILL)
            outcomes = await asyncio.gather(*writes)
            assert [each.revision for each in outcomes] == list(range(head - 9, head + 1))
            assert [each.items[0].memory_id for each in outcomes] == [f"m{i}" for i in seeds]
        state = await driver.state()
        assert (state.used, state.revision) == (31, 32)
        assert all(space.writes == 0 for space in driver.engine.directory)


async def test_a_write_whose_space_does_not_come_back_is_unavailable_with_worker_lost():
    async with running(workers=1) as driver:
        await driver.put(0)
        pool = driver.engine.parts.space_workers
        (pid,) = pool.pids()
        os.kill(pid, signal.SIGSTOP)
        write = asyncio.ensure_future(driver.put(1, request=b"r" * 16))
        await until(lambda: pool.worker(0).link.pending)
        patient, pool.limits = pool.limits, replace(pool.limits, ready_s=0.0)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(Unavailable) as caught:
            await write
        assert caught.value.reason == "WORKER_LOST"
        pool.limits = patient
        await until(pool.pids)
        assert (await driver.put(1, request=b"r" * 16)).revision == 3


async def test_a_worker_that_holds_too_much_is_replaced_and_loads_on_demand():
    plenty = 1 << 50
    async with running(workers=1, worker_memory_limit_bytes=plenty) as driver:
        pool = driver.engine.parts.space_workers
        pool.limits = replace(pool.limits, memory_bytes=await resident(pool) + 64 * MIB)
        (pid,) = pool.pids()
        first, second = (KEY._replace(space=name) for name in ("first", "second"))
        await put_wide(driver, first, 2_000)  # 32 MiB
        assert pool.pids() == [pid]
        with contextlib.suppress(Unavailable):
            await put_wide(driver, second, 2_400)
        await until(lambda: restarts(driver))
        states = {space.key: space.status.value for space in driver.engine.directory}
        assert states[first] == "cold"
        assert (await driver.put(1, key=KEY)).revision == 2
        assert await resident(pool) < pool.limits.memory_bytes


async def resident(pool):
    (pid,) = pool.pids()
    return await asyncio.to_thread(resident_bytes, pid)


async def put_wide(driver, key, count):
    """Store many vectors of 16 KiB each."""
    change = SpaceChange(dimension=4_096)
    await driver.engine.catalogue.create(key, change, ticket(os.urandom(16)))
    for start in range(0, count, 100):
        memories = tuple(
            NewMemory(f"m{seed}", vector(seed, 4_096)) for seed in range(start, start + 100)
        )
        paths = [""] * len(memories)
        await driver.engine.intake.put(
            key, PutMemories(memories), ticket(os.urandom(16)), paths=paths
        )


def test_a_position_is_read_from_the_other_side_of_the_page():
    page = shared_page()
    worker, parent = Progress(page), Progress(page)
    os.close(page)
    assert parent.applying is None
    assert parent.step == (0, 0)
    worker.enter(3, 17)
    assert parent.applying == Applying(3, 17)
    worker.enter(4, LOADING, step_bytes=1_000)
    assert parent.applying == Applying(4, LOADING)
    assert parent.step == (2, 1_000)
    worker.enter()
    assert parent.applying is None
    assert parent.step == (3, 0)
