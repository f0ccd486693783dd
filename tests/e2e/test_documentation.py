"""Questions about a documentation in five languages find the paragraph that answers them."""

from pathlib import Path
from pydoc_data.topics import topics

import pytest
from serving import remembering

from mlsdm_grpc.client import new_memory, passage_context, split_passages

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]

FOLDER = Path(__file__).parents[1] / "data" / "documentation"
LANGUAGES = ("en", "de", "fr", "es", "uk")
FIRST = 5
LEAST_SHARE = 0.85


def entries(language, mark):
    """Return names and texts of the lines of a file with a mark."""
    lines = (FOLDER / f"{language}.txt").read_text("utf-8").splitlines()
    split = [line.partition(f"{mark} ") for line in lines]
    return [(name, text) for name, found, text in split if found and name.isidentifier()]


def memories():
    """Return all paragraphs and passages, each with its language and name as its label."""
    found = [
        new_memory(passage, context=passage_context(text), labels=[f"en:{name}"])
        for name, text in sorted(topics.items())
        for passage in split_passages(text)
    ]
    for language in LANGUAGES[1:]:
        for number, (_, text) in enumerate(entries(language, ":")):
            found.append(new_memory(text, labels=[f"{language}:{number}"]))
    return found


def questions():
    """Return sixty questions with the labels of the answering paragraphs."""
    found = [(text, f"en:{name}") for name, text in entries("en", "?")]
    for language in LANGUAGES[1:]:
        names = [name for name, _ in entries(language, ":")]
        found += [
            (text, f"{language}:{names.index(name)}") for name, text in entries(language, "?")
        ]
    return found


async def first_labels(memory, question):
    """Return the labels of the first five different topics or paragraphs of an answer."""
    answer = await memory.query(question, top_k=500)
    return list(dict.fromkeys(match.memory.labels[0] for match in answer.matches))[:FIRST]


async def test_questions_in_five_languages_find_what_answers_them():
    asked = questions()
    assert len(asked) == 60
    async with remembering() as memory:
        await memory.put_many(memories())
        missed = [
            (question, label)
            for question, label in asked
            if label not in await first_labels(memory, question)
        ]
    assert 1 - len(missed) / len(asked) >= LEAST_SHARE, missed
