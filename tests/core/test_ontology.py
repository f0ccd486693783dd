"""The nearest category, against the original's golden cases and brute force."""

import numpy as np
import pytest
from histories import DIMENSION, vector
from hypothesis import given
from hypothesis import strategies as st

from mlsdm_grpc.core.mind.ontology import Ontology
from mlsdm_grpc.core.mind.pelm import unit_row
from mlsdm_grpc.core.model.new_memory import MAX_LABELS, NewMemory, Vector
from mlsdm_grpc.core.model.parameters import OntologyCategory
from mlsdm_grpc.core.store import kernel


def of(*components):
    raw = np.array(components, np.float32)
    return Vector(raw, kernel.inverse_norm(raw))


UNIT = Ontology(
    [OntologyCategory("concept1", of(1, 0, 0)), OntologyCategory("concept2", of(0, 1, 0))]
)


@pytest.mark.parametrize(
    ("components", "expected"),
    [
        ((1, 0, 0), ("concept1", 1.0)),
        ((0, 5, 0), ("concept2", 1.0)),
        ((3, 4, 0), ("concept2", 0.8)),
        ((1, 1, 0), ("concept1", 0.5**0.5)),  # of equally near ones the first
        ((0, 0, 1), ("concept1", 0.0)),
        ((-1, -2, 0), ("concept1", -(0.2**0.5))),
        ((0, 0, 0), (None, 0.0)),
    ],
)
def test_the_nearest_of_two_unit_vectors(components, expected):
    ((name, cosine),) = UNIT.nearest([of(*components)])
    assert (name, cosine) == (expected[0], pytest.approx(expected[1], abs=1e-7))


def test_without_categories_nothing_is_near():
    assert Ontology().nearest([of(1, 0, 0)]) == [(None, 0.0)]
    assert UNIT.nearest([]) == []


@given(
    categories=st.lists(st.integers(0, 40), min_size=1, max_size=30),
    events=st.lists(st.integers(0, 60), min_size=1, max_size=9),
)
def test_the_answer_is_that_of_the_fixed_routine_however_many_are_asked(categories, events):
    """Seeds repeat, so that exact ties happen."""
    entries = [OntologyCategory(f"c{i}", vector(seed)) for i, seed in enumerate(categories)]
    ontology = Ontology(entries)
    rows = np.stack([unit_row(entry.vector) for entry in entries])
    together = ontology.nearest([vector(seed) for seed in events])
    for seed, found in zip(events, together, strict=True):
        given_vector = vector(seed)
        unit = given_vector.raw.astype(np.float64) * given_vector.inv_norm
        cosines = kernel.resonances(rows, unit)
        best = int(np.argmax(cosines))
        assert found == (f"c{best}", cosines[best])
        assert ontology.nearest([given_vector]) == [found]


def test_a_category_becomes_a_label_where_there_is_room():
    ontology = Ontology([OntologyCategory("b", vector(1)), OntologyCategory("z", vector(2))])
    full = tuple(f"l{i:02}" for i in range(MAX_LABELS))
    memories = [
        NewMemory("m1", vector(1), labels=("a", "c")),
        NewMemory("m2", vector(2), labels=("z",)),
        NewMemory("m3", vector(1), labels=full),
        NewMemory("m4", vector(1), labels=full[:-1]),
    ]
    labelled = ontology.labelled(memories)
    assert [memory.labels for memory in labelled] == [
        ("a", "b", "c"),
        ("z",),
        full,
        ("b", *full[:-1]),
    ]
    assert [memory.memory_id for memory in labelled] == ["m1", "m2", "m3", "m4"]


def test_cost_counts_products():
    assert UNIT.cost(10) == 10 * 2 * 3
    assert Ontology().cost(10) == 0
    assert len(Ontology([OntologyCategory("x", vector(1, DIMENSION))])) == 1
