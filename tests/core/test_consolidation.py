"""Consolidation: merged memories, kept memories, and the search for duplicates."""

import numpy as np
import pytest
from histories import DIMENSION, SECOND, record, vector
from hypothesis import given, settings
from hypothesis import strategies as st

from mlsdm_grpc.core.mind import consolidation
from mlsdm_grpc.core.mind.consolidation import MAX_MEMBERS, Rules, Window, plan
from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.mind.steps import finish
from mlsdm_grpc.core.mind.synapses import Synapses
from mlsdm_grpc.core.model.bodies import (
    Consolidate,
    CreateSpace,
    DeleteMemory,
    MergeGroup,
    MergeMember,
    ProcessEvent,
    PutMemories,
    UpdateMemory,
)
from mlsdm_grpc.core.model.new_memory import MAX_LABELS, NewMemory, Provenance, Source, Vector
from mlsdm_grpc.core.model.outcome import ConsolidateOutcome, Refusal
from mlsdm_grpc.core.model.parameters import SpaceParameters, SynapticParameters
from mlsdm_grpc.core.store import rows
from mlsdm_grpc.core.store.kernel import inverse_norm
from mlsdm_grpc.journal.codec.snapshots import snapshot_bytes


@pytest.fixture(scope="module", autouse=True, params=[1, 3])
def least_copied(request):
    """Let rows that are near be looked for in search copies too, which few rows have not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "MIN_PACKED_BLOCKS", request.param)
        yield


def near(seed, noise):
    """A vector near to that of ``seed``; each ``noise`` gives another one."""
    base = vector(seed).raw / np.linalg.norm(vector(seed).raw)
    raw = (base + 0.02 * vector(1_000 + noise).raw / np.sqrt(DIMENSION)).astype(np.float32)
    return Vector(raw, inverse_norm(raw))


class Space:
    """A mind that is spoken to directly; memories have ids that the server chose."""

    def __init__(self, version=2, **parameters):
        self.mind, self.version = Mind(), version
        self.apply(CreateSpace(SpaceParameters(**{"dimension": DIMENSION, **parameters})))

    @property
    def pelm(self):
        return self.mind.contents.pelm

    def apply(self, body, **changes):
        changes = {"semantics_version": self.version, **changes}
        return self.mind.apply(record(self.mind.revision + 1, body, **changes))

    def put(self, memory_id, memory_vector, **fields):
        self.apply(PutMemories((NewMemory(memory_id, memory_vector, **fields),)))

    def group(self, *ids, merged_id="merged"):
        return MergeGroup(merged_id, tuple(MergeMember(i, self.pelm.get(i).etag) for i in ids))

    def ids(self):
        return [memory.memory_id for memory, _ in self.pelm.history.memories()]

    def plan(self, min_cosine=0.98, after=0, before=2**62, now_ns=0):
        rules = Rules(self.version, self.mind.contents.parameters.embedder, min_cosine)
        steps = plan(self.pelm, Window(after, before), rules, texts=True, now_ns=now_ns)
        groups, following = finish(steps)
        return [[member.memory_id for member in group.members] for group in groups], following


@pytest.fixture
def space():
    space = Space()
    for number in range(3):
        space.put(f"m{number}", near(1, number))
    space.put("other", vector(2))
    return space


@pytest.mark.parametrize("version", [1, 2])
def test_near_vectors_become_one_memory(version):
    space = Space(version)
    space.put("a", near(1, 1), labels=("x", "y"), confidence=0.9, metadata=(("j", "old"),))
    space.put("b", near(1, 2), labels=("z",), confidence=0.6, metadata=(("k", "new"),))
    space.put("c", vector(2))
    row = space.pelm.row("b")
    outcome = space.apply(Consolidate((space.group("b", "a"),)))
    assert outcome == ConsolidateOutcome(merged_count=2, used=2, revision=5)
    assert space.ids() == ["c", "merged"]
    assert space.pelm.next_to_leave(2) == ["c", "merged"]
    memory = space.pelm.get("merged")
    metadata = (("k", "new"),) if version == 1 else (("j", "old"), ("k", "new"))
    assert (memory.labels, memory.metadata) == (("x", "y", "z"), metadata)
    assert memory.confidence == np.float32(0.9)
    source = Source.SYSTEM if version == 1 else Source.USER_INPUT
    assert memory.provenance == Provenance(source, parent_ids=("b", "a"))
    assert (memory.revision, memory.create_revision) == (5, 5)
    assert space.pelm.row("merged").tobytes() == row.tobytes()


@pytest.mark.parametrize(
    ("expiries", "latest"),
    [((50, 70), 70 * SECOND), ((70, 50), 70 * SECOND), ((0, 70), 0), ((70, 0), 0)],
)
def test_the_latest_expiry_wins(expiries, latest):
    space = Space()
    for memory_id, expiry in zip("ab", expiries, strict=True):
        space.put(memory_id, near(1, ord(memory_id)), expire_time_ns=expiry * SECOND)
    space.apply(Consolidate((space.group("b", "a"),)))
    assert space.pelm.get("merged").expire_time_ns == latest


def test_labels_are_united_as_far_as_there_is_room_under_the_first_rules():
    space = Space(version=1)
    old, new = (tuple(f"{kind}{i:02}" for i in range(20)) for kind in ("a", "b"))
    space.put("a", near(1, 1), labels=old)
    space.put("b", near(1, 2), labels=new)
    space.apply(Consolidate((space.group("b", "a"),)))
    labels = space.pelm.get("merged").labels
    assert set(new) < set(labels)
    assert len(labels) == MAX_LABELS
    assert labels == tuple(sorted(labels))


CHANGES = {
    "pinned": UpdateMemory("m1", pinned=True),
    "changed": UpdateMemory("m1", add_labels=("l",)),
    "gone": DeleteMemory("m1"),
    "replaced": PutMemories((NewMemory("m1", vector(9), True),), allow_replace=True),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_changed_meanwhile_is_left_alone(space, change):
    groups = (space.group("m2", "m1", "m0"),)
    space.apply(change)
    left = space.pelm.get("m1")
    outcome = space.apply(Consolidate(groups))
    assert outcome.merged_count == 2
    assert space.pelm.get("m1") == left
    assert space.pelm.get("merged").provenance.parent_ids == ("m2", "m0")


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_group_of_which_one_memory_is_left_is_skipped(space, change):
    groups = (space.group("m2", "m1"),)
    space.apply(change)
    before = space.ids()
    assert space.apply(Consolidate(groups)).merged_count == 0
    assert space.ids() == before


def test_a_group_without_its_newest_memory_is_skipped(space):
    groups = (space.group("m2", "m1", "m0"),)
    space.apply(DeleteMemory("m2"))
    assert space.apply(Consolidate(groups)).merged_count == 0
    assert space.ids() == ["m0", "m1", "other"]


@pytest.mark.parametrize(
    ("version", "fields"),
    [
        (2, {"pinned": True}),
        (2, {"caller_chosen_id": True}),
        (2, {"text": "a"}),
        (2, {"metadata": (("k", "new"),)}),
        (2, {"labels": tuple(f"n{i:02}" for i in range(MAX_LABELS))}),
        (1, {"phase": 0.9}),
    ],
    ids=("pinned", "named", "text", "metadata", "labels", "phase"),
)
def test_memories_that_may_not_be_merged_are_left_alone(version, fields):
    space = Space(version)
    space.put("a", near(1, 1), labels=("x",), metadata=(("k", "old"),))
    space.put("b", near(1, 2), **fields)
    assert space.plan() == ([], 0)
    for group in (space.group("b", "a"), space.group("a", "b")):
        assert space.apply(Consolidate((group,))).merged_count == 0
    assert space.ids() == ["a", "b"]


def test_a_taken_id_and_a_memory_named_twice_merge_nothing(space):
    assert space.apply(Consolidate((space.group("m2", "m1", merged_id="other"),))).merged_count == 0
    assert space.apply(Consolidate((space.group("m2", "m1", merged_id="m1"),))).merged_count == 0
    assert space.apply(Consolidate((space.group("m2", "m2"),))).merged_count == 0
    assert space.ids() == ["m0", "m1", "m2", "other"]


def test_a_memory_goes_into_one_group_only(space):
    groups = (space.group("m2", "m1"), space.group("m1", "m0", merged_id="second"))
    assert space.apply(Consolidate(groups)).merged_count == 2
    assert space.ids() == ["m0", "other", "merged"]


def test_the_expired_are_purged_and_not_merged():
    space = Space()
    space.put("a", near(1, 1), expire_time_ns=10 * SECOND)
    space.put("b", near(1, 2))
    body = Consolidate((space.group("b", "a"),))
    foreseen = space.mind.preview(record(4, body, time_ns=10 * SECOND))
    outcome = space.apply(body, time_ns=10 * SECOND)
    assert (outcome.merged_count, outcome.purged_count, outcome.used) == (0, 1, 1)
    assert (foreseen.merged_count, foreseen.purged_count, foreseen.used) == (0, 1, 1)
    assert space.ids() == ["b"]


def test_the_newest_trigger_wins(space):
    traces = Consolidate((), trigger=8, move_traces=True)
    space.apply(ProcessEvent(NewMemory("e", vector(5)), 0.9))
    space.apply(traces)
    before = space.mind.view().synaptic_norms
    for trigger in (8, 7):
        body = Consolidate((space.group("m2", "m1"),), trigger=trigger, move_traces=True)
        assert space.apply(body).merged_count == 0
    assert space.mind.view().synaptic_norms == before
    assert space.apply(Consolidate((space.group("m2", "m1"),), trigger=9)).merged_count == 2
    assert space.mind.contents.consolidated_trigger == 9


def test_a_request_leaves_traces_and_rhythm_as_they_are(space):
    space.apply(ProcessEvent(NewMemory("e", vector(5)), 0.9))
    before = space.mind.view()
    assert space.apply(Consolidate((space.group("m2", "m1"),))).merged_count == 2
    after = space.mind.view()
    assert after.traces.tobytes() == before.traces.tobytes()
    assert (after.step, after.phase_remaining) == (before.step, before.phase_remaining)
    assert space.mind.contents.consolidated_trigger == 0


@pytest.mark.parametrize("legacy", [False, True])
def test_a_sleep_is_an_event_of_zeros_to_the_traces(legacy):
    asleep, zeros = (Synapses(SynapticParameters(legacy=legacy), DIMENSION) for _ in "12")
    for seed in range(6):
        for synapses in (asleep, zeros):
            synapses.update(vector(seed))
        asleep.sleep()
        zeros.update(Vector(np.zeros(DIMENSION, np.float32), 1.0))
        for name in ("l1", "l2", "l3"):
            assert np.array_equal(getattr(asleep, name), getattr(zeros, name))
    assert np.linalg.norm(asleep.l2) > 0


def test_a_space_that_does_not_exist_is_not_consolidated_with_space_not_found():
    outcome = Mind().apply(record(1, Consolidate(())))
    assert isinstance(outcome, Refusal)
    assert outcome.reason == "SPACE_NOT_FOUND"


def test_previews_tell_what_is_done(space):
    body = Consolidate((space.group("m2", "m1", "m0"),))
    before = snapshot_bytes(space.mind)
    foreseen = space.mind.preview(record(space.mind.revision + 1, body))
    assert snapshot_bytes(space.mind) == before
    outcome = space.apply(body)
    assert (foreseen.merged_count, foreseen.used) == (outcome.merged_count, outcome.used) == (3, 2)


# Finding them.


def test_near_vectors_are_found_newest_first(space):
    assert space.plan() == ([["m2", *sorted(["m0", "m1"], key=nearness(space, "m2"))]], 0)
    assert space.plan(min_cosine=1.0) == ([], 0)
    assert space.plan(min_cosine=0.9999999) == ([], 0)


def nearness(space, memory_id):
    row = space.pelm.row(memory_id).astype(np.float64)
    return lambda other: -float(space.pelm.row(other) @ row)


def test_windows_bound_what_is_compared_with_all_older_ones(space):
    first, last = space.pelm.get("m0").sequence, space.pelm.get("m2").sequence
    assert space.plan(after=last) == ([], 0)
    assert space.plan(before=last) == ([["m1", "m0"]], 0)
    assert space.plan(before=first + 1) == ([], 0)
    assert space.pelm.history.sequence_at(2, after=first) == last
    assert space.pelm.history.sequence_at(99, after=0) == space.pelm.get("other").sequence
    assert space.pelm.history.sequence_at(1, after=99) == 99


def test_steps_are_bounded_and_cover_everything(space, monkeypatch):
    monkeypatch.setattr(consolidation, "STEP_COMPONENTS", 1)
    seen, before, steps = [], 2**62, 0
    while before:
        groups, before = space.plan(before=before)
        seen += groups
        steps += 1
    assert steps == 5
    assert [group[0] for group in seen] == ["m2", "m1"]


def test_groups_are_bounded():
    space = Space()
    for number in range(MAX_MEMBERS + 8):
        space.put(f"m{number:02}", near(1, number))
    groups, _ = space.plan()
    assert [len(group) for group in groups] == [MAX_MEMBERS, 8]
    assert len({memory_id for group in groups for memory_id in group}) == MAX_MEMBERS + 8


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 20), st.sampled_from([0.1, 0.9])),
        max_size=30,
        unique=True,
    ),
    st.sampled_from([0.9, 0.99, 0.9995]),
    st.sampled_from([1, 2]),
)
def test_consolidating_until_nothing_is_found_leaves_no_near_vectors(drafts, min_cosine, version):
    space = Space(version)
    for number, (seed, noise, phase) in enumerate(drafts):
        space.put(f"m{number}", near(seed, noise), phase=phase)
    for turn in range(len(drafts) + 1):
        found, _ = space.plan(min_cosine)
        if not found:
            break
        groups = [space.group(*ids, merged_id=f"s{turn}-{i}") for i, ids in enumerate(found)]
        named = tuple(groups)
        outcome = space.apply(Consolidate(named))
        assert outcome.merged_count == sum(len(group.members) for group in groups)
    left = [(m.phase, row.astype(np.float64)) for m, row in space.pelm.history.memories()]
    for i, (phase, row) in enumerate(left):
        for other_phase, other in left[:i]:
            apart = version == 1 and phase != other_phase
            assert apart or row @ other < min_cosine + 1e-6


def test_a_damaged_vector_is_not_taken_for_sound():
    space = Space()
    space.put("a", near(1, 1))
    space.put("b", near(1, 2))
    group = space.group("b", "a")
    lattice = space.pelm.table
    slot = next(s for s in lattice.order(0).tolist() if lattice.memory_id(s) == "b")
    lattice.rows.vectors[slot][0] += 1.0
    space.apply(Consolidate((group,)))
    assert space.ids() == ["merged"]
    assert not space.pelm.is_sound("merged")
    space.put("c", near(1, 3))
    assert space.plan() == ([], 0)


@pytest.mark.parametrize("min_cosine", [1.0 - 1e-6, 1.0 - 1e-5, 1.0 - 4e-5])
@pytest.mark.parametrize("seed", range(4))
def test_projections_hide_no_near_vectors(min_cosine, seed, monkeypatch):
    """A large space, which compares projections of vectors, merges like a small one."""
    rng = np.random.default_rng(seed)
    noise = 10.0 ** rng.uniform(-8, -2, (120, 1)) * rng.standard_normal((120, DIMENSION))
    space = Space()
    for number, row in enumerate(np.repeat(rng.standard_normal((40, DIMENSION)), 3, 0) + noise):
        space.put(f"m{number:03}", unit(row))
    expected, _ = space.plan(min_cosine)
    monkeypatch.setattr(consolidation, "STEP_COMPONENTS", 1)
    assert space.plan(min_cosine) == (expected, 0)
    assert len(expected) > 3


def test_vectors_without_a_neighbour_are_compared_with_none(monkeypatch):
    rng = np.random.default_rng(1)
    space = Space()
    for number, row in enumerate(rng.standard_normal((300, DIMENSION))):
        space.put(f"m{number:03}", unit(row))
    monkeypatch.setattr(consolidation, "STEP_COMPONENTS", 1)
    monkeypatch.setattr(space.pelm, "near", None)
    groups, before = space.plan(1.0 - 1e-6)
    assert (groups, before > 0) == ([], True)
    assert space.plan(1.0 - 1e-6, before=before) == ([], 0)


def unit(row):
    raw = row.astype(np.float32)
    return Vector(raw, inverse_norm(raw))
