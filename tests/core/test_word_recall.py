"""Recall by words and by both equals brute force over all living memories, after any history."""

import random
from collections import Counter

import numpy as np
import pytest
from counts import count

from mlsdm_grpc.core.mind.pelm import Pelm
from mlsdm_grpc.core.mind.steps import finish
from mlsdm_grpc.core.model.new_memory import ExchangeRole, Provenance, Source
from mlsdm_grpc.core.model.recall_mode import RecallMode
from mlsdm_grpc.core.store import int8_rows, kernel, lexical_postings
from mlsdm_grpc.core.store.fusion import Fusion
from mlsdm_grpc.core.store.lattice_words import Tokenizer
from mlsdm_grpc.core.store.lexical_index import Bm25
from mlsdm_grpc.core.store.memory_value import Memory
from mlsdm_grpc.core.store.recall_query import Query, Sought

DIMENSION = 24
VOCABULARY = [f"word{i}" for i in range(40)]
WEIGHTS = [1 / (i + 1) for i in range(40)]
BM25 = Bm25()
TIE = 2e-6
accelerations = [False, True] if int8_rows.AVAILABLE else [False]


def terms(text, context=""):
    found = {word: 4 * count for word, count in Counter(text.split()).items()}
    for word in context.split():
        found[word] = found.get(word, 0) + 1
    return found


TOKENIZER = Tokenizer("1", terms)


def text(rng):
    if rng.random() < 0.1:
        return ""
    return " ".join(rng.choices(VOCABULARY, WEIGHTS, k=rng.randrange(1, 12)))


def unit(rng):
    row = np.array([rng.gauss(0, 1) for _ in range(DIMENSION)])
    row[0] += 2  # so that cosines are mostly above 0
    return (row / np.linalg.norm(row)).astype(np.float32)


ROW = unit(random.Random(0))


class Twins:
    """Set of memories in lattices with and without the accelerator, and in a plain list."""

    def __init__(self, seed, capacity=60):
        self.rng = random.Random(seed)
        self.pelms = [
            Pelm(dimension=DIMENSION, capacity=capacity, accelerated=accelerated)
            for accelerated in accelerations
        ]
        for pelm in self.pelms:
            pelm.know_words(TOKENIZER)
        self.made = 0
        self.now_ns = 1_000

    def memory(self, memory_id=None):
        rng = self.rng
        self.made += 1
        return {
            "memory_id": memory_id or f"m{self.made}",
            "text": text(rng),
            "phase": float(np.float32(rng.choice([0.1, 0.9, rng.random()]))),
            "confidence": float(np.float32(rng.random())),
            "labels": tuple(sorted({f"l{rng.randrange(3)}" for _ in range(2)})),
            "metadata": rng.choice([(), (), (("k", "1"),), (("k", "2"), ("m", "1"))]),
            "provenance": Provenance(rng.choice(list(Source))),
            "context": text(rng) if rng.random() < 0.3 else "",
            "event_time_ns": rng.choice([0, 0, 1_010]),
            "conversation_id": rng.choice(["", "", "a", "b"]),
            "role": rng.choice(list(ExchangeRole)),
            "pinned": rng.random() < 0.1,
            "caller_chosen_id": True,
            "create_time_ns": self.now_ns,
            "create_revision": self.made,
            "update_time_ns": self.now_ns,
            "expire_time_ns": self.now_ns + rng.randrange(1, 60) if rng.random() < 0.3 else 0,
            "revision": self.made,
            "sequence": 0,
            "ring_sequence": 0,
            "digest": self.made.to_bytes(16),
        }

    def live(self, steps):
        for _ in range(steps):
            self.now_ns += self.rng.randrange(3)
            ids = [memory.memory_id for memory, _ in self.pelms[0].history.memories()]
            kind = self.rng.choice(["insert"] * 6 + ["remove", "replace", "expire", "grow"])
            if kind == "insert" or not ids:
                memory, row = self.memory(), unit(self.rng)
                for pelm in self.pelms:
                    finish(pelm.expire(self.now_ns))
                    pelm.insert(Memory(**memory), row)
            elif kind == "remove":
                gone = self.rng.choice(ids)
                for pelm in self.pelms:
                    pelm.remove(gone)
            elif kind == "replace":
                memory, row = self.memory(self.rng.choice(ids)), unit(self.rng)
                for pelm in self.pelms:
                    pelm.replace(Memory(**memory), row)
            elif kind == "expire":
                for pelm in self.pelms:
                    finish(pelm.expire(self.now_ns))
            else:
                capacity = len(ids) + self.rng.randrange(1, 10)
                for pelm in self.pelms:
                    pelm.resize(capacity)

    def query(self, *, alone):
        rng = self.rng
        words = rng.sample(VOCABULARY, rng.randrange(1, 6))
        sought = Sought(
            tuple(words),
            tuple((word, rng.choice(VOCABULARY)) for word in words),
            Fusion(rng.choice([0.0, 0.15, 0.5, 1.0])),
            alone=alone,
        )
        banded = rng.random() < 0.4
        return Query(
            vector=np.empty(0) if alone else unit(rng).astype(np.float64),
            phase=rng.choice([0.1, 0.5, 0.9]),
            top_k=rng.choice([1, 3, 10, 100]),
            phase_tolerance=0.2 if banded else None,
            min_confidence=rng.choice([0.0, 0.0, 0.4]),
            min_resonance=-np.inf if alone or rng.random() < 0.6 else rng.uniform(0, 0.6),
            labels=frozenset(rng.choice([[], [], ["l1"]])),
            phase_weight=rng.choice([0.0, 0.0, 0.7]),
            sought=sought,
            min_score=rng.choice([-2.0, -2.0, 0.1, 0.3]),
            sources=rng.choice([(), (), (1, 3)]),
            conversation_id=rng.choice(["", "", "", "a"]),
            after_ns=rng.choice([None, None, None, 1_010]),
            before_ns=rng.choice([None, None, None, 1_020]),
            metadata=rng.choice([(), (), (), (("k", "1"),), (("m", "1"), ("k", "2"))]),
            omit_answers=rng.random() < 0.2,
        )


def bm25_of(living, query):
    """Return the BM25 score of each living memory that has a word."""
    documents = {m.memory_id: terms(m.text, m.context) for m in living if m.text}
    lengths = {name: sum(each.values()) for name, each in documents.items()}
    count, total = len(documents), sum(lengths.values())
    scores, matched = Counter(), {}
    for number, word in enumerate(query.sought.terms):
        often = {
            name: max(each.get(term, 0) for term in word)
            for name, each in documents.items()
            if not each.keys().isdisjoint(word)
        }
        for name, frequency in often.items():
            norm = BM25.k1 * 4 * (1 - BM25.b + BM25.b * lengths[name] * count / total)
            gain = BM25.idf(count, len(often)) * (BM25.k1 + 1)
            scores[name] += gain * frequency / (frequency + norm)
            matched.setdefault(name, []).append(number)
    return scores, matched


def brute_force(pelm, query, now_ns):
    """Return score and matched words of each memory that a query may find."""
    held = list(pelm.history.memories())
    living = [(memory, row) for memory, row in held if not memory.expired(now_ns)]
    bm25, matched = bm25_of([memory for memory, _ in living], query)
    low, high = query.band
    found = {}
    for memory, row in living:
        name, fusion = memory.memory_id, query.sought.fusion
        factor = 1 - query.phase_weight * abs(memory.phase - query.phase)
        words = bm25[name] / (bm25[name] + 20) * factor
        resonance, score = 0.0, words
        if not query.sought.alone:
            resonance = float(kernel.resonances(row[None], query.vector)[0]) * factor
            share = min(max(resonance, 0.0), 1.0)
            score = (1 - fusion.vector_weight) * words + fusion.vector_weight * share
        if (
            low <= np.float32(memory.phase) <= high
            and memory.confidence >= query.min_confidence
            and query.labels.issubset(memory.labels)
            and set(query.metadata).issubset(memory.metadata)
            and (not query.sources or memory.provenance.source in query.sources)
            and query.conversation_id in {"", memory.conversation_id}
            and not (query.omit_answers and memory.role is ExchangeRole.ANSWER)
            and (query.after_ns or 0) <= (memory.event_time_ns or memory.create_time_ns)
            and (memory.event_time_ns or memory.create_time_ns) < (query.before_ns or 10**9)
            and resonance >= query.min_resonance
            and score >= query.min_score - TIE
            and (bm25[name] > 0 or not query.sought.alone)
        ):
            found[name] = score, bm25[name], matched.get(name, []), memory.sequence
    return found


def check(twins, query):
    """Compare the answers of the twins with brute force, and with each other.

    Returns how many memories, found or left out, were compared.
    """
    answers, compared = [], 0
    for pelm in twins.pelms:
        (found,) = pelm.find([query], now_ns=twins.now_ns)
        names = [pelm.memory_at(slot).memory_id for slot in found.slots.tolist()]
        assert found.mode is (RecallMode.LEXICAL if query.sought.alone else RecallMode.HYBRID)
        answers.append(
            (
                names,
                found.by_words.score.tolist(),
                found.by_words.bm25.tolist(),
                found.by_words.matched,
                found.resonance.tolist(),
            )
        )
        expected = brute_force(pelm, query, twins.now_ns)
        compared += len(expected)
        sure = [name for name, (score, *_) in expected.items() if score >= query.min_score + TIE]
        assert set(names) <= set(expected)
        assert len(names) == len(set(names)) >= min(query.top_k, len(sure))
        assert len(names) <= query.top_k
        for name, score, bm25, matched in zip(names, *answers[-1][1:4], strict=True):
            assert score == pytest.approx(expected[name][0], abs=TIE)
            assert bm25 == pytest.approx(expected[name][1], abs=TIE)
            assert matched == expected[name][2]
        scores, finer = answers[-1][1], answers[-1][2]
        by_bm25 = query.sought.alone and not query.phase_weight
        newest = [-expected[name][3] for name in names]
        order = list(zip((-each for each in (finer if by_bm25 else scores)), newest, strict=True))
        assert order == sorted(order)
        left = [expected[name][0] for name in expected if name not in names]
        if left and len(names) == query.top_k:
            assert max(left) <= min(answers[-1][1]) + TIE
    assert all(answer == answers[0] for answer in answers)
    return compared


def verify(seed, rounds):
    """Compare answers in a random history; return the number of compared memories."""
    twins, compared = Twins(seed), 0
    for _ in range(rounds):
        twins.live(12)
        if any(memory.text for memory, _ in twins.pelms[0].history.memories()):
            compared += sum(check(twins, twins.query(alone=alone)) for alone in (True, False))
    return compared


@pytest.mark.parametrize("seed", range(12))
def test_recall_with_words_equals_brute_force(seed, monkeypatch):
    monkeypatch.setattr(lexical_postings, "BUFFERED_DOCUMENTS", 20)
    monkeypatch.setattr(lexical_postings, "MIN_REMOVED", 2)
    verify(seed, rounds=40)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_recall_with_words_equals_brute_force_often(part, evidence):
    """A million comparisons in ten parts, each of which can be repeated alone."""
    evidence["first seed"] = seed = 1_000_000 * (part + 1)
    evidence["lives"] = evidence["comparisons"] = 0
    while evidence["comparisons"] < 100_000:
        evidence["comparisons"] += verify(seed + evidence["lives"], rounds=500)
        evidence["lives"] += 1


def test_a_row_that_grew_in_memory_hides_no_other_from_words():
    twins = Twins(11, capacity=200)
    memories = [twins.memory() | {"expire_time_ns": 0, "phase": 0.5} for _ in range(200)]
    rows = [unit(twins.rng) for _ in memories]
    for pelm in twins.pelms:
        for memory, row in zip(memories, rows, strict=True):
            pelm.insert(Memory(**memory), row)
    hidden = 0
    for number in range(60):
        sought = Sought(("apple",), (("apple",),), Fusion(1.0 if number % 2 else 0.9))
        query = Query(vector=rows[number].astype(np.float64), phase=0.5, top_k=5, sought=sought)
        for pelm in twins.pelms:
            (before,) = pelm.find([query], now_ns=0)
            slots = before.slots.tolist()
            grown = [s for s in slots[:3] if abs(pelm.row_at(s) @ query.vector) > 0.52]
            pelm.table.rows.vectors[grown] *= 2.0
            (found,) = pelm.find([query], now_ns=0)
            pelm.table.rows.vectors[grown] /= 2.0
            sound = [slot for slot in slots if slot not in grown]
            assert found.slots.tolist()[: len(sound)] == sound
            assert len(found.slots) == len(slots)
            assert not {*grown} & {*found.slots.tolist()}
            hidden += len(grown)
    assert hidden > 60


def test_many_memories_in_several_blocks():
    twins = Twins(7, capacity=4_500)
    for _ in range(4_600):
        memory, row = twins.memory(), unit(twins.rng)
        for pelm in twins.pelms:
            pelm.insert(Memory(**memory), row)
    twins.now_ns += 30
    for _ in range(count(5, 20)):
        for alone in (True, False):
            check(twins, twins.query(alone=alone))


def test_queries_that_are_asked_together_are_answered_as_if_alone():
    twins = Twins(3)
    twins.live(200)
    asked = [twins.query(alone=i % 3 == 0) for i in range(40)]
    asked[5::7] = [
        Query(vector=unit(twins.rng).astype(np.float64), phase=0.1, phase_tolerance=None)
        for _ in asked[5::7]
    ]
    for pelm in twins.pelms:
        together = pelm.find(asked, now_ns=twins.now_ns)
        for query, found in zip(asked, together, strict=True):
            (alone,) = pelm.find([query], now_ns=twins.now_ns)
            assert found.slots.tolist() == alone.slots.tolist()
            assert found.mode is alone.mode
            if found.by_words is not None:
                assert found.by_words.score.tolist() == alone.by_words.score.tolist()


def test_words_that_were_not_known_from_the_start_are_read_while_writes_go_on():
    twins = Twins(9)
    for pelm in twins.pelms:
        pelm.words = None
    late = Twins(9)
    for each in (twins, late):
        each.live(100)
    for pelm, other in zip(twins.pelms, late.pelms, strict=True):
        words = pelm.know_words(TOKENIZER)
        assert words.missing_count > 20
        steps = words.completing()
        for _ in range(20):
            next(steps)
        doomed = [memory.memory_id for memory, _ in pelm.history.memories()][:10]
        for name in doomed:
            pelm.remove(name)
            other.remove(name)
        list(steps)
        assert words.missing_count == 0
        other.words.complete()
        assert len(words.index) == len(other.words.index)
    twins.live(30)
    for alone in (True, False):
        for _ in range(10):
            check(twins, twins.query(alone=alone))


def test_texts_that_wait_are_bounded_and_those_that_leave_are_never_entered():
    entered = []
    pelm = Pelm(dimension=DIMENSION, capacity=5)
    pelm.know_words(Tokenizer("1", lambda text, _: entered.append(text) or terms(text)))
    twins, plain = Twins(6), {"expire_time_ns": 0, "pinned": False}
    for i in range(10_000):
        pelm.insert(Memory(**{**twins.memory(), **plain, "text": f"word{i}"}), ROW)
    assert entered == []
    assert pelm.words.missing_count <= 2 * 4_096
    sought = Sought(("word9999",), (("word9999",),), Fusion(0.15), alone=True)
    query = Query(np.empty(0), 0.1, phase_tolerance=None, sought=sought)
    (found,) = pelm.find([query], now_ns=0)
    assert len(found.slots) == 1
    assert sorted(entered) == [f"word{i}" for i in range(9_995, 10_000)]


def test_a_query_by_vector_enters_no_words():
    twins = Twins(8)
    twins.live(50)
    for pelm in twins.pelms:
        missing = pelm.words.missing_count
        pelm.find([Query(ROW.astype(np.float64), 0.1)], now_ns=0)
        assert pelm.words.missing_count == missing > 0


def test_a_space_without_texts_is_searched_by_vectors():
    twins = Twins(5)
    memory = {**twins.memory(), "text": "", "expire_time_ns": 0, "phase": 0.1}
    row = unit(twins.rng)
    for pelm in twins.pelms:
        pelm.insert(Memory(**memory), row)
        query = Query(row.astype(np.float64), 0.1, sought=Sought(("a",), (("a",),), Fusion(0.15)))
        (found,) = pelm.find([query], now_ns=0)
        assert (found.mode, len(found.slots)) == (RecallMode.VECTOR, 1)
