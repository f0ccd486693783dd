"""Changes of the parameters of a space: their order decides, and learned state continues."""

import io
from dataclasses import fields, replace

import numpy as np
import pytest
from histories import DIMENSION, SECOND, changes, histories, parameters, record, vector
from hypothesis import given, settings
from hypothesis import strategies as st
from recalling import hits_of

from mlsdm_grpc.core.mind.configuration import changed, conflict
from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.model.bodies import (
    CreateSpace,
    DeleteMemory,
    ProcessEvent,
    PutMemories,
    SpaceChange,
    UpdateMemory,
    UpdateSpace,
)
from mlsdm_grpc.core.model.new_memory import NewMemory
from mlsdm_grpc.core.model.outcome import PutOutcome, Refusal, SpaceChanged, SpaceCreated
from mlsdm_grpc.core.model.parameters import (
    MoralParameters,
    MoralPolicy,
    OntologyCategory,
    RhythmParameters,
    SpaceParameters,
)
from mlsdm_grpc.core.store import int8_rows
from mlsdm_grpc.core.store.recall_query import Query
from mlsdm_grpc.journal.codec.parameters import parameters_from_proto, parameters_to_proto
from mlsdm_grpc.journal.codec.snapshots import read_snapshot, snapshot_bytes


class Space:
    """A mind that is spoken to directly."""

    def __init__(self, **given):
        self.mind = Mind()
        self.apply(CreateSpace(SpaceParameters(**{"dimension": DIMENSION, **given})))

    def apply(self, body, **fields):
        return self.mind.apply(record(self.mind.revision + 1, body, **fields))

    def change(self, etag="", **given):
        return self.apply(UpdateSpace(etag, SpaceChange(**given)))

    def put(self, *seeds, **fields):
        return self.apply(
            PutMemories(tuple(NewMemory(f"m{s}", vector(s), True, **fields) for s in seeds))
        )

    def event(self, seed, moral_value=1.0):
        return self.apply(ProcessEvent(NewMemory(f"m{seed}", vector(seed)), moral_value))

    @property
    def contents(self):
        return self.mind.contents

    def ids(self):
        return [memory.memory_id for memory, _ in self.contents.pelm.history.memories()]


def refused(outcome, reason, **metadata):
    assert isinstance(outcome, Refusal), outcome
    assert outcome.reason == reason
    assert metadata.items() <= dict(outcome.metadata).items()


def test_only_what_is_given_changes():
    space = Space(capacity=5, moral=MoralParameters(base=0.4))
    before = space.contents.parameters
    assert space.change(min_confidence=0.9, wake_duration=2) == SpaceChanged(revision=2)
    after = space.contents.parameters
    assert after == replace(
        before, min_confidence=0.9, rhythm=replace(before.rhythm, wake_duration=2)
    )


OTHERS = {
    "embedder": "words",
    "moral_policy": MoralPolicy.HOMEOSTATIC,
    "ontology": (OntologyCategory("x", vector(1)),),
}


@pytest.mark.parametrize("field", fields(SpaceChange), ids=lambda field: field.name)
def test_every_field_of_a_change_changes_something(field):
    before = SpaceParameters()
    value = OTHERS.get(field.name, 0.75 if "float" in field.type else 1)
    assert changed(before, SpaceChange(**{field.name: value})) != before


def test_every_change_has_its_etag_and_time_and_other_writes_have_not():
    space = Space()
    assert (space.mind.view().config_revision, space.mind.view().config_time_ns) == (1, SECOND)
    space.put(1)
    assert space.contents.etag == '"1"'
    space.change(etag='"1"', capacity=9)
    assert (space.mind.view().config_revision, space.mind.view().config_time_ns) == (3, 3 * SECOND)
    before = snapshot_bytes(Mind(contents=space.contents))
    refused(space.change(etag='"1"', capacity=7), "ETAG_MISMATCH", resource="space")
    assert snapshot_bytes(Mind(contents=space.contents)) == before
    assert space.change(etag='"3"', capacity=7) == SpaceChanged(revision=5)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"dimension": DIMENSION + 1}, "config.dimension"),
        ({"embedder": "words"}, "config.embedder_model"),
        ({"capacity": 2}, "config.capacity"),
        ({"moral_base": 0.8, "moral_ceiling": 0.7}, "config.moral.ceiling"),
        ({"moral_ceiling": 0.4}, "config.moral.ceiling"),
        ({"ontology": (OntologyCategory("x", vector(1, 3)),)}, "config.ontology"),
    ],
)
def test_changes_that_contradict_what_is_there_are_refused_whole(change, field):
    space = Space(capacity=5)
    space.put(1, 2, 3)
    before = snapshot_bytes(Mind(contents=space.contents))
    refused(space.change(read_only=True, **change), "CONFIG_CONFLICT", field=field)
    assert snapshot_bytes(Mind(contents=space.contents)) == before


def test_what_is_fixed_may_be_given_as_it_is():
    space = Space(capacity=3, embedder="words")
    space.put(1, 2, 3)
    outcome = space.change(dimension=DIMENSION, embedder="words", capacity=3)
    assert isinstance(outcome, SpaceChanged)


def test_the_embedder_is_free_while_nothing_is_held():
    space = Space()
    space.put(1, expire_time_ns=3 * SECOND)
    assert isinstance(space.change(embedder="words"), SpaceChanged)
    assert (space.contents.parameters.embedder, space.ids()) == ("words", [])


def test_a_capacity_may_shrink_to_what_has_not_expired():
    space = Space(capacity=4)
    space.put(1, 2, expire_time_ns=4 * SECOND)
    space.put(3, 4)
    assert isinstance(space.change(capacity=2), SpaceChanged)
    assert space.ids() == ["m3", "m4"]
    assert space.put(5).evicted == ("m3",)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 2_100), st.integers(0, 600)), max_size=4))
def test_a_ring_whose_capacity_changes_keeps_every_row(steps):
    space, count = Space(capacity=1), 0
    for capacity, more in steps:
        space.change(capacity=capacity)
        seeds = range(count, count + min(more, capacity))
        if seeds:
            space.put(*seeds)
        count = seeds.stop
        pelm = space.contents.pelm
        assert len(pelm) <= pelm.capacity
        kept = space.ids()
        assert kept == [f"m{i}" for i in range(count - len(kept), count)]
        for memory_id in kept[:3] + kept[-3:]:
            raw = vector(int(memory_id[1:]))
            unit = (raw.raw.astype(np.float64) * raw.inv_norm).astype(np.float32)
            assert np.array_equal(pelm.row(memory_id), unit)


def test_a_space_that_grew_finds_what_a_freshly_loaded_one_finds():
    space = Space(capacity=900)
    space.put(*range(900))
    wide = {"phase": 0.1, "phase_tolerance": 1.0}
    queries = [Query(vector=vector(seed).raw.astype(np.float64), **wide) for seed in (5, 9_000)]
    queries = [replace(q, vector=q.vector / np.linalg.norm(q.vector)) for q in queries]
    hits_of(space.mind, queries, now_ns=0)
    space.change(capacity=5_000)
    space.put(*range(900, 3_400))
    fresh = read_snapshot(io.BytesIO(snapshot_bytes(space.mind)))

    def found(mind):
        results = hits_of(mind, queries, now_ns=0)
        return [[(hit.memory.memory_id, hit.resonance) for hit in hits] for hits in results]

    assert found(space.mind) == found(fresh)
    assert found(space.mind)[0][0][0] == "m5"
    if int8_rows.AVAILABLE:
        assert space.contents.pelm.table.rows.copied_blocks > 0


def test_a_read_only_space_takes_nothing_but_a_change_with_space_read_only():
    space = Space()
    space.put(1)
    space.change(read_only=True)
    before = snapshot_bytes(Mind(contents=space.contents))
    for body in (
        PutMemories((NewMemory("m2", vector(2)),)),
        UpdateMemory("m1", pinned=True),
        DeleteMemory("m1"),
        ProcessEvent(NewMemory("m2", vector(2)), 1.0),
    ):
        refused(space.apply(body), "SPACE_READ_ONLY")
    assert snapshot_bytes(Mind(contents=space.contents)) == before
    space.change(read_only=False)
    assert isinstance(space.put(2), PutOutcome)


def test_a_repeat_on_a_read_only_space_still_has_its_first_result():
    space = Space()
    body = PutMemories((NewMemory("m1", vector(1), True),))
    request = {"request_id": b"r" * 16, "request_digest": bytes(32)}
    first = space.apply(body, **request)
    space.change(read_only=True)
    again = record(space.mind.revision + 1, body, **request)
    assert space.mind.preview(again) == first
    assert space.mind.apply(again) == first


def test_the_moral_threshold_goes_on_within_the_new_bounds():
    space = Space()
    for seed in range(20):
        space.event(seed, moral_value=0.1)
    moral = space.contents.moral
    threshold, ema = moral.threshold, moral.ema
    assert 0.6 < threshold <= 0.7
    space.change(moral_base=0.4)
    assert (moral.threshold, moral.ema) == (threshold, ema)
    space.change(moral_ceiling=0.55)
    assert (moral.threshold, moral.ema) == (0.55, ema)
    space.change(moral_base=0.9, moral_ceiling=0.9)
    assert moral.threshold == 0.9
    outcome = space.event(50, moral_value=0.85)
    assert not outcome.accepted
    assert outcome.threshold_applied == 0.9


def test_another_moral_policy_keeps_the_threshold_and_begins_its_average():
    space = Space()
    for seed in range(5):
        space.event(seed, moral_value=0.1)
    moral = space.contents.moral
    threshold = moral.threshold
    space.change(moral_policy=MoralPolicy.HOMEOSTATIC)
    assert (moral.threshold, moral.ema) == (threshold, 0.5)
    space.change(moral_policy=MoralPolicy.VIGILANT)
    assert (moral.threshold, moral.ema) == (threshold, 0.0)


def test_a_phase_that_gets_shorter_ends_earlier_and_one_that_gets_longer_does_not_restart():
    space = Space(rhythm=RhythmParameters(wake_duration=8, sleep_duration=3))
    space.event(1)
    space.change(wake_duration=20)
    assert space.contents.rhythm.remaining == 7
    space.change(wake_duration=2, sleep_duration=5)
    assert space.contents.rhythm.remaining == 2
    awake = [space.event(seed).awake for seed in range(2, 12)]
    assert awake == [True, *[False] * 5, *[True] * 2, *[False] * 2]


def test_traces_go_on_when_their_scaling_changes():
    space = Space()
    space.event(1)
    before = space.contents.synapses.norms()
    space.change(legacy_synapses=True)
    assert space.contents.synapses.norms() == before
    l1 = space.contents.synapses.l1.copy()
    space.event(2)
    decayed = l1 * np.float32(0.5) + vector(2).raw
    assert np.abs(space.contents.synapses.l1).sum() <= np.abs(decayed).sum() + 1e-5


def test_an_exclusive_creation_is_refused_where_the_space_exists():
    space = Space()
    again = CreateSpace(SpaceParameters(dimension=3), exclusive=True)
    foreseen = space.mind.preview(record(2, again))
    refused(foreseen, "SPACE_EXISTS")
    refused(space.apply(again), "SPACE_EXISTS")
    assert space.contents.parameters.dimension == DIMENSION
    assert space.apply(CreateSpace(SpaceParameters())) == SpaceCreated(created=False, revision=3)
    mind = Mind()
    assert mind.preview(record(1, again)) == SpaceCreated(created=True)
    assert mind.revision == 0
    first = record(1, again, request_id=b"r" * 16)
    assert mind.apply(first) == SpaceCreated(created=True, revision=1)
    assert mind.apply(replace(first, revision=2)) == SpaceCreated(created=True, revision=1)


def test_a_change_of_a_space_that_does_not_exist_is_refused_with_space_not_found():
    refused(Mind().apply(record(1, UpdateSpace("", SpaceChange()))), "SPACE_NOT_FOUND")


@given(histories())
def test_preview_foretells_changes_and_refusals_of_the_space(records):
    mind = Mind()
    for each in records:
        before = snapshot_bytes(mind)
        foreseen = mind.preview(each)
        assert snapshot_bytes(mind) == before
        outcome = mind.apply(each)
        if isinstance(each.body, (UpdateSpace, CreateSpace)):
            assert type(foreseen) is type(outcome)
        if isinstance(foreseen, Refusal):
            assert isinstance(outcome, Refusal)
            assert (foreseen.reason, foreseen.metadata) == (outcome.reason, outcome.metadata)


@given(parameters, changes)
def test_a_change_without_conflict_holds_every_rule(old, change):
    new = changed(old, change)
    if conflict(old, new, used=old.capacity) is None:
        assert (new.dimension, new.embedder) == (old.dimension, old.embedder)
        assert new.capacity >= old.capacity
        assert new.moral.base <= new.moral.ceiling
    assert changed(new, change) is not new
    assert parameters_to_proto(changed(new, change)) == parameters_to_proto(new)


@given(parameters)
def test_parameters_survive_their_encoding(given_parameters):
    message = parameters_to_proto(given_parameters)
    assert parameters_to_proto(parameters_from_proto(message)) == message


def test_records_and_snapshots_from_before_changes_were_possible_are_read():
    message = parameters_to_proto(SpaceParameters(dimension=DIMENSION, capacity=4))
    message.ClearField("merge_min_cosine")
    first = SpaceParameters(dimension=DIMENSION, capacity=4, merge_min_cosine=0.98)
    assert parameters_from_proto(message) == first
    space = Space()
    space.put(1)
    space.contents.config_revision = space.contents.config_time_ns = 0
    restored = read_snapshot(io.BytesIO(snapshot_bytes(space.mind)))
    assert (restored.contents.etag, restored.contents.config_time_ns) == ('"1"', SECOND)


def test_a_ceiling_that_is_not_named_follows_the_base():
    space = Space()
    space.change(moral_base=0.8)
    assert space.mind.contents.parameters.moral.ceiling == 0.8
    space.change(moral_base=0.4)
    assert space.mind.contents.parameters.moral.ceiling == 0.8
