"""The linear model: what it came from, its bounds, its windows, and where it is asked."""

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlsdm_grpc.governance.detectors.harm import LIKE, Harm
from mlsdm_grpc.governance.detectors.injection import LIKE as LIKE_INJECTION
from mlsdm_grpc.governance.detectors.injection import LIMIT, Injection
from mlsdm_grpc.governance.detectors.linear_model import BUCKETS, likeness, load, positions
from mlsdm_grpc.governance.policy.measurement import BUILT_IN_DETECTORS, measure
from mlsdm_grpc.governance.policy.rules import Stage
from tests.train import digest, examples, held_out, words

HOSTILE = "I will hunt you down and break every bone in your body, you will beg for mercy."
CALM = "We walked along the river, had a cup of tea and talked about the garden. "


def test_the_weights_come_from_the_examples_that_are_there():
    assert load().digest == digest(examples()), "run make train"


def test_no_line_of_a_test_split_is_an_example():
    unseen = _held_out()
    assert not [each for each in examples() if held_out(each.text) and each.text in unseen]


def _held_out():
    from tests.evaluate import CORPORA

    return {line.text for corpus in CORPORA for line in corpus.lines(["test"])}


def test_no_example_is_nearly_one_of_a_test_split():
    hidden = [words(text) for text in _held_out()]
    more = [words(each.text) for each in examples()[::37]]
    assert not any(some == other for some in more for other in hidden)


@given(st.text(max_size=400))
def test_it_is_a_pair_of_probabilities_whatever_the_text(text):
    found = likeness(text)
    assert 0.0 <= found.harm <= 1.0
    assert 0.0 <= found.injection <= 1.0
    assert found == likeness(text)


@pytest.mark.parametrize("text", ["", " ", "...", "\ud800", "\x00" * 50])
def test_a_text_without_words_is_like_nothing(text):
    assert max(likeness(text)) < 0.5


@given(st.text(max_size=200))
def test_features_are_buckets_by_word(text):
    for found in positions(text):
        assert all(0 <= bucket < BUCKETS for bucket in found)


def test_what_stands_in_a_long_text_is_found():
    assert likeness(HOSTILE).harm > 0.5 > likeness(CALM).harm
    assert likeness(CALM * 30 + HOSTILE * 4 + CALM * 30).harm > 0.5
    assert likeness(CALM * 200).harm < 0.5


def test_cost_grows_with_length():
    def least_s(text):
        took = []
        for _ in range(3):
            began = time.process_time()
            likeness(text)
            took.append(time.process_time() - began)
        return min(took)

    least_s("warm")
    text = (CALM * 900)[: 64 * 1_024]
    assert least_s(text) < 16 * max(least_s(text[: 16 * 1_024]), 0.001)


@pytest.mark.parametrize("likeness", [0.0, LIKE - 0.01, LIKE, 0.9, 1.0])
def test_likeness_only_ever_lowers_the_moral_value(likeness):
    for value in (0.8, 0.6, 0.1):
        liked = Harm(value, ()).liked(likeness).moral_value
        assert liked <= value
        assert (liked < 0.5) == (likeness >= LIKE or value < 0.5)


@pytest.mark.parametrize("likeness", [0.0, LIKE_INJECTION - 0.01, LIKE_INJECTION, 0.9, 1.0])
def test_likeness_only_ever_raises_the_score_of_injection(likeness):
    for score in (0.0, 0.3, 0.9):
        liked = Injection(score, ()).liked(likeness).score
        assert score <= liked <= 1.0
        assert (liked >= LIMIT) == (likeness >= LIKE_INJECTION or score >= LIMIT)


def test_answers_are_judged_by_rules_alone():
    from dataclasses import replace

    from mlsdm_grpc.governance.detectors.linear_model import Likeness

    certain = replace(BUILT_IN_DETECTORS, likeness=lambda _: Likeness(1.0, 1.0))
    for stage in Stage:
        found = measure(CALM, stage, rules=(), whole=True, detectors=certain)
        streamed = stage in {Stage.RESPONSE, Stage.SPEECH}
        assert (found.moral_value >= 0.5) == streamed
        assert (found.injection_score < LIMIT) == streamed
        assert not math.isnan(found.moral_value)
