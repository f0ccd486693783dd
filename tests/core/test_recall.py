"""Recall with and without int8 copies equals scoring every row, on data of every shape."""

from dataclasses import fields, replace

import numpy as np
import pytest

from mlsdm_grpc.core.model.new_memory import Provenance
from mlsdm_grpc.core.store import int8_rows, kernel, recall
from mlsdm_grpc.core.store.memory_table import Lattice
from mlsdm_grpc.core.store.memory_value import Memory
from mlsdm_grpc.core.store.recall import Recall
from mlsdm_grpc.core.store.recall_query import Query
from mlsdm_grpc.core.store.rows import BLOCK_ROWS, Rows

CAPACITY = 5 * BLOCK_ROWS - 700
DIMENSION = 48

ways = pytest.mark.parametrize(
    "accelerated",
    [
        False,
        pytest.param(
            True, marks=pytest.mark.skipif(not int8_rows.AVAILABLE, reason="needs the extra `fast`")
        ),
    ],
)


def units(matrix):
    return (matrix / np.linalg.norm(matrix, axis=1, keepdims=True)).astype(np.float32)


def gaussian(rng, n, d):
    return units(rng.standard_normal((n, d)))


def latent(rng, n, d):
    return units(rng.standard_normal((n, 6)) @ rng.standard_normal((6, d)))


def clusters(rng, n, d):
    centres = units(rng.standard_normal((20, d)))
    return units(centres[rng.integers(0, 20, n)] + 0.02 * gaussian(rng, n, d))


def spikes(rng, n, d):
    """Rows with one large component lose much when they are rounded to int8."""
    matrix = gaussian(rng, n, d)
    matrix[::3] *= 0.02
    matrix[::3, 0] = 1.0
    return units(matrix)


def repeats(rng, n, d):
    return gaussian(rng, 7, d)[rng.integers(0, 7, n)]


SHAPES = [gaussian, latent, clusters, spikes, repeats]


def memory(i, rng):
    phase = [0.1, 0.9, rng.random()][i % 3]
    return Memory(
        memory_id=f"m{i}",
        text="",
        phase=float(np.float32(phase)),
        confidence=float(np.float32(rng.random())),
        labels=tuple(sorted({f"l{n}" for n in rng.integers(0, 4, 2)})),
        metadata=(("user", f"u{i % 3}"),),
        provenance=Provenance(),
        pinned=False,
        caller_chosen_id=True,
        create_time_ns=1,
        create_revision=1,
        update_time_ns=1,
        expire_time_ns=int(rng.integers(0, 4)),
        revision=1,
        sequence=i + 1,
        ring_sequence=i + 1,
        digest=bytes(16),
    )


class Filled:
    """A lattice and a plain list of its memories."""

    def __init__(self, shape, *, accelerated, seed=1, count=CAPACITY):
        self.rng = np.random.default_rng(seed)
        rows = Rows(dimension=DIMENSION, capacity=CAPACITY, accelerated=accelerated)
        self.lattice = Lattice(rows)
        self.recall = Recall(self.lattice)
        self.model = {}
        self.made = 0
        self.shape = shape
        self.add(count)

    def add(self, count):
        for row in self.shape(self.rng, count, DIMENSION):
            one = memory(self.made, self.rng)
            slot = self.lattice.place(one, row)
            assert slot not in self.model
            self.model[slot] = (one, row)
            self.made += 1

    def remove(self, slots):
        for slot in slots:
            self.lattice.clear(slot)
            del self.model[slot]

    def query(self, **options):
        near = list(self.model.values())[self.rng.integers(len(self.model))][1]
        wide = near + 0.2 * self.rng.random() * self.rng.standard_normal(DIMENSION)
        return Query(**{"vector": wide / np.sqrt(wide @ wide), "phase": 0.1, **options})

    def expected(self, query, now_ns, traces):
        low, high = query.band
        scored = []
        for one, row in self.model.values():
            if (
                low <= one.phase <= high
                and one.confidence >= np.float32(query.min_confidence)
                and query.labels <= set(one.labels)
                and not one.expired(now_ns)
            ):
                scored.append((one, row))
        if not scored:
            return []
        matrix = np.stack([row for _, row in scored])
        phase = np.array([one.phase for one, _ in scored])
        cosine = kernel.resonances(matrix, query.vector)
        resonance = cosine * (1.0 - query.phase_weight * np.abs(phase - query.phase))
        if query.synaptic_bias:
            resonance = resonance + query.synaptic_bias * kernel.resonances(matrix, traces)
        order = sorted(range(len(scored)), key=lambda i: (-resonance[i], -scored[i][0].sequence))
        return [
            (scored[i][0].sequence, resonance[i])
            for i in order[: query.top_k]
            if resonance[i] >= query.min_resonance
        ]

    def check(self, queries, now_ns=0):
        traces = gaussian(self.rng, 1, DIMENSION)[0].astype(np.float64)
        traces /= np.sqrt(traces @ traces)
        results = self.recall.find(queries, now_ns=now_ns, traces=traces)
        for query, found in zip(queries, results, strict=True):
            sequences = self.lattice.columns["sequence"][found.slots].tolist()
            got = list(zip(sequences, found.resonance.tolist(), strict=True))
            assert got == self.expected(query, now_ns, traces)


OPTIONS = [
    {},
    {"phase": 0.9, "top_k": 10},
    {"phase": 0.5, "phase_tolerance": 0.25, "top_k": 40},
    {"phase_tolerance": 1.0, "top_k": 3},
    {"phase_tolerance": 1.0, "top_k": 600},
    {"phase_tolerance": 1.0, "min_confidence": 0.9},
    {"phase_tolerance": 1.0, "labels": frozenset({"l1", "l3"}), "top_k": 20},
    {"phase_tolerance": 1.0, "labels": frozenset({"unknown"})},
    {"phase_tolerance": 1.0, "min_resonance": 0.6, "top_k": 50},
    {"phase_tolerance": 1.0, "phase_weight": 0.7, "top_k": 20},
    {"phase_tolerance": 1.0, "synaptic_bias": -0.8, "top_k": 20},
    {"phase_tolerance": 0.4, "phase_weight": 1.0, "synaptic_bias": 0.5},
    {"phase": 0.4, "phase_tolerance": 0.0},
]


@ways
@pytest.mark.parametrize("shape", SHAPES)
def test_recall_equals_scoring_every_row(shape, accelerated):
    filled = Filled(shape, accelerated=accelerated)
    queries = [filled.query(**options) for options in OPTIONS]
    filled.check(queries)
    for query in queries:
        filled.check([query], now_ns=2)


@ways
def test_recall_is_exact_while_rows_come_and_go(accelerated):
    filled = Filled(gaussian, accelerated=accelerated)
    for step, change in enumerate([1, 3, 60, 70, 700, CAPACITY // 2, 2, CAPACITY]):
        filled.remove(list(filled.model)[:change])
        filled.shape = SHAPES[step % len(SHAPES)]
        filled.add(change)
        filled.check([filled.query(**options) for options in OPTIONS[:5]])
    filled.remove(list(filled.model))
    assert filled.recall.find([Query(np.eye(DIMENSION)[0], 0.1)], now_ns=0)[0].slots.size == 0


def check_together(filled, queries, now_ns=0):
    """Check that queries in one scan give the same results, bit by bit, as single queries."""
    together = filled.recall.find(queries, now_ns=now_ns)
    for query, found in zip(queries, together, strict=True):
        (alone,) = filled.recall.find([query], now_ns=now_ns)
        for name in ("slots", "resonance", "cosine", "phase_distance", "phase_factor"):
            assert getattr(found, name).tobytes() == getattr(alone, name).tobytes(), name
        assert found.synaptic_bias.tobytes() == alone.synaptic_bias.tobytes()


@ways
@pytest.mark.parametrize("shape", SHAPES)
def test_many_queries_give_what_each_gives_alone(shape, accelerated):
    filled = Filled(shape, accelerated=accelerated)
    check_together(filled, [filled.query(phase=phase, top_k=7) for phase in (0.1, 0.9, 0.5) * 25])
    check_together(filled, [filled.query(**options) for options in OPTIONS * 3], now_ns=2)


def test_whatever_selects_memories_is_in_the_selection():
    chosen = {
        "top_k": 7,
        "phase_tolerance": None,
        "min_confidence": 0.5,
        "labels": frozenset("a"),
        "metadata": (("user", "bob"),),
        "sources": (2,),
        "conversation_id": "c",
        "after_ns": 1,
        "before_ns": 2,
        "omit_answers": True,
    }
    scored = {"vector", "phase", "min_resonance", "min_score", "phase_weight", "synaptic_bias"}
    assert chosen.keys() | scored | {"sought"} == {field.name for field in fields(Query)}
    query = Query(np.eye(DIMENSION)[0], 0.1)
    for name, value in chosen.items():
        assert replace(query, **{name: value}).selection != query.selection, name
    assert replace(query, phase=0.9).selection != query.selection


@ways
def test_metadata_of_one_query_do_not_filter_another(accelerated):
    filled = Filled(gaussian, accelerated=accelerated)
    queries = [
        filled.query(phase_tolerance=None, metadata=wanted)
        for wanted in [(("user", "u1"),), (("user", "u2"),), (), (("user", "unknown"),)] * 3
    ]
    check_together(filled, queries)
    for query, found in zip(queries, filled.recall.find(queries, now_ns=0), strict=True):
        got = [filled.model[slot][0].metadata for slot in found.slots.tolist()]
        assert all(set(query.metadata) <= set(each) for each in got)
        assert len(got) == (0 if ("user", "unknown") in query.metadata else query.top_k)


@pytest.mark.parametrize("shape", [lambda _, n, d: np.ones((n, d), np.float32) / d**0.5, gaussian])
def test_many_queries_with_many_candidates_give_what_each_gives_alone(shape, monkeypatch):
    monkeypatch.setattr(recall, "MOST_TOGETHER", 3)
    filled = Filled(shape, accelerated=None)
    check_together(filled, [filled.query(phase_tolerance=1.0, top_k=9) for _ in range(6)])


@pytest.mark.parametrize("count", [1, 4, 50, 300])
def test_many_queries_among_free_slots_give_what_each_gives_alone(count):
    filled = Filled(latent, accelerated=None, count=count)
    towards = [filled.query(phase_tolerance=1.0, top_k=6) for _ in range(5)]
    away = [replace(query, vector=-query.vector) for query in towards]
    check_together(filled, towards + away)
    filled.lattice.lose(next(iter(filled.model)))
    check_together(filled, towards + away)


@pytest.mark.parametrize("value", [1e9, np.inf, np.nan])
def test_a_corrupted_row_hides_no_other_from_many_queries(value):
    filled = Filled(gaussian, accelerated=None)
    queries = [filled.query(phase_tolerance=1.0, top_k=4) for _ in range(6)]
    slot = next(iter(filled.model))
    filled.lattice.rows.vectors[slot] = value
    with np.errstate(invalid="ignore", over="ignore"):
        check_together(filled, queries)
        found = filled.recall.find(queries, now_ns=0)
    assert all(slot not in each.slots and len(each.slots) == 4 for each in found)


@ways
@pytest.mark.parametrize("factor", [2.0, 4.0])
def test_a_row_that_grew_in_memory_hides_no_other(factor, accelerated):
    filled = Filled(clusters, accelerated=accelerated)
    traces = gaussian(filled.rng, 1, DIMENSION)[0].astype(np.float64)
    traces /= np.sqrt(traces @ traces)
    for options in OPTIONS:
        queries = [filled.query(**{"top_k": 6, **options}) for _ in range(3)]
        for some in (queries[:1], queries):
            best = filled.recall.find(some, now_ns=0, traces=traces)
            slots = {slot for each in best for slot in each.slots[:3].tolist()}
            grown = [
                slot
                for slot in slots
                if all(factor * abs(filled.model[slot][1] @ query.vector) > 1.02 for query in some)
            ]
            gone = {slot: filled.model.pop(slot) for slot in grown}
            filled.lattice.rows.vectors[grown] *= factor
            found = filled.recall.find(some, now_ns=0, traces=traces)
            for query, each in zip(some, found, strict=True):
                got = filled.lattice.columns["sequence"][each.slots].tolist()
                assert got == [one for one, _ in filled.expected(query, 0, traces)], options
            filled.lattice.rows.vectors[grown] /= factor
            filled.model |= gone


@pytest.mark.skipif(not int8_rows.AVAILABLE, reason="needs the extra `fast`")
def test_what_int8_cannot_tell_apart_is_scanned_in_full():
    filled = Filled(repeats, accelerated=True)
    filled.check([filled.query(phase_tolerance=1.0, top_k=5)])
    assert filled.recall.searches == 1
    filled = Filled(lambda rng, n, d: units(np.ones(d) + 1e-4 * gaussian(rng, n, d)),
                    accelerated=True)  # fmt: skip
    filled.check([filled.query(phase_tolerance=1.0, top_k=5)])
    assert filled.recall.full_scans == 1


@pytest.mark.skipif(not int8_rows.AVAILABLE, reason="needs the extra `fast`")
@pytest.mark.parametrize("dimension", [1, 3, 384, 1_537, 4_096])
def test_the_error_of_int8_copies_is_bounded(dimension):
    rng = np.random.default_rng(dimension)
    rows = np.concatenate([shape(rng, 128, dimension) for shape in (gaussian, spikes)])
    rows[5] = 0.0
    copies = int8_rows.PackedRows(64, dimension)
    queries = gaussian(rng, 3, dimension).astype(np.float64)
    queries /= np.sqrt((queries * queries).sum(axis=1, keepdims=True))
    for _ in range(2):
        scores, row_error, error = copies.scan(rows, np.array([0, 2, 3]), queries)
        used = np.concatenate((rows[:64], rows[128:]))
        for i, query in enumerate(queries):
            off = np.abs(scores[i] - kernel.resonances(used, query))
            own = copies.row_errors[np.r_[:64, 128:256]]
            assert (own <= row_error).all()
            assert (off <= own + error[i]).all()
        rows[130] = gaussian(rng, 1, dimension)[0]
        copies.touch(130)


def test_a_lost_memory_is_not_found():
    filled = Filled(gaussian, accelerated=None, count=50)
    query = filled.query(phase_tolerance=1.0, top_k=50)
    before = filled.recall.find([query], now_ns=0)[0]
    filled.lattice.lose(int(before.slots[0]))
    after = filled.recall.find([query], now_ns=0)[0]
    assert after.slots.tolist() == before.slots.tolist()[1:]
