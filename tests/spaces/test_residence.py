"""Spaces leave RAM and come back; no answer shows it."""

import asyncio
import gc
import itertools
import threading
import weakref
from contextlib import aclosing

import anyio
import pytest
from counts import count
from drive import KEY, running
from hypothesis import given, settings
from hypothesis import strategies as st
from journal_doubles import HeldReads

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.errors import NotFound, Unavailable
from mlsdm_grpc.protection.lanes import Before, Lane
from mlsdm_grpc.spaces import loader
from mlsdm_grpc.spaces.space import SpaceStatus
from mlsdm_grpc.spaces.watches import Pace
from mlsdm_grpc.spaces.write_pipeline import MAX_BACKLOG
from mlsdm_grpc.workers.link import InlineLink
from mlsdm_grpc.workers.scheduler import Job, LockMode

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

KEYS = [KEY._replace(space=f"s{i}") for i in range(4)]
STEPS = st.one_of(
    st.tuples(st.just("put"), st.sampled_from(KEYS), st.integers(0, 30)),
    st.tuples(st.just("query"), st.sampled_from(KEYS), st.integers(0, 30)),
    st.tuples(st.just("state"), st.sampled_from(KEYS), st.none()),
    st.tuples(st.just("evict"), st.none(), st.none()),
    st.tuples(st.just("lose"), st.none(), st.none()),
    st.tuples(st.just("settle"), st.none(), st.none()),
)


def evictions(driver):
    return driver.metrics.registry.get_sample_value("mlsdm_space_evictions_total")


async def until(condition):
    with anyio.fail_after(20):
        while not condition():
            await anyio.lowlevel.checkpoint()


def until_set(event):
    """Steps of a job that continues until then."""
    while not event.wait(0.001):
        yield


async def gone(driver):
    """Wait until no space is loaded, after an eviction of all."""
    await driver.engine.evictor.evict_idle()
    assert len(driver.engine.directory) == 0


async def patiently(call):
    """Call again when the worker was lost, as clients do; sooner, since it is back at once."""
    while True:
        try:
            return await call()
        except Unavailable as error:
            assert error.reason == "WORKER_LOST"


def lose_the_worker(driver):
    """Effect of the end of a process, for a worker inside this process."""
    driver.engine.parts.space_workers.link(0).lose()


class Held:
    """Holds back the requests of one kind until they are let go."""

    def __init__(self, monkeypatch, kind):
        self.requests = []
        send = InlineLink.request

        def request(link, message, **more):
            if message.WhichOneof("kind") != kind:
                return send(link, message, **more)
            told = asyncio.get_running_loop().create_future()
            self.requests.append((link, message, more, told))
            return told

        self._patch = monkeypatch.context()
        self._patch.__enter__().setattr(InlineLink, "request", request)
        self._send = send

    async def let_go(self):
        self._patch.__exit__(None, None, None)
        for link, message, more, told in self.requests:
            told.set_result(await self._send(link, message, **more))


async def test_a_space_that_left_is_as_it_was(driver):
    await driver.put(*range(10))
    before = await driver.state()
    await gone(driver)
    assert evictions(driver) == 1
    after = await driver.state()
    assert (after.revision, after.chain, after.used) == (before.revision, before.chain, 10)
    await gone(driver)
    assert (await driver.put(11)).revision == before.revision + 1
    assert await driver.query(3) == (["m3"], before.revision + 1)


async def test_nothing_is_kept_of_a_space_that_left(driver):
    await driver.put(1)
    (space,) = driver.engine.directory
    left, held = weakref.ref(space), driver.engine.parts.budget.used_bytes
    assert held > 0
    minds = driver.engine.parts.space_workers.link(0).handler.minds
    assert len(minds) == 1
    del space
    await gone(driver)
    gc.collect()
    assert left() is None
    assert not minds
    assert driver.engine.parts.budget.used_bytes == 0
    assert driver.engine.directory.known(KEY) is None


async def test_a_space_in_use_stays(driver, monkeypatch):
    await driver.put(1)
    held = Held(monkeypatch, "view")
    asking = asyncio.ensure_future(driver.state())
    await anyio.wait_all_tasks_blocked()
    await driver.engine.evictor.evict_idle()
    (space,) = driver.engine.directory
    assert space.status is SpaceStatus.HOT
    await held.let_go()
    assert (await asking).used == 1
    await gone(driver)


async def test_who_waited_for_a_turn_sees_no_space_that_is_half_way_back(driver, monkeypatch):
    await driver.put(*range(10))
    (space,) = driver.engine.directory
    gate = driver.engine.lanes.gate(Lane.INTERACTIVE, Before.MIND, space.worker)
    assert gate.try_enter(1.0)
    asking = asyncio.ensure_future(driver.query(3))
    await until(lambda: gate.waiting)
    held = Held(monkeypatch, "replay")
    lose_the_worker(driver)
    await until(lambda: held.requests)
    gate.leave(1.0)
    for _ in range(100):
        await anyio.lowlevel.checkpoint()
    assert not asking.done()
    await held.let_go()
    assert await asking == (["m3"], space.applied)


@pytest.mark.parametrize("lane", [Lane.INTERACTIVE, Lane.BULK])
async def test_what_waits_for_a_job_in_its_space_holds_up_no_other_space(driver, lane):
    other = KEY._replace(tenant="other")
    await driver.put(1)
    await driver.put(1, key=other)
    (space, _) = driver.engine.directory
    handler = driver.engine.parts.space_workers.link(0).handler
    ended = threading.Event()
    request = pb.LinkRequest(space_id=space.number)
    job = Job(request, pb.LinkReply(), until_set(ended), LockMode.SNAPSHOT_READ)
    handler.slices.begin(job, at_once=False)
    before = space.head
    async with anyio.create_task_group() as tasks:
        for seed in range(100):
            seeds = (seed,) if lane is Lane.INTERACTIVE else (2 * seed, 2 * seed + 1)
            tasks.start_soon(driver.put, *seeds)
        await until(lambda: space.head == before + 100)
        with anyio.fail_after(20):
            await driver.put(2, 3, key=other)
            await driver.put(4, key=other)
        assert space.applied == before
        assert driver.engine.vitals.oldest_s == 0.0  # nor does it look like work that hangs
        ended.set()
    assert space.applied == before + 100


async def test_spaces_that_were_asked_for_lately_stay(driver):
    await driver.put(1)
    await driver.engine.evictor.evict_idle(idle_s=3_600.0)
    assert evictions(driver) == 0


async def test_a_node_under_pressure_lets_idle_spaces_leave(driver):
    await driver.put(1)
    await driver.put(1, key=KEY._replace(space="busy"))
    spaces = {space.key.space: space for space in driver.engine.directory}
    spaces["default"].used_s -= 3_600.0
    del spaces
    driver.engine.evictor.shed()
    with anyio.fail_after(10):
        while not evictions(driver):
            await anyio.lowlevel.checkpoint()
    assert [space.key.space for space in driver.engine.directory] == ["busy"]
    assert (await driver.state()).used == 1


async def test_a_call_during_an_eviction_waits_and_loads_again(driver, monkeypatch):
    await driver.put(1, 2)
    held = Held(monkeypatch, "unload")
    leaving = asyncio.ensure_future(driver.engine.evictor.evict_idle())
    await anyio.wait_all_tasks_blocked()
    (space,) = driver.engine.directory
    assert space.status is SpaceStatus.EVICTING
    calls = [asyncio.ensure_future(driver.query(2)), asyncio.ensure_future(driver.put(3))]
    await anyio.wait_all_tasks_blocked()
    assert not any(call.done() for call in calls)
    await held.let_go()
    await leaving
    found, outcome = await asyncio.gather(*calls)
    assert found[0] == ["m2"]
    assert outcome.revision == 3
    assert next(iter(driver.engine.directory)) is space


async def test_a_write_that_met_an_eviction_is_applied(driver, monkeypatch):
    await driver.put(1)
    (space,) = driver.engine.directory
    held = Held(monkeypatch, "unload")
    leaving = asyncio.ensure_future(driver.engine.evictor.evict_idle())
    await anyio.wait_all_tasks_blocked()
    linked = driver.engine.directory.opened

    async def opened(key):
        del key
        return space  # the caller looked before the eviction began

    with monkeypatch.context() as hasty:
        hasty.setattr(driver.engine.directory, "opened", opened)
        writing = asyncio.ensure_future(driver.put(2, request=b"w" * 16))
        await until(lambda: len(space.backlog) == 1)
    await held.let_go()
    await leaving
    assert (await writing).revision == 3
    assert (await linked(KEY)).applied == 3
    assert space.writes == 0


async def test_too_many_writes_that_wait_for_a_space_are_refused_before_the_journal(driver):
    await driver.put(1)
    (space,) = driver.engine.directory
    space.status, space.writes = SpaceStatus.LOADING, MAX_BACKLOG
    with pytest.raises(Unavailable) as caught:
        driver.engine.parts.writes.submit(space, None, None, done=None)
    assert caught.value.reason == "SPACE_LOADING"
    assert caught.value.retry_after_s is not None
    assert await driver.journal.head(KEY) == 2
    space.status, space.writes = SpaceStatus.HOT, 0


async def test_the_least_recently_used_leave_first():
    async with running() as driver:
        for key in KEYS:
            await driver.put(1, key=key)
        size = driver.engine.parts.budget.used_bytes // len(KEYS)
        driver.engine.parts.budget.limit_bytes = int(3.5 * size)
        await driver.query(1, key=KEYS[0])
        await driver.put(2, key=KEYS[3])
        await until(lambda: evictions(driver) == 1)
        left = [space.key for space in driver.engine.directory]
        assert left == [KEYS[2], KEYS[0], KEYS[3]]
        assert (await driver.query(1, key=KEYS[1]))[0] == ["m1"]


async def test_many_spaces_stay_within_a_small_budget():
    async with running(memory_budget_bytes=8 * 1_024 * 1_024) as driver:
        keys = [KEY._replace(space=f"many{i}") for i in range(40)]
        budget, most = driver.engine.parts.budget, 0
        for key in keys:
            await driver.put(1, key=key)
            most = max(most, budget.used_bytes)
        for _ in range(2):
            answers = await asyncio.gather(*(driver.put(2, key=key) for key in keys))
            assert len(answers) == len(keys)
            most = max(most, budget.used_bytes)
            found = await asyncio.gather(*(driver.query(2, key=key) for key in keys))
            assert all(ids == ["m2"] for ids, _ in found)
        assert evictions(driver) > 40
        assert most <= 2 * budget.limit_bytes
        sample = driver.metrics.registry.get_sample_value
        assert sample("mlsdm_spaces_memory_bytes") == sum(
            s.held_bytes for s in driver.engine.directory
        )


async def test_a_space_with_many_new_records_leaves_a_snapshot_behind():
    async with running(snapshot_every=100_000) as driver:
        for start in range(0, 1_200, 100):
            await asyncio.gather(*(driver.put(seed % 7) for seed in range(start, start + 100)))
        (space,) = driver.engine.directory
        await driver.put(8, key=KEYS[0])
        await gone(driver)
        assert (await driver.journal.load_snapshot(KEY)).revision == space.applied
        assert await driver.journal.load_snapshot(KEYS[0]) is None
        assert (await driver.state()).used == 7
        assert driver.replayed() == 0


async def test_a_watch_outlives_the_eviction_of_its_space(driver):
    await driver.put(1)
    deadline_s = asyncio.get_running_loop().time() + 60
    pace = Pace(min_interval_s=0.0, heartbeat_s=0.05, until_s=deadline_s)
    views = driver.engine.watches.watch(KEY, pace, min_revision=0, deadline_s=deadline_s)

    async def figures():
        """Skip the heartbeats."""
        while (view := await anext(views)) is None:
            pass
        return view

    async with aclosing(views):
        assert (await figures()).used == 1
        await gone(driver)
        for _ in range(2):
            assert await anext(views) is None
            assert len(driver.engine.directory) == 0  # who watches does not bring it back
        following = asyncio.ensure_future(figures())
        await driver.put(2)
        assert (await following).used == 2
        await gone(driver)
        assert await anext(views) is None
        following = asyncio.ensure_future(figures())
        await driver.put(3)
        assert (await following).used == 3


async def test_an_evicted_space_whose_worker_is_lost_loads_on_the_next_call():
    async with running(workers=1) as driver:
        await driver.put(1)
        await gone(driver)
        driver.engine.parts.space_workers.worker(0).process.kill()
        with anyio.fail_after(30):
            while True:
                try:
                    assert (await driver.put(2, request=b"2" * 16)).revision == 3
                    break
                except Unavailable:
                    await anyio.sleep(0.01)


async def test_a_budget_smaller_than_one_space_slows_but_does_not_stop():
    async with running(memory_budget_bytes=1) as driver:
        for seed in range(5):
            await asyncio.gather(*(driver.put(seed, key=key) for key in KEYS))
        found = await asyncio.gather(*(driver.query(3, key=key) for key in KEYS))
        assert all(ids == ["m3"] for ids, _ in found)
        await until(lambda: driver.engine.parts.budget.used_bytes == 0)


async def test_no_space_is_loaded_while_those_in_use_take_all_there_is():
    async with running(memory_budget_bytes=1, most_space_bytes=1) as driver:
        await driver.put(1, key=KEYS[0])
        await driver.put(1, key=KEYS[1])
        (space,) = [await driver.engine.directory.opened(KEYS[0])]
        with space:  # in use
            with pytest.raises(Unavailable) as caught:
                await driver.query(1, key=KEYS[1])
            assert (caught.value.reason, caught.value.metadata["lane"]) == (
                "BULKHEAD_FULL",
                "spaces",
            )
            assert caught.value.retry_after_s > 0
            assert (await driver.query(1, key=KEYS[0]))[0] == ["m1"]
        await until(lambda: driver.engine.parts.budget.used_bytes == 0)
        assert (await driver.query(1, key=KEYS[1]))[0] == ["m1"]


async def test_the_spaces_of_a_lost_worker_come_back_last_used_first(monkeypatch):
    async with running() as driver:
        for key in KEYS:
            await driver.put(1, key=key)
        await driver.query(1, key=KEYS[0])
        loads, load_snapshot = [], driver.journal.load_snapshot

        async def noted(key):
            loads.append(key)
            return await load_snapshot(key)

        monkeypatch.setattr(driver.journal, "load_snapshot", noted)
        lose_the_worker(driver)
        await until(lambda: all(s.status is SpaceStatus.HOT for s in driver.engine.directory))
        assert loads == [KEYS[0], KEYS[3], KEYS[2], KEYS[1]]
        loads.clear()
        lose_the_worker(driver)
        assert (await driver.query(1, key=KEYS[1]))[0] == ["m1"]
        await until(lambda: all(s.status is SpaceStatus.HOT for s in driver.engine.directory))
        assert loads.index(KEYS[1]) < 2  # it did not wait for the others
        assert sorted(loads) == KEYS


async def test_what_does_not_exist_is_not_found_after_an_eviction(driver):
    await driver.put(1)
    await gone(driver)
    with pytest.raises(NotFound):
        await driver.query(1, key=KEYS[0])
    assert len(driver.engine.directory) == 0


@settings(max_examples=count(10, 100))
@given(st.lists(STEPS, min_size=5, max_size=60), st.integers(1, 4))
async def test_no_answer_shows_what_is_in_ram(steps, kept):
    async with running() as driver:
        model = {key: {} for key in KEYS}
        numbers = itertools.count(1)
        under_way = []

        async def do(step, key, seed):
            if step == "put":
                request = next(numbers).to_bytes(16, "big")
                outcome = await patiently(lambda: driver.put(seed, key=key, request=request))
                assert outcome.items[0].memory_id == f"m{seed}"
                model[key].setdefault(seed, outcome.revision)
            elif step == "evict":
                await driver.engine.evictor.evict_idle()
            elif step == "lose":
                lose_the_worker(driver)
            else:
                known = set(model[key])
                try:
                    if step == "state":
                        state = await patiently(lambda: driver.state(key))
                        assert state.used >= len(known)
                    elif seed in known:
                        found = await patiently(lambda: driver.query(seed, key=key))
                        assert found[0] == [f"m{seed}"]
                except NotFound:
                    assert not known

        for step, key, seed in steps:
            if step == "settle":
                await asyncio.gather(*under_way)
                under_way.clear()
            else:
                under_way.append(asyncio.ensure_future(do(step, key, seed)))
                await asyncio.sleep(0)
            used = driver.engine.parts.budget.used_bytes
            driver.engine.parts.budget.limit_bytes = max(1, used * kept // 4)
        await asyncio.gather(*under_way)
        for key, stored in model.items():
            if stored:
                assert (await driver.state(key)).used == len(stored)
                for seed in stored:
                    assert (await driver.query(seed, key=key))[0] == [f"m{seed}"]
        for space in driver.engine.directory:
            assert (space.calls, space.writes, space.backlog) == (0, 0, [])


@pytest.mark.parametrize("size", ["large", "small", "overdue"])
async def test_large_spaces_of_a_worker_are_loaded_one_after_the_other(size, monkeypatch):
    if size != "small":
        monkeypatch.setattr(loader, "LARGE_BYTES", 0)
    if size == "overdue":
        monkeypatch.setattr(loader, "TURN_S", 0.0)
    journal = HeldReads()
    await journal.open()
    async with running(journal) as driver:
        for key in KEYS:
            await driver.put(1, key=key)
    journal.records.clear()
    journal.found.clear()
    journal.replayed.clear()
    async with running(journal) as driver:
        calls = [asyncio.ensure_future(driver.query(1, key=key)) for key in KEYS]
        together = 1 if size == "large" else len(KEYS)
        await until(lambda: len(journal.found) == len(KEYS) and len(journal.replayed) >= together)
        worker = driver.engine.parts.space_workers.link(0)
        await until(lambda: not worker.pending)  # each load that was sent is answered
        for _ in range(100):
            await anyio.lowlevel.checkpoint()
        assert len(journal.replayed) == together
        journal.records.set()
        assert all(ids == ["m1"] for ids, _ in await asyncio.gather(*calls))
        assert len(journal.replayed) == len(KEYS)
    await journal.close()


async def test_a_call_whose_turn_comes_while_its_space_is_replayed_waits_for_the_end():
    journal = HeldReads()
    await journal.open()
    async with running(journal) as driver:
        await driver.put(1)
        gate = driver.engine.lanes.gate(Lane.INTERACTIVE, Before.MIND, 0)
        assert gate.try_enter(1.0)
        calls = [asyncio.ensure_future(driver.query(1)), asyncio.ensure_future(driver.state())]
        await until(lambda: gate.waiting == 2)
        journal.records.clear()
        journal.replayed.clear()
        lose_the_worker(driver)
        await until(lambda: journal.replayed)
        gate.leave(1.0)
        for _ in range(100):
            await anyio.lowlevel.checkpoint()
        assert not any(call.done() for call in calls)
        journal.records.set()
        found, state = await asyncio.gather(*calls)
        assert (found, state.used) == ((["m1"], 2), 1)
    await journal.close()


async def test_a_tenant_that_touches_many_cold_spaces_holds_up_no_other():
    journal = HeldReads()
    await journal.open()
    many = [KEY._replace(space=f"many{number}") for number in range(50)]
    few = [KEY._replace(tenant="other", space=f"few{number}") for number in range(3)]
    async with running(journal) as driver:
        for key in (*many, *few):
            await driver.put(1, key=key)
        await gone(driver)
        journal.records.clear()
        journal.found.clear()
        calls = [asyncio.ensure_future(driver.query(1, key=key)) for key in many]
        await until(lambda: len(journal.found) == 4)
        calls += [asyncio.ensure_future(driver.query(1, key=key)) for key in few]
        await until(lambda: lane_of(driver, Lane.INTERACTIVE).in_use == len(calls))
        journal.records.set()
        assert all(ids == ["m1"] for ids, _ in await asyncio.gather(*calls))
        last = max(journal.found.index(key) for key in few)
        assert last <= 4 + 2 * len(few)
    await journal.close()


async def test_calls_that_wait_for_a_load_or_a_revision_are_counted_and_bounded():
    journal = HeldReads()
    await journal.open()
    async with running(journal, max_pending=8) as driver:
        await driver.put(1)
        await gone(driver)
        journal.records.clear()
        calls = [asyncio.ensure_future(driver.query(1)) for _ in range(3)]
        calls.append(asyncio.ensure_future(driver.state()))
        await until(lambda: lane_of(driver, Lane.INTERACTIVE).in_use == 4)
        with pytest.raises(Unavailable) as caught:
            await driver.query(1)
        assert caught.value.reason == "BULKHEAD_FULL"
        journal.records.set()
        await asyncio.gather(*calls)
        calls = [asyncio.ensure_future(driver.query(1, min_revision=3)) for _ in range(4)]
        await until(lambda: lane_of(driver, Lane.INTERACTIVE).in_use == 4)
        with pytest.raises(Unavailable):
            await driver.state()
        await driver.put(2, key=KEY._replace(tenant="other"))
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
        assert lane_of(driver, Lane.INTERACTIVE).in_use == 0
        await driver.state()
    await journal.close()


async def test_a_space_that_nobody_waits_for_any_more_is_not_loaded():
    journal = HeldReads()
    await journal.open()
    keys = [KEY._replace(space=f"s{number}") for number in range(20)]
    async with running(journal) as driver:
        for key in keys:
            await driver.put(1, key=key)
        await gone(driver)
        journal.records.clear()
        journal.found.clear()
        calls = [asyncio.ensure_future(driver.query(1, key=key)) for key in keys]
        await until(lambda: lane_of(driver, Lane.INTERACTIVE).in_use == len(keys))
        await until(lambda: len(journal.found) == 4)
        for call in calls[4:-1]:
            call.cancel()
        await asyncio.wait(calls[4:-1])
        journal.records.set()
        await asyncio.gather(*calls[:4], calls[-1])
        assert sorted(journal.found) == sorted([*keys[:4], keys[-1]])
        assert len(driver.engine.directory) == 5
        assert await driver.query(1, key=keys[5]) == (["m1"], 2)
    await journal.close()


def lane_of(driver, lane):
    return next(status for status in driver.engine.lanes if status.lane is lane)
