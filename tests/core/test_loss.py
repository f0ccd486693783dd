"""The record that accepts a loss is the only one that steps over a gap."""

import io
from dataclasses import replace

import pytest
from histories import vector

from mlsdm_grpc.core.mind.mind import Mind, RevisionGap
from mlsdm_grpc.core.model import semantics
from mlsdm_grpc.core.model.bodies import (
    AcceptLoss,
    CreateSpace,
    PutMemories,
    StreamItem,
    StreamItems,
)
from mlsdm_grpc.core.model.new_memory import NewMemory
from mlsdm_grpc.core.model.outcome import LossAccepted, Refusal
from mlsdm_grpc.core.model.parameters import SpaceParameters
from mlsdm_grpc.core.model.record import Record
from mlsdm_grpc.journal.codec.outcomes import outcome_from_proto, outcome_to_proto
from mlsdm_grpc.journal.codec.records import decode_record, encode_record
from mlsdm_grpc.journal.codec.snapshots import read_snapshot, snapshot_bytes

SPACE = SpaceParameters(dimension=8, capacity=10)


def record(revision, body, incarnation=1, **fields):
    made = Record(
        revision=revision,
        incarnation=incarnation,
        record_id=bytes(16),
        time_ns=revision,
        body=body,
        **fields,
    )
    return decode_record(encode_record(made))


def put(revision, incarnation=1, request=b""):
    memory = NewMemory(memory_id=f"m{revision}", vector=vector(revision))
    digest = bytes(32) if request else b""
    return record(
        revision, PutMemories((memory,)), incarnation, request_id=request, request_digest=digest
    )


def accept(revision, first, last, **fields):
    return record(revision, AcceptLoss(first, last), 0, **fields)


@pytest.fixture
def mind():
    mind = Mind()
    mind.apply(record(1, CreateSpace(SPACE), 0))
    mind.apply(put(2, request=b"r" * 16))
    return mind


def test_it_steps_over_the_lost_revisions_into_a_new_incarnation(mind):
    assert mind.apply(accept(10, 3, 9)) == LossAccepted(revision=10)
    assert (mind.revision, mind.contents.incarnation, len(mind.contents.pelm)) == (10, 10, 1)
    refused = mind.apply(put(11, incarnation=1))
    assert isinstance(refused, Refusal)
    assert refused.reason == "INCARNATION_MISMATCH"
    assert mind.apply(put(12, incarnation=10)).items[0].memory_id == "m12"


def test_requests_before_it_are_still_known(mind):
    mind.apply(accept(10, 3, 9))
    repeated = mind.apply(put(11, incarnation=10, request=b"r" * 16))
    assert repeated.revision == 2


def test_etags_and_streams_go_on(mind):
    item = NewMemory(memory_id="s1", vector=vector(30))
    mind.apply(record(3, StreamItems("stream", 0, 1, (StreamItem(1, item),))))
    etag = mind.contents.etag
    mind.apply(accept(10, 4, 9))
    assert mind.contents.etag == etag
    assert mind.contents.streams.get("stream").sequence == 1


def test_it_may_lose_nothing_but_the_incarnation(mind):
    mind.apply(accept(3, 3, 2))
    assert (mind.revision, mind.contents.incarnation) == (3, 3)


def test_a_space_whose_creation_is_lost_does_not_exist_and_its_revisions_go_on():
    mind = Mind()
    mind.apply(accept(31, 1, 30))
    assert (mind.revision, mind.contents, mind.semantics_version) == (31, None, semantics.newest())
    mind.apply(record(32, CreateSpace(SPACE), 0))
    assert mind.contents.incarnation == 32


@pytest.mark.parametrize(("first", "last"), [(4, 9), (2, 9), (3, 8), (3, 10)])
def test_it_fits_one_state_only(mind, first, last):
    before = snapshot_bytes(mind)
    with pytest.raises(RevisionGap):
        mind.apply(accept(10, first, last))
    assert snapshot_bytes(mind) == before


def test_no_other_record_steps_over_a_gap(mind):
    with pytest.raises(RevisionGap):
        mind.apply(put(10))


def test_it_is_valid_under_every_version_of_the_rules(mind):
    mind.apply(replace(accept(10, 3, 9), semantics_version=77))
    assert (mind.revision, mind.semantics_version) == (10, semantics.newest())


def test_it_is_applied_once(mind):
    mind.apply(accept(10, 3, 9))
    before = snapshot_bytes(mind)
    assert mind.apply(accept(10, 3, 9)) is None
    assert snapshot_bytes(mind) == before


def test_it_survives_its_encoding_and_that_of_the_state(mind):
    made = accept(10, 3, 9)
    assert made.body == AcceptLoss(3, 9)
    outcome = mind.apply(made)
    assert outcome_from_proto(outcome_to_proto(outcome)) == outcome
    again = read_snapshot(io.BytesIO(snapshot_bytes(mind)))
    assert (again.revision, again.contents.incarnation) == (10, 10)
