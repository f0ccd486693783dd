"""PELM against a dict and brute force."""

import numpy as np
import pytest
from histories import DIMENSION, SECOND, record, vector
from hypothesis import given, settings
from hypothesis import strategies as st
from recalling import hits_of
from spaces import Space, unit

from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.model.bodies import DeleteMemory, ProcessEvent, PutMemories, UpdateMemory
from mlsdm_grpc.core.model.new_memory import NewMemory, Provenance, Source
from mlsdm_grpc.core.model.outcome import PutResult, Refusal
from mlsdm_grpc.core.store import kernel
from mlsdm_grpc.core.store.recall_query import PHASE_EPSILON, Query
from mlsdm_grpc.journal.codec.snapshots import snapshot_bytes


def test_a_full_ring_forgets_the_oldest_unpinned():
    space = Space(capacity=3)
    space.put(NewMemory("a", vector(1), pinned=True))
    space.put(NewMemory("b", vector(2)))
    space.put(NewMemory("c", vector(3)))
    assert space.put(NewMemory("d", vector(4))).evicted == ("b",)
    assert space.put(NewMemory("e", vector(5))).evicted == ("c",)
    assert space.ids() == ["a", "d", "e"]


def test_five_into_three_leave_the_last_three():
    space = Space(capacity=3)
    outcome = space.put(*(NewMemory(f"m{i}", vector(i)) for i in range(5)))
    assert outcome.evicted == ("m0", "m1")
    assert space.ids() == ["m2", "m3", "m4"]


def test_a_duplicate_refreshes_and_becomes_the_newest():
    space = Space(capacity=3)
    space.put(NewMemory("a", vector(1), text="one", labels=("x",), confidence=0.6))
    space.put(NewMemory("b", vector(2), text="two"))
    outcome = space.put(NewMemory("z", vector(1), text="one", labels=("a",)))
    (item,) = outcome.items
    assert (item.result, item.memory_id, item.confidence) == (PutResult.REFRESHED, "a", 1.0)
    memory = space.mind.contents.pelm.get("a")
    assert memory.labels == ("a", "x")
    assert (memory.create_revision, memory.revision) == (2, 4)
    space.put(NewMemory("c", vector(3), text="three"))
    assert space.put(NewMemory("d", vector(4), text="four")).evicted == ("b",)
    assert space.ids() == ["a", "c", "d"]


@pytest.mark.parametrize("chosen", ["old", "new"])
def test_memories_with_chosen_ids_are_never_merged(chosen):
    space = Space(capacity=3)
    space.put(NewMemory("a", vector(1), text="one", caller_chosen_id=chosen == "old"))
    outcome = space.put(NewMemory("b", vector(1), text="one", caller_chosen_id=chosen == "new"))
    assert outcome.items[0].result is PutResult.CREATED
    assert space.ids() == ["a", "b"]


@pytest.mark.parametrize("version", [1, 2])
def test_the_same_vector_in_another_phase_is_no_duplicate_under_the_first_rules(version):
    space = Space(version, capacity=3)
    space.put(NewMemory("a", vector(1), phase=0.1))
    result = space.put(NewMemory("b", vector(1), phase=0.9)).items[0].result
    assert result is (PutResult.CREATED if version == 1 else PutResult.REFRESHED)
    assert space.put(NewMemory("c", vector(1), phase=0.9)).items[0].result is PutResult.REFRESHED


DIFFERENCES = {
    "text": {"text": "One"},
    "closing stop": {"text": "one."},
    "metadata": {"metadata": (("page", "2"),)},
    "more metadata": {"metadata": (("page", "1"), ("z", "z"))},
    "no metadata": {"metadata": ()},
    "vector": {"vector": vector(2)},
    "no vector": {"embedding_model": "words"},
    "source": {"provenance": Provenance(source=Source.RETRIEVED)},
    "labels": {"labels": tuple(f"n{i:02}" for i in range(32))},
}


@pytest.mark.parametrize("difference", DIFFERENCES.values(), ids=DIFFERENCES)
def test_what_differs_in_anything_is_a_memory_of_its_own(difference):
    space = Space(capacity=3, embedder="words")
    same = {"vector": vector(1), "text": "one", "labels": ("x",), "metadata": (("page", "1"),)}
    space.put(NewMemory("a", **same))
    assert space.put(NewMemory("b", **same)).items[0].result is PutResult.REFRESHED
    other = {**same, **difference}
    assert space.put(NewMemory("c", **other)).items[0].result is PutResult.CREATED
    assert space.put(NewMemory("d", **other)).items[0].memory_id == "c"
    assert space.put(NewMemory("e", **same)).items[0].memory_id == "a"


def test_texts_that_the_embedder_made_vectors_of_are_duplicates_whatever_these_are():
    space = Space(capacity=3, embedder="words")
    space.put(NewMemory("a", vector(1), text="one", embedding_model="words"))
    again = NewMemory("b", vector(2), text="one", embedding_model="words")
    assert space.put(again).items[0].result is PutResult.REFRESHED
    other = NewMemory("c", vector(2), text="one", embedding_model="other")
    assert space.put(other).items[0].result is PutResult.CREATED


def test_of_several_equal_memories_the_newest_with_room_is_refreshed():
    space = Space(capacity=9)
    for name, first in (("a", 0), ("b", 20), ("c", 40)):
        labels = tuple(f"l{first + i:02}" for i in range(20))
        space.put(NewMemory(name, vector(1), text="one", labels=labels))
    assert space.ids() == ["a", "b", "c"]
    assert space.put(NewMemory("d", vector(1), text="one")).items[0].memory_id == "c"
    few = NewMemory("e", vector(1), text="one", labels=("l20", "l21"))
    assert space.put(few).items[0].memory_id == "c"
    mine = NewMemory("f", vector(1), text="one", labels=tuple(f"l{20 + i}" for i in range(20)))
    assert space.put(mine).items[0].memory_id == "b"


def test_a_memory_that_comes_back_under_the_id_that_it_had_is_refreshed():
    space = Space(capacity=9)
    for name in "ab":
        labels = tuple(f"{name}{i:02}" for i in range(20))
        space.put(NewMemory(name, vector(1), text="one", labels=labels))
    item = space.put(NewMemory("a", vector(1), text="one")).items[0]
    assert (item.result, item.memory_id) == (PutResult.REFRESHED, "a")
    assert space.put(NewMemory("a", vector(1), text="two")).reason == "MEMORY_EXISTS"
    chosen = NewMemory("a", vector(1), text="one", caller_chosen_id=True)
    assert space.put(chosen).reason == "MEMORY_EXISTS"


def test_replacement_keeps_the_place_in_lists():
    space = Space(capacity=3)
    for name in "abc":
        space.put(NewMemory(name, vector(ord(name)), caller_chosen_id=True))
    again = NewMemory("b", vector(7), text="new", caller_chosen_id=True)
    assert space.put(again) == Refusal(
        "MEMORY_EXISTS",
        "A memory with this id exists.",
        (("memory_id", "b"),),
        5,
    )
    outcome = space.apply(PutMemories((again,), allow_replace=True))
    assert outcome.items[0].result is PutResult.REPLACED
    assert space.ids() == ["a", "b", "c"]
    assert space.mind.contents.pelm.get("b").text == "new"


def test_stale_etags_are_refused():
    space = Space(capacity=3)
    space.put(NewMemory("a", vector(1), caller_chosen_id=True))
    stale = NewMemory("a", vector(2), caller_chosen_id=True, etag='"1"')
    assert space.apply(PutMemories((stale,), allow_replace=True)).reason == "ETAG_MISMATCH"
    assert space.apply(DeleteMemory("a", etag='"1"')).reason == "ETAG_MISMATCH"
    etag = space.mind.contents.pelm.get("a").etag
    assert space.apply(DeleteMemory("a", etag=etag)).revision == 5
    assert space.apply(DeleteMemory("a")).reason == "MEMORY_NOT_FOUND"


def test_a_batch_is_stored_whole_or_not_at_all():
    space = Space(capacity=5)
    space.put(NewMemory("b", vector(1), caller_chosen_id=True))
    refused = space.put(
        NewMemory("a", vector(2)), NewMemory("b", vector(3)), NewMemory("c", vector(4))
    )
    assert refused.reason == "MEMORY_EXISTS"
    assert space.ids() == ["b"]
    mixed = space.put(NewMemory("a", vector(2)), NewMemory("d", vector(3), confidence=0.2))
    assert [item.result for item in mixed.items] == [PutResult.SKIPPED, PutResult.REFUSED]
    assert space.ids() == ["b"]


def test_wrong_dimension_is_a_refusal_with_dimension_mismatch():
    space = Space(capacity=5)
    refusal = space.put(NewMemory("a", vector(1, DIMENSION + 1)))
    assert (refusal.reason, dict(refusal.metadata)) == (
        "DIMENSION_MISMATCH",
        {"expected": "8", "actual": "9"},
    )


def test_pins_may_fill_a_space_and_then_nothing_else_fits():
    space = Space(capacity=2)
    space.put(NewMemory("a", vector(1), pinned=True))
    space.put(NewMemory("b", vector(2)))
    assert space.put(NewMemory("c", vector(3), pinned=True)).evicted == ("b",)
    assert space.put(NewMemory("d", vector(4))).reason == "ALL_PINNED"
    assert space.put(NewMemory("e", vector(5), pinned=True)).reason == "ALL_PINNED"
    assert space.apply(ProcessEvent(NewMemory("f", vector(6)), 1.0)).reason == "ALL_PINNED"
    assert space.ids() == ["a", "c"]


@pytest.mark.parametrize(
    "batch",
    [
        [("a2", "one", True), ("b2", "two", True), ("c", "three", False)],
        [("x", "ten", True), ("y", "eleven", True), ("a2", "one", False)],
    ],
)
def test_pins_by_duplicates_cannot_leave_a_batch_without_room(batch):
    space = Space(capacity=2)
    space.put(NewMemory("a", vector(1), text="one"))
    space.put(NewMemory("b", vector(2), text="two"))
    before = snapshot_bytes(Mind(contents=space.mind.contents))
    memories = [NewMemory(i, vector(len(t)), text=t, pinned=p) for i, t, p in batch]
    assert space.put(*memories).reason == "ALL_PINNED"
    assert snapshot_bytes(Mind(contents=space.mind.contents)) == before


def test_a_pin_that_goes_to_a_duplicate_counts_beside_that_of_its_own_id():
    space = Space(version=1, capacity=2)  # later ones replace the memory of the id
    space.put(NewMemory("a", vector(1), text="one"))
    space.put(NewMemory("b", vector(2), text="two", pinned=True))
    memories = [NewMemory("b", vector(1), text="one", pinned=True), NewMemory("c", vector(3))]
    refused = space.apply(PutMemories(tuple(memories), allow_replace=True))
    assert refused.reason == "ALL_PINNED"
    assert space.ids() == ["a", "b"]


def test_expired_pins_make_way():
    space = Space(capacity=2)
    for name in "ab":
        memory = NewMemory(name, vector(ord(name)), pinned=True, expire_time_ns=10 * SECOND)
        space.put(memory)
    assert space.put(NewMemory("c", vector(3))).reason == "ALL_PINNED"
    outcome = space.put(NewMemory("c", vector(3)), time_ns=10 * SECOND)
    assert outcome.items[0].result is PutResult.CREATED
    assert space.ids() == ["c"]


def test_expired_memories_leave_before_living_ones():
    space = Space(capacity=2)
    space.put(NewMemory("old", vector(1)))
    space.put(NewMemory("brief", vector(2), expire_time_ns=9 * SECOND))
    assert space.put(NewMemory("new", vector(3)), time_ns=9 * SECOND).evicted == ()
    assert space.ids() == ["old", "new"]


def test_a_memory_that_has_expired_before_it_is_stored_is_refused_with_field_invalid():
    space = Space(capacity=2)
    late = NewMemory("a", vector(1), expire_time_ns=2 * SECOND)
    assert space.put(late, time_ns=2 * SECOND).reason == "FIELD_INVALID"


def test_a_preview_knows_what_time_it_is():
    space = Space(capacity=2)
    space.put(NewMemory("a", vector(1), caller_chosen_id=True, expire_time_ns=10 * SECOND))
    again = PutMemories((NewMemory("a", vector(2), caller_chosen_id=True),))
    early = space.mind.preview(record(3, again, time_ns=9 * SECOND))
    late = space.mind.preview(record(3, again, time_ns=10 * SECOND))
    assert (early.reason, late.items[0].result) == ("MEMORY_EXISTS", PutResult.CREATED)


def test_expired_memories_are_not_found_and_make_way():
    space = Space(capacity=5)
    space.put(NewMemory("a", vector(0), text="one", expire_time_ns=10 * SECOND))
    assert [hit.memory.memory_id for hit in space.search(now_ns=9 * SECOND)] == ["a"]
    assert space.search(now_ns=10 * SECOND) == []
    again = space.put(NewMemory("b", vector(0), text="one"), time_ns=11 * SECOND)
    assert again.items[0].result is PutResult.CREATED
    assert space.ids() == ["b"]


def test_the_phase_band_is_inclusive():
    space = Space(capacity=5)
    space.put(NewMemory("a", vector(0), phase=0.25))
    assert len(space.search(phase=0.10, phase_tolerance=0.15)) == 1
    assert len(space.search(phase=0.0999, phase_tolerance=0.15)) == 0


def test_a_full_default_space_reports_its_famous_figure():
    view = Space(dimension=384, capacity=20_000).mind.view()
    assert round(view.vector_bytes / 2**20, 2) == 29.37


def test_hits_are_copies():
    space = Space(capacity=5)
    space.put(NewMemory("a", vector(0)))
    (hit,) = space.search()
    hit.row[:] = 0.0
    assert space.search()[0].resonance == pytest.approx(1.0)


_queries = st.fixed_dictionaries(
    {
        "vector": st.integers(0, 30).map(unit),
        "phase": st.sampled_from([0.1, 0.25, 0.9]),
        "top_k": st.integers(1, 12),
        "phase_tolerance": st.sampled_from([0.0, 0.15, 0.8, 1.0]),
        "min_confidence": st.sampled_from([0.0, 0.7]),
        "min_resonance": st.sampled_from([-2.0, 0.0, 0.5]),
        "labels": st.sampled_from([frozenset(), frozenset({"a"}), frozenset({"a", "b"})]),
        "phase_weight": st.sampled_from([0.0, 0.5]),
        "synaptic_bias": st.sampled_from([0.0, 0.1, -0.5]),
    }
)
_stored = st.builds(
    NewMemory,
    memory_id=st.uuids().map(str),
    vector=st.integers(0, 30).map(vector),
    caller_chosen_id=st.just(True),
    phase=st.sampled_from([0.1, 0.1, 0.25, 0.9]),
    confidence=st.sampled_from([1.0, 0.6]),
    labels=st.sampled_from([(), ("a",), ("a", "b")]),
    expire_time_ns=st.sampled_from([0, 0, 10**12]),
)


@settings(max_examples=150)
@given(st.lists(_stored, max_size=30), st.lists(_queries, min_size=1, max_size=4))
def test_search_equals_scoring_every_row(stored, queries):
    space = Space(capacity=20)
    for memory in stored:
        space.put(memory)
    space.apply(ProcessEvent(NewMemory("event", vector(31)), 0.0))
    space.mind.contents.synapses.l2[:] = vector(32).raw
    now_ns = 2 * 10**12
    found = hits_of(space.mind, [Query(**query) for query in queries], now_ns=now_ns)
    for query, hits in zip(queries, found, strict=True):
        expected = brute_force(space.mind, Query(**query), now_ns)
        assert [(hit.memory.memory_id, hit.resonance) for hit in hits] == expected


def brute_force(mind, query, now_ns):
    contents = mind.contents
    traces = contents.synapses.lasting().astype(np.float64)
    norm = float(np.linalg.norm(traces))
    scored = []
    for memory, row in contents.pelm.history.memories():
        distance = abs(memory.phase - query.phase)
        if (
            memory.expired(now_ns)
            or distance > query.phase_tolerance + PHASE_EPSILON
            or memory.confidence < np.float32(query.min_confidence)
            or not query.labels.issubset(memory.labels)
        ):
            continue
        rows = row[np.newaxis]
        score = kernel.resonances(rows, query.vector)[0] * (1 - query.phase_weight * distance)
        if query.synaptic_bias and norm:
            score += query.synaptic_bias * kernel.resonances(rows, traces / norm)[0]
        if score >= query.min_resonance:
            scored.append((-float(score), -memory.sequence, memory.memory_id))
    return [(name, -score) for score, _, name in sorted(scored)[: query.top_k]]


@given(st.integers(1, 700), st.integers(1, 400), st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_a_row_scores_the_same_wherever_it_lies(rows, dimension, seed):
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((rows, dimension)).astype(np.float32)
    query = rng.standard_normal(dimension)
    together = kernel.resonances(matrix, query)
    for i in {0, rows // 2, rows - 1}:
        assert kernel.resonances(matrix[i : i + 1], query)[0] == together[i]
    assert (kernel.resonances(matrix[::-1], query)[::-1] == together).all()


def test_the_scan_stays_within_its_error():
    rng = np.random.default_rng(5)
    for dimension in (1, 7, 64, 384, 1_536, 4_096):
        rows = rng.standard_normal((50, dimension))
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        rows = rows.astype(np.float32)
        wide = rng.standard_normal(dimension)
        wide /= np.linalg.norm(wide)
        queries = np.stack([wide, -wide, wide]).astype(np.float32)
        exact = kernel.resonances(rows, wide)
        for n in (1, 3):
            fast = np.empty((n, len(rows)), np.float32)
            kernel.scan(rows, queries[:n], fast)
            assert np.abs(fast[0] - exact).max() <= kernel.scan_error(dimension)


def test_ties_go_to_the_newer_memory():
    space = Space(capacity=2_000)
    for i in range(40):
        space.put(NewMemory(f"m{i}", vector(0), caller_chosen_id=True))
    ids = [hit.memory.memory_id for hit in space.search(top_k=3)]
    assert ids == ["m39", "m38", "m37"]


def test_memory_grows_with_use():
    space = Space(capacity=5_000, dimension=256)
    assert space.mind.view().allocated_bytes < 10_000
    space.put(NewMemory("a", vector(1, 256)))
    one = space.mind.view().allocated_bytes
    assert 1_024 * 256 * 4 < one < 2_000 * 256 * 4
    for start in range(0, 3_000, 1_000):
        batch = (NewMemory(f"{start + i}", vector(start + i, 256)) for i in range(1_000))
        space.put(*batch)
    assert 2 * one < space.mind.view().allocated_bytes < 4 * one
    query = {"vector": unit(0, 256), "phase_tolerance": 1.0, "top_k": 1_000}
    assert len(space.search(**query)) == 1_000


def test_updates_change_labels_pins_and_expiry_only():
    space = Space(capacity=2)
    space.put(NewMemory("a", vector(1), text="one", labels=("x", "y")))
    space.put(NewMemory("b", vector(2), text="two"))
    outcome = space.apply(
        UpdateMemory("a", add_labels=("z",), remove_labels=("x", "q"), expire_time_ns=99 * SECOND)
    )
    memory = space.mind.contents.pelm.get("a")
    assert (memory.labels, memory.expire_time_ns) == (("y", "z"), 99 * SECOND)
    assert (memory.text, memory.create_revision, memory.revision) == ("one", 2, 4)
    assert outcome.items[0].etag == memory.etag
    assert space.apply(UpdateMemory("a", expire_time_ns=0)).items[0].expire_time_ns == 0
    assert space.ids() == ["a", "b"]
    assert space.put(NewMemory("c", vector(3), text="three")).evicted == ("a",)


def test_an_unpinned_memory_is_the_newest_of_the_ring():
    space = Space(capacity=2)
    space.put(NewMemory("a", vector(1), pinned=True))
    space.put(NewMemory("b", vector(2), pinned=True))
    assert space.put(NewMemory("c", vector(3))).reason == "ALL_PINNED"
    space.apply(UpdateMemory("b", pinned=False))
    space.apply(UpdateMemory("a", pinned=False))
    assert space.put(NewMemory("c", vector(3))).evicted == ("b",)
    space.apply(UpdateMemory("a", pinned=True))
    assert space.put(NewMemory("d", vector(4))).evicted == ("c",)
    assert space.ids() == ["a", "d"]


@pytest.mark.parametrize(
    ("update", "reason"),
    [
        (UpdateMemory("nobody"), "MEMORY_NOT_FOUND"),
        (UpdateMemory("a", etag='"9"'), "ETAG_MISMATCH"),
        (UpdateMemory("a", expire_time_ns=SECOND), "FIELD_INVALID"),
        (UpdateMemory("a", add_labels=tuple(f"l{i}" for i in range(32))), "FIELD_INVALID"),
    ],
)
def test_updates_that_cannot_be_change_nothing(update, reason):
    space = Space(capacity=2)
    space.put(NewMemory("a", vector(1), labels=("x",)))
    before = snapshot_bytes(Mind(contents=space.mind.contents))
    assert space.apply(update).reason == reason
    assert snapshot_bytes(Mind(contents=space.mind.contents)) == before


def test_refreshes_never_exceed_the_labels_of_a_memory_under_the_first_rules():
    space = Space(version=1, capacity=2)
    for start in range(0, 100, 20):
        labels = tuple(sorted(f"l{start + i:03}" for i in range(20)))
        space.put(NewMemory(f"m{start}", vector(1), text="same", labels=labels))
    ((memory, _),) = space.mind.contents.pelm.history.memories()
    assert len(memory.labels) == 32
    assert set(memory.labels) >= {f"l{i:03}" for i in range(20)}


def test_a_batch_that_replaces_what_it_repeats_does_not_pass_the_last_pin():
    space = Space(capacity=2)
    space.put(NewMemory("a", vector(1), text="one", pinned=True))
    space.put(NewMemory("b", vector(2), text="two", pinned=True))
    before = snapshot_bytes(space.mind)
    batch = (
        NewMemory("a", vector(3), text="new", pinned=True, caller_chosen_id=True),
        NewMemory("c", vector(1), text="one", pinned=True),
    )
    body = PutMemories(batch, allow_replace=True)
    assert space.apply(body).reason == "ALL_PINNED"
    assert space.ids() == ["a", "b"]
    assert space.mind.contents.pelm.get("a").text == "one"
    assert len(snapshot_bytes(space.mind)) == len(before)
