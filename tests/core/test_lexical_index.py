"""The index against brute force: every document scored by the formula, in plain Python."""

import math
import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from mlsdm_grpc.core.store import lexical_postings
from mlsdm_grpc.core.store.lexical_index import Bm25, IndexPart, LexicalIndex
from mlsdm_grpc.core.store.lexical_segment import term_key

WORDS = [f"word{i}" for i in range(30)]
SLOTS = 40
VERSION = "1"
DEFAULTS = Bm25()

documents = st.dictionaries(st.sampled_from(WORDS), st.integers(1, 300), max_size=8)
queries = st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=3), max_size=5)


def brute_force(stored, query, parameters=DEFAULTS, *, living=None):
    """Return the score of each slot that has a word of the query."""
    exist = {
        slot: terms for slot, terms in stored.items() if terms and (living is None or living[slot])
    }
    capped = {
        slot: {term: min(count, 255) for term, count in terms.items()}
        for slot, terms in exist.items()
    }
    lengths = {slot: sum(terms.values()) for slot, terms in capped.items()}
    count, total = len(exist), sum(lengths.values())
    k1, b, unit = parameters.k1, parameters.b, parameters.unit
    sums = {}
    for word in query:
        often = {
            slot: max(terms.get(term, 0) for term in word)
            for slot, terms in capped.items()
            if not terms.keys().isdisjoint(word)
        }
        if not often:
            continue
        gain = parameters.idf(count, len(often)) * (k1 + 1)
        for slot, frequency in often.items():
            norm = lengths[slot] * (k1 * b * unit * count / total) + k1 * (1 - b) * unit
            sums[slot] = sums.get(slot, 0.0) + frequency / (frequency + norm) * gain
    return {slot: round(score, 6) for slot, score in sums.items()}


def ranked(scores, sequence, top_k, mask=None):
    """Return (slot, score) of the best, best first, ties newer first."""
    found = [slot for slot in scores if mask is None or mask[slot]]
    found.sort(key=lambda slot: (-scores[slot], -sequence[slot]))
    return [(slot, scores[slot]) for slot in found[:top_k]]


def searched(index, query, **options):
    hits = index.search(query, **options)
    return list(zip(hits.slots.tolist(), hits.scores.tolist(), strict=True))


def agree(found, expected):
    assert [slot for slot, _ in found] == [slot for slot, _ in expected]
    np.testing.assert_allclose(
        [score for _, score in found], [score for _, score in expected], rtol=0, atol=1.5e-6
    )


def filled(stored, order=None):
    index = LexicalIndex()
    for slot in order or stored:
        index.add(slot, stored[slot])
    return index


def reloaded(index, moved):
    """Return an index of the same documents, each in the slot that ``moved`` has for its own."""
    other = LexicalIndex()
    for segment, slots, lengths in index.parts():
        there = slots >= 0
        placed = slots.copy()
        placed[there] = moved[slots[there]]
        other.adopt(IndexPart(segment, placed, lengths))
    return other


@pytest.fixture
def small(monkeypatch):
    """Let buffers, segments and rewrites be so small that all of them happen."""
    monkeypatch.setattr(lexical_postings, "BUFFERED_DOCUMENTS", 6)
    monkeypatch.setattr(lexical_postings, "MIN_REMOVED", 1)
    monkeypatch.setattr(lexical_postings, "MAX_DOCUMENTS", 12)


class Machine(RuleBasedStateMachine):
    """Random adds, removes, dumps and searches."""

    @initialize(seed=st.integers(0, 2**32 - 1))
    def begin(self, seed):
        self.rng = random.Random(seed)
        self.index = LexicalIndex()
        self.stored = {}
        self.sequence = np.zeros(SLOTS, np.int64)
        self.created = 0

    @rule(terms=documents)
    def add(self, terms):
        free = [slot for slot in range(SLOTS) if slot not in self.stored]
        if not free:
            return
        slot = self.rng.choice(free)
        self.created += 1
        self.index.add(slot, terms)
        self.stored[slot] = terms
        self.sequence[slot] = self.created

    @rule(share=st.floats(0, 1))
    def remove(self, share):
        for slot in [slot for slot in self.stored if self.rng.random() < share]:
            self.index.remove(slot)
            del self.stored[slot]

    @rule()
    def remove_nothing(self):
        free = [slot for slot in range(2 * SLOTS) if slot not in self.stored]
        self.index.remove(self.rng.choice(free))

    @rule()
    def reload(self):
        """Take the parts over; all documents move to other slots."""
        places = np.arange(SLOTS, dtype=np.int32)
        self.rng.shuffle(places)
        moved = np.arange(SLOTS, dtype=np.int32)
        self.rng.shuffle(moved)
        self.index = reloaded(self.index, moved[places])
        sequence = np.zeros(SLOTS, np.int64)
        self.stored = {int(moved[places[slot]]): terms for slot, terms in self.stored.items()}
        sequence[moved[places]] = self.sequence
        self.sequence = sequence

    @rule(query=queries, top_k=st.integers(1, 10), bits=st.integers(0, 2**SLOTS - 1))
    def search(self, query, top_k, bits):
        mask = np.array([bits >> slot & 1 for slot in range(SLOTS)], np.bool_)
        options = {"sequence": self.sequence, "top_k": top_k}
        scores = brute_force(self.stored, query)
        agree(searched(self.index, query, **options), ranked(scores, self.sequence, top_k))
        agree(
            searched(self.index, query, mask=mask, **options),
            ranked(scores, self.sequence, top_k, mask),
        )
        scores = brute_force(self.stored, query, living=mask)
        agree(
            searched(self.index, query, living=mask, **options),
            ranked(scores, self.sequence, top_k),
        )

    @rule(query=queries)
    def match(self, query):
        slots = list(self.stored)
        assert self.index.search(query).matched(slots) == [
            [i for i, word in enumerate(query) if not self.stored[slot].keys().isdisjoint(word)]
            for slot in slots
        ]

    @invariant()
    def holds_what_was_added(self):
        there = {slot for slot, terms in self.stored.items() if terms}
        assert len(self.index) == len(there)
        assert {slot for slot in range(2 * SLOTS) if slot in self.index} == there


@pytest.mark.usefixtures("small")
def test_random_histories_equal_brute_force():
    run_state_machine_as_test(Machine, settings=settings(max_examples=60, stateful_step_count=40))


@given(st.dictionaries(st.integers(0, SLOTS), documents, min_size=1), queries, st.randoms())
def test_the_history_and_the_slots_play_no_part(stored, query, rng):
    """Bit for bit: other slots, another order, and others that came and went."""
    moved = list(range(2 * SLOTS))
    rng.shuffle(moved)
    order = list(stored)
    rng.shuffle(order)
    other = LexicalIndex()
    for slot in order:
        other.add(moved[slot], {"gone": 3} | stored[slot])
    for slot in order:
        other.remove(moved[slot])
        other.add(moved[slot], stored[slot])
    found = dict(searched(filled(stored), query))
    assert {moved[slot]: score for slot, score in found.items()} == dict(searched(other, query))


def test_many_documents_equal_brute_force():
    """At the true sizes of buffer and segments, with documents that are replaced."""
    rng = random.Random(7)
    words = [f"w{i}" for i in range(2_000)]
    weights = [1 / (i + 1) for i in range(len(words))]

    def document():
        return Counter(rng.choices(words, weights, k=12))

    index, stored, sequence = LexicalIndex(), {}, np.zeros(3_000, np.int64)
    for created in range(9_000):
        slot = rng.randrange(3_000)
        index.remove(slot)
        stored[slot] = document()
        index.add(slot, stored[slot])
        sequence[slot] = created
    for _ in range(30):
        query = [rng.choices(words, weights, k=rng.randrange(1, 3)) for _ in range(4)]
        mask = np.array(rng.choices([False, True], k=3_000))
        scores = brute_force(stored, query)
        for top_k in (1, 10, 1_000):
            agree(
                searched(index, query, sequence=sequence, top_k=top_k, mask=mask),
                ranked(scores, sequence, top_k, mask),
            )


@given(
    st.dictionaries(st.integers(0, SLOTS), documents, min_size=1),
    st.lists(queries, min_size=1, max_size=5),
    st.integers(0, 2 ** (SLOTS + 1) - 1),
)
def test_queries_searched_together_are_answered_as_if_alone(stored, many, bits):
    """Bit for bit, with queries without words or results among them."""
    index = filled(stored)
    for slot in list(stored)[::3]:
        index.remove(slot)
    alive = np.array([bits >> slot & 1 for slot in range(SLOTS + 1)], np.bool_)
    slots = list(range(SLOTS + 1))
    for living in (None, alive):
        together = index.search_all(many, living=living)
        for query, hits in zip(many, together, strict=True):
            alone = index.search(query, living=living)
            assert hits.slots.tolist() == alone.slots.tolist()
            assert hits.scores.tolist() == alone.scores.tolist()
            assert hits.matched(slots) == alone.matched(slots)


def test_the_sorted_buffer_is_renewed_by_each_write():
    index = filled({0: {"cat": 4}})
    for slot in range(1, 9):
        assert [found for found, _ in searched(index, [["cat"]])] == list(range(slot))
        assert index.nbytes > filled({}).nbytes
        index.add(slot, {"cat": 4, f"w{slot}": 4})
    index.remove(3)
    assert 3 not in dict(searched(index, [["cat"]]))


def test_ties_go_to_the_newer():
    index = filled({slot: {"cat": 4} for slot in range(5)})
    sequence = np.array([3, 9, 1, 7, 5])
    hits = index.search([["cat"]], top_k=3, sequence=sequence)
    assert hits.slots.tolist() == [1, 3, 4]
    assert index.search([["cat"]], top_k=3).slots.tolist() == [0, 1, 2]
    assert index.search([["cat"]]).slots.tolist() == [0, 1, 2, 3, 4]


def test_nothing_is_found_where_there_is_nothing():
    index = LexicalIndex()
    assert searched(index, [["cat"]], top_k=3) == []
    assert searched(index, [], top_k=3) == []
    index.add(1, {"cat": 4})
    assert searched(index, [], top_k=3) == []
    assert searched(index, [["dog"]], top_k=3) == []
    index.remove(1)
    assert searched(index, [["cat"]], top_k=3) == []
    assert len(index) == 0


def test_a_document_without_terms_is_none():
    one = filled({0: {"cat": 4}})
    two = filled({0: {"cat": 4}, 1: {}})
    assert len(two) == 1
    assert 1 not in two
    assert searched(two, [["cat"]]) == searched(one, [["cat"]])


def test_an_empty_index_has_no_parts():
    assert LexicalIndex().parts() == []
    index = filled({0: {"cat": 4}})
    index.remove(0)
    index = reloaded(index, np.arange(1, dtype=np.int32))
    assert len(index) == 0
    index.add(0, {"cat": 4})
    assert [slot for slot, _ in searched(index, [["cat"]])] == [0]


def test_parts_are_not_changed_by_later_writes():
    index = filled({slot: {"cat": 4, f"w{slot}": 4} for slot in range(20)})
    parts = index.parts()
    before = [[array.copy() for array in (*part.segment, *part[1:])] for part in parts]
    for slot in range(20):
        index.remove(slot)
        index.add(slot, {"dog": 4})
    for part, arrays in zip(parts, before, strict=True):
        for array, old in zip((*part.segment, *part[1:]), arrays, strict=True):
            np.testing.assert_array_equal(array, old)


def test_bytes_stay_in_proportion_while_documents_come_and_go():
    """Random words of six letters: at most three bytes a posting, with what was removed."""
    rng = random.Random(3)
    words = [f"w{i:05}" for i in range(20_000)]
    texts = [rng.choices(words, k=30) for _ in range(4_000)]
    text_bytes = sum(len(" ".join(text)) for text in texts)
    allowed = 1.5 * text_bytes + 2 * 2**20
    index = filled(dict(enumerate(map(Counter, texts))))
    assert index.nbytes <= allowed
    for slot in rng.choices(range(4_000), k=8_000):
        index.remove(slot)
        index.add(slot, Counter(rng.choices(words, k=30)))
        assert index.nbytes <= allowed
    for slot in range(4_000):
        index.remove(slot)
    assert index.nbytes < allowed / 10


def test_a_key_is_the_same_in_every_process():
    assert term_key("cat") == 3429664268601861939
    assert len({term_key(word) for word in WORDS}) == len(WORDS)


@pytest.mark.parametrize("parameters", [Bm25(k1=0.0), Bm25(b=0.0), Bm25(b=1.0), Bm25(prior=0.0)])
def test_extreme_constants(parameters):
    stored = {slot: {"cat": 4 * (slot + 1), f"w{slot}": 4} for slot in range(6)}
    index = LexicalIndex(parameters)
    for slot, terms in stored.items():
        index.add(slot, terms)
    scores = brute_force(stored, [["cat"], ["w3"]], parameters)
    found = dict(searched(index, [["cat"], ["w3"]]))
    assert found.keys() == scores.keys()
    assert all(math.isclose(found[slot], scores[slot], abs_tol=1.5e-6) for slot in scores)
