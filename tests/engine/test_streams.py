"""Streams of items in the engine: read ahead, acknowledged, refused and interrupted."""

import asyncio
from contextlib import aclosing

import anyio
import numpy as np
import pytest
from drive import DIMENSION, KEY, event_of, running, ticket, vector
from hypothesis import given, settings
from hypothesis import strategies as st
from journal_doubles import HeldReads
from stream_client import Client, ids, memory, opened, told

from mlsdm_grpc.core.model.bodies import SpaceChange, UpdateSpace
from mlsdm_grpc.core.model.new_memory import NewMemory, Vector
from mlsdm_grpc.core.model.outcome import PutResult
from mlsdm_grpc.engine.stream_buffer import Inbox, ItemBatch
from mlsdm_grpc.engine.stream_events import Flow, Goodbye, OpenedStream, Settled, StreamPosition
from mlsdm_grpc.errors import (
    Conflict,
    FieldViolation,
    InvalidInput,
    PreconditionFailed,
    QuotaExceeded,
    Unavailable,
)
from mlsdm_grpc.journal.memory_journal import MemoryJournal
from mlsdm_grpc.moderation.candidates import Candidate
from mlsdm_grpc.protection.lanes import Lane

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

INVALID = InvalidInput(violations=[FieldViolation("memory.text", "is wrong")])


async def test_items_are_settled_in_order_and_the_stream_ends_when_all_are():
    async with running() as driver, opened(driver) as client:
        assert client.opened == OpenedStream(StreamPosition(0, 0), 0, 1_024)
        client.numbers(1, 3)
        first = await client.next()
        assert first.position == StreamPosition(1, 3)
        assert first.revision == 2
        client.numbers(4, 2)
        client.half_close()
        events = [first, *await client.rest()]
        assert told(events) == dict.fromkeys(range(1, 6), "CREATED")
        assert events[-1].position.acked_sequence == 5
        assert await ids(driver) == [f"m{number}" for number in range(1, 6)]


async def test_what_arrived_while_a_record_was_in_flight_is_one_record():
    async with running() as driver, opened(driver) as client:
        for number in range(1, 101):
            client.numbers(number, 1)
        client.half_close()
        events = await client.rest()
        assert sum(len(event.results) for event in events) == 100
        assert (await driver.state()).revision <= 5


async def test_invalid_items_are_results_and_stop_nobody():
    async with running() as driver:
        await driver.put(7)
        async with opened(driver) as client:
            client.send(
                1,
                memory(1),
                INVALID,
                memory(7),
                NewMemory("", vector(3, DIMENSION + 1)),
                NewMemory("", vector(4)),
                NewMemory("", vector(0, 0), text="no embedder here"),
                memory(8, confidence=0.1),
            )
            client.half_close()
            events = await client.rest()
        assert told(events) == {
            1: "CREATED",
            2: "FIELD_INVALID",
            3: "MEMORY_EXISTS",
            4: "DIMENSION_MISMATCH",
            5: "CREATED",
            6: "EMBEDDER_NOT_CONFIGURED",
            7: "REFUSED",
        }
        assert events[-1].position.acked_sequence == 7


async def test_the_first_item_that_can_be_stored_creates_the_space():
    async with running() as driver, opened(driver, stream_id="first") as client:
        client.send(1, INVALID, NewMemory("", vector(3, 5)), memory(1, confidence=0.1), memory(2))
        client.half_close()
        events = await client.rest()
        assert told(events) == {
            1: "FIELD_INVALID",
            2: "DIMENSION_MISMATCH",
            3: "REFUSED",
            4: "CREATED",
        }
        assert await ids(driver) == ["m2"]


async def test_items_that_store_nothing_create_no_space():
    async with running() as driver:
        async with opened(driver) as client:
            client.send(1, INVALID, memory(1, confidence=0.1))
            client.half_close()
            (event,) = await client.rest()
            assert event.position == StreamPosition(0, 2)
        assert not len(driver.engine.directory)
        async with opened(driver, resume=event.position) as client:
            client.send(3, memory(3))
            client.half_close()
            assert told(await client.rest()) == {3: "CREATED"}


async def test_events_answer_as_single_ones_do():
    async with running() as driver, opened(driver, path="event") as client:
        client.send(1, event_of(memory(1), 0.9), event_of(memory(2), 0.1))
        settled = await client.next()
        good, bad = settled.results
        assert (good.outcome.accepted, bad.outcome.accepted) == (True, False)
        assert (good.moral_value, bad.moral_value) == (0.9, 0.1)
        assert len(settled.synaptic_norms) == 3


async def test_texts_are_embedded_together_and_one_without_a_known_word_fails_alone(monkeypatch):
    async with running(space={"embedder": "wordllama"}) as driver, opened(driver) as client:
        passes, measure = [], driver.engine.texts.measure

        async def without_the_second(texts, *limits):
            passes.append(len(texts))
            measurements, vectors = await measure(texts, *limits)
            vectors[1] = Vector(np.zeros(256, np.float32), 0.0)
            return measurements, vectors

        monkeypatch.setattr(driver.engine.texts, "measure", without_the_second)
        bare = vector(0, 0)
        texts = [NewMemory("", bare, text=text) for text in ("the cat sleeps", "?", "it rains")]
        client.send(1, *texts, NewMemory("", vector(1)))
        client.half_close()
        assert told(await client.rest()) == {
            1: "CREATED",
            2: "FIELD_INVALID",
            3: "CREATED",
            4: "DIMENSION_MISMATCH",
        }
        assert passes == [3]


async def test_a_stream_is_taken_up_after_the_last_settled_item():
    async with running() as driver:
        async with opened(driver) as client:
            client.numbers(1, 4)
            position = (await client.next()).position
        for resume in (StreamPosition(0, 0), StreamPosition(1, 2), position):
            async with opened(driver, resume=resume) as client:
                assert client.opened.position == position
                client.numbers(3, 2)
                client.half_close()
                assert await client.rest() == []


async def test_a_stream_of_another_life_of_the_space_is_refused_with_incarnation_mismatch():
    async with running() as driver:
        await driver.put(1)
        for position in (StreamPosition(2, 0), StreamPosition(9, 4)):
            with pytest.raises(PreconditionFailed) as caught:
                await Client(driver, resume=position).next()
            assert caught.value.reason == "INCARNATION_MISMATCH"
        elsewhere = Client(driver, key=KEY._replace(space="no"), resume=StreamPosition(1, 1))
        with pytest.raises(PreconditionFailed) as caught:
            await elsewhere.next()
        assert caught.value.metadata == {"space": "no", "expected": "1", "actual": "0"}


async def test_a_position_that_the_space_has_not_reached_is_refused_with_stream_resume_invalid():
    async with running() as driver:
        async with opened(driver) as client:
            client.numbers(1, 2)
            await client.next()
        with pytest.raises(InvalidInput) as caught:
            await Client(driver, resume=StreamPosition(1, 3)).next()
        assert caught.value.reason == "STREAM_RESUME_INVALID"


async def test_a_name_is_open_once_with_stream_in_use():
    async with running() as driver:
        async with opened(driver), opened(driver, stream_id="other"):
            with pytest.raises(Conflict) as caught:
                await Client(driver).next()
            assert caught.value.reason == "STREAM_IN_USE"
            assert caught.value.retry_after_s > 0
            async with opened(driver, key=KEY._replace(space="elsewhere")):
                pass
        async with opened(driver):
            pass


async def test_streams_of_a_node_are_bounded_with_bulkhead_full():
    async with running(max_streams=1) as driver, opened(driver):
        with pytest.raises(Unavailable) as caught:
            await Client(driver, stream_id="other").next()
        assert caught.value.reason == "BULKHEAD_FULL"


async def test_streams_of_a_space_are_bounded():
    async with running() as driver:
        for number in range(64):
            async with opened(driver, stream_id=f"s{number}") as client:
                client.numbers(number + 1, 1) if number == 0 else client.send(1, INVALID)
                await client.next()
        with pytest.raises(QuotaExceeded) as caught:
            await Client(driver, stream_id="one more").next()
        assert caught.value.metadata == {"space": "default", "limit": "64", "quota_id": "streams"}


async def through(driver, stream_id, *numbers, **opening):
    """Send some memories over a stream from its opening to its end."""
    async with opened(driver, stream_id=stream_id, **opening) as client:
        first = client.opened.position.acked_sequence + 1
        if numbers:
            client.send(first, *map(memory, numbers))
        client.half_close()
        return told(await client.rest())


async def test_streams_that_have_ended_take_no_place_in_their_space():
    async with running() as driver:
        for number in range(1, 101):
            assert await through(driver, f"s{number}", number) == {1: "CREATED"}
        assert await through(driver, "s1", 101, resume=StreamPosition(1, 1)) == {2: "CREATED"}
        assert len(await ids(driver)) == 101


async def test_an_end_that_its_client_has_not_heard_of_is_exact_after_many_others():
    async with running() as driver:
        async with opened(driver, stream_id="broken") as client:
            client.numbers(1, 3)
            lost = await client.next()
            client.half_close()
            assert await client.rest() == []
        assert lost.position.acked_sequence == 3
        for number in range(100):
            await through(driver, f"s{number}", 50)
        async with opened(driver, stream_id="broken", resume=StreamPosition(1, 1)) as client:
            assert client.opened.position == StreamPosition(1, 3)
            client.numbers(2, 3)
            client.half_close()
            (last,) = await client.rest()
            assert [each.sequence for each in last.results] == [4]
        assert await ids(driver) == ["m1", "m2", "m3", "m50", "m4"]


async def test_the_end_of_a_stream_fails_for_nothing_that_its_client_could_repair():
    """All items are acknowledged: a position that cannot be released does not fail the call."""

    emergency = False

    def admit():
        if emergency:
            raise Unavailable("Not now.", reason="EMERGENCY", retry_after_s=1.0)

    async with running() as driver:
        async with opened(driver, stream_id="shed", admit=admit) as client:
            client.numbers(1, 1)
            await client.next()
            emergency = True
            client.half_close()
            assert await client.rest() == []
        async with opened(driver, stream_id="empty") as client:
            revision = client.opened.revision
            client.half_close()
            assert await client.rest() == []
        assert (await driver.state()).revision == revision
        async with opened(driver, stream_id="read-only") as client:
            client.send(1, memory(2))
            await client.next()
            space = await driver.engine.directory.existing(KEY)
            body = UpdateSpace("", SpaceChange(read_only=True))
            await driver.engine.parts.access.write(space, body, ticket(b"u" * 16))
            revision = (await driver.state()).revision
            client.half_close()
            assert await client.rest() == []
        assert (await driver.state()).revision == revision


async def test_a_call_that_was_not_told_of_its_stream_gives_way_to_a_newer_one():
    """Its connection may be broken without this server knowing."""
    journal = HeldReads()
    await journal.open()
    async with running(journal) as driver:
        await driver.put(9)
        await driver.engine.evictor.evict_idle()
        journal.snapshots.clear()
        older, newer = Client(driver), Client(driver)
        async with aclosing(older.events), aclosing(newer.events):
            first = asyncio.ensure_future(older.next())
            second = asyncio.ensure_future(newer.next())
            await anyio.lowlevel.checkpoint()
            journal.snapshots.set()
            assert isinstance(await second, OpenedStream)
            with pytest.raises(Conflict) as caught:
                await first
            assert caught.value.reason == "STREAM_IN_USE"
            with pytest.raises(Conflict):
                await Client(driver).next()
            newer.numbers(1, 1)
            newer.half_close()
            assert told(await newer.rest()) == {1: "CREATED"}
        assert not driver.engine.streams.open
    await journal.close()


async def test_a_read_only_space_ends_the_stream_before_a_record_with_space_read_only():
    async with running() as driver:
        await driver.put(1)
        space = await driver.engine.directory.existing(KEY)
        async with opened(driver) as client:
            await driver.engine.parts.access.write(
                space, UpdateSpace("", SpaceChange(read_only=True)), ticket(b"r" * 16)
            )
            revision = (await driver.state()).revision
            client.numbers(1, 1)
            with pytest.raises(PreconditionFailed) as caught:
                await client.next()
            assert caught.value.reason == "SPACE_READ_ONLY"
        assert (await driver.state()).revision == revision
        with pytest.raises(PreconditionFailed):
            await Client(driver).next()


@pytest.mark.parametrize(
    ("first", "second", "expected"), [(2, None, "1"), (1, 3, "4"), (1, 5, "4"), (1, 1, "4")]
)
async def test_a_gap_and_a_repeat_within_a_stream_are_faults(first, second, expected):
    async with running() as driver, opened(driver) as client:
        client.numbers(first, 3)
        if second:
            client.numbers(second, 1)
        with pytest.raises(InvalidInput) as caught:
            await client.rest()
        assert caught.value.reason == "STREAM_SEQUENCE_INVALID"
        assert caught.value.metadata["expected"] == expected
        if second:
            assert await ids(driver) == ["m1", "m2", "m3"]


async def test_what_came_before_a_fault_is_settled_first():
    async with running() as driver, opened(driver) as client:
        client.numbers(1, 2)
        client.fault(InvalidInput(reason="STREAM_PROTOCOL_INVALID"))
        assert told([await client.next()]) == {1: "CREATED", 2: "CREATED"}
        with pytest.raises(InvalidInput):
            await client.next()


async def test_a_stream_that_is_asked_to_end_says_goodbye():
    async with running() as driver:
        for reason in ("DRAINING", ""):
            async with opened(driver, stream_id=f"s{reason}") as client:
                client.numbers(1, 1)
                await client.next()
                client.ending.set_result(reason)
                client.numbers(2, 1)
                assert await client.rest() == [Goodbye(StreamPosition(1, 1), reason)]
                assert client.closed
        assert await ids(driver) == ["m1"]


async def test_no_more_is_read_than_may_wait():
    async with running(max_stream_items=4) as driver, opened(driver) as client:
        lane = driver.engine.lanes.bulkhead(Lane.BULK)
        lane.permits, permits = 0, lane.permits
        for number in range(1, 21):
            client.numbers(number, 1)
        flow = await client.next()
        assert isinstance(flow, Flow)
        await anyio.wait_all_tasks_blocked()
        assert client.read_count == 4
        lane.permits = permits
        client.half_close()
        events = await client.rest()
        settled = [event for event in events if isinstance(event, Settled)]
        assert told(settled) == dict.fromkeys(range(1, 21), "CREATED")
        assert all(len(event.results) <= 4 for event in settled)


async def test_large_items_are_bounded_by_their_bytes():
    inbox = Inbox("s", 0, max_items=1_000, vector_bytes=0)
    big = [Candidate(NewMemory("", vector(1, 4_096), text="x" * 8_000)) for _ in range(200)]

    async def batches():
        yield ItemBatch(1, big)
        yield ItemBatch(201, big)

    filling = asyncio.ensure_future(inbox.fill(batches()))
    await anyio.wait_all_tasks_blocked()
    assert len(inbox) == 200
    assert 50 < len(inbox.head()) < 150
    inbox.settle(190)
    await anyio.wait_all_tasks_blocked()
    assert len(inbox) == 210
    inbox.settle(400)
    await filling


async def test_a_stream_waits_while_the_node_is_full_and_gives_up_in_the_end(monkeypatch):
    monkeypatch.setattr("mlsdm_grpc.engine.streams.MAX_PAUSE_S", 0.35)
    async with running() as driver, opened(driver) as client:
        lane = driver.engine.lanes.bulkhead(Lane.BULK)
        lane.permits, permits = 0, lane.permits
        client.numbers(1, 1)
        for _ in range(3):
            assert await client.next() == Flow(1_024, 0.1)
        with pytest.raises(Unavailable) as caught:
            await client.next()
        assert caught.value.reason == "BULKHEAD_FULL"
        lane.permits = permits


async def test_a_caller_that_goes_away_leaves_nothing_behind():
    async with running() as driver:
        tasks = len(asyncio.all_tasks())
        client = Client(driver)
        await client.next()
        client.numbers(1, 1)
        await client.next()
        assert driver.metrics.registry.get_sample_value("mlsdm_streams_open_count") == 1
        await client.events.aclose()
        assert client.closed
        assert len(asyncio.all_tasks()) == tasks
        assert driver.metrics.registry.get_sample_value("mlsdm_streams_open_count") == 0
        assert not driver.engine.streams.permits.in_use


async def test_a_lost_worker_ends_the_stream_and_nothing_counts_twice():
    async with running(workers=1) as driver:
        async with opened(driver) as client:
            client.numbers(1, 3)
            await client.next()
            space = await driver.engine.directory.existing(KEY)
            space.go_cold()
            client.numbers(4, 2)
            client.half_close()
            await client.rest()
        assert await ids(driver) == [f"m{number}" for number in range(1, 6)]


@given(
    st.lists(
        st.tuples(
            st.integers(1, 6), st.integers(0, 3), st.booleans(), st.booleans(), st.booleans()
        ),
        min_size=1,
        max_size=12,
    )
)
@settings(max_examples=30)
async def test_however_a_stream_breaks_nothing_is_lost_and_nothing_is_twice(attempts):
    """Connections that break anywhere, that know their newest token or none, over two nodes."""
    journal = MemoryJournal()
    await journal.open()
    total, token, outcomes = 25, StreamPosition(0, 0), {}
    async with running(journal) as driver:
        for size, acks, with_token, reload, extra in [*attempts, (9, 99, True, False, False)]:
            if reload and len(driver.engine.directory):
                for space in driver.engine.directory:
                    space.go_cold(head_unknown=True)
            async with opened(
                driver, resume=token if with_token else StreamPosition(0, 0)
            ) as client:
                acked = client.opened.position.acked_sequence
                assert acked >= token.acked_sequence
                first = max(1, acked + 1 - (3 if extra else 0))
                for begin in range(first, total + 1, size):
                    client.numbers(begin, min(size, total + 1 - begin))
                client.half_close()
                left = iter(range(acks))
                async for event in client.events:
                    for each in event.results:
                        assert each.sequence not in outcomes
                        outcomes[each.sequence] = each.outcome.items[0].result
                    token = event.position
                    if next(left, None) is None:
                        break
        assert await ids(driver) == [f"m{number}" for number in range(1, total + 1)]
    assert set(outcomes.values()) <= {PutResult.CREATED}
    await journal.close()


async def test_a_stream_pauses_while_the_node_refuses_and_goes_on_afterwards_with_shedding(driver):
    refusals = [Unavailable("no", reason="SHEDDING", retry_after_s=0.05)] * 2

    def admit():
        if refusals:
            raise refusals.pop()

    async with opened(driver, admit=admit) as client:
        client.send(1, memory(1))
        assert await client.next() == Flow(1_024, 0.05)
        assert await client.next() == Flow(1_024, 0.05)
        assert (await client.next()).position.acked_sequence == 1


async def test_a_stream_that_the_node_refuses_for_long_ends_with_emergency(driver):
    def admit():
        raise Unavailable("no", reason="EMERGENCY", retry_after_s=31.0)

    async with opened(driver, admit=admit) as client:
        client.send(1, memory(1))
        with pytest.raises(Unavailable) as caught:
            await client.next()
        assert caught.value.reason == "EMERGENCY"
