"""Puts and merges under version 2 lose no information."""

import pytest
from histories import vector
from spaces import Space, spoil

from mlsdm_grpc.core.model.bodies import PutMemories
from mlsdm_grpc.core.model.new_memory import NewMemory, Provenance
from mlsdm_grpc.core.model.outcome import PutResult
from tests.core.test_pairs import left

MODEL = "words"


def memory(memory_id, text="same words", **fields):
    return NewMemory(memory_id, vector(1), text=text, embedding_model=MODEL, **fields)


def labels(letter, count):
    return tuple(f"{letter}{i:02}" for i in range(count))


def test_a_batch_renews_its_own_memory_only_with_room_for_all_labels():
    space = Space(embedder=MODEL)
    space.put(memory("x", labels=labels("o", 10)))
    batch = [memory("y", labels=labels("a", 16)), memory("x", labels=labels("b", 10))]
    refused = space.put(*batch)
    assert refused.reason == "MEMORY_EXISTS"
    assert space.mind.contents.pelm.get("x").labels == labels("o", 10)
    fitting = [memory("y", labels=labels("a", 16)), memory("x", labels=labels("b", 6))]
    outcome = space.put(*fitting)
    assert [item.result for item in outcome.items] == [PutResult.REFRESHED] * 2
    assert len(space.mind.contents.pelm.get("x").labels) == 32


def test_a_put_that_may_replace_replaces_the_memory_of_its_id_whoever_chose_it():
    space = Space(embedder=MODEL)
    space.put(memory("x", "old"))
    space.put(memory("y", "new"))
    (item,) = space.apply(PutMemories((memory("x", "new"),), allow_replace=True)).items
    assert (item.memory_id, item.result) == ("x", PutResult.REPLACED)
    assert space.mind.contents.pelm.get("x").text == "new"
    less = memory("y", "new", confidence=0.6, phase=0.9)
    (item,) = space.apply(PutMemories((less,), allow_replace=True)).items
    assert (item.result, item.confidence) == (PutResult.REPLACED, pytest.approx(0.6))


def test_a_damaged_row_swallows_no_sound_copy():
    space = Space(embedder=MODEL)
    space.put(memory("a"))
    space.put(memory("b", "same words."))
    spoil(space, "b", 9.0)
    held = left(space)
    assert sorted(one.memory_id for one in held) == ["a", "b"]


def test_what_is_merged_keeps_the_history_of_its_members():
    space = Space(embedder=MODEL)
    for number in range(2):
        of = Provenance(model="gpt-x", parent_ids=(f"doc{number}",))
        space.put(memory(f"m{number}", f"same words{'.' * number}", provenance=of))
    (merged,) = left(space)
    assert merged.provenance.model == "gpt-x"
    assert merged.provenance.parent_ids == ("m1", "m0", "doc1", "doc0")


def test_a_text_of_a_full_stop_keeps_no_vectors_apart():
    space = Space()
    for name in ("a", "b"):
        space.put(NewMemory(name, vector(1), metadata=(("k", name),)))
    space.put(NewMemory("dot", vector(1), text="."))
    held = left(space)
    assert sorted(one.text for one in held) == ["", "", "."]  # metadata differ
    space = Space()
    space.put(NewMemory("a", vector(1), phase=0.1, metadata=(("k", "1"),)))
    space.put(NewMemory("b", vector(1), phase=0.2, metadata=(("l", "1"),)))
    space.put(NewMemory("dot", vector(1), text="."))
    assert sorted(one.text for one in left(space)) == ["", "."]
