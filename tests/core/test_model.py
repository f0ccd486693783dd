"""A long random life of one space, against a dictionary and a scoring of every row."""

import os

import numpy as np
import pytest
from histories import SECOND, record
from recalling import hits_of

from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.mind.pelm import unit_row
from mlsdm_grpc.core.model.bodies import CreateSpace, DeleteMemory, PutMemories, UpdateMemory
from mlsdm_grpc.core.model.new_memory import NewMemory, Vector
from mlsdm_grpc.core.model.outcome import PutResult, Refusal
from mlsdm_grpc.core.model.parameters import SpaceParameters
from mlsdm_grpc.core.store import int8_rows, kernel
from mlsdm_grpc.core.store.recall_query import Query
from mlsdm_grpc.journal.codec.snapshots import read_snapshot, snapshot_bytes

DIMENSION = 24
CAPACITY = 3_500
LABELS = ["red", "green", "blue", "rare"]


class Model:
    """Model of a space: memories by id in order of creation, and the ring."""

    def __init__(self):
        self.memories = {}
        self.ring = {}
        self.rows = {}

    def forget(self, memory_id):
        del self.memories[memory_id]
        del self.rows[memory_id]
        self.ring.pop(memory_id, None)

    def expire(self, now_ns):
        for memory_id in [m.memory_id for m in self.memories.values() if _over(m, now_ns)]:
            self.forget(memory_id)

    def put(self, new, phase):
        evicted = []
        if new.memory_id in self.memories:
            self.rows[new.memory_id] = unit_row(new.vector)
            self.ring.pop(new.memory_id, None)
        else:
            if len(self.memories) == CAPACITY:
                evicted.append(next(iter(self.ring)))
                self.forget(evicted[0])
            self.rows[new.memory_id] = unit_row(new.vector)
        self.memories[new.memory_id] = _Held(new, phase)
        if not new.pinned:
            self.ring[new.memory_id] = None
        return evicted

    def expected(self, query, now_ns):
        """Return ids and resonances by scoring every row that takes part."""
        low, high = query.band
        held = [
            (age, memory)
            for age, memory in enumerate(self.memories.values())
            if low <= memory.phase <= high
            and memory.confidence >= np.float32(query.min_confidence)
            and query.labels <= set(memory.labels)
            and not _over(memory, now_ns)
        ]
        if not held:
            return []
        rows = np.stack([self.rows[memory.memory_id] for _, memory in held])
        distance = np.abs(np.array([memory.phase for _, memory in held]) - query.phase)
        scores = kernel.resonances(rows, query.vector) * (1.0 - query.phase_weight * distance)
        order = np.lexsort(([-age for age, _ in held], -scores))[: query.top_k]
        return [
            (held[i][1].memory_id, float(scores[i]))
            for i in order
            if scores[i] >= query.min_resonance
        ]


class _Held:
    def __init__(self, new, phase):
        self.memory_id = new.memory_id
        self.phase = float(np.float32(phase))
        self.confidence = float(np.float32(new.confidence))
        self.labels = new.labels
        self.pinned = new.pinned
        self.expire_time_ns = new.expire_time_ns


def _over(memory, now_ns):
    return 0 < memory.expire_time_ns <= now_ns


class Life:
    """The space, its model, and dice."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.mind, self.model = Mind(), Model()
        self.now_ns, self.made = SECOND, 0
        self.operations = self.comparisons = 0
        centres = self.rng.standard_normal((12, DIMENSION))
        self.shapes = [
            lambda: self.rng.standard_normal(DIMENSION),
            lambda: centres[self.rng.integers(12)] + 0.03 * self.rng.standard_normal(DIMENSION),
            lambda: centres[self.rng.integers(12)],  # equal rows: ties
        ]
        self.apply(CreateSpace(SpaceParameters(dimension=DIMENSION, capacity=CAPACITY)))

    def apply(self, body):
        return self.mind.apply(record(self.mind.revision + 1, body, time_ns=self.now_ns))

    def chance(self, share):
        return self.rng.random() < share

    def vector(self):
        raw = self.shapes[self.rng.integers(3)]().astype(np.float32)
        return Vector(raw, kernel.inverse_norm(raw))

    def labels(self):
        return tuple(sorted({str(label) for label in self.rng.choice(LABELS[:3], 2)}))

    def memory(self, memory_id=None):
        self.made += 1
        phase = [0.1, 0.9, float(self.rng.random())][self.rng.integers(3)]
        return NewMemory(
            memory_id=memory_id or f"m{self.made}",
            vector=self.vector(),
            caller_chosen_id=True,
            phase=phase,
            confidence=float(self.rng.uniform(0.5, 1.0)),
            labels=self.labels() + (("z-rare",) if self.chance(0.01) else ()),
            pinned=self.chance(0.02),
            expire_time_ns=self.now_ns + int(self.rng.integers(1, 400)) * SECOND
            if self.chance(0.05)
            else 0,
        )

    def some_id(self):
        return str(self.rng.choice(list(self.model.memories)))

    # Operations.

    def put(self, count):
        replace = self.chance(0.05) and self.model.memories
        news = [self.memory(self.some_id() if replace and i == 0 else None) for i in range(count)]
        outcome = self.apply(PutMemories(tuple(news), allow_replace=True))
        self.model.expire(self.now_ns)
        evicted = [left for new in news for left in self.model.put(new, new.phase)]
        assert list(outcome.evicted) == evicted
        assert {item.result for item in outcome.items} <= {PutResult.CREATED, PutResult.REPLACED}

    def delete(self):
        memory_id = self.some_id()
        gone = _over(self.model.memories[memory_id], self.now_ns)
        outcome = self.apply(DeleteMemory(memory_id))
        assert isinstance(outcome, Refusal) == gone
        if not gone:
            self.model.forget(memory_id)

    def update(self):
        memory = self.model.memories[self.some_id()]
        pinned = self.chance(0.3) and len(self.model.memories) - len(self.model.ring) < 100
        labels = self.labels()
        outcome = self.apply(
            UpdateMemory(
                memory.memory_id,
                add_labels=labels,
                remove_labels=memory.labels,
                pinned=pinned,
                expire_time_ns=0,
            )
        )
        if _over(memory, self.now_ns):
            assert outcome.reason == "MEMORY_NOT_FOUND"
            return
        memory.labels, memory.expire_time_ns = labels, 0
        if memory.pinned != pinned:
            memory.pinned = pinned
            self.model.ring.pop(memory.memory_id, None)
            if not pinned:
                self.model.ring[memory.memory_id] = None

    def query(self):
        near = self.shapes[self.rng.integers(3)]() + 0.1 * self.rng.standard_normal(DIMENSION)
        labels = frozenset(self.rng.choice(LABELS, int(self.rng.integers(1, 3))).tolist())
        return Query(
            vector=near / np.sqrt(near @ near),
            phase=float(np.float32([0.1, 0.9, self.rng.random()][self.rng.integers(3)])),
            top_k=int(self.rng.choice([1, 5, 50, 200])),
            phase_tolerance=float(self.rng.choice([0.0, 0.15, 0.3, 1.0])),
            min_confidence=float(self.rng.choice([0.0, 0.0, 0.8])),
            min_resonance=float(self.rng.choice([-2.0, -2.0, 0.5])),
            labels=labels if self.chance(0.25) else frozenset(),
            phase_weight=float(self.rng.choice([0.0, 0.0, 0.4])),
        )

    def search(self, count):
        queries = [self.query() for _ in range(count)]
        for query, hits in zip(
            queries, hits_of(self.mind, queries, now_ns=self.now_ns), strict=True
        ):
            got = [(hit.memory.memory_id, hit.resonance) for hit in hits]
            assert got == self.model.expected(query, self.now_ns)
            self.comparisons += max(len(got), 1)

    def compare(self):
        held = [memory for memory, _ in self.mind.contents.pelm.history.memories()]
        assert [memory.memory_id for memory in held] == list(self.model.memories)
        for memory, expected in zip(held, self.model.memories.values(), strict=True):
            for name in ("phase", "confidence", "labels", "pinned", "expire_time_ns"):
                assert getattr(memory, name) == getattr(expected, name)
            row = self.mind.contents.pelm.row(memory.memory_id)
            assert row.tobytes() == self.model.rows[memory.memory_id].tobytes()
        in_ring = len(self.model.ring)
        assert self.mind.contents.pelm.next_to_leave(in_ring) == list(self.model.ring)

    def restart(self, tmp_path):
        """Write a snapshot and go on from it."""
        path = tmp_path / "snapshot"
        path.write_bytes(snapshot_bytes(self.mind))
        with path.open("rb") as file:
            self.mind = read_snapshot(file)

    def step(self, tmp_path, monkeypatch):
        self.now_ns += int(self.rng.integers(0, 2)) * SECOND
        dice = self.rng.random()
        if dice < 0.45 or not self.model.memories:
            self.put(int(self.rng.choice([1, 1, 1, 2, 30])))
        elif dice < 0.52:
            self.delete()
        elif dice < 0.65:
            self.update()
        elif dice < 0.99:
            self.search(int(self.rng.choice([1, 2, 4])))
        elif dice < 0.995:
            self.compare()
        else:
            accelerated = int8_rows.AVAILABLE and self.chance(0.7)
            monkeypatch.setattr("mlsdm_grpc.core.store.int8_rows.AVAILABLE", accelerated)
            self.restart(tmp_path)
            monkeypatch.undo()
        self.operations += 1


def live(life, tmp_path, monkeypatch, *, operations, comparisons):
    for _ in range(CAPACITY // 500):
        life.put(500)
    while life.operations < operations or life.comparisons < comparisons:
        life.step(tmp_path, monkeypatch)
    life.compare()


@pytest.mark.parametrize("seed", [1, 2])
def test_a_short_life_equals_its_model(seed, tmp_path, monkeypatch):
    live(Life(seed), tmp_path, monkeypatch, operations=300, comparisons=3_000)


@pytest.mark.slow
def test_a_long_life_equals_its_model(tmp_path, monkeypatch, evidence):
    evidence["seed"] = seed = int(os.environ.get("MLSDM_SEED", "1"))
    life = Life(seed)
    try:
        live(life, tmp_path, monkeypatch, operations=20_000, comparisons=1_000_000)
    finally:
        evidence["operations"], evidence["comparisons"] = life.operations, life.comparisons
