from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlsdm_grpc.client import passage_context, split_passages
from mlsdm_grpc.errors import InvalidInput
from mlsdm_grpc.messages.blank import is_blank

texts = st.text() | st.lists(
    st.sampled_from(["word", "A sentence.", "Why? ", "\n\n", "\n", " ", "x" * 50, "é", "\n \n"])
).map(" ".join)


def visible(text: str) -> str:
    return "".join(each for each in text if not is_blank(each))


@given(text=texts, max_chars=st.integers(1, 60))
def test_nothing_is_lost_and_nothing_is_too_long(text, max_chars):
    passages = split_passages(text, max_chars=max_chars)
    assert visible("".join(passages)) == visible(text)
    assert all(0 < len(passage) <= max_chars for passage in passages)
    assert all(passage == passage.strip() for passage in passages)
    assert passages == split_passages(text, max_chars=max_chars)


@given(text=texts, max_chars=st.integers(1, 60))
def test_passages_are_slices_in_order(text, max_chars):
    position = 0
    for passage in split_passages(text, max_chars=max_chars):
        found = text.index(passage, position)
        assert is_blank(text[position:found])
        position = found + len(passage)
    assert is_blank(text[position:])


@given(words=st.lists(st.text("abc", min_size=1, max_size=10), min_size=1))
def test_words_that_fit_are_never_cut(words):
    passages = split_passages(" ".join(words), max_chars=10)
    assert " ".join(passages).split() == words


def test_paragraphs_come_before_sentences_and_sentences_before_words():
    assert split_passages("One two. Three.\n\nFour five six.", max_chars=25) == [
        "One two. Three.",
        "Four five six.",
    ]
    assert split_passages("One two three four. Five six seven.", max_chars=30) == [
        "One two three four.",
        "Five six seven.",
    ]
    assert split_passages("one two three", max_chars=8) == ["one two", "three"]
    assert split_passages("abcdefgh", max_chars=3) == ["abc", "def", "gh"]


def test_a_border_in_the_first_half_is_passed_over():
    assert (
        split_passages("A.\n\nB c d e f g h i j k l m", max_chars=20)[0] == "A.\n\nB c d e f g h i"
    )


def test_a_short_text_is_one_passage_and_a_blank_one_none():
    assert split_passages("  Short.\n") == ["Short."]
    assert split_passages(" \n\t") == []
    assert split_passages("\ufeff") == []
    assert split_passages("\u200b\n\nOne.", max_chars=5) == ["One."]


def test_a_passage_has_at_least_one_character():
    with pytest.raises(InvalidInput, match="max_chars: must be from 1"):
        split_passages("x", max_chars=0)


@pytest.mark.parametrize(
    ("text", "context"),
    [
        ("", ""),
        ("Only a heading", "Only a heading"),
        ("# Title\n\nFirst one. Second one.\n", "Title: First one."),
        (
            'The "with" statement\n********************\n\nIt wraps\na block. More.',
            'The "with" statement: It wraps a block.',
        ),
        ("Title\n=====\n\n   code = 1.\n\nProse follows: here.", "Title: Prose follows: here."),
        ("No heading, just prose. More.", "No heading, just prose."),
    ],
)
def test_the_context_is_heading_and_first_sentence(text, context):
    assert passage_context(text) == context


@given(text=texts)
def test_the_context_of_any_text_is_short_and_one_line(text):
    context = passage_context(text)
    assert len(context) <= 400
    assert len(context.splitlines()) <= 1
