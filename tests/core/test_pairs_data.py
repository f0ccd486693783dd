"""The labelled pairs of ``tests/data/pairs`` hold to the definition in their README."""

from __future__ import annotations

import json
import math
import re
import tomllib
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "data" / "pairs"
FILES = sorted(FOLDER.glob("*.jsonl"))
PAIRS = [
    json.loads(line) for file in FILES for line in file.read_text("utf-8").splitlines() if line
]
SAME = [pair for pair in PAIRS if pair["same"]]
DIFFERENT = [pair for pair in PAIRS if not pair["same"]]
SETS = tomllib.loads((FOLDER / "memories.toml").read_text("utf-8"))["set"]

LANGUAGES = {"en", "de", "fr", "es", "uk", "zh", "ja", "ko", "mul"}
STOPS = {"closing-full-stop-cjk": ".。", "closing-danda": ".।"}
"""Closing stops of the kinds in which more than "." may count."""
ALL_STOPS = ".。।"
LABEL = re.compile(r"[A-Za-z0-9._:/-]{1,64}")
MAX_LABELS = 32
MIN_COSINE = 1 - 1e-6


def reduced(text: str, stops: str = ".") -> str:
    """Return the text in NFC, white space as single spaces, one closing stop left out."""
    text = " ".join(unicodedata.normalize("NFC", text).split())
    return text[:-1] if text.endswith(tuple(stops)) else text


def overlap(a: str, b: str) -> float:
    """Return the share of characters that two texts have in common, in any order."""
    one, other = (Counter(unicodedata.normalize("NFC", text)) for text in (a, b))
    return 2 * (one & other).total() / (one + other).total()


def vectors_fit(a: dict, b: dict) -> bool:
    one, other = a.get("caller_vector"), b.get("caller_vector")
    if "text" in a:
        return one == other
    return (
        sum(x * y for x, y in zip(one, other, strict=True)) / math.hypot(*one) / math.hypot(*other)
        >= MIN_COSINE
    )


def merges(a: dict, b: dict) -> bool:
    """Decide by definition whether two memories are merged."""
    metadata, others = a.get("metadata", {}), b.get("metadata", {})
    return (
        ("text" in a) == ("text" in b)
        and reduced(a.get("text", "")) == reduced(b.get("text", ""))
        and vectors_fit(a, b)
        and len({*a.get("labels", []), *b.get("labels", [])}) <= MAX_LABELS
        and (metadata == others or metadata.keys().isdisjoint(others))
    )


def is_invisible(char: str) -> bool:
    category = unicodedata.category(char)
    return (
        category in {"Cc", "Cf", "Zl", "Zp"}
        or (category == "Zs" and char != " ")
        or "\ufe00" <= char <= "\ufe0f"
    )


def test_there_are_enough():
    assert len(SAME) >= 220
    assert len(DIFFERENT) >= 220
    languages = Counter(pair["language"] for pair in PAIRS)
    assert languages.keys() == LANGUAGES
    assert min(languages.values()) >= 30
    for half in (SAME, DIFFERENT):
        assert min(Counter(pair["kind"] for pair in half).values()) >= 3


def test_a_kind_is_of_one_half():
    assert not {pair["kind"] for pair in SAME} & {pair["kind"] for pair in DIFFERENT}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_lines_have_the_fields(file: Path):
    for line in file.read_text("utf-8").splitlines():
        pair = json.loads(line)
        assert list(pair) == ["kind", "same", "language", "a", "b"], line
        assert pair["language"] == file.stem, line
        assert isinstance(pair["same"], bool), line
        assert pair["a"].strip(), line
        assert pair["b"].strip(), line


@pytest.mark.parametrize("file", [*FILES, FOLDER / "memories.toml"], ids=lambda file: file.name)
def test_nothing_is_hidden_from_a_reader(file: Path):
    for line in file.read_text("utf-8").split("\n"):
        assert unicodedata.is_normalized("NFC", line), line
        assert not any(map(is_invisible, line)), ascii(line)


def test_no_text_is_in_two_pairs():
    texts = Counter(
        text
        for pair in PAIRS
        for text in {reduced(pair["a"], ALL_STOPS), reduced(pair["b"], ALL_STOPS)}
    )
    assert [text for text, times in texts.items() if times > 1] == []


def test_same_pairs_are_equal_once_reduced():
    for pair in SAME:
        stops = STOPS.get(pair["kind"], ".")
        assert reduced(pair["a"], stops) == reduced(pair["b"], stops), pair


def test_same_pairs_differ_in_bytes_but_for_the_identical_ones():
    for pair in SAME:
        assert (pair["a"] == pair["b"]) == (pair["kind"] == "identical"), pair


def test_different_pairs_stay_different_whichever_stop_counts():
    for pair in DIFFERENT:
        for stops in (".", ALL_STOPS):
            assert reduced(pair["a"], stops) != reduced(pair["b"], stops), pair


def test_different_pairs_are_near_misses():
    for pair in DIFFERENT:
        assert overlap(pair["a"], pair["b"]) >= 0.5, pair


def test_compatibility_pairs_are_equal_under_nfkc():
    for pair in DIFFERENT:
        if pair["kind"] == "compatibility":
            one, other = (unicodedata.normalize("NFKC", pair[side]) for side in "ab")
            assert one == other, pair


def test_sets_are_enough_and_named():
    assert len(SETS) >= 12
    assert len({each["name"] for each in SETS}) == len(SETS)
    assert min(Counter(each["merge"] for each in SETS).values()) >= 6


@pytest.mark.parametrize("each", SETS, ids=lambda each: each["name"])
def test_a_set_follows_the_definition(each: dict):
    assert each.keys() == {"name", "merge", "why", "a", "b"}
    for memory in (each["a"], each["b"]):
        assert memory.keys() <= {"text", "labels", "metadata", "caller_vector"}
        assert memory.keys() & {"text", "caller_vector"}
        labels = memory.get("labels", [])
        assert len(set(labels)) == len(labels) <= MAX_LABELS
        assert all(map(LABEL.fullmatch, labels))
    assert merges(each["a"], each["b"]) == each["merge"]
    assert merges(each["b"], each["a"]) == each["merge"]
