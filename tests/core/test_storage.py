"""Slots, rings, labels and rows against the plain structures that they save the memory of."""

from array import array
from collections import OrderedDict

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mlsdm_grpc.core.store.labels import Labels
from mlsdm_grpc.core.store.rows import BLOCK_ROWS, Rows
from mlsdm_grpc.core.store.slot_index import Ring, SlotIndex

SLOTS = 600


@given(st.data(), st.integers(1, 12), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_a_slot_index_is_a_dictionary_of_sets(data, bits, seed):
    rng = np.random.default_rng(seed)
    # Few different keys make chains; keys that differ in high bits only collide in the table.
    choices = [int(rng.integers(0, 2**bits)) << 40 | int(rng.integers(4)) for _ in range(SLOTS)]
    keys = array("q", choices)
    index, model = SlotIndex(keys), set()
    for slot in rng.integers(0, SLOTS, data.draw(st.integers(1, 1_500))).tolist():
        if slot in model:
            index.remove(slot)
            model.remove(slot)
        else:
            index.add(slot)
            model.add(slot)
    for key in {*choices, 5, -1}:
        assert sorted(index.find(key)) == sorted(slot for slot in model if keys[slot] == key)


@given(st.lists(st.integers(0, 20), max_size=200))
def test_a_ring_is_an_ordered_set(slots):
    ring, model = Ring(), OrderedDict()
    ring.grow(21)
    for slot in slots:
        if slot in model:
            ring.remove(slot)
            del model[slot]
        else:
            ring.append(slot)
            model[slot] = None
        assert list(ring) == list(model)
        assert len(ring) == len(model)


NAMES = st.sampled_from([f"label-{i}" for i in range(9)])


@given(st.lists(st.tuples(st.integers(0, 5), st.sets(NAMES)), max_size=40), st.sets(NAMES))
def test_labels_are_sets_of_names(changes, wanted):
    labels, model = Labels(), dict.fromkeys(range(6), frozenset())
    labels.grow(6)
    for slot, names in changes:
        labels.set(slot, sorted(names))
        model[slot] = frozenset(names)
    for slot, names in model.items():
        assert labels.get(slot) == tuple(sorted(names))
    assert labels.carriers(wanted).tolist() == [wanted <= model[slot] for slot in range(6)]


def test_labels_that_nothing_carries_are_forgotten():
    labels = Labels()
    labels.grow(1)
    for i in range(1_000):
        labels.set(0, [f"{i:04}", f"{i:04}b"])
    assert labels.name_count <= 5
    assert labels.get(0) == ("0999", "0999b")


def filled(phases, capacity=None):
    rows = Rows(dimension=2, capacity=capacity or len(phases), accelerated=False)
    return rows, [rows.place(np.ones(2, np.float32), phase) for phase in phases]


def test_a_band_leaves_out_the_blocks_of_other_phases():
    rows, _ = filled([0.1, 0.9] * 4 * BLOCK_ROWS)
    assert len(rows.blocks(0.0, 0.25)) == len(rows.blocks(0.75, 1.0)) == 4
    assert len(rows.blocks(0.3, 0.7)) == 0
    assert len(rows.blocks(0.0, 1.0)) == 8


def test_rows_stay_grouped_while_a_full_ring_turns_over():
    capacity = 16 * BLOCK_ROWS
    wake_and_sleep = [0.1] * 8 + [0.9] * 3
    rows, ring = filled((wake_and_sleep * capacity)[:capacity])
    used = set(ring)
    for i in range(2 * capacity):
        used.remove(ring[0])
        rows.clear(ring.pop(0))
        ring.append(rows.place(np.ones(2, np.float32), wake_and_sleep[(capacity + i) % 11]))
        assert ring[-1] not in used
        used.add(ring[-1])
    assert rows.slots <= capacity + 2 * BLOCK_ROWS
    assert len(rows.blocks(0.0, 0.25)) + len(rows.blocks(0.75, 1.0)) <= 18


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1, width=32)), max_size=60), st.randoms())
@settings(max_examples=50)
def test_every_row_lies_in_a_block_that_its_phase_is_looked_for_in(changes, random):
    rows = Rows(dimension=2, capacity=40, accelerated=False)
    stored = {}
    for insert, phase in changes:
        if insert and len(stored) < 40:
            slot = rows.place(np.full(2, phase, np.float32), phase)
            assert slot not in stored
            stored[slot] = phase
        elif stored:
            slot = random.choice(sorted(stored))
            rows.clear(slot)
            del stored[slot]
    for slot, phase in stored.items():
        assert slot // BLOCK_ROWS in rows.blocks(phase, phase)
        assert (rows.vectors[slot] == np.float32(phase)).all()
        assert rows.phase[slot] == np.float32(phase)


def test_growth_leaves_views_alone():
    rows, _ = filled([0.5] * BLOCK_ROWS, capacity=3 * BLOCK_ROWS)
    view = rows.vectors[:5]
    rows.place(np.full(2, 7.0, np.float32), 0.5)
    assert rows.slots == 2 * BLOCK_ROWS
    assert (view == 1.0).all()
