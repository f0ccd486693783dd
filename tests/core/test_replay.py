"""The log is the database: replaying records gives the state, byte for byte."""

import hashlib
import io

import pytest
from histories import histories, record, vector
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from mlsdm_grpc.core.mind.mind import Mind, RevisionGap
from mlsdm_grpc.core.model.bodies import CreateSpace, PutMemories
from mlsdm_grpc.core.model.new_memory import NewMemory
from mlsdm_grpc.core.model.outcome import PutOutcome, Refusal
from mlsdm_grpc.core.model.parameters import SpaceParameters
from mlsdm_grpc.errors import DataLoss
from mlsdm_grpc.journal.codec.outcomes import outcome_from_proto, outcome_to_proto
from mlsdm_grpc.journal.codec.records import decode_record, encode_record
from mlsdm_grpc.journal.codec.snapshots import read_snapshot, snapshot_bytes


def replay(records, mind=None):
    mind = mind or Mind()
    outcomes = [mind.apply(each) for each in records]
    return mind, outcomes


@given(histories())
def test_replay_equals_the_live_state(records):
    live, outcomes = replay(records)
    again, same = replay([decode_record(each.raw) for each in records])
    assert snapshot_bytes(again) == snapshot_bytes(live)
    assert same == outcomes
    assert live.revision == len(records)


@pytest.mark.parametrize("version", [1, 2])
@given(data=st.data())
def test_records_that_are_decoded_item_by_item_do_the_same(version, data):
    records = data.draw(histories(semantics_version=version))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mlsdm_grpc.journal.codec.records.APART_BYTES", -1)
        lazily = [decode_record(each.raw) for each in records]
    for each in lazily:
        body = each.body
        items = body.memories if isinstance(body, PutMemories) else getattr(body, "items", None)
        assert not isinstance(items, tuple)
    live, outcomes = replay(records)
    again, same = replay(lazily)
    assert snapshot_bytes(again) == snapshot_bytes(live)
    assert same == outcomes
    previews = [[mind.preview(each) for each in some] for mind, some in
                ((live, records), (again, lazily))]  # fmt: skip
    assert previews[0] == previews[1]


@given(histories(), st.data())
def test_snapshot_and_tail_equal_full_replay(records, data):
    cut = data.draw(st.integers(0, len(records)))
    live, outcomes = replay(records)
    early, _ = replay(records[:cut])
    restored = read_snapshot(io.BytesIO(snapshot_bytes(early)))
    assert snapshot_bytes(restored) == snapshot_bytes(early)
    late, tail = replay(records[cut:], restored)
    assert snapshot_bytes(late) == snapshot_bytes(live)
    assert tail == outcomes[cut:]


@given(histories(), st.data())
def test_repeated_records_are_ignored_and_gaps_refused(records, data):
    live, _ = replay(records)
    mind = Mind()
    for each in records:
        ahead = data.draw(st.integers(1, 3))
        if each.revision + ahead <= len(records):
            before = snapshot_bytes(mind)
            with pytest.raises(RevisionGap):
                mind.apply(records[each.revision - 1 + ahead])
            assert snapshot_bytes(mind) == before
        assert mind.apply(each) is not None
        before = snapshot_bytes(mind)
        behind = data.draw(st.integers(1, each.revision))
        assert mind.apply(records[behind - 1]) is None
        assert snapshot_bytes(mind) == before
    assert snapshot_bytes(mind) == snapshot_bytes(live)


@given(histories())
def test_every_outcome_survives_its_encoding(records):
    _, outcomes = replay(records)
    for outcome in outcomes:
        assert outcome_from_proto(outcome_to_proto(outcome)) == outcome


@given(histories())
def test_a_refusal_changes_nothing_but_revision_chain_time_and_window(records):
    mind = Mind()
    for each in records:
        before = mind.contents and snapshot_bytes(_without_log(mind))
        outcome = mind.apply(each)
        if isinstance(outcome, Refusal) and before is not None:
            assert snapshot_bytes(_without_log(mind)) == before


def _without_log(mind):
    return Mind(contents=mind.contents, policy=mind.policy)


@given(histories(max_size=12), st.data())
def test_any_flipped_bit_of_a_snapshot_is_noticed(records, data):
    live, _ = replay(records)
    good = snapshot_bytes(live)
    bad = bytearray(good)
    at = data.draw(st.integers(0, len(good) - 1))
    bad[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(DataLoss):
        read_snapshot(io.BytesIO(bytes(bad)))


@given(histories(max_size=12), st.data())
def test_any_cut_of_a_snapshot_is_noticed(records, data):
    live, _ = replay(records)
    good = snapshot_bytes(live)
    with pytest.raises(DataLoss):
        read_snapshot(io.BytesIO(good[: data.draw(st.integers(0, len(good) - 1))]))


@given(histories(max_size=3), st.data())
def test_any_flipped_bit_of_a_record_is_noticed(records, data):
    bad = bytearray(records[-1].raw)
    at = data.draw(st.integers(0, len(bad) - 1))
    bad[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(DataLoss):
        decode_record(bytes(bad))


def test_records_are_encoded_the_same_way_every_time():
    body = PutMemories((NewMemory("m", vector(1), text="x", metadata=(("a", "1"), ("b", "2"))),))
    first = record(2, body)
    assert encode_record(first) == first.raw == encode_record(decode_record(first.raw))


def test_the_chain_covers_every_record():
    first = record(1, CreateSpace(SpaceParameters(dimension=8, capacity=4)))
    second = record(2, PutMemories((NewMemory("m", vector(1)),)))
    mind, _ = replay([first, second])
    one = hashlib.sha256(bytes(32) + first.raw).digest()
    assert mind.chain == hashlib.sha256(one + second.raw).digest()


@settings(max_examples=30)
@given(histories())
def test_preview_foretells_single_puts_and_changes_nothing(records):
    mind = Mind()
    for each in records:
        body = each.body
        if isinstance(body, PutMemories) and len(body.memories) == 1 and mind.contents:
            before = snapshot_bytes(mind)
            foreseen = mind.preview(each)
            assert snapshot_bytes(mind) == before
            outcome = mind.apply(each)
            if isinstance(outcome, PutOutcome) and outcome.revision == each.revision:
                assert isinstance(foreseen, PutOutcome)
                assert [i.result for i in foreseen.items] == [i.result for i in outcome.items]
                assert foreseen.evicted == outcome.evicted
            elif isinstance(outcome, Refusal):
                assert isinstance(foreseen, Refusal)
                assert foreseen.reason == outcome.reason
        else:
            mind.apply(each)


def test_histories_merge_memories():
    def merges(records):
        return any(getattr(outcome, "merged_count", 0) > 1 for outcome in replay(records)[1])

    some = settings(max_examples=300, database=None, derandomize=True, phases=[Phase.generate])
    assert merges(find(histories(), merges, settings=some))
