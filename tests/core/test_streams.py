"""Items of streams in the state machine: once each, in order, one bad item spoiling no other."""

import io
from dataclasses import replace

import pytest
from histories import SECOND, record, vector
from hypothesis import given
from hypothesis import strategies as st
from spaces import Space

from mlsdm_grpc.core.mind.stream_marks import MAX_FINISHED, MAX_STREAMS, StreamMark, StreamMarks
from mlsdm_grpc.core.model.bodies import (
    ProcessEvent,
    SpaceChange,
    StreamItem,
    StreamItems,
    UpdateSpace,
)
from mlsdm_grpc.core.model.new_memory import NewMemory
from mlsdm_grpc.core.model.outcome import EventOutcome, PutResult, Refusal, StreamOutcome
from mlsdm_grpc.errors import DataLoss
from mlsdm_grpc.journal.codec.outcomes import outcome_from_proto, outcome_to_proto
from mlsdm_grpc.journal.codec.records import decode_record, encode_record
from mlsdm_grpc.journal.codec.snapshots import read_snapshot, snapshot_bytes

MINUTE = 60 * SECOND


def memory(name, seed=None, **fields):
    return NewMemory(name, vector(sum(name.encode()) if seed is None else seed), True, **fields)


def items(after, *bodies, stream_id="s", last=None, **fields):
    numbered = tuple(StreamItem(after + 1 + i, body) for i, body in enumerate(bodies))
    last = after + len(bodies) if last is None else last
    return StreamItems(stream_id, after, last, numbered, **fields)


def results(outcome):
    return [
        each.reason
        if isinstance(each, Refusal)
        else None
        if each is None
        else each.items[0].result.name
        for each in outcome.items
    ]


def test_each_item_is_carried_out_on_its_own():
    space = Space(capacity=3)
    space.put(memory("taken", 1))
    outcome = space.apply(
        items(
            0,
            memory("a", 2),
            memory("taken", 3),
            NewMemory("wide", vector(4, 9), True),
            memory("unsure", 5, confidence=0.1),
            memory("past", 6, expire_time_ns=1),
            memory("b", 7),
            memory("c", 8),
        ),
        time_ns=SECOND,
    )
    assert outcome.acked_sequence == 7
    assert results(outcome) == [
        "CREATED",
        "MEMORY_EXISTS",
        "DIMENSION_MISMATCH",
        "REFUSED",
        "FIELD_INVALID",
        "CREATED",
        "CREATED",
    ]
    assert {each.revision for each in outcome.items} == {space.mind.revision} == {3}
    assert outcome.items[-1].evicted == ("taken",)
    assert space.ids() == ["a", "b", "c"]


def test_allow_replace_and_etags_hold_for_each_item():
    space = Space()
    space.put(memory("a", 1))
    outcome = space.apply(
        items(0, memory("a", 2, etag='"2"'), memory("a", 3, etag='"2"'), allow_replace=True)
    )
    assert results(outcome) == ["REPLACED", "ETAG_MISMATCH"]


def test_what_is_settled_is_ignored():
    space = Space()
    space.apply(items(0, memory("a"), memory("b")))
    again = space.apply(items(0, memory("a"), memory("b"), memory("c")))
    assert results(again) == [None, None, "CREATED"]
    assert again.acked_sequence == 3
    behind = space.apply(items(0, memory("x")))
    assert (results(behind), behind.acked_sequence) == ([None], 3)
    assert space.ids() == ["a", "b", "c"]


def test_an_item_that_was_refused_before_the_record_is_settled_by_it():
    space = Space()
    body = StreamItems("s", 0, 5, (StreamItem(2, memory("a")), StreamItem(4, memory("b"))))
    assert space.apply(body).acked_sequence == 5
    assert space.apply(items(5, last=6)).acked_sequence == 6
    assert space.apply(items(0, memory("c"), last=6)).items == (None,)


def test_a_gap_is_refused_and_changes_nothing_of_the_stream_with_stream_sequence_invalid():
    space = Space()
    space.apply(items(0, memory("a")))
    refusal = space.apply(items(2, memory("b")))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "STREAM_SEQUENCE_INVALID"
    assert dict(refusal.metadata) == {"stream_id": "s", "expected": "2", "actual": "3"}
    assert space.mind.contents.streams.get("s").sequence == 1


def test_a_stream_that_is_not_known_begins_where_its_writer_says():
    space = Space()
    assert space.apply(items(41, memory("a"))).acked_sequence == 42
    assert space.mind.preview(record(3, items(40))) == StreamOutcome(42, (), 2)


def test_events_of_a_stream_step_the_mind_one_by_one():
    alone, streamed = Space(), Space()
    events = [ProcessEvent(memory(f"e{i}"), i / 20) for i in range(20)]
    single = [alone.apply(event) for event in events]
    outcome = streamed.apply(items(0, *events))
    assert all(isinstance(each, EventOutcome) for each in outcome.items)
    assert [replace(each, revision=0) for each in outcome.items] == [
        replace(each, revision=0) for each in single
    ]
    assert (streamed.mind.view().step, streamed.ids()) == (20, alone.ids())


def test_a_read_only_space_refuses_the_record_with_space_read_only():
    space = Space()
    space.apply(items(0, memory("a")))
    space.apply(UpdateSpace("", SpaceChange(read_only=True)))
    body = items(1, memory("b"))
    assert space.mind.preview(record(4, body)).reason == "SPACE_READ_ONLY"
    assert space.apply(body).reason == "SPACE_READ_ONLY"
    assert space.mind.contents.streams.get("s").sequence == 1


def test_a_space_knows_64_streams_and_the_one_at_rest_makes_room_with_quota_exceeded():
    space = Space()
    for number in range(MAX_STREAMS):
        body = items(0, memory("m"), stream_id=f"s{number}", allow_replace=True)
        assert space.apply(body, time_ns=(2 + number) * SECOND).acked_sequence == 1
    late = items(0, stream_id="late", last=1)
    refusal = space.apply(late, time_ns=10 * MINUTE + 2 * SECOND)
    assert refusal.reason == "QUOTA_EXCEEDED"
    assert dict(refusal.metadata) == {"limit": "64", "quota_id": "streams"}
    assert space.apply(items(1, stream_id="s0", last=2)).acked_sequence == 2
    assert space.apply(late, time_ns=10 * MINUTE + 4 * SECOND).acked_sequence == 1
    known = [mark.stream_id for mark in space.mind.contents.streams]
    assert len(known) == MAX_STREAMS
    assert "s1" not in known
    assert known[-2:] == ["s0", "late"]


def test_finished_streams_take_no_place_and_the_oldest_of_them_gives_way():
    space = Space()
    for number in range(MAX_FINISHED + 1):
        body = items(0, stream_id=f"s{number}", last=1, finished=number > 0)
        assert space.apply(body).acked_sequence == 1
    assert space.apply(items(1, stream_id="s0", finished=True)).acked_sequence == 1
    marks = list(space.mind.contents.streams)
    assert len(marks) == len(space.mind.contents.streams) == MAX_FINISHED
    assert (marks[0].stream_id, marks[-1].stream_id) == ("s2", "s0")
    assert all(mark.finished for mark in marks)


def test_items_of_a_finished_stream_that_are_sent_again_count_once():
    """Resume a stream whose client missed its end, because the connection broke."""
    space = Space()
    space.apply(items(0, memory("a"), memory("b"), finished=True))
    for number in range(MAX_STREAMS):
        space.apply(items(0, stream_id=f"s{number}", last=1))
    assert space.mind.preview(record(space.mind.revision + 1, items(1))).acked_sequence == 2
    again = space.apply(items(1, memory("b")))
    assert (results(again), again.acked_sequence) == ([None], 2)
    assert space.mind.contents.streams.get("s").finished
    assert space.apply(items(2, memory("c"))).reason == "QUOTA_EXCEEDED"
    assert space.ids() == ["a", "b"]
    space.apply(items(1, stream_id="s0", finished=True))
    assert space.apply(items(2, memory("c"))).acked_sequence == 3
    assert not space.mind.contents.streams.get("s").finished


def test_a_stream_that_others_took_further_is_not_finished_by_an_old_record():
    space = Space()
    space.apply(items(0, last=3))
    assert space.apply(items(1, last=2, finished=True)).acked_sequence == 3
    assert not space.mind.contents.streams.get("s").finished
    space.apply(items(2, last=3, finished=True))
    assert space.mind.contents.streams.get("s").finished


def test_a_record_that_comes_again_tells_how_far_the_stream_is():
    space = Space()
    first = record(2, items(0, memory("a"), memory("b")))
    space.mind.apply(first)
    assert space.mind.apply(first) is None
    assert space.mind.repeated(first) == StreamOutcome(2, (None, None), 2)
    refused = record(3, items(7, memory("c")))
    space.mind.apply(refused)
    assert space.mind.repeated(refused).acked_sequence == 2
    assert Space().mind.repeated(first).acked_sequence == 0


def test_a_stream_needs_no_entry_of_the_request_window():
    space = Space()
    outcome = space.apply(items(0, memory("a")), request_id=b"r" * 16)
    assert outcome.acked_sequence == 1
    assert not len(space.mind.window)


@given(st.lists(st.integers(0, 12), max_size=30), st.lists(st.integers(1, 5), max_size=30))
def test_however_items_are_sent_again_each_counts_once(begins, counts):
    """Records that begin anywhere up to the mark, as after any breaks, settle each item once."""
    space, acked, created = Space(), 0, []
    for begin, count in zip(begins, counts, strict=False):
        after = min(begin, acked)
        body = items(after, *(memory(f"m{after + 1 + i}", after + 1 + i) for i in range(count)))
        outcome = space.apply(body)
        created += [
            item.sequence
            for item, each in zip(body.items, outcome.items, strict=True)
            if each is not None and each.items[0].result is PutResult.CREATED
        ]
        acked = max(acked, after + count)
        assert outcome.acked_sequence == acked
    assert created == list(range(1, acked + 1))
    assert space.ids() == [f"m{sequence}" for sequence in created]


def test_marks_survive_snapshot_and_encoding():
    space = Space()
    bodies = (
        items(0, memory("a"), ProcessEvent(memory("e"), 0.5), stream_id="b", allow_replace=True),
        items(3, memory("f", confidence=0.2), stream_id="a", last=9),
        items(0, memory("g"), stream_id="c", finished=True),
        items(0, memory("h"), stream_id="d"),
    )
    for body in bodies:
        each = record(space.mind.revision + 1, body)
        assert encode_record(replace(each, body=decode_record(each.raw).body)) == each.raw
        outcome = space.mind.apply(each)
        assert outcome_from_proto(outcome_to_proto(outcome)) == outcome
    restored = read_snapshot(io.BytesIO(snapshot_bytes(space.mind)))
    assert list(restored.contents.streams) == list(space.mind.contents.streams)
    assert snapshot_bytes(restored) == snapshot_bytes(space.mind)


def test_an_item_needs_an_outcome_of_its_kind():
    message = outcome_to_proto(StreamOutcome(1, (None,)))
    message.stream.items[0].deleted.SetInParent()
    with pytest.raises(DataLoss, match="stream items cannot have"):
        outcome_from_proto(message)


def test_marks_are_in_the_order_of_their_last_write():
    marks = StreamMarks([StreamMark("a", 1, 10), StreamMark("b", 1, 20)])
    marks.advance(StreamMark("a", 2, 30))
    marks.advance(StreamMark("b", 1, 40, finished=True))
    marks.advance(StreamMark("c", 1, 50))
    assert [(mark.stream_id, mark.sequence) for mark in marks] == [("a", 2), ("c", 1), ("b", 1)]
    assert marks.get("d") is None
    assert marks.has_room(0)
