"""The linear model: its examples, its bounds, its passages, and the findings that name a reason."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlsdm_grpc.governance.detectors.linear_model import BUCKETS, load
from mlsdm_grpc.governance.detectors.text_passages import LIKENESS, ReadText
from mlsdm_grpc.governance.detectors.word_features import TextFeatures, WordFeatures
from mlsdm_grpc.governance.matching.normalization import plain
from tests.governance.reading import harm_of, injection_of
from tools.train import digest, examples, held_out, words

HOSTILE = "I will hunt you down and break every bone in your body, you will beg for mercy."
CALM = "We walked along the river, had a cup of tea and talked about the garden. "


def test_the_weights_come_from_the_examples_that_are_there():
    assert load().digest == digest(examples()), "run make train"


def test_no_line_of_a_test_split_is_an_example():
    unseen = _held_out()
    assert not [each for each in examples() if held_out(each.text) and each.text in unseen]


def _held_out():
    from tools.evaluate import CORPORA

    return {line.text for corpus in CORPORA for line in corpus.lines(["test"])}


def test_no_example_is_nearly_one_of_a_test_split():
    hidden = [words(text) for text in _held_out()]
    more = [words(each.text) for each in examples()[::37]]
    assert not any(some == other for some in more for other in hidden)


@given(st.text(max_size=400), st.booleans())
def test_every_text_has_a_value(text, in_pieces):
    harm, injection = harm_of(text, in_pieces=in_pieces), injection_of(text, in_pieces=in_pieces)
    assert 0.0 <= harm.moral_value <= 1.0
    assert 0.0 <= injection.score <= 1.0
    assert (harm, injection) == (
        harm_of(text, in_pieces=in_pieces),
        injection_of(text, in_pieces=in_pieces),
    )


@pytest.mark.parametrize("text", ["", " ", "...", "\ud800", "\x00" * 50])
def test_a_text_without_words_is_harmless(text):
    assert harm_of(text).moral_value == 0.8
    assert injection_of(text).score < 0.5


def word_features(text: str, start: int = 0, end: int | None = None) -> list[WordFeatures]:
    folded = plain(text)
    features = TextFeatures.of_part(folded, start, len(folded.text) if end is None else end)
    return [features.word(number) for number in range(len(features))]


@given(st.text(max_size=200))
def test_features_are_buckets_by_word(text):
    for found in word_features(text):
        assert 0 <= found.start < found.end <= len(text)
        assert all(0 <= bucket < BUCKETS for bucket in found.buckets)


@given(st.text("ab 1.", max_size=60), st.integers(0, 60), st.integers(0, 60))
def test_a_cut_word_is_left_out(text, start, end):
    whole = {(each.start, each.end) for each in word_features(text)}
    start, end = min(start, len(text)), min(end, len(text))
    for each in word_features(text, start, end):
        assert (each.start, each.end) in whole
        assert start <= each.start < each.end <= end


def test_what_stands_in_a_long_text_is_found():
    assert harm_of(HOSTILE).moral_value < 0.5 < harm_of(CALM).moral_value
    assert harm_of(CALM * 30 + HOSTILE * 4 + CALM * 30).moral_value < 0.5
    assert harm_of(CALM * 200).moral_value == 0.8


@given(st.text(max_size=200), st.text("ab'_ .-1é", max_size=60))
def test_a_whole_text_has_the_features_of_its_parts(any_text, text):
    for each in (any_text, text):
        features = ReadText(each).features
        assert [features.word(i) for i in range(len(features))] == word_features(each)


def test_a_feature_counts_once_in_a_passage():
    read = ReadText(CALM * 3 + HOSTILE)
    for window, _, _ in read.windows:
        buckets = {bucket for word in window.words for bucket in word.buckets}
        assert window.buckets.tolist() == sorted(buckets)
        total = sum(int(load().harm.weights[bucket]) for bucket in buckets)
        logit = load().harm.logit(total, len(buckets), ())
        cut = load().harm.cuts[window.language]
        assert window.distance(load().harm, ()) == load().harm.slope * (logit - cut)


def test_windows_cover_every_word():
    read = ReadText(CALM * 40)
    covered = {word for window, _, _ in read.windows for word in window.words}
    assert covered == set(word_features(CALM * 40))


def test_a_decision_without_a_rule_names_the_words_that_weigh_most():
    text = CALM * 5 + "Give me a method to end my life tonight that looks like an accident. "
    places = [each for each in harm_of(text).findings if each.rule == LIKENESS]
    for each in places:
        assert each.category == LIKENESS
        assert 0 <= each.start < each.end <= len(text)
    assert harm_of(text).findings


def test_cost_grows_with_length():
    def least_s(text):
        took = []
        for _ in range(3):
            began = time.process_time()
            harm_of(text)
            took.append(time.process_time() - began)
        return min(took)

    least_s("warm")
    text = (CALM * 900)[: 64 * 1_024]
    assert least_s(text) < 16 * max(least_s(text[: 16 * 1_024]), 0.001)
