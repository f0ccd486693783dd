"""A snapshot contains one revision, also with writes while it is taken."""

import io
import struct
import zlib
from contextlib import contextmanager

import numpy as np
import pytest
from histories import histories, record, vector
from hypothesis import given
from hypothesis import strategies as st
from spaces import slot_of

from mlsdm_grpc._gen.mlsdm.internal.v1 import snapshot_pb2
from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.mind.steps import finish
from mlsdm_grpc.core.model.bodies import (
    Consolidate,
    CreateSpace,
    DeleteMemory,
    MergeGroup,
    MergeMember,
    PutMemories,
    SpaceChange,
    UpdateMemory,
    UpdateSpace,
)
from mlsdm_grpc.core.model.new_memory import NewMemory
from mlsdm_grpc.core.model.parameters import SpaceParameters
from mlsdm_grpc.errors import DataLoss
from mlsdm_grpc.journal.codec.snapshots import read_snapshot, snapshot_bytes, snapshot_writer


@contextmanager
def small_steps():
    """Let a step of a snapshot be one memory, so that there is much to be changed behind it."""
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr("mlsdm_grpc.journal.codec.snapshots.MEMORIES_A_STEP", 1)
        yield


def assert_holds(file, state):
    """Check that a snapshot file contains a state followed by its proof."""
    written = file.getvalue()
    assert written.startswith(state)
    assert len(written) > len(state)
    assert snapshot_bytes(read_snapshot(io.BytesIO(written))) == state


@given(histories(), st.data())
def test_what_is_written_between_its_steps_is_not_in_a_snapshot(records, data):
    cut = data.draw(st.integers(0, len(records)))
    mind = Mind()
    for each in records[:cut]:
        mind.apply(each)
    before = snapshot_bytes(mind)
    file = io.BytesIO()
    with small_steps():
        steps = snapshot_writer(mind, file)
        next(steps)
        for each in records[cut:]:
            for _ in range(data.draw(st.integers(0, 3))):
                next(steps, None)
            mind.apply(each)
        finish(steps)
    assert_holds(file, before)
    restored = read_snapshot(io.BytesIO(before))
    assert restored.revision == cut
    for each in records[cut:]:
        restored.apply(each)
    assert snapshot_bytes(restored) == snapshot_bytes(mind)
    assert mind.contents is None or mind.contents.pelm.kept_bytes == 0


def put(revision, *numbers):
    memories = tuple(
        NewMemory(
            f"m{number}",
            vector(revision * 100 + i),
            text=f"{number} of {revision}",
            labels=("a", "b"),
        )
        for i, number in enumerate(numbers)
    )
    return record(revision, PutMemories(memories, allow_replace=True))


def filled(count, capacity=None):
    """Return a mind with memories m0, m1 and so on, at revision 2."""
    mind = Mind()
    parameters = SpaceParameters(dimension=8, capacity=capacity or count)
    mind.apply(record(1, CreateSpace(parameters)))
    mind.apply(put(2, *range(count)))
    return mind


def _merge(mind):
    memories = [memory for memory, _ in mind.contents.pelm.history.memories()][-2:]
    members = tuple(MergeMember(memory.memory_id, memory.etag) for memory in memories)
    return Consolidate((MergeGroup("merged", members),), 0, 0, False)


@pytest.mark.parametrize(
    "body",
    [
        PutMemories((NewMemory("new", vector(1)),)),
        PutMemories((NewMemory("m7", vector(1), caller_chosen_id=True),), allow_replace=True),
        # The same text in the same phase renews the memory that it repeats.
        PutMemories((NewMemory("other", vector(1), text="7 of 2", labels=("c",)),)),
        UpdateMemory("m7", add_labels=("c",), remove_labels=("a",), pinned=True),
        UpdateMemory("m7", expire_time_ns=10**18),
        DeleteMemory("m7"),
        UpdateSpace("", SpaceChange(capacity=5_000)),
        _merge,
    ],
)
@pytest.mark.parametrize("steps_before", [1, 8, 40, 400])
def test_every_kind_of_change_leaves_the_snapshot_as_it_was(body, steps_before):
    mind = filled(40)
    before, file = snapshot_bytes(mind), io.BytesIO()
    with small_steps():
        steps = snapshot_writer(mind, file)
        for _ in range(steps_before):
            next(steps, None)
        changed = mind.apply(record(3, body(mind) if callable(body) else body))
        assert not hasattr(changed, "reason")
        finish(steps)
    assert_holds(file, before)
    assert snapshot_bytes(mind) != before


def test_a_space_that_grows_and_is_written_over_many_times_is_frozen_still():
    mind = filled(1_500, capacity=4_000)
    before, file = snapshot_bytes(mind), io.BytesIO()
    steps = snapshot_writer(mind, file)
    next(steps)
    rng, revision = np.random.default_rng(0), 2
    for _ in steps:
        revision += 1
        mind.apply(put(revision, *rng.choice(6_000, 50, replace=False)))
    assert revision > 100
    assert len(mind.contents.pelm) == 4_000
    assert_holds(file, before)


def test_what_is_kept_is_what_changed_before_it_was_written():
    mind = filled(100)
    pelm = mind.contents.pelm
    allocated = pelm.allocated_bytes
    with pelm.frozen() as frozen:
        taken = iter(frozen)
        for _ in range(50):
            next(taken)
        mind.apply(put(3, *range(50)))
        assert pelm.kept_bytes == 0
        mind.apply(put(4, 50, 51))
        two = pelm.kept_bytes
        assert 0 < two < 4_000
        mind.apply(put(5, 50, 51))
        assert pelm.kept_bytes == two
        assert pelm.allocated_bytes >= allocated + two
        mind.apply(put(6, *range(50, 100)))
        assert pelm.kept_bytes == 25 * two
        assert [one.memory.memory_id for one in taken] == [f"m{i}" for i in range(50, 100)]
        assert pelm.kept_bytes == 0
    assert not pelm.table.before_change


def test_a_damaged_row_is_noticed_though_it_changed_meanwhile():
    mind = filled(100)
    steps = snapshot_writer(mind, io.BytesIO())
    next(steps)
    pelm = mind.contents.pelm
    pelm.table.rows.vectors[slot_of(pelm, "m90"), 0] += 1.0
    mind.apply(record(3, DeleteMemory("m90")))
    with pytest.raises(DataLoss):
        finish(steps)
    assert not pelm.table.before_change


def test_a_row_that_is_lost_does_not_hinder_a_snapshot():
    mind = filled(100)
    before = snapshot_bytes(mind)
    pelm = mind.contents.pelm
    for memory_id in ("m10", "m90"):
        pelm.table.rows.vectors[slot_of(pelm, memory_id), 0] += 1.0
        pelm.lose(memory_id)
    file = io.BytesIO()
    steps = snapshot_writer(mind, file)
    next(steps)
    mind.apply(record(3, DeleteMemory("m90")))
    finish(steps)
    restored = read_snapshot(io.BytesIO(file.getvalue())).contents.pelm
    assert [each for each in ("m9", "m10", "m90") if not restored.is_sound(each)] == ["m10", "m90"]
    assert len(file.getvalue()) > len(before)


def test_the_middle_of_a_record_is_no_snapshot():
    mind = filled(40)
    steps = mind.applying(put(3, *range(20, 60)))
    for _ in range(60):
        next(steps)
    with pytest.raises(DataLoss, match="is being applied"):
        finish(snapshot_writer(mind, io.BytesIO()))
    finish(steps)
    finish(snapshot_writer(mind, io.BytesIO()))


def _forget_a_memory(mind):
    mind.contents.pelm.table.columns["sequence"][3] = 0


def _change_a_label(mind):
    mind.contents.pelm.table.labels.set(3, ("other",))


def _change_a_column(mind):
    mind.contents.pelm.table.columns["expire_time_ns"][3] += 1


def _count_an_event(mind):
    mind.contents.step += 1


@pytest.mark.parametrize(
    "change", [_forget_a_memory, _change_a_label, _change_a_column, _count_an_event]
)
def test_what_no_record_did_is_in_no_snapshot(change):
    mind = filled(40)
    change(mind)
    with pytest.raises(DataLoss):
        finish(snapshot_writer(mind, io.BytesIO()))


def _framed(body):
    return struct.pack("<II", len(body), zlib.crc32(body)) + body


def _with_frame(data, kind, change):
    """Return a snapshot file with its first frame of a kind changed, and the checksum with it."""
    changed, at = data[:8], 8
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at)
        frame = snapshot_pb2.SnapshotFrame.FromString(data[at + 8 : at + 8 + length])
        if frame.WhichOneof("kind") == kind:
            change(getattr(frame, kind))
            kind = ""
        changed += _framed(frame.SerializeToString(deterministic=True))
        at += 8 + length
    assert not kind
    return changed


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("head", lambda head: setattr(head.space, "step", 7)),
        ("head", lambda head: setattr(head, "chain", bytes(32))),
        ("memories", lambda columns: setattr(columns.memories[0], "text", "other")),
        ("memories", lambda columns: columns.memories[0].labels.append("z")),
        ("memories", lambda columns: setattr(columns.memories[0], "ring_sequence", 9)),
        ("memories", lambda columns: columns.checksums.__setitem__(0, 1)),
        ("proof", lambda proof: setattr(proof, "memory_digest", 1)),
    ],
    ids=("step", "chain", "text", "label", "order", "checksum", "digest"),
)
def test_a_file_that_does_not_fit_its_proof_is_refused(kind, change):
    """A snapshot with right checksums and wrong content is refused."""
    file = io.BytesIO()
    finish(snapshot_writer(filled(4), file))
    changed = _with_frame(file.getvalue(), kind, change)
    assert changed != file.getvalue()
    with pytest.raises(DataLoss):
        read_snapshot(io.BytesIO(changed))


def test_a_file_without_a_proof_is_read_as_before():
    mind = filled(40)
    restored = read_snapshot(io.BytesIO(snapshot_bytes(mind)))
    assert snapshot_bytes(restored) == snapshot_bytes(mind)
    assert restored.seal == mind.seal
    finish(snapshot_writer(restored, io.BytesIO()))
