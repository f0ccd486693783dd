"""Words are found with arrays in the places in which the expressions find them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlsdm_grpc.governance.matching.layout import Layout
from mlsdm_grpc.governance.matching.normalization import WORD, Folded, plain, spelled
from mlsdm_grpc.governance.matching.plain_words import PlainWords

CHAINED = re.compile(r"(?<![^\W_])(?=([^\W_]{1,12}(?:[\-.*~·][^\W_]{1,12}){1,3})(?![^\W_]))")
ELIDED = re.compile(r"(?:[cdjlmnst]|qu)'(?=.)")
short = st.one_of(
    st.text(max_size=60),
    st.text("ab1 .-$", max_size=16),
    st.text("a$@'!€ ", max_size=16),
    st.text("a b.c-d_*|~·•", max_size=16),
    st.text("lqu'a*-. \n_é𝐤\U00010400漢", max_size=16),
)
texts = st.one_of(short, st.tuples(short, st.just(" a b," * 40), short).map("".join))


@given(texts)
def test_words_stand_where_the_expression_finds_them(text: str):
    folded = plain(text)
    words = PlainWords(folded)
    matches = list(WORD.finditer(folded.text))
    assert words.places == [match.span() for match in matches]
    assert words.words == [match[0] for match in matches]


@given(texts)
def test_words_of_syllables_and_of_letters_are_found(text: str):
    folded = plain(text)
    words = PlainWords(folded)
    assert words.spelled == list(spelled(folded.text))
    assert words.chained == [
        (match.start(), match.end(1), re.sub(r"[\-.*~·]", "", match[1]))
        for match in CHAINED.finditer(folded.text)
    ]


@given(texts)
def test_articles_are_found(text: str):
    words = PlainWords(plain(text))
    matches = [ELIDED.match(each) for each in words.words]
    assert words.elided == [(i, match.end()) for i, match in enumerate(matches) if match]


@pytest.mark.parametrize(
    ("text", "slots"),
    [
        ("", []),
        ("one two", [1, 2]),
        ("one " + " " * 11 + "two", [1, 3]),
        ("one " + "x" * 90 + " two", [1, 10]),
    ],
)
def test_distances_in_slots_are_distances_in_characters(text: str, slots: list[int]):
    folded = Folded(text, range(len(text) + 1))
    assert Layout(folded, PlainWords(folded).places).slots == slots
