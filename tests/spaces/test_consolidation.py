"""Consolidation on request and in sleep: one record, found in steps, the first writer wins."""

import asyncio

import anyio
import numpy as np
import pytest
from drive import DIMENSION, KEY, event_of, running, ticket, vector
from journal_doubles import FailingJournal

from mlsdm_grpc.core.mind import consolidation as core
from mlsdm_grpc.core.model.bodies import Consolidate, PutMemories, SpaceChange, UpdateSpace
from mlsdm_grpc.core.model.new_memory import NewMemory, Vector
from mlsdm_grpc.core.store.kernel import inverse_norm
from mlsdm_grpc.errors import (
    DeadlineExceeded,
    InvalidInput,
    NotFound,
    PreconditionFailed,
)
from mlsdm_grpc.journal.codec.records import decode_record
from mlsdm_grpc.journal.memory_journal import MemoryJournal
from mlsdm_grpc.spaces import consolidator
from mlsdm_grpc.spaces.consolidator import Sleep, sleep_digest

pytestmark = pytest.mark.anyio


def near(seed, noise):
    base = vector(seed).raw * vector(seed).inv_norm
    raw = (base + 0.0006 * vector(100 + noise).raw / np.sqrt(DIMENSION)).astype(np.float32)
    return Vector(raw, inverse_norm(raw))


async def put(driver, *vectors):
    """Store memories whose ids the server chooses."""
    for each in vectors:
        body = PutMemories((NewMemory("", each),))
        await driver.engine.intake.put(KEY, body, ticket(), paths=[""])


async def event(driver, seed):
    body = event_of(NewMemory("", vector(seed)), 0.9)
    return (await driver.engine.intake.process_event(KEY, body, ticket())).outcome


async def fall_asleep(driver, first=50):
    for seed in range(first, first + 8):
        outcome = await event(driver, seed)
    assert outcome.fell_asleep
    return outcome


async def wake_up(driver, first):
    for seed in range(first, first + 3):
        await event(driver, seed)


async def consolidate(driver, request=b"", min_cosine=None, validate_only=False, within_s=20.0):
    return await driver.engine.consolidator.consolidate(
        KEY,
        ticket(request, within_s=within_s),
        min_cosine=min_cosine,
        validate_only=validate_only,
    )


async def state(driver, min_revision):
    with anyio.fail_after(10):
        deadline_s = anyio.current_time() + 10
        return await driver.engine.reads.state(
            KEY, min_revision=min_revision, deadline_s=deadline_s
        )


async def bodies(journal):
    return [
        decode_record(entry.payload).body
        async for entries in journal.read(KEY, after=0)
        for entry in entries
    ]


async def test_a_request_merges_in_one_record(driver):
    await put(driver, *(near(1, n) for n in range(3)), vector(2), near(3, 1), near(3, 2))
    foreseen = await consolidate(driver, validate_only=True)
    assert (foreseen.merged_count, foreseen.used, foreseen.revision) == (5, 3, 7)
    assert (await driver.state()).revision == 7
    done = await consolidate(driver)
    assert (done.merged_count, done.used, done.revision) == (5, 3, 8)
    assert (await driver.state()).used == 3
    again = await consolidate(driver)
    assert (again.merged_count, again.used, again.revision) == (0, 3, 9)
    sample = driver.metrics.registry.get_sample_value
    name = "mlsdm_consolidation_memories_total"
    assert sample(name, {"kind": "merged"}) == 5
    assert sample(name, {"kind": "purged"}) == 0


async def test_every_step_is_asked_for(driver, monkeypatch):
    monkeypatch.setattr(core, "STEP_COMPONENTS", 1)
    await put(driver, *(near(1, n) for n in range(3)), vector(2))
    assert (await consolidate(driver)).merged_count == 3


async def test_the_cosine_of_the_request_wins(driver):
    await put(driver, near(1, 1), near(1, 2))
    assert (await consolidate(driver, min_cosine=1.0)).merged_count == 0
    assert (await consolidate(driver, min_cosine=0.9999999)).merged_count == 0
    await fall_asleep(driver)
    assert (await state(driver, 3 + 2 + 8 + 1)).used == 1 + 8


async def test_a_repeated_request_is_done_once_with_request_id_reused(driver):
    await put(driver, near(1, 1), near(1, 2))
    first = await consolidate(driver, request=b"r" * 16)
    await put(driver, near(1, 3))
    assert await consolidate(driver, request=b"r" * 16) == first
    assert (await driver.state()).used == 2
    with pytest.raises(InvalidInput) as caught:
        await driver.engine.consolidator.consolidate(
            KEY,
            ticket(b"r" * 16, b"d" * 32),
            min_cosine=None,
            validate_only=True,
        )
    assert caught.value.reason == "REQUEST_ID_REUSED"


async def test_a_record_names_no_more_than_it_holds(driver, monkeypatch):
    await put(driver, *(near(seed, n) for seed in range(4) for n in range(2)))
    monkeypatch.setattr(consolidator, "MAX_GROUP_BYTES", 250)
    counts = [(await consolidate(driver)).merged_count for _ in range(5)]
    assert counts == [4, 4, 0, 0, 0]
    records = [b for b in await bodies(driver.journal) if isinstance(b, Consolidate)]
    assert [record.examined_sequence > 0 for record in records][:2] == [False, True]


async def test_records_repeat_no_content(driver):
    await put(driver, near(1, 1), near(1, 2))
    await consolidate(driver)
    async for entries in driver.journal.read(KEY, after=3):
        for entry in entries:
            assert b"text" not in entry.payload
            assert len(entry.payload) < 300


async def test_refused_requests_write_nothing_with_deadline_expired(driver):
    with pytest.raises(NotFound):
        await consolidate(driver)
    await put(driver, near(1, 1))
    with pytest.raises(DeadlineExceeded) as caught:
        await consolidate(driver, within_s=-1.0)
    assert caught.value.reason == "DEADLINE_EXPIRED"
    assert await driver.journal.head(KEY) == 2


# Asleep.


async def test_a_space_consolidates_when_it_falls_asleep(driver):
    await put(driver, near(1, 1), near(1, 2))
    outcome = await fall_asleep(driver)
    before = await driver.state()
    after = await state(driver, outcome.revision + 1)
    assert (after.used, outcome.used) == (9, 10)
    (record,) = [b for b in await bodies(driver.journal) if isinstance(b, Consolidate)]
    assert (record.trigger, record.move_traces) == (8, True)
    assert after.synaptic_norms[0] < before.synaptic_norms[0] or before.revision == after.revision
    assert (after.step, after.awake, after.phase_remaining) == (8, False, 3)


async def test_each_sleep_looks_at_what_is_new_only(driver):
    await put(driver, near(1, 1))
    first = await fall_asleep(driver)
    await state(driver, first.revision + 1)
    for seed in (70, 71, 72):
        await event(driver, seed)
    await put(driver, near(1, 2))
    second = await fall_asleep(driver, first=80)
    after = await state(driver, second.revision + 1)
    assert after.used == second.used - 1
    records = [b for b in await bodies(driver.journal) if isinstance(b, Consolidate)]
    assert [record.trigger for record in records] == [8, 19]
    assert 0 < records[0].examined_sequence < records[1].examined_sequence


async def test_of_several_writers_the_first_one_wins(driver):
    outcome = await fall_asleep(driver)
    first = await state(driver, outcome.revision + 1)
    await put(driver, near(1, 1), near(1, 2))
    consolidator = driver.engine.consolidator
    await consolidator.sleep(Sleep(KEY, first.incarnation, outcome.step))
    assert consolidator.idle
    after = await driver.state()
    assert after.used == first.used + 2
    assert after.revision == first.revision + 3
    assert after.traces.tobytes() == first.traces.tobytes()


async def test_another_life_of_the_space_is_left_alone(driver):
    await put(driver, near(1, 1), near(1, 2))
    head = await driver.journal.head(KEY)
    consolidator = driver.engine.consolidator
    await consolidator.sleep(Sleep(KEY, 99, 8))
    assert await driver.journal.head(KEY) == head


def test_writers_agree_on_the_id_of_a_sleep():
    assert sleep_digest(1, 8) == sleep_digest(1, 8)
    assert len({sleep_digest(1, 8), sleep_digest(1, 19), sleep_digest(2, 8)}) == 3


async def test_a_repeated_event_begins_no_other_consolidation(driver):
    body = event_of(NewMemory("", vector(1)), 0.9)
    for seed in range(7):
        await event(driver, seed)
    for _ in range(2):
        await driver.engine.intake.process_event(KEY, body, ticket(b"r" * 16))
        await anyio.wait_all_tasks_blocked()
    await state(driver, 11)
    assert sum(isinstance(b, Consolidate) for b in await bodies(driver.journal)) == 1


async def test_a_space_that_sleeps_often_consolidates_now_and_then():
    async with running(consolidation_interval_s=3_600) as driver:
        await put(driver, near(1, 1), near(1, 2))
        first = await fall_asleep(driver)
        with anyio.fail_after(10):
            while (state := await driver.state()).revision == first.revision:
                await anyio.lowlevel.checkpoint()
        await wake_up(driver, first=70)
        second = await fall_asleep(driver, first=80)
        assert driver.engine.consolidator.idle
        assert (await driver.state()).revision == second.revision
        (space,) = driver.engine.directory
        space.consolidated_s -= 3_600
        await wake_up(driver, first=100)
        third = await fall_asleep(driver, first=110)
        with anyio.fail_after(10):
            while (await driver.state()).revision == third.revision:
                await anyio.lowlevel.checkpoint()
        assert state.revision == first.revision + 1


async def test_consolidation_can_be_switched_off():
    async with running(consolidation=False) as driver:
        await put(driver, near(1, 1), near(1, 2))
        outcome = await fall_asleep(driver)
        await anyio.wait_all_tasks_blocked()
        assert driver.engine.consolidator.idle
        assert await driver.journal.head(KEY) == outcome.revision
        assert (await consolidate(driver)).merged_count == 2


async def test_a_sleep_that_cannot_be_written_disturbs_nobody(logs):
    journal = FailingJournal()
    await journal.open()
    async with running(journal) as driver:
        await put(driver, near(1, 1), near(1, 2))
        consolidator = driver.engine.consolidator
        view = await driver.state()
        journal.failing = True
        await consolidator.sleep(Sleep(KEY, view.incarnation, 8))
        journal.failing = False
        assert consolidator.idle
        assert [each["reason"] for each in logs.events("consolidation_failed")] == [
            "JOURNAL_UNAVAILABLE"
        ]
        assert (await consolidate(driver)).merged_count == 2
    await journal.close()


async def test_the_next_engine_replays_nothing_after_a_stop_in_sleep():
    journal = MemoryJournal()
    await journal.open()
    async with running(journal) as first:
        await put(first, near(1, 1), near(1, 2))
        await fall_asleep(first)
    async with running(journal) as second:
        await second.state()
        assert second.replayed() == 0
    await journal.close()


async def test_a_replayed_space_is_the_same(driver):
    await put(driver, near(1, 1), near(1, 2))
    outcome = await fall_asleep(driver)
    live = await state(driver, outcome.revision + 1)
    async with running(driver.journal, stop_snapshots_s=0) as other:  # the journal has one writer
        replayed = await other.state()
        assert other.replayed() == live.revision
        assert (replayed.chain, replayed.used) == (live.chain, live.used)
        assert replayed.traces.tobytes() == live.traces.tobytes()


async def configure(driver, **change):
    body = UpdateSpace("", SpaceChange(**change))
    (space,) = [each for each in driver.engine.directory if each.key == KEY]
    await driver.engine.parts.access.write(space, body, ticket())


async def test_a_space_that_is_read_only_is_not_consolidated(driver):
    await put(driver, near(1, 1), near(1, 2))
    first = await consolidate(driver, request=b"r" * 16, min_cosine=1.0)
    await configure(driver, read_only=True)
    view = await driver.state()
    head = await driver.journal.head(KEY)
    for validate_only in (False, True):
        with pytest.raises(PreconditionFailed) as caught:
            await consolidate(driver, validate_only=validate_only)
        assert caught.value.reason == "SPACE_READ_ONLY"
    consolidator = driver.engine.consolidator
    await consolidator.sleep(Sleep(KEY, view.incarnation, 8))
    assert await driver.journal.head(KEY) == head
    assert await consolidate(driver, request=b"r" * 16, min_cosine=1.0) == first
    assert (await driver.state()).used == 2


async def test_a_lower_cosine_of_the_space_looks_at_everything_again(driver):
    await put(driver, near(1, 1), near(1, 2))
    await configure(driver, merge_min_cosine=1.0)
    first = await fall_asleep(driver)
    assert (await state(driver, first.revision + 1)).used == 10
    await configure(driver, merge_min_cosine=0.9)
    for seed in (70, 71, 72):
        await event(driver, seed)
    second = await fall_asleep(driver, first=80)
    assert (await state(driver, second.revision + 1)).used == second.used - 1


async def test_a_space_consolidates_under_plain_asyncio():
    async def sleep():
        async with running(workers=1) as driver, asyncio.timeout(20):
            await put(driver, near(1, 1), near(1, 2))
            asleep = await fall_asleep(driver)
            await state(driver, asleep.revision + 1)
            assert isinstance((await bodies(driver.journal))[-1], Consolidate)

    # A thread and a context in which anyio knows no event loop.
    await asyncio.get_running_loop().run_in_executor(None, asyncio.run, sleep())


async def test_a_listener_that_fails_leaves_no_write_without_an_answer(driver, monkeypatch):
    class Broken:
        def applied(self, *_args):
            raise LookupError

    reported = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, said: reported.append(said))
    monkeypatch.setattr(driver.engine.parts.writes, "observers", [Broken()])
    with anyio.fail_after(10):
        assert (await event(driver, 1)).accepted
    assert reported
