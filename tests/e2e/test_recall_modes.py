"""Queries by words, by meaning and by both, over the wire."""

from contextlib import asynccontextmanager

import numpy as np
import pytest
from near_pairs import SHARED, VALUES
from serving import remembering

from mlsdm_grpc._gen.mlsdm.v1.memory_query_pb2 import QueryMode
from mlsdm_grpc.client import new_memory
from mlsdm_grpc.errors import InvalidInput, PreconditionFailed

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

FACTS = {
    "pin": "The PIN of the front door is 4711.",
    "code": "The PIN of the garage door is 1174.",
    "dog": "Anna walks her dog Rex along the river every morning.",
    "flight": "We fly to Lisbon with LH123 on Friday.",
    "server": "Version v2.1.0 of the server answers in half the time.",
}
DIMENSION = 256


@asynccontextmanager
async def filled(**sections):
    async with remembering(**sections) as memory:
        for memory_id, text in FACTS.items():
            await memory.put(text, memory_id=memory_id, labels=[memory_id[0]])
        yield memory


def ids(answer):
    return [match.memory.memory_id for match in answer.matches]


async def test_a_text_is_found_by_words_and_meaning():
    async with filled() as memory:
        found = await memory.query("Which PIN opens the garage, 1174?")
        assert found.mode == QueryMode.QUERY_MODE_HYBRID
        best = found.matches[0]
        assert best.memory.memory_id == "code"
        assert list(best.components.matched_terms) == ["pin", "garage", "1174"]
        assert best.components.lexical > 0 < best.components.cosine == best.resonance
        b = best.components.lexical / (best.components.lexical + 20)
        assert best.score == pytest.approx(0.85 * b + 0.15 * best.resonance, abs=2e-6)
        assert [match.score for match in found.matches] == sorted(
            (match.score for match in found.matches), reverse=True
        )
        assert len(found.matches) == 5


async def test_each_mode_is_answered_by_what_it_names():
    async with filled() as memory:
        words = await memory.query("walking the dogs", mode="lexical")
        assert (words.mode, ids(words)) == (QueryMode.QUERY_MODE_LEXICAL, ["dog"])
        (match,) = words.matches
        lexical = match.components.lexical
        assert match.score == pytest.approx(lexical / (lexical + 20), abs=2e-6)
        assert (match.resonance, match.components.cosine) == (0.0, 0.0)
        assert list(match.components.matched_terms) == ["walking", "dogs"]
        meaning = await memory.query("walking the dogs", mode="vector")
        assert (meaning.mode, len(meaning.matches)) == (QueryMode.QUERY_MODE_VECTOR, 5)
        assert all(match.score == match.resonance for match in meaning.matches)
        assert not any(match.components.matched_terms for match in meaning.matches)
        both = await memory.query("walking the dogs", mode="hybrid")
        assert (both.mode, ids(both)[0]) == (QueryMode.QUERY_MODE_HYBRID, "dog")
        assert both == await memory.query("walking the dogs")


async def test_an_embedding_may_come_with_words():
    rng = np.random.default_rng(1)
    vectors = {name: rng.normal(size=DIMENSION).astype(np.float32) for name in FACTS}
    async with remembering(space={"dimension": DIMENSION}) as memory:
        for name, text in FACTS.items():
            await memory.put(text, memory_id=name, embedding=vectors[name])
        alone = await memory.query(embedding=vectors["dog"])
        assert (alone.mode, ids(alone)[0]) == (QueryMode.QUERY_MODE_VECTOR, "dog")
        both = await memory.query(embedding=vectors["dog"], words="LH123", top_k=2)
        assert both.mode == QueryMode.QUERY_MODE_HYBRID
        assert set(ids(both)) == {"dog", "flight"}
        lexical = await memory.query(embedding=vectors["dog"], words="LH123", mode="lexical")
        assert ids(lexical) == ["flight"]
        # The server's embedder did not fill the space, so that a text is found by its words.
        text = await memory.query("Where do we fly with LH123?")
        assert (text.mode, ids(text)) == (QueryMode.QUERY_MODE_LEXICAL, ["flight"])
        with pytest.raises(PreconditionFailed):
            await memory.query("Where do we fly?", mode="vector")
        with pytest.raises(PreconditionFailed):
            await memory.query("Where do we fly?", min_resonance=0.1)


async def test_a_space_without_texts_answers_by_vectors():
    async with remembering(space={"dimension": 4}) as memory:
        await memory.put(embedding=[1, 0, 0, 0], memory_id="bare")
        found = await memory.query(embedding=[1, 0, 0, 0], words="anything")
        assert (found.mode, ids(found)) == (QueryMode.QUERY_MODE_VECTOR, ["bare"])
        found = await memory.query("anything")
        assert (found.mode, ids(found)) == (QueryMode.QUERY_MODE_LEXICAL, [])


async def test_the_least_score_and_the_least_resonance():
    async with filled() as memory:
        every = await memory.query("the dog by the river")
        scores = [match.score for match in every.matches]
        some = await memory.query("the dog by the river", min_score=scores[1])
        assert ids(some) == ids(every)[:2]
        resonances = sorted(match.resonance for match in every.matches)
        least = (resonances[1] + resonances[2]) / 2
        near = await memory.query("the dog by the river", min_resonance=least)
        assert ids(near) == [m.memory.memory_id for m in every.matches if m.resonance > least]
        assert len(near.matches) == 3


@pytest.mark.parametrize("mode", ["lexical", "hybrid", "vector"])
async def test_filters_apply_in_all_modes_alike(mode):
    async with filled() as memory:
        await memory.put("Anna has a dog.", memory_id="trusted", confidence=0.9)
        await memory.put("Anna had a dog.", memory_id="doubted", confidence=0.6)
        query = "Anna and her dog"
        assert ids(await memory.query(query, mode=mode, labels=["d"])) == ["dog"]
        sure = ids(await memory.query(query, mode=mode, min_confidence=0.8, top_k=50))
        assert "trusted" in sure
        assert "doubted" not in sure
        far = await memory.query(query, mode=mode, phase=0.9, phase_tolerance=0.1)
        assert (ids(far), far.outside_phase_count) == ([], 7)
        await memory.delete("trusted")
        assert "trusted" not in ids(await memory.query(query, mode=mode, top_k=50))


async def test_a_batch_answers_each_query_as_a_single_one():
    async with filled() as memory:
        texts = ["PIN of the door", "LH123", "dogs", "???"]
        for mode in ("lexical", "hybrid", "vector", "auto"):
            batch = await memory.query_many(texts, mode=mode, top_k=3)
            for text, result in zip(texts, batch.results, strict=True):
                single = await memory.query(text, mode=mode, top_k=3)
                assert result.mode == single.mode
                assert list(result.matches) == list(single.matches)


async def test_what_a_mode_does_not_know_is_refused():
    async with filled() as memory:
        for fields, field in (
            ({"mode": "lexical", "min_resonance": 0.5}, "min_resonance"),
            ({"mode": "lexical", "synaptic_bias": 0.5}, "synaptic_bias"),
            ({"min_score": 3.0}, "min_score"),
            ({"words": "more"}, "words"),
        ):
            with pytest.raises(InvalidInput) as caught:
                await memory.query("dog", **fields)
            assert [violation.field for violation in caught.value.violations] == [field]
        for mode in ("lexical", "hybrid"):
            with pytest.raises(InvalidInput) as caught:
                await memory.query(embedding=[1.0] * DIMENSION, mode=mode)
            assert [violation.field for violation in caught.value.violations] == ["mode"]


async def test_words_are_found_again_after_a_restart(tmp_path):
    journal = {"kind": "sqlite", "data_dir": str(tmp_path)}
    texts = ["LH123", "which pin?", "Rex the dog"]
    async with filled(journal=journal) as memory:
        await memory.delete("pin")
        before = [await memory.query(text, mode=mode) for text in texts for mode in (3, 4)]
    async with remembering(journal=journal) as memory:
        after = [await memory.query(text, mode=mode) for text in texts for mode in (3, 4)]
        assert [one.matches for one in after] == [one.matches for one in before]
        state = (await memory.state()).state
        assert 0 < state.memory.lexical_bytes < 2 * 2**20


TEMPLATES = (
    *SHARED,
    ("Die Rechnung {} ist bis Freitag zu bezahlen.", "Bis wann ist die Rechnung {} zu bezahlen?"),
    ("La chambre {} a une fenêtre cassée.", "Qu'est-ce qui est cassé dans la chambre {} ?"),
    ("El pedido {} llegó ayer a la oficina.", "¿Cuándo llegó el pedido {}?"),
    ("Мій рейс {} вилітає в понеділок.", "Коли вилітає рейс {}?"),
)


@pytest.mark.parametrize("mode", ["auto", "lexical"])
async def test_of_memories_that_differ_in_a_token_the_right_one_is_first(mode):
    """Ten values by ten templates in one space, asked for either of the two: 200 pairs."""
    async with remembering() as memory:
        pairs = [
            (text.format(value), question.format(value))
            for text, question in TEMPLATES
            for values in VALUES
            for value in values
        ]
        await memory.put_many([new_memory(text) for text, _ in pairs])
        for start in range(0, len(pairs), 100):
            some = pairs[start : start + 100]
            found = await memory.query_many([asked for _, asked in some], top_k=1, mode=mode)
            for (text, asked), result in zip(some, found.results, strict=True):
                assert result.matches[0].memory.text == text, asked


async def test_another_worker_gives_the_same_answers(tmp_path):
    """Bit for bit: from a snapshot with its index, and from the records alone."""
    journal = {"kind": "sqlite", "data_dir": str(tmp_path)}
    asked = ["the dog by the river", "LH123", "PIN 1174", "version of the server"]

    async def answers(memory):
        return [
            (await memory.query(text, mode=mode, top_k=10)).message.SerializeToString()
            for text in asked
            for mode in ("lexical", "hybrid")
        ]

    async with filled(journal=journal) as memory:
        await memory.delete("dog")
        await memory.put(FACTS["dog"], memory_id="dog", context="Ben: Who is by the river?")
        first = await answers(memory)
    async with remembering(journal=journal, engine={"workers": 1}) as memory:
        assert await answers(memory) == first
    for snapshot in tmp_path.rglob("*.snap"):
        snapshot.unlink()
    async with remembering(journal=journal) as memory:
        assert await answers(memory) == first
