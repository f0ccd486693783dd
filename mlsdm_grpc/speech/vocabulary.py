"""Words of the languages that are judged, and of their neighbours, from the files in ``data/``.

To add a language: a file like those that are there, its code in ``LANGUAGES``, and texts in
``tests/speech/test_languages.py``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from mlsdm_grpc.package_data import read_table

__all__ = [
    "LANGUAGES",
    "Neighbour",
    "SharedWords",
    "Vocabulary",
    "neighbours",
    "shared_words",
    "vocabulary",
]

LANGUAGES: Final = ("en", "de", "fr", "es", "uk")
"""Languages that are judged, ISO 639-1; each has a file."""
_PACKAGE: Final = "mlsdm_grpc.speech"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words of one language by their grammatical role. Sets are empty where it has no such role."""

    script: str
    """``latin`` or ``cyrillic``."""
    needed_weight: float
    """Weight of grammar for each word below which a sentence lacks some."""
    min_function_word_ratio: float
    """Share of function words that ordinary prose does not fall below."""
    function_words: frozenset[str]
    """Closed classes: articles, pronouns, prepositions, conjunctions, auxiliaries, particles. Plain
    negation that a telegraphic speaker keeps ("no", "kein") is left out."""
    dropped_first: frozenset[str]
    """Function words that telegraphic speech drops first."""
    kept_longest: frozenset[str]
    """Adverbs that telegraphic speech keeps; they say little about grammar."""
    kept: frozenset[str]
    """Other function words that it keeps: persons, question words, conjunctions."""
    prepositions: frozenset[str]
    """Those without an article in them, which notes keep where they need one."""
    joiners: frozenset[str]
    """Conjunctions between parts of a sentence, which notes do without."""
    particles: frozenset[str]
    """Prepositions and the like that stand for a predicate in a note: "Light in, sugar out."."""
    pointers: frozenset[str]
    times: frozenset[str]
    """Words that say when with a pointer before them, as an adverb would: "this week"."""
    formulas: frozenset[str]
    """Greetings, thanks and assent."""
    persons: frozenset[str]
    """Persons of a language whose verbs have no infinitive with a distinctive ending."""
    subjects: frozenset[str]
    """Persons that a bare verb does not agree with."""
    oblique_persons: frozenset[str]
    """Persons that begin no clause: "me hungry"."""
    plain_negations: frozenset[str]
    """Negations between a person and a bare verb: "er nicht kommen"."""
    modals: frozenset[str]
    """Words that an infinitive may follow."""
    bare_verbs: frozenset[str]
    """Verbs that are not said with "no" before them: "mouth no say"."""
    infinitives: frozenset[str]
    """Infinitives that everyone uses."""
    take_infinitives: frozenset[str]
    """Words that may precede an infinitive, or a verb of the same form, at the end of a
    sentence."""
    no_infinitives: frozenset[str]
    """Words that only end as infinitives do."""
    everyday_words: frozenset[str]
    """Content words that the language is recognised by."""
    hedges: frozenset[tuple[str, ...]]
    """Phrases by which a speaker takes a statement back in part, as their words."""
    count_nouns: frozenset[str]
    """Everyday nouns in the singular that need an article or another determiner."""
    determiners: frozenset[str]
    """Words before such a noun that make it complete."""
    actors: frozenset[str]
    """Nouns for people that need an article, and a verb that is no infinitive."""
    irregular_verbs: frozenset[str]
    """Verbs of ``person_endings`` with another ending."""
    person_endings: Mapping[str, str]
    """Endings of the verb behind a person at the beginning of a clause."""
    agreeing: Mapping[str, str]
    """Endings of verbs that agree with the adjacent person."""
    finite: re.Pattern[str] | None
    """Verbs with an ending for a person or the past."""
    oblique: re.Pattern[str] | None
    """Nouns and adjectives in a case that needs no preposition."""
    inflected: re.Pattern[str] | None
    """Endings that fluent prose is full of and strings of bare words are not."""
    infinitive: re.Pattern[str] | None
    maybe_verb: re.Pattern[str] | None
    """Verbs that may follow on a bare noun: "Water boils at 100 degrees."."""


@dataclass(frozen=True, slots=True)
class SharedWords:
    """Words that count in texts of any language that is judged; ``shared.toml`` explains them."""

    answers: frozenset[str]
    preterites: frozenset[str]
    unchanged_preterites: frozenset[str]
    adverbs: frozenset[str]
    not_inflected: frozenset[str]
    compounds: frozenset[str]
    titles: frozenset[str]
    shortened: frozenset[str]
    units: frozenset[str]
    before_ordinals: frozenset[str]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Everyday words of a language that is only recognised, so that it is taken for no other."""

    script: str
    words: frozenset[str]


@cache
def vocabulary(language: str) -> Vocabulary:
    """Return the words of one of ``LANGUAGES``."""
    table = read_table(_PACKAGE, language)
    values: dict[str, Any] = {
        name: frozenset(table.get(name, "").split())
        for name, kind in Vocabulary.__annotations__.items()
        if kind == "frozenset[str]"
    }
    values |= {
        name: re.compile(table["endings"][name]) if name in table["endings"] else None
        for name in ("finite", "oblique", "inflected", "infinitive", "maybe_verb")
    }
    return Vocabulary(
        **values,
        script=table["script"],
        needed_weight=table["needed_weight"],
        min_function_word_ratio=table["min_function_word_ratio"],
        hedges=frozenset(tuple(phrase.split()) for phrase in table["hedges"]),
        agreeing=table.get("agreeing", {}),
        person_endings=table.get("person_endings", {}),
    )


@cache
def shared_words() -> SharedWords:
    """Return the words that count in any language."""
    return SharedWords(
        **{name: frozenset(words.split()) for name, words in read_table(_PACKAGE, "shared").items()}
    )


@cache
def neighbours() -> Mapping[str, Neighbour]:
    """Return by code the languages that are not judged and only recognised."""
    return {
        code: Neighbour(entry["script"], frozenset(entry["words"].split()))
        for code, entry in read_table(_PACKAGE, "neighbours").items()
    }
