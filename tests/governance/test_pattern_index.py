"""The index names every pattern of which each word is present."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mlsdm_grpc.governance.matching.lexicon import Lexicon
from mlsdm_grpc.governance.matching.pattern_index import PatternIndex
from mlsdm_grpc.governance.matching.patterns import Element

classes = st.integers(0, 9)
elements = st.builds(Element, st.just(0), st.lists(classes, min_size=1, max_size=3).map(tuple))
patterns = st.lists(st.lists(elements, min_size=1, max_size=4), max_size=8)


@given(patterns, st.sets(classes))
def test_a_pattern_is_a_candidate_if_each_of_its_words_is_present(found, present):
    expected = [
        number
        for number, pattern in enumerate(found)
        if all(present & set(each.classes) for each in pattern)
    ]
    assert PatternIndex(found, Lexicon()).candidates(present) == expected
