"""The ring of decisions: what it notes, its bounds, replay and snapshots."""

import io
import uuid
from dataclasses import replace

import pytest
from histories import SECOND, histories, record, vector
from hypothesis import given

from mlsdm_grpc.core.mind.decision_ring import (
    MAX_BYTES,
    MAX_DECISIONS,
    DecisionRing,
    unpacked_decisions,
)
from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.model.bodies import (
    Consolidate,
    CreateSpace,
    DeleteMemory,
    ProcessEvent,
    PutMemories,
    SpaceChange,
    StreamItem,
    StreamItems,
    UpdateMemory,
    UpdateSpace,
    UpgradeSemantics,
)
from mlsdm_grpc.core.model.decisions import DecisionEntry, DecisionKind
from mlsdm_grpc.core.model.new_memory import NewMemory
from mlsdm_grpc.core.model.parameters import SpaceParameters
from mlsdm_grpc.journal.codec.snapshot_rows import SnapshotDamaged
from mlsdm_grpc.journal.codec.snapshot_state import head_of, mind_of
from mlsdm_grpc.journal.codec.snapshots import read_snapshot, snapshot_bytes

REQUEST = uuid.UUID(int=7).bytes


def memory(name):
    return NewMemory(name, vector(len(name)), text=f"secret {name}")


def space(version=2):
    mind = Mind()
    parameters = SpaceParameters(dimension=len(vector(1).raw), capacity=9)
    write(mind, CreateSpace(parameters), incarnation=0, semantics_version=version)
    return mind


def write(mind, body, **fields):
    held = {"incarnation": 1, "semantics_version": mind.semantics_version or 2, **fields}
    return mind.apply(record(mind.revision + 1, body, **held))


def noted(mind):
    ring = mind.contents.decisions
    return [entry for _, entry in unpacked_decisions(ring.packed, ring.count)]


def test_every_kind_of_step_is_noted_with_its_result():
    mind = space()
    write(mind, PutMemories((memory("a"),)), request_id=REQUEST, principal="anna")
    write(mind, PutMemories((memory("b"), memory("c"))))
    write(mind, UpdateMemory("a", pinned=True))
    write(mind, DeleteMemory("nobody"))
    write(mind, PutMemories((replace(memory("f"), confidence=0.1),)))
    write(mind, ProcessEvent(memory("e"), 0.1))
    write(mind, ProcessEvent(memory("ee"), 0.95, memory("eee")))
    write(mind, UpdateSpace("", SpaceChange(capacity=8)))
    write(mind, Consolidate(()))
    found = [(each.kind.name, each.accepted, each.memory_id) for each in reversed(noted(mind))]
    assert found == [
        ("SPACE", True, ""),
        ("MEMORY", True, "a"),
        ("MEMORY", True, ""),
        ("MEMORY", True, "a"),
        ("MEMORY", False, "f"),
        ("EVENT", False, ""),
        ("GENERATION", True, "ee"),
        ("SPACE", True, ""),
        ("MAINTENANCE", True, ""),
    ]
    put, event = noted(mind)[-2], noted(mind)[3]
    assert (put.principal, put.request_id, put.revision) == ("anna", REQUEST, 2)
    assert put.time_ns == 2 * SECOND
    assert (put.moral_value, put.moral_threshold) == (None, None)
    assert (event.moral_value, event.moral_threshold) == (0.1, 0.5)


def test_no_content_is_noted():
    mind = space()
    write(mind, PutMemories((memory("a"),)))
    write(mind, ProcessEvent(memory("e"), 0.9))
    assert b"secret" not in mind.contents.decisions.packed


def test_items_of_a_stream_are_noted_one_by_one_and_repeats_never():
    mind = space()
    items = (StreamItem(1, memory("a")), StreamItem(2, ProcessEvent(memory("e"), 0.9)))
    write(mind, StreamItems("s", 0, 2, items))
    assert [each.kind.name for each in noted(mind)] == ["EVENT", "MEMORY", "SPACE"]
    write(mind, StreamItems("s", 0, 2, items))
    request = {"request_id": REQUEST, "request_digest": bytes(32)}
    for _ in range(3):
        write(mind, PutMemories((memory("b"),)), **request)
    assert len(noted(mind)) == 4


def test_a_space_under_version_1_notes_nothing_until_it_is_upgraded():
    mind = space(version=1)
    write(mind, PutMemories((memory("a"),)))
    write(mind, UpgradeSemantics(2))
    assert noted(mind) == []
    write(mind, PutMemories((memory("b"),)))
    assert [each.memory_id for each in noted(mind)] == ["b"]


def test_the_ring_is_bounded_by_number_and_bytes_and_numbers_go_on():
    for name, most in (("", MAX_DECISIONS), ("m" * 64, MAX_BYTES // 100)):
        ring = DecisionRing()
        for revision in range(1, 3_000):
            entry = DecisionEntry(
                revision, revision, DecisionKind.EVENT, True, name, b"", name, 0.5, 0.25
            )
            ring.add(entry)
            assert len(ring) <= most
            assert ring.size <= MAX_BYTES
        found = unpacked_decisions(ring.packed, ring.count)
        assert [number for number, _ in found] == list(range(2_999, 2_999 - len(ring), -1))
        assert found[0][1] == entry
        assert [each.revision for _, each in found] == [number for number, _ in found]
    assert len(ring) > 300


@pytest.mark.parametrize(
    "packed", [bytes(30), b"\x05\x00" + bytes(28), b"\xff\x00" + bytes(28), b"\x16"]
)
def test_a_damaged_ring_is_reported_as_a_damaged_snapshot(packed):
    with pytest.raises(ValueError, match="invalid size"):
        DecisionRing(packed)
    head = head_of(space())
    head.space.decisions = packed
    with pytest.raises(SnapshotDamaged):
        mind_of(head)


def test_a_ring_without_decisions_takes_nothing():
    assert DecisionRing().size == 0
    assert unpacked_decisions(b"", 0) == []


@given(histories())
def test_replay_and_snapshots_keep_the_ring(records):
    live = Mind()
    for each in records:
        live.apply(each)
    again = read_snapshot(io.BytesIO(snapshot_bytes(live)))
    assert snapshot_bytes(again) == snapshot_bytes(live)
    if live.contents is not None:
        assert noted(again) == noted(live)
        entry = DecisionEntry(1, 1, DecisionKind.EVENT, accepted=True)
        for mind in (live, again):
            mind.contents.decisions.add(entry)
        assert again.contents.decisions.packed == live.contents.decisions.packed
