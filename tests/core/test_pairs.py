"""Labelled pairs: different memories stay separate and equal ones merge, for any vectors."""

import pytest
from histories import DIMENSION, vector
from spaces import Space

from mlsdm_grpc.core.mind.consolidation import Rules, Window, plan
from mlsdm_grpc.core.mind.steps import finish
from mlsdm_grpc.core.model.bodies import Consolidate, MergeGroup
from mlsdm_grpc.core.model.new_memory import NewMemory, Vector
from mlsdm_grpc.core.store.kernel import inverse_norm
from tests.core.test_pairs_data import PAIRS, SETS

MODEL = "words"
OPTIONAL = {"closing-full-stop-cjk", "closing-danda"}
"""Kinds that a rule may leave apart."""


def left(space, *memories):
    """Store memories one by one, consolidate, and return the remaining ones."""
    for memory in memories:
        space.put(memory)
    parameters = space.mind.contents.parameters
    rules = Rules(space.version, parameters.embedder, parameters.merge_min_cosine)
    pelm = space.mind.contents.pelm
    groups, _ = finish(plan(pelm, Window(0, 2**62), rules, texts=True, now_ns=0))
    named = tuple(MergeGroup(f"merged-{i}", group.members) for i, group in enumerate(groups))
    space.apply(Consolidate(named))
    return [memory for memory, _ in pelm.history.memories()]


def pair(one, model):
    """Return two memories that an embedder which averages words would give one vector."""
    return [
        NewMemory(name, vector(1), text=text, embedding_model=model)
        for name, text in (("a", one["a"]), ("b", one["b"]))
    ]


@pytest.mark.parametrize("model", [MODEL, ""], ids=["embedded", "sent"])
@pytest.mark.parametrize("version", [1, 2])
def test_no_two_different_texts_become_one(version, model):
    wrong = [
        (one["a"], one["b"])
        for one in PAIRS
        if not one["same"] and len(left(Space(version, embedder=MODEL), *pair(one, model))) != 2
    ]
    assert wrong == []


@pytest.mark.parametrize("model", [MODEL, ""], ids=["embedded", "sent"])
def test_texts_that_are_the_same_become_one(model):
    same = [one for one in PAIRS if one["same"] and one["kind"] not in OPTIONAL]
    apart = [
        (one["a"], one["b"])
        for one in same
        if len(left(Space(embedder=MODEL), *pair(one, model))) != 1
    ]
    assert apart == []


def _stored(name, given):
    sent = given.get("caller_vector")
    raw = vector(1).raw.copy()
    if sent:
        raw[:] = 0.0
        raw[: len(sent)] = sent
    return NewMemory(
        name,
        Vector(raw, inverse_norm(raw)),
        text=given.get("text", ""),
        labels=tuple(sorted(given.get("labels", ()))),
        metadata=tuple(sorted(given.get("metadata", {}).items())),
        embedding_model="" if sent else MODEL,
    )


@pytest.mark.parametrize("one", SETS, ids=lambda one: one["name"])
def test_memories_are_merged_if_nothing_is_lost(one):
    a, b = _stored("a", one["a"]), _stored("b", one["b"])
    held = left(Space(embedder=MODEL), a, b)
    assert len(held) == (1 if one["merge"] else 2)
    assert {label for m in held for label in m.labels} == {*a.labels, *b.labels}
    assert {pair for m in held for pair in m.metadata} == {*a.metadata, *b.metadata}
    assert DIMENSION >= 4
