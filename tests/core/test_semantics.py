"""Versions of the rules: accepted records, upgrades, and errors of older code."""

import io
import struct
import zlib
from contextlib import contextmanager

import pytest
from histories import histories, record, vector
from hypothesis import given
from hypothesis import strategies as st

from mlsdm_grpc._gen.mlsdm.internal.v1 import record_pb2 as pb
from mlsdm_grpc.core.mind import space_records
from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.model import semantics
from mlsdm_grpc.core.model.bodies import CreateSpace, DeleteMemory, PutMemories, UpgradeSemantics
from mlsdm_grpc.core.model.new_memory import NewMemory
from mlsdm_grpc.core.model.outcome import DeleteOutcome, Refusal, SemanticsUpgraded
from mlsdm_grpc.core.model.parameters import SpaceParameters
from mlsdm_grpc.core.model.policy import PolicySettings, SetPolicy
from mlsdm_grpc.core.model.semantics import SemanticsUnknown
from mlsdm_grpc.errors import DataLoss
from mlsdm_grpc.journal.codec.records import decode_record
from mlsdm_grpc.journal.codec.snapshots import read_snapshot, snapshot_bytes

CREATE = CreateSpace(SpaceParameters(dimension=8, capacity=4))
PUT = PutMemories((NewMemory("m", vector(1)),))


@contextmanager
def versions(*numbers):
    """Run code with these versions. From version 2 on, a delete of a missing memory succeeds."""
    delete = space_records.delete

    def forgiving(contents, body, now):
        if now.semantics_version >= 2 and contents.pelm.get(body.memory_id) is None:
            return DeleteOutcome()
        return delete(contents, body, now)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(semantics, "VERSIONS", dict.fromkeys(numbers, "For a test."))
        patch.setattr(space_records, "delete", forgiving)
        yield


def under(version, revision, body, **fields):
    return record(revision, body, semantics_version=version, **fields)


def old_space():
    """A space under version 1 with one memory, at revision 2."""
    mind = Mind()
    mind.apply(under(1, 1, CREATE))
    mind.apply(under(1, 2, PUT))
    return mind


def refused(mind, *records):
    """Return the errors of refused records, which leave the state equal to the last bit."""
    before, faults = snapshot_bytes(mind), []
    for each in records:
        with pytest.raises(SemanticsUnknown) as caught:
            mind.apply(each)
        faults.append(caught.value)
        assert snapshot_bytes(mind) == before
    return [(fault.actual, fault.expected) for fault in faults]


def test_this_code_has_at_most_two_versions_in_a_row():
    numbers = list(semantics.VERSIONS)
    assert 1 <= len(numbers) <= 2
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert (semantics.oldest(), semantics.newest()) == (numbers[0], numbers[-1])


def test_the_first_record_sets_the_version():
    assert Mind().semantics_version == 0
    with versions(1, 2):
        for version in (1, 2):
            mind = Mind()
            mind.apply(under(version, 1, CREATE))
            assert (mind.semantics_version, mind.view().semantics_version) == (version, version)
            reserved = Mind()
            reserved.apply(under(version, 1, SetPolicy(PolicySettings(), '"0"')))
            assert reserved.semantics_version == version


@given(histories(semantics_version=1), st.data())
def test_code_with_a_newer_version_replays_older_histories_unchanged(records, data):
    mind = Mind()
    outcomes = [mind.apply(each) for each in records]
    cut = data.draw(st.integers(0, len(records)))
    early = Mind()
    for each in records[:cut]:
        early.apply(each)
    with versions(1, 2):
        again = Mind()
        assert [again.apply(each) for each in records] == outcomes
        assert snapshot_bytes(again) == snapshot_bytes(mind)
        loaded = read_snapshot(io.BytesIO(snapshot_bytes(early)))
        assert [loaded.apply(each) for each in records[cut:]] == outcomes[cut:]
        assert snapshot_bytes(loaded) == snapshot_bytes(mind)
        assert loaded.semantics_version == 1


def test_an_upgrade_switches_the_rules_and_nothing_before_it():
    gone = DeleteMemory("gone")
    with versions(1, 2):
        mind = old_space()
        assert mind.apply(under(1, 3, gone)).reason == "MEMORY_NOT_FOUND"
        upgrade = under(1, 4, UpgradeSemantics(2))
        assert mind.preview(upgrade) == SemanticsUpgraded(True, revision=3)
        assert mind.apply(upgrade) == SemanticsUpgraded(True, revision=4)
        assert mind.view().semantics_version == 2
        assert mind.apply(under(2, 5, gone)) == DeleteOutcome(revision=5)
        restored = read_snapshot(io.BytesIO(snapshot_bytes(mind)))
        assert restored.semantics_version == 2
        assert restored.apply(under(2, 6, gone)) == DeleteOutcome(revision=6)
        mind.apply(under(2, 6, gone))
        assert snapshot_bytes(restored) == snapshot_bytes(mind)


def test_an_upgrade_changes_nothing_but_the_version():
    with versions(1, 2):
        upgraded, plain = old_space(), old_space()
        upgraded.apply(under(1, 3, UpgradeSemantics(2)))
        plain.apply(under(1, 3, DeleteMemory("gone")))
        plain.semantics_version, plain.chain = 2, upgraded.chain
        assert snapshot_bytes(upgraded) == snapshot_bytes(plain)


@pytest.mark.parametrize("header", [1, 2])
@pytest.mark.parametrize("version", [0, 1, 2])
def test_an_upgrade_to_what_there_is_or_was_changes_nothing(version, header):
    with versions(1, 2):
        mind = old_space()
        mind.apply(under(1, 3, UpgradeSemantics(2)))
        late = under(header, 4, UpgradeSemantics(version))
        assert mind.preview(late) == SemanticsUpgraded(False, revision=3)
        assert mind.apply(late) == SemanticsUpgraded(False, revision=4)
        assert mind.semantics_version == 2


def test_of_two_writers_of_an_upgrade_the_first_one_counts():
    same = {"request_id": b"u" * 16, "request_digest": b"u" * 32}
    with versions(1, 2):
        mind = old_space()
        first = mind.apply(under(1, 3, UpgradeSemantics(2), **same))
        assert mind.apply(under(1, 4, UpgradeSemantics(2), **same)) == first
        assert (mind.semantics_version, first.revision) == (2, 3)


def test_an_upgrade_under_a_used_request_id_is_refused():
    with versions(1, 2):
        mind = old_space()
        used = {"request_id": b"u" * 16, "request_digest": b"u" * 32}
        mind.apply(under(1, 3, DeleteMemory("m"), **used))
        used["request_digest"] = b"v" * 32
        outcome = mind.apply(under(1, 4, UpgradeSemantics(2), **used))
        assert isinstance(outcome, Refusal)
        assert mind.semantics_version == 1


def test_records_of_other_rules_than_the_states_are_refused():
    with versions(1, 2):
        mind = old_space()
        assert refused(mind, under(2, 3, PUT), under(2, 3, CREATE)) == [(2, (1,))] * 2
        mind.apply(under(1, 3, UpgradeSemantics(2)))
        assert refused(mind, under(1, 4, PUT)) == [(1, (2,))]


def test_a_space_goes_on_by_one_version_at_a_time():
    with versions(1, 2, 3):
        assert refused(old_space(), under(1, 3, UpgradeSemantics(3))) == [(3, (2,))]


def test_code_without_a_version_refuses_all_that_needs_it():
    with versions(1, 2):
        upgrade = under(1, 3, UpgradeSemantics(2))
        records = [under(2, 3, PUT), under(2, 3, UpgradeSemantics(1)), upgrade]
        mind = old_space()
        mind.apply(upgrade)
        upgraded = snapshot_bytes(mind)
    with versions(1):
        assert refused(old_space(), *records) == [(2, (1,))] * 3
        assert refused(Mind(), under(2, 1, CREATE)) == [(2, (1,))]
        with pytest.raises(SemanticsUnknown, match=r"semantics version 2; .* supports version 1 "):
            read_snapshot(io.BytesIO(upgraded))


def test_code_that_dropped_a_version_refuses_what_is_under_it():
    mind = old_space()
    with versions(2, 3):
        assert refused(Mind(), under(1, 1, CREATE)) == [(1, (2, 3))]
        with pytest.raises(
            SemanticsUnknown, match=r"semantics version 1; .* supports version 2 or 3 "
        ):
            read_snapshot(io.BytesIO(snapshot_bytes(mind)))


@pytest.mark.parametrize(("version", "fault"), [(2, DataLoss), (3, SemanticsUnknown)])
def test_a_body_that_nobody_knows_is_damage_unless_newer_rules_may_know_it(version, fault):
    body = pb.Record(semantics_version=version, revision=3).SerializeToString()
    with pytest.raises(fault):
        decode_record(struct.pack("<BI", 1, zlib.crc32(body)) + body)
