"""Phrases by kind: every language and label is there, and frames are shared with harmless ones."""

from collections import Counter

from tools.kinds import framed_lines

LANGUAGES = {"en", "de", "fr", "es", "uk"}


def test_every_language_has_each_label():
    counts = Counter((line.label, line.language) for line in framed_lines())
    assert set(counts) == {
        (label, language) for label in ("harm", "injection", "harmless") for language in LANGUAGES
    }
    assert min(counts.values()) >= 200


def test_no_line_has_a_blank_or_two_labels():
    labels = dict[str, str]()
    for line in framed_lines():
        assert "{}" not in line.text
        assert labels.setdefault(line.text, line.label) == line.label, line.text


def test_harmless_phrases_are_said_in_frames_of_hostile_ones():
    hostile = {line.text.partition(" ")[0] for line in framed_lines() if line.label == "harm"}
    harmless = [line for line in framed_lines() if line.category in {"everyday", "look_alike"}]
    shared = sum(line.text.partition(" ")[0] in hostile for line in harmless)
    assert shared > len(harmless) / 2
