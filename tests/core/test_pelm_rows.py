"""Rows of PELM: pages, neighbours, refreshes, hits and damaged rows."""

import io

import numpy as np
import pytest
from histories import DIMENSION, SECOND, record, vector
from spaces import Space, slot_of, spoil, unit

from mlsdm_grpc.core.mind.duplicates import first_digest
from mlsdm_grpc.core.mind.pelm import Pelm, unit_row
from mlsdm_grpc.core.mind.steps import finish
from mlsdm_grpc.core.model.bodies import DeleteMemory, PutMemories
from mlsdm_grpc.core.model.new_memory import NewMemory, Provenance, Vector
from mlsdm_grpc.core.model.outcome import PutResult
from mlsdm_grpc.core.store import int8_rows, kernel
from mlsdm_grpc.core.store.memory_value import Memory
from mlsdm_grpc.core.store.recall_query import Query
from mlsdm_grpc.core.store.rows import Rows
from mlsdm_grpc.errors import DataLoss
from mlsdm_grpc.journal.codec.snapshots import read_snapshot, snapshot_bytes


@pytest.mark.parametrize("accelerated", [False, None])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_a_damaged_row_hides_no_other(value, accelerated, monkeypatch):
    if accelerated is False:
        monkeypatch.setattr("mlsdm_grpc.core.store.int8_rows.AVAILABLE", False)
    space = Space(capacity=4_000)
    for start in range(0, 4_000, 1_000):
        space.put(*(NewMemory(f"m{i}", vector(i)) for i in range(start, start + 1_000)))
    every = {"vector": unit(3_000), "phase_tolerance": 1.0, "top_k": 50}
    sound = [hit.memory.memory_id for hit in space.search(**every)]
    spoil(space, "m77", value)
    spoil(space, sound[1], value)
    found = [hit.memory.memory_id for hit in space.search(**every)]
    assert set(sound) - {sound[1]} <= {*found}
    damaged, checked, _ = space.mind.contents.pelm.scrub(0, 5_000)
    assert ({*damaged}, checked) == ({"m77", sound[1]}, 4_000)
    found = [hit.memory.memory_id for hit in space.search(**every)]
    assert found[:49] == [one for one in sound if one != sound[1]]


def test_a_damaged_row_is_known_until_it_is_mended_or_given_up():
    space = Space(capacity=3)
    space.put(*(NewMemory(f"m{i}", vector(i), text=f"text {i}") for i in range(3)))
    pelm = space.mind.contents.pelm
    row = pelm.row("m1")
    spoil(space, "m1", 0.5)
    with pytest.raises(DataLoss):
        snapshot_bytes(space.mind)
    assert pelm.scrub(0, 10)[0] == pelm.scrub(0, 10)[0] == ["m1"]
    assert not pelm.mend("m1", pelm.row("m2"))
    pelm.lose("m1")
    assert pelm.scrub(0, 10)[0] == []
    assert {hit.memory.memory_id for hit in space.search()} == {"m0", "m2"}
    restored = read_snapshot(io.BytesIO(snapshot_bytes(space.mind))).contents.pelm
    assert restored.scrub(0, 10)[0] == ["m1"]
    assert restored.mend("m1", row)
    assert restored.row("m1").tobytes() == row.tobytes()
    # What was lost comes back when it is put again.
    assert space.put(NewMemory("new", vector(1), text="text 1")).items[0].memory_id == "m1"
    assert pelm.is_sound("m1")
    assert {hit.memory.memory_id for hit in space.search()} == {"m0", "m1", "m2"}


def test_a_block_with_damaged_rows_only_still_takes_new_ones():
    space = Space(capacity=2_000)
    space.put(*(NewMemory(f"m{i}", vector(i)) for i in range(2)))
    pelm = space.mind.contents.pelm
    rows = {memory_id: pelm.row(memory_id) for memory_id in ("m0", "m1")}
    for memory_id in rows:
        pelm.lose(memory_id)
    for i in range(600):
        space.put(NewMemory("x", vector(100 + i)))
        space.apply(DeleteMemory("x"))
    space.put(NewMemory("new", vector(5)))
    assert [hit.memory.memory_id for hit in space.search()] == ["new"]
    assert all(pelm.mend(memory_id, row) for memory_id, row in rows.items())
    assert len(space.search()) == 3


def test_a_scrub_goes_on_where_it_stopped():
    space = Space(capacity=3_000)
    for start in (0, 1_000):
        space.put(*(NewMemory(f"m{i}", vector(i)) for i in range(start, start + 1_000)))
    pelm, seen, start = space.mind.contents.pelm, [], 0
    space.apply(DeleteMemory("m3"))
    spoil(space, "m5", 0.5)
    spoil(space, "m1500", 0.5)
    for turn in range(1, 5):
        damaged, checked, start = pelm.scrub(start, 512)
        seen.append((damaged, checked))
        assert start == 512 * turn % 2_048
    assert seen == [(["m5"], 511), ([], 512), (["m1500"], 512), ([], 464)]
    assert pelm.scrub(0, 2_047)[2] == 2_047
    assert pelm.scrub(0, 9_999)[2] == 0


def test_pages_leave_out_the_expired_and_what_came_before():
    space = Space(capacity=9)
    space.put(NewMemory("a", vector(1)), NewMemory("b", vector(2), expire_time_ns=9 * SECOND))
    space.put(NewMemory("c", vector(3)), NewMemory("d", vector(4)))
    pelm = space.mind.contents.pelm
    sequence = {memory.memory_id: memory.sequence for memory, _ in pelm.history.memories()}

    def page(after, now_ns):
        return [
            memory.memory_id for memory, _ in pelm.history.after(sequence[after], now_ns=now_ns)
        ]

    assert page("a", 8 * SECOND) == ["b", "c", "d"]
    assert page("a", 9 * SECOND) == ["c", "d"]
    assert page("c", 0) == ["d"]
    for memory, row in pelm.history.after(0, now_ns=0):
        assert row.tobytes() == pelm.row(memory.memory_id).tobytes()


def test_sequences_count_those_that_come_later():
    space = Space(capacity=9)
    assert space.mind.contents.pelm.history.sequence_at(1, after=0) == 0
    space.put(*(NewMemory(name, vector(ord(name))) for name in "abcd"))
    space.apply(DeleteMemory("c"))
    pelm = space.mind.contents.pelm
    first, second, last = (memory.sequence for memory, _ in pelm.history.memories())
    assert (first, second, last) == (1, 2, 4)
    assert [pelm.history.sequence_at(n, after=0) for n in (1, 2, 3, 9)] == [1, 2, 4, 4]
    assert [pelm.history.sequence_at(n, after=1) for n in (1, 2)] == [2, 4]
    assert pelm.history.sequence_at(1, after=4) == 4
    finish(pelm.history.know_texts())

    def newest(*bounds):
        return [m.memory_id for m in pelm.history.present(*pelm.history.newest_between(*bounds))]

    assert newest(0, 4, 9) == ["b", "a"]
    assert newest(1, 5, 9) == ["d", "b"]
    assert newest(0, 5, 1) == ["d"]
    slots, sequences = pelm.history.newest_between(0, 5, 9)
    pelm.remove("b")
    assert "b" not in [m.memory_id for m in pelm.history.present(slots, sequences)]


def test_what_is_near_has_the_same_phase_and_is_another_memory():
    space = Space(capacity=9)
    for name, seed, phase in [("a", 1, 0.1), ("b", 2, 0.1), ("c", 1, 0.2), ("d", 1, 0.9)]:
        space.put(NewMemory(name, vector(seed), text=name, phase=phase))
    almost = float(np.nextafter(np.float32(0.1), np.float32(1.0)))
    space.put(NewMemory("e", vector(1), text="e", phase=almost, expire_time_ns=9 * SECOND))
    space.put(NewMemory("f", vector(2), text="f", phase=0.1, expire_time_ns=9 * SECOND))
    pelm = space.mind.contents.pelm

    def near(*names, limit=9, now_ns=0):
        memories = [pelm.get(name) for name in names]
        found = pelm.near(memories, min_cosine=-1.0, limit=limit, in_phase=True, now_ns=now_ns)
        return ["".join(memory.memory_id for memory in one) for one in found]

    assert near("a", "c", "b") == ["fb", "", "fa"]
    assert near("a", limit=3) == ["f"]  # itself and almost its phase are looked at too
    assert near("a", limit=2, now_ns=9 * SECOND) == ["b"]


def test_nearness_is_the_cosine_of_the_stored_row():
    space = Space(capacity=40)
    space.put(*(NewMemory(f"m{i}", vector(i)) for i in range(20)))
    pelm = space.mind.contents.pelm
    others = [(memory.memory_id, row) for memory, row in pelm.history.memories()][1:]
    wide = pelm.row("m0").astype(np.float64)
    cosines = kernel.resonances(np.stack([row for _, row in others]), wide / np.sqrt(wide @ wide))
    for (name, _), cosine in zip(others, cosines.tolist(), strict=True):
        for slack, found in [(-1e-12, True), (1e-12, False)]:
            limit = cosine + slack
            (near,) = pelm.near(
                [pelm.get("m0")], min_cosine=limit, limit=40, in_phase=True, now_ns=0
            )
            assert (name in {memory.memory_id for memory in near}) is found


@pytest.mark.parametrize(
    ("stored", "repeated", "left"),
    [
        (
            {"expire_time_ns": 50 * SECOND},
            {"expire_time_ns": 70 * SECOND},
            {"expire_time_ns": 70 * SECOND},
        ),
        (
            {"expire_time_ns": 70 * SECOND},
            {"expire_time_ns": 50 * SECOND},
            {"expire_time_ns": 70 * SECOND},
        ),
        ({"expire_time_ns": 0}, {"expire_time_ns": 70 * SECOND}, {"expire_time_ns": 0}),
        ({"expire_time_ns": 70 * SECOND}, {"expire_time_ns": 0}, {"expire_time_ns": 0}),
        ({"pinned": True}, {"pinned": False}, {"pinned": True}),
        ({"pinned": False}, {"pinned": True}, {"pinned": True}),
        ({"pinned": False}, {"pinned": False}, {"pinned": False}),
        ({"confidence": 0.75}, {"confidence": 0.625}, {"confidence": 0.75}),
        ({"confidence": 0.625}, {"confidence": 0.75}, {"confidence": 0.75}),
        ({"labels": ("b", "d")}, {"labels": ("a", "b", "c")}, {"labels": ("a", "b", "c", "d")}),
    ],
)
def test_a_refresh_keeps_the_better_of_both(stored, repeated, left):
    space = Space(capacity=3)
    space.put(NewMemory("a", vector(1), text="one", **stored), time_ns=5 * SECOND)
    row = space.mind.contents.pelm.row("a")
    outcome = space.put(NewMemory("b", vector(1), text="one", **repeated), time_ns=7 * SECOND)
    assert outcome.items[0].result is PutResult.REFRESHED
    memory = space.mind.contents.pelm.get("a")
    assert {name: getattr(memory, name) for name in left} == left
    assert (memory.create_time_ns, memory.update_time_ns) == (5 * SECOND, 7 * SECOND)
    assert (memory.sequence, memory.create_revision, memory.revision) == (1, 2, 3)
    assert space.mind.view().pinned == left.get("pinned", False)
    assert space.mind.contents.pelm.row("a").tobytes() == row.tobytes()


def test_a_replacement_brings_its_own_row_and_is_the_newest_of_the_ring():
    space = Space(capacity=3)
    for name in "abc":
        space.put(NewMemory(name, vector(ord(name)), caller_chosen_id=True))
    again = NewMemory("a", vector(7), caller_chosen_id=True)
    space.apply(PutMemories((again,), allow_replace=True))
    pelm = space.mind.contents.pelm
    assert pelm.row("a").tobytes() == unit_row(vector(7)).tobytes()
    assert pelm.next_to_leave(3) == ["b", "c", "a"]


def test_nothing_leaves_while_there_is_room():
    space = Space(capacity=3)
    space.put(NewMemory("a", vector(1)), NewMemory("b", vector(2)))
    body = PutMemories((NewMemory("c", vector(3)),))
    assert space.mind.preview(record(3, body)).evicted == ()
    pelm = space.mind.contents.pelm
    assert [pelm.next_to_leave(n) for n in (-1, 0, 1, 9)] == [[], [], ["a"], ["a", "b"]]


def test_a_restored_ring_goes_on_as_the_old_one():
    space = Space(capacity=4)
    for name in "abcd":
        space.put(NewMemory(name, vector(ord(name)), text=name, pinned=name == "c"))
    space.put(NewMemory("x", vector(ord("a")), text="a"))
    space.mind = read_snapshot(io.BytesIO(snapshot_bytes(space.mind)))
    pelm = space.mind.contents.pelm
    assert (len(pelm), pelm.pinned_count) == (4, 1)
    assert pelm.next_to_leave(9) == ["b", "d", "a"]
    assert space.ids() == ["a", "b", "c", "d"]
    left = [space.put(NewMemory(f"n{i}", vector(i), text=f"n{i}")).evicted for i in range(4)]
    assert left == [("b",), ("d",), ("a",), ("n0",)]


def held(memory_id, **fields):
    """A memory as a ring is given it."""
    row = unit_row(vector(len(memory_id)))
    values = {
        "memory_id": memory_id,
        "text": "",
        "phase": 0.125,
        "confidence": 1.0,
        "labels": (),
        "metadata": (),
        "provenance": Provenance(),
        "pinned": False,
        "caller_chosen_id": False,
        "create_time_ns": 0,
        "create_revision": 1,
        "update_time_ns": 0,
        "expire_time_ns": 0,
        "revision": 1,
        "sequence": 0,
        "ring_sequence": 0,
        "digest": first_digest("", row, 0.125),
    }
    return Memory(**{**values, **fields}), row


def test_expiry_is_exact_to_the_nanosecond():
    pelm = Pelm(dimension=DIMENSION, capacity=9)
    for name, expiry in [("a", 1), ("bb", 2), ("ccc", 3), ("d", 0), ("e", 0)]:
        pelm.insert(*held(name, expire_time_ns=expiry, pinned=name != "ccc"))

    def state(now_ns):
        query = Query(unit(0), 0.125, top_k=9)
        found = {hit.memory.memory_id for hit in pelm.search([query], now_ns=now_ns)[0]}
        return pelm.living_count(now_ns), pelm.pinned_living(now_ns), found

    living = {
        0: (5, 4, {"a", "bb", "ccc", "d", "e"}),
        1: (4, 3, {"bb", "ccc", "d", "e"}),
        2: (3, 2, {"ccc", "d", "e"}),
        3: (2, 2, {"d", "e"}),
    }
    assert {now_ns: state(now_ns) for now_ns in living} == living
    for now_ns, (count, pinned, names) in living.items():
        finish(pelm.expire(now_ns))
        assert {memory.memory_id for memory, _ in pelm.history.memories()} == names
        assert (len(pelm), pelm.pinned_count) == (count, pinned)
        assert state(now_ns) == (count, pinned, names)


def test_what_callers_have_to_check_is_checked():
    pelm = Pelm(dimension=DIMENSION, capacity=1)
    pelm.insert(*held("a", pinned=True))
    with pytest.raises(
        LookupError,
        match=r"^The ring is full and all its memories are pinned; callers must check this",
    ):
        pelm.insert(*held("b"))
    assert (len(pelm), pelm.get("b"), pelm.next_sequence) == (1, None, 2)
    for reader in (pelm.row, pelm.is_sound, pelm.is_lost, pelm.lose, pelm.remove):
        with pytest.raises(LookupError, match=r"^nobody$"):
            reader("nobody")


def test_hits_say_what_their_resonance_is_made_of():
    pelm = Pelm(dimension=DIMENSION, capacity=9)
    pelm.insert(*held("bb", phase=0.25))
    pelm.insert(*held("a"))
    row = pelm.row("a")
    query = Query(unit(0), 0.0, top_k=1, phase_weight=0.5, synaptic_bias=0.25)
    cosine = float(row.astype(np.float64) @ unit(0))
    traces = (0.5 * unit(3)).astype(np.float32)
    bias = 0.25 * float(row.astype(np.float64) @ unit(3))
    for given_traces, synaptic_bias in [(traces, bias), (np.zeros_like(traces), 0.0), (None, 0.0)]:
        ((hit,),) = pelm.search([query], now_ns=0, traces=given_traces)
        assert hit.memory == pelm.get("a")
        assert hit.row.tobytes() == row.tobytes()
        parts = hit.components
        assert parts.cosine == pytest.approx(cosine)
        assert (parts.phase_distance, parts.phase_factor) == (0.125, 0.9375)
        assert parts.synaptic_bias == pytest.approx(synaptic_bias, abs=1e-7)
        assert hit.resonance == parts.cosine * parts.phase_factor + parts.synaptic_bias


def test_rows_and_digests_are_what_earlier_spaces_stored():
    raw = np.array([3.0, 0.0, 4.0], np.float32)
    row = unit_row(Vector(raw, kernel.inverse_norm(raw)))
    assert (row.dtype, row.tolist()) == (np.float32, np.float32([0.6, 0.0, 0.8]).tolist())
    assert first_digest("one", row, 0.1).hex() == "2bdb02979dfc57eb6ebf2649f5ac28b2"
    assert first_digest("", row, 0.1).hex() == "3e07c0acaaacbef8d2d602bcdbd1429a"


def test_rows_stay_where_they_are_once_a_space_has_outgrown_its_first_block():
    rows = Rows(dimension=4, capacity=5_000)
    row, places, spaces = np.ones(4, np.float32), set(), set()
    for _ in range(4_000):
        rows.place(row, 0.1)
        places.add(rows.vectors.ctypes.data)
        spaces.add(len(rows.vectors.base))
    assert len(places) == 2
    assert spaces == {1_024, 5 * 1_024}
    assert rows.nbytes == 4 * 1_024 * 5 * 4
    rows.resize(200_000)
    for _ in range(2_000):
        rows.place(row, 0.1)
    assert np.array_equal(np.flatnonzero(rows.vectors[:, 0]), np.arange(6_000))
    assert not rows.vectors[6_000:].any()


@pytest.mark.skipif(not int8_rows.AVAILABLE, reason="needs the extra `fast`")
def test_a_ring_that_is_not_accelerated_keeps_no_search_copies():
    sizes = []
    for accelerated in (True, None, False):
        pelm = Pelm(dimension=DIMENSION, capacity=4_000, accelerated=accelerated)
        pelm.insert(*held("a"))
        assert len(pelm.search([Query(unit(0), 0.125)], now_ns=0)[0]) == 1
        sizes.append(pelm.allocated_bytes)
    always, where_it_pays, never = sizes
    assert never == where_it_pays < always


def test_a_row_that_became_too_long_is_no_hit():
    space = Space(capacity=3)
    space.put(*(NewMemory(f"m{i}", vector(i)) for i in range(3)))
    pelm = space.mind.contents.pelm
    rows, slot = pelm.table.rows, slot_of(pelm, "m1")
    rows.vectors[slot] *= 1.5
    rows.changed(slot)
    for top_k in (1, 3):
        hits = space.search(vector=unit(1), top_k=top_k)
        assert {hit.memory.memory_id for hit in hits} <= {"m0", "m2"}
    assert len(hits) == 2


@pytest.mark.skipif(not int8_rows.AVAILABLE, reason="the extra `fast` is not installed")
def test_a_ring_that_is_prepared_leaves_its_first_query_nothing_to_do(monkeypatch):
    packings = []
    pack = int8_rows.PackedRows.pack
    monkeypatch.setattr(
        int8_rows.PackedRows, "pack", lambda *given: packings.append(given[-1]) or pack(*given)
    )
    space = Space(capacity=4_096)
    for start in range(0, 4_000, 1_000):
        space.put(*(NewMemory(f"m{i}", vector(i)) for i in range(start, start + 1_000)))
    steps = sum(1 for _ in space.mind.contents.pelm.prepare())
    assert sorted(packings) == list(range(steps))
    assert steps >= 4
    (best,) = space.search(vector=unit(77), phase_tolerance=1.0, top_k=1)
    assert best.memory.memory_id == "m77"
    assert len(packings) == steps
