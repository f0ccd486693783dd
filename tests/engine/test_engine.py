"""The engine in one process: order, exactly once, loading, failures."""

import asyncio

import anyio
import pytest
from drive import DIMENSION, KEY, event_of, running, ticket, vector
from journal_doubles import FailingJournal, HeldAppends
from searching import by_vector

from mlsdm_grpc._gen.mlsdm.v1.memory_query_pb2 import MemoryQuery, QueryMemoriesResponse
from mlsdm_grpc.core.model.bodies import DeleteMemory, PutMemories
from mlsdm_grpc.core.model.new_memory import NewMemory
from mlsdm_grpc.engine.memory_reads import PageOf
from mlsdm_grpc.errors import (
    Conflict,
    DeadlineExceeded,
    InvalidInput,
    NotFound,
    PreconditionFailed,
    Unavailable,
)
from mlsdm_grpc.journal.codec.records import encoded_items
from mlsdm_grpc.journal.memory_journal import MemoryJournal
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.messages.queries import EncodedQueries
from mlsdm_grpc.protection.lanes import Before, Lane
from mlsdm_grpc.spaces import space_client

pytestmark = pytest.mark.anyio


async def test_a_write_is_seen_by_the_next_read(driver):
    outcome = await driver.put(1)
    assert outcome.revision == 2
    assert await driver.query(1) == (["m1"], 2)


async def test_writes_of_a_space_are_pipelined_in_order(driver):
    outcomes = await asyncio.gather(*(driver.put(seed) for seed in range(50)))
    revisions = [outcome.revision for outcome in outcomes]
    assert revisions == sorted(revisions)
    assert len(set(revisions)) == 50
    assert (await driver.state()).used == 50


async def test_concurrent_queries_share_a_scan(driver):
    await driver.put(*range(20))
    found = await asyncio.gather(*(driver.query(seed) for seed in range(20)))
    assert [ids for ids, _ in found] == [[f"m{seed}"] for seed in range(20)]
    sample = driver.metrics.registry.get_sample_value
    assert sample("mlsdm_query_batch_vectors_sum") == 20
    assert sample("mlsdm_query_batch_vectors_count") == 1


async def test_a_repeated_request_is_done_once_with_request_id_reused(driver):
    first = await driver.put(1, request=b"r" * 16)
    assert await driver.put(1, request=b"r" * 16) == first
    with pytest.raises(InvalidInput) as caught:
        await driver.engine.intake.put(
            KEY,
            PutMemories((NewMemory("other", vector(2)),)),
            ticket(b"r" * 16, b"other" + bytes(27)),
            paths=[""],
        )
    assert caught.value.reason == "REQUEST_ID_REUSED"
    assert (await driver.state()).used == 1


async def test_unknown_spaces_are_not_found_and_leave_nothing(driver):
    key = SpaceKey("dev", "nowhere")
    with pytest.raises(NotFound):
        await driver.query(1, key=key)
    with pytest.raises(NotFound):
        await driver.engine.intake.delete(key, DeleteMemory("m"), ticket())
    sample = driver.metrics.registry.get_sample_value
    assert sample("mlsdm_spaces_loaded_count") == 0
    assert await driver.journal.head(key) == 0


async def test_a_first_write_of_the_wrong_dimension_creates_no_space(driver):
    body = PutMemories((NewMemory("m", vector(1, DIMENSION + 1)),))
    with pytest.raises(PreconditionFailed) as caught:
        await driver.engine.intake.put(KEY, body, ticket(), paths=[""])
    assert caught.value.reason == "DIMENSION_MISMATCH"
    assert caught.value.metadata["expected"] == str(DIMENSION)
    assert await driver.journal.head(KEY) == 0


async def test_wrong_dimensions_write_no_record(driver):
    await driver.put(1)
    with pytest.raises(PreconditionFailed):
        await driver.engine.intake.put(
            KEY, PutMemories((NewMemory("m", vector(1, 3)),)), ticket(), paths=[""]
        )
    deadline_s = asyncio.get_running_loop().time() + 5
    with pytest.raises(PreconditionFailed):
        await driver.engine.reads.query(
            KEY, EncodedQueries.of([by_vector(vector(1, 3))]), min_revision=0, deadline_s=deadline_s
        )
    assert await driver.journal.head(KEY) == 2


async def test_expired_deadlines_write_nothing(driver):
    await driver.put(1)
    with pytest.raises(DeadlineExceeded) as caught:
        await driver.engine.intake.delete(KEY, DeleteMemory("m1"), ticket(within_s=-1.0))
    assert caught.value.reason == "DEADLINE_EXPIRED"
    assert await driver.journal.head(KEY) == 2


async def test_reads_wait_for_their_revision(driver):
    await driver.put(1)
    async with anyio.create_task_group() as tasks:
        result = []

        async def read():
            result.append(await driver.query(2, min_revision=3))

        tasks.start_soon(read)
        await anyio.wait_all_tasks_blocked()
        assert not result
        await driver.put(2)
    assert result == [(["m2"], 3)]


async def test_a_revision_that_does_not_come_is_unavailable_with_revision_not_reached(driver):
    await driver.put(1)
    with pytest.raises(Unavailable) as caught:
        await driver.query(1, min_revision=99, within_s=0.05)
    assert caught.value.reason == "REVISION_NOT_REACHED"
    assert caught.value.retry_after_s is not None


async def test_the_next_engine_replays_nothing_after_a_clean_stop():
    journal = MemoryJournal()
    await journal.open()
    async with running(journal) as first:
        await first.put(*range(10))
        before = await first.state()
    async with running(journal) as second:
        after = await second.state()
        assert (after.revision, after.chain, after.used) == (
            before.revision,
            before.chain,
            before.used,
        )
        assert second.replayed() == 0
    await journal.close()


async def test_records_without_a_snapshot_are_replayed():
    journal = MemoryJournal()
    await journal.open()
    async with running(journal, snapshot_every=10**9) as first:
        await first.put(*range(10))
        for space in first.engine.directory:
            space.snapshot_revision = space.applied
        before = await first.state()
    async with running(journal) as second:
        assert (await second.state()).chain == before.chain
        assert second.replayed() == before.revision
    await journal.close()


async def test_snapshots_are_taken_as_records_come():
    async with running(snapshot_every=100) as driver:
        for seed in range(130):
            await driver.put(seed)
        with anyio.fail_after(5):
            while not driver.engine.parts.snapshots.idle:
                await anyio.lowlevel.checkpoint()
        found = await driver.journal.load_snapshot(KEY)
        assert 100 <= found.revision <= 131


async def test_a_full_bulkhead_refuses_at_once_with_bulkhead_full():
    async with running(max_pending=1) as driver:
        await driver.put(1)
        lanes = driver.engine.lanes
        with lanes.inside(Lane.INTERACTIVE, "other"), pytest.raises(Unavailable) as caught:
            await driver.query(1)
        assert caught.value.reason == "BULKHEAD_FULL"
        assert caught.value.retry_after_s is not None
        assert await driver.query(1) == (["m1"], 2)


@pytest.mark.parametrize(("before", "each_s"), [(Before.MIND, 1.0), (Before.JOURNAL, 7e-5)])
async def test_a_batch_without_room_is_refused_by_what_it_would_cost(driver, before, each_s):
    await driver.put(1)
    engine, space = driver.engine, driver.engine.directory.known(KEY)
    space.query_cost_s = 1.0
    check = engine.reads.check_batch if before is Before.MIND else engine.intake.check_batch
    deadline_s = asyncio.get_running_loop().time() + 50.0
    few, many = int(10 / each_s), int(100 / each_s)
    gate = engine.lanes.gate(Lane.BULK, before, space.worker)
    # The lane is empty, so a call would begin at once.
    check(KEY, many, deadline_s)
    assert gate.try_enter(1.0)
    check(KEY, few, deadline_s)
    with pytest.raises(DeadlineExceeded):
        check(KEY, many, deadline_s)
    assert gate.rejected == 1
    check(SpaceKey(KEY.tenant, "unknown"), many, deadline_s)


async def test_memories_that_are_no_batch_need_no_room_for_one():
    async with running(max_pending_bulk=1) as driver:
        intake, bulkhead = driver.engine.intake, driver.engine.lanes.bulkhead(Lane.BULK)
        with bulkhead.inside("other"):
            intake.check_batch(KEY, 1, 0.0)
            with pytest.raises(Unavailable):
                intake.check_batch(KEY, 2, 0.0)
            assert bulkhead.rejected == 1
            await driver.put(1)


async def test_a_cancelled_caller_changes_nothing_for_its_record(driver):
    await driver.put(1)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await driver.put(2)
    waiting = asyncio.ensure_future(driver.put(3))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await driver.put(4)
    assert await driver.query(3) == (["m3"], (await driver.state()).revision)


async def test_events_carry_the_norms_of_the_traces(driver):
    event = event_of(NewMemory("", vector(1)), 0.8)
    accepted = await driver.engine.intake.process_event(KEY, event, ticket())
    assert accepted.outcome.accepted
    assert accepted.outcome.memory_id
    assert accepted.synaptic_norms[0] == pytest.approx((await driver.state()).synaptic_norms[0])
    event = event_of(NewMemory("", vector(2)), 0.1)
    refused = await driver.engine.intake.process_event(KEY, event, ticket())
    assert not refused.outcome.accepted
    assert (refused.outcome.step, refused.outcome.used) == (2, 1)
    (verdict,) = refused.verdicts
    assert (verdict.rule_id, verdict.score, verdict.threshold) == ("moral.threshold", 0.1, 0.5)


async def test_pages_return_every_memory_once(driver):
    await driver.put(*range(25))
    seen, after = [], 0
    deadline_s = asyncio.get_running_loop().time() + 5
    while True:
        found, more, _ = await driver.engine.reads.page(
            KEY, PageOf(after, 10), min_revision=0, deadline_s=deadline_s
        )
        seen += [each.memory.memory_id for each in found]
        after = found[-1].memory.sequence
        if not more:
            break
        await driver.put(100 + len(seen))
    assert seen[:25] == [f"m{i}" for i in range(25)]
    assert len(seen) == len(set(seen))


async def test_pages_are_cut_by_size_with_response_too_large():
    async with running(max_response_bytes=2_000) as driver:
        await driver.put(*range(10), text="x" * 400)
        deadline_s = asyncio.get_running_loop().time() + 5
        found, more, _ = await driver.engine.reads.page(
            KEY, PageOf(0, 10), min_revision=0, deadline_s=deadline_s
        )
        assert 1 <= len(found) < 10
        assert more
        with pytest.raises(InvalidInput) as caught:
            await driver.query(1, top_k=10, phase_tolerance=1.0)
        assert caught.value.reason == "RESPONSE_TOO_LARGE"


async def test_previews_write_nothing(driver):
    body = PutMemories((NewMemory("a", vector(1), True),))
    foreseen = (
        await driver.engine.intake.put(KEY, body, ticket(), paths=[""], validate_only=True)
    ).outcome
    assert (foreseen.items[0].result.name, foreseen.revision) == ("CREATED", 0)
    assert await driver.journal.head(KEY) == 0
    await driver.put(1)
    foreseen = (
        await driver.engine.intake.put(KEY, body, ticket(), paths=[""], validate_only=True)
    ).outcome
    assert (foreseen.items[0].result.name, foreseen.revision) == ("CREATED", 2)
    assert await driver.journal.head(KEY) == 2


async def test_text_without_an_embedder_is_refused_with_embedder_not_configured(driver):
    empty = vector(1, 0)
    with pytest.raises(PreconditionFailed) as caught:
        await driver.engine.intake.put(
            KEY, PutMemories((NewMemory("", empty, text="hello"),)), ticket(), paths=[""]
        )
    assert caught.value.reason == "EMBEDDER_NOT_CONFIGURED"
    assert await driver.journal.head(KEY) == 0


async def test_text_is_embedded_in_shared_passes():
    async with running(space={"embedder": "wordllama"}) as driver:
        empty = vector(1, 0)

        async def put(text):
            body = PutMemories((NewMemory("", empty, text=text),))
            return await driver.engine.intake.put(KEY, body, ticket(), paths=["memory"])

        await put("a cat sat on the mat")
        await asyncio.gather(*(put(f"the number {i} is odd") for i in range(1, 20, 2)))
        assert (await driver.state()).parameters.dimension == 256
        assert (await driver.state()).parameters.embedder == driver.engine.embedder.model_id
        sample = driver.metrics.registry.get_sample_value
        assert sample("mlsdm_embed_batch_texts_sum") == 11
        assert sample("mlsdm_embed_batch_texts_count") == 2
        deadline_s = asyncio.get_running_loop().time() + 5
        answer = await driver.engine.reads.query(
            KEY,
            EncodedQueries.of([MemoryQuery(text="kitten on a rug", top_k=1)]),
            min_revision=0,
            deadline_s=deadline_s,
        )
        (match,) = QueryMemoriesResponse.FromString(answer).matches
        assert match.memory.text == "a cat sat on the mat"


async def test_a_failing_journal_refuses_writes_and_serves_reads():
    journal = FailingJournal()
    await journal.open()
    async with running(journal) as driver:
        await driver.put(1)
        journal.failing = True
        results = await asyncio.gather(*(driver.put(i) for i in (2, 3)), return_exceptions=True)
        assert all(isinstance(result, Unavailable) for result in results)
        assert all(result.retry_after_s is not None for result in results)
        assert await driver.query(1) == (["m1"], 2)
        with pytest.raises(Unavailable):
            await driver.put(4, key=KEY._replace(space="new"))
        journal.failing = False
        assert (await driver.put(5)).revision == 3
        assert (await driver.put(6, key=KEY._replace(space="new"))).revision == 2
        assert await driver.query(5) == (["m5"], 3)
        assert (await driver.state()).used == 2
    await journal.close()


async def test_a_write_that_conflicts_can_be_repeated(driver):
    await driver.put(1)
    (space,) = driver.engine.directory
    await driver.journal.append(KEY, [b"somebody else's"], expected=space.head)
    with pytest.raises(Unavailable) as caught:
        await driver.put(2)
    assert caught.value.retry_after_s is not None


async def test_an_answer_that_is_too_late_is_an_unknown_outcome_with_outcome_unknown():
    journal = HeldAppends()
    await journal.open()
    body = PutMemories((NewMemory("m2", vector(2), True),))
    async with running(journal) as driver:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(driver.put, 1)
            await journal.let_one_go()
            await journal.let_one_go()
        with pytest.raises(DeadlineExceeded) as caught:
            await driver.engine.intake.put(KEY, body, ticket(b"r" * 16, within_s=0.05), paths=[""])
        assert caught.value.reason == "OUTCOME_UNKNOWN"
        await journal.let_one_go()
        assert await driver.query(2, min_revision=3) == (["m2"], 3)
        again = driver.engine.intake.put(KEY, body, ticket(b"r" * 16), paths=[""])
        repeat = asyncio.ensure_future(again)
        await journal.let_one_go()
        assert (await repeat).outcome.revision == 3
    await journal.close()


async def test_a_record_that_is_too_large_is_refused_with_request_too_large():
    async with running(space={"dimension": 4_096}) as driver:
        big = PutMemories(
            tuple(NewMemory(f"m{i}", vector(i, 4_096), text="x" * 8_000) for i in range(400))
        )
        for head in (0, 2):  # of no space, and of one
            for validate_only in (True, False):
                with pytest.raises(InvalidInput) as caught:
                    await driver.engine.intake.put(
                        KEY, big, ticket(), paths=[""] * 400, validate_only=validate_only
                    )
                assert caught.value.reason == "REQUEST_TOO_LARGE"
                assert await driver.journal.head(KEY) == head
            await driver.put(1)


async def test_the_first_batch_of_a_space_is_encoded_once(driver, monkeypatch):
    encoded = []

    def counted(body):
        encoded.append(len(body.memories))
        return encoded_items(body)

    monkeypatch.setattr(space_client, "encoded_items", counted)
    many = PutMemories(tuple(NewMemory(f"m{i}", vector(i)) for i in range(100)))
    await driver.engine.intake.put(KEY, many, ticket(), paths=[""] * 100)
    assert encoded == [100]
    assert await driver.journal.head(KEY) == 2


async def test_a_first_write_that_stores_nothing_creates_no_space(driver):
    low = PutMemories((NewMemory("a", vector(1), confidence=0.1),))
    outcome = (await driver.engine.intake.put(KEY, low, ticket(), paths=[""])).outcome
    assert (outcome.items[0].result.name, outcome.revision) == ("REFUSED", 0)
    stale = PutMemories((NewMemory("a", vector(1), True, etag='"7"'),), allow_replace=True)
    with pytest.raises(Conflict):
        await driver.engine.intake.put(KEY, stale, ticket(), paths=[""])
    assert await driver.journal.head(KEY) == 0
    assert len(driver.engine.directory) == 0


async def test_failed_first_writes_leave_nothing():
    journal = FailingJournal()
    await journal.open()
    async with running(journal) as driver:
        journal.failing = True
        for i in range(5):
            with pytest.raises(Unavailable):
                await driver.put(1, key=KEY._replace(space=f"s{i}"))
        assert len(driver.engine.directory) == 0
    await journal.close()


async def test_a_space_whose_creator_went_away_is_found():
    journal = HeldAppends()
    await journal.open()
    async with running(journal) as driver:
        first = asyncio.ensure_future(driver.put(1))
        done, told = await journal.held.get()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        told.set_result(await done)
        with anyio.fail_after(5):
            while not next(iter(driver.engine.directory)).applied:
                await anyio.lowlevel.checkpoint()
        assert (await driver.state()).used == 0
    await journal.close()


async def test_a_load_that_fails_answers_the_records_that_waited_for_it():
    class UnreadableJournal(HeldAppends):
        unreadable = None

        async def read(self, key, *, after, until=None):
            if self.unreadable is not None:
                self.unreadable.set()
                await self.resume.wait()
                raise Unavailable("No medium.", retry_after_s=1.0)
            async for entries in super().read(key, after=after, until=until):
                yield entries

    journal = UnreadableJournal()
    await journal.open()
    async with running(journal) as driver:
        first = asyncio.ensure_future(driver.put(1))
        await journal.let_one_go()
        await journal.let_one_go()
        await first
        waiting = asyncio.ensure_future(driver.put(2, request=b"r" * 16))
        held = await journal.held.get()
        (space,) = driver.engine.directory
        space.go_cold()
        journal.unreadable, journal.resume = anyio.Event(), anyio.Event()
        read = asyncio.ensure_future(driver.state())
        await journal.unreadable.wait()
        held[1].set_result(await held[0])
        await anyio.lowlevel.checkpoint()
        journal.resume.set()
        for each in (waiting, read):
            with pytest.raises(Unavailable):
                await each
        journal.unreadable = None
        assert (await driver.state()).used == 2
        repeat = asyncio.ensure_future(driver.put(2, request=b"r" * 16))
        await journal.let_one_go()
        assert (await repeat).revision == 3
    await journal.close()


async def test_a_snapshot_that_fails_disturbs_nobody():
    class SnapshotlessJournal(MemoryJournal):
        def scratch_path(self):
            return super().scratch_path().parent / "missing" / "file"

    journal = SnapshotlessJournal()
    await journal.open()
    async with running(journal, snapshot_every=100) as driver:
        for seed in range(130):
            await driver.put(seed)
        assert await driver.query(3) == (["m3"], 131)
    await journal.close()


async def test_abandoned_calls_still_count_until_the_worker_has_answered():
    async with running() as driver:
        await driver.put(1)
        link = await driver.engine.parts.space_workers.ready(0)
        (space,) = driver.engine.directory
        space.query_cost_s = 0.002
        for _ in range(50):
            call = asyncio.ensure_future(driver.query(1))
            await asyncio.sleep(0)
            call.cancel()
            await asyncio.wait([call])
        assert link.pending <= 3
        assert sum(status.waiting for status in driver.engine.lanes) == 0
        with anyio.fail_after(5):
            while link.pending:
                await anyio.lowlevel.checkpoint()
        assert await driver.query(1) == (["m1"], 2)
