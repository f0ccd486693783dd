"""Tables of words, rules and patterns: complete, written one way, without repeats."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from importlib.resources import files

import pytest

from mlsdm_grpc.governance.detectors.credentials import secret_classes
from mlsdm_grpc.governance.matching.confusables import confusables
from mlsdm_grpc.governance.matching.markup import mark_kinds
from mlsdm_grpc.governance.matching.normalization import plain
from mlsdm_grpc.governance.matching.rule_tables import (
    read_exclusions,
    read_rules,
    read_word_tables,
)
from mlsdm_grpc.governance.matching.sentence_languages import JUDGED
from mlsdm_grpc.package_data import expand_pattern, read_table

PACKAGE = "mlsdm_grpc.governance"
DETECTORS = ("harm", "injection")
ENTRY = re.compile(r"\*?[^*_~\s|]+\*?")
"""One word or stem of an entry: a star stands before or behind it."""
LATIN, CYRILLIC = re.compile("[a-z]"), re.compile("[а-яіїєґ]")


def entries() -> list[tuple[str, str, str, list[str]]]:
    return [
        (detector, language, name, words.split())
        for detector in DETECTORS
        for language, table in read_word_tables(detector).items()
        for name, words in table.items()
    ]


def test_the_folder_holds_the_tables_that_are_read_and_no_others():
    data = files(PACKAGE).joinpath("data")
    single = {
        "confusables.toml",
        "unicode_confusables.toml",
        "credentials.toml",
        "encodings.toml",
        "linear_model.bin",
    }
    assert {each.name for each in data.iterdir()} == single | {
        "harm",
        "injection",
        "markup.toml",
        "personal.toml",
        "unicode_confusables.toml",
    }
    for detector in DETECTORS:
        names = {each.name for each in data.joinpath(detector).iterdir()}
        assert names == {f"{name}.toml" for name in ("rules", *JUDGED)}


@pytest.mark.parametrize("detector", DETECTORS)
def test_rules_and_exclusions_have_known_fields_only(detector):
    table = read_table(PACKAGE, f"{detector}/rules")
    assert set(table) == {"rules", "exclusions"}
    for rule in table["rules"]:
        assert set(rule) == {"category", "certainty", "unless", "patterns"}
        assert 0.5 <= rule["certainty"] <= 1.0
    assert all(each.before or each.after for each in read_exclusions(detector))
    patterns = Counter((rule.category, rule.pattern) for rule in read_rules(detector))
    assert [each for each, count in patterns.items() if count > 1] == []


@pytest.mark.parametrize("detector", DETECTORS)
def test_every_class_that_a_rule_names_has_words_and_every_class_is_named(detector):
    tables = read_word_tables(detector)
    known = {name for table in tables.values() for name in table} - {"NONE"}
    named = [rule.pattern + " " + rule.unless for rule in read_rules(detector)]
    named += [f"{each.classes} {each.by}" for each in read_exclusions(detector)]
    assert set(re.findall("[A-Z]+", " ".join(named))) == known
    assert set(tables["en"]) - {"NONE"} == known


def test_no_entry_stands_twice_in_a_class():
    repeated = {
        (detector, language, name, entry)
        for detector, language, name, words in entries()
        for entry, count in Counter(words).items()
        if count > 1
    }
    assert repeated == set()


def test_entries_are_written_in_lower_case_and_composed_characters():
    for _, _, _, words in entries():
        for entry in words:
            assert entry == unicodedata.normalize("NFC", entry.lower())
            for word in re.split("[_~]", entry):
                assert ENTRY.fullmatch(word), entry


def test_no_word_mixes_letters_of_two_scripts():
    """A letter of another script is similar to the right one and matches nothing."""
    mixed = {
        (language, name, entry)
        for _, language, name, words in entries()
        for entry in words
        for word in re.split(r"[_~*\-]", entry)
        if LATIN.search(word) and CYRILLIC.search(word)
    }
    assert mixed == set()


def test_only_the_ukrainian_tables_have_cyrillic_words():
    strange = {
        (language, entry)
        for _, language, _, words in entries()
        for entry in words
        if language != "uk" and CYRILLIC.search(entry)
    }
    assert strange == set()


def test_a_class_of_secrets_is_found_by_its_hints():
    categories = Counter(each.category for each in secret_classes())
    assert len(categories) > 20
    for secret in secret_classes():
        assert secret.hints
        assert all(hint == hint.lower() for hint in secret.hints)
        assert 0.5 <= secret.score <= 1.0
        assert re.fullmatch("[a-z_]+", secret.category)


def test_secrets_have_known_fields_and_every_fragment_is_used():
    table = read_table(PACKAGE, "credentials")
    assert set(table) == {"fragments", "values", "secrets"}
    known = {"category", "hints", "pattern", "check", "score"}
    assert all(set(entry) <= known for entry in table["secrets"])
    text = "".join("".join(entry["pattern"]) for entry in table["secrets"])
    assert set(re.findall(r"\{\{(\w+)\}\}", text)) == set(table["fragments"])


def test_marks_have_no_fragment_left_in_their_patterns():
    assert len(mark_kinds()) == 8
    for kind in mark_kinds().values():
        assert "{{" not in kind.pattern.pattern


def test_fragments_may_hold_fragments_that_stand_before_them():
    fragments = {"digit": "[0-9]", "number": "{{digit}}{1,3}"}
    assert expand_pattern(["a{{number}}", "b{{digit}}"], fragments) == "a[0-9]{1,3}b[0-9]"


def test_letters_that_look_alike_are_those_of_the_other_script():
    tables = confusables()
    assert all(LATIN.fullmatch(chr(each)) for each in tables.latin.values())
    assert all(each.isascii() and each.isalnum() for each in tables.ascii.values())
    assert not any(each.isascii() for each in tables.ascii)
    assert all(CYRILLIC.fullmatch(chr(each)) for each in tables.cyrillic.values())
    assert not any(chr(each).isascii() for each in tables.latin)
    for drawn, letter in tables.drawn.items():
        assert letter == "'" or LATIN.fullmatch(letter)
        assert drawn.isascii() or plain(drawn).text == letter


def test_texts_within_texts_are_read_by_the_alphabet_of_morse():
    table = read_table(PACKAGE, "encodings")
    assert set(table) == {"stems", "backwards", "morse"}
    assert "".join(table["morse"]) == "abcdefghijklmnopqrstuvwxyz"
    assert len(set(table["morse"].values())) == 26
    words = (table["stems"] + table["backwards"]).split()
    assert len(set(words)) == len(words)
