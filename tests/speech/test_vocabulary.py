"""Words of the judged languages: every role that a language has, written one way, no repeats."""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import fields
from importlib.resources import files

import pytest

from mlsdm_grpc.package_data import read_table
from mlsdm_grpc.speech.vocabulary import (
    LANGUAGES,
    SharedWords,
    Vocabulary,
    neighbours,
    shared_words,
    vocabulary,
)

PACKAGE = "mlsdm_grpc.speech"
IN_ALL_LANGUAGES = {
    *("function_words", "kept_longest", "kept", "joiners", "pointers", "times", "formulas"),
    *("subjects", "everyday_words", "hedges"),
}


def lists(table: dict[str, object]) -> dict[str, list[str]]:
    return {name: value.split() for name, value in table.items() if isinstance(value, str)}


def test_the_folder_holds_the_tables_that_are_read_and_no_others():
    found = {each.name for each in files(PACKAGE).joinpath("data").iterdir()}
    assert found == {f"{name}.toml" for name in (*LANGUAGES, "shared", "neighbours")}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_known_entries_only(language):
    table = read_table(PACKAGE, language)
    endings = table.pop("endings")
    names = {field.name for field in fields(Vocabulary)}
    assert set(table) | set(endings) <= names
    assert names - set(table) - set(endings) <= names - IN_ALL_LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_the_roles_that_every_language_has(language):
    words = vocabulary(language)
    assert [name for name in IN_ALL_LANGUAGES if not getattr(words, name)] == []
    assert words.script in {"latin", "cyrillic"}
    assert 0.0 < words.min_function_word_ratio <= words.needed_weight < 1.0


@pytest.mark.parametrize("name", [*LANGUAGES, "shared"])
def test_no_word_stands_twice_in_a_list(name):
    repeated = {
        (entry, word)
        for entry, words in lists(read_table(PACKAGE, name)).items()
        for word, count in Counter(words).items()
        if count > 1
    }
    assert repeated == set()


@pytest.mark.parametrize("name", [*LANGUAGES, "shared"])
def test_words_are_in_lower_case_and_composed_characters(name):
    for words in lists(read_table(PACKAGE, name)).values():
        assert words == [unicodedata.normalize("NFC", word.lower()) for word in words]


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_are_in_the_script_of_their_language(language):
    words = vocabulary(language)
    listed = words.function_words | words.everyday_words | words.formulas
    letters = {char for word in listed for char in word if char.isalpha()}
    assert all((char > "\u0400") == (words.script == "cyrillic") for char in letters)


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_that_telegraphic_speech_drops_are_not_kept_longest(language):
    words = vocabulary(language)
    assert words.dropped_first.isdisjoint(words.kept_longest)


def test_the_shared_words_are_those_that_the_code_reads():
    assert set(read_table(PACKAGE, "shared")) == {field.name for field in fields(SharedWords)}
    shared = shared_words()
    assert shared.unchanged_preterites < shared.preterites


def test_a_neighbour_is_no_judged_language():
    assert set(neighbours()).isdisjoint(LANGUAGES)
    assert len(neighbours()) > 15
    for other in neighbours().values():
        assert len(other.words) > 40
        letters = "".join(other.words).replace("'", "").replace("’", "").replace("-", "")
        assert all(
            (char > "\u0400") == (other.script == "cyrillic")
            for char in letters
            if char.isalpha() and char < "\u1e00"
        )
