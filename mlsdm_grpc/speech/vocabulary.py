"""Words of the supported languages and of similar ones, from the files in ``data/``.

To add a language, add a file in the form of the existing ones, its code to ``LANGUAGES``, and texts
to ``tests/speech/test_languages.py``.
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
"""Supported languages, ISO 639-1; each one has a file."""
_PACKAGE: Final = "mlsdm_grpc.speech"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words of one language by grammatical role; a set is empty if the language lacks the role."""

    script: str
    """``latin`` or ``cyrillic``."""
    needed_weight: float
    """Required grammar weight per word, below which a sentence counts as incomplete."""
    min_function_word_ratio: float
    """Minimum share of function words in ordinary prose."""
    function_words: frozenset[str]
    """Closed word classes: articles, pronouns, prepositions, conjunctions, auxiliaries, particles.
    Plain negations that telegraphic speech keeps ("no", "kein") are not included."""
    dropped_first: frozenset[str]
    """Function words that telegraphic speech drops first."""
    kept_longest: frozenset[str]
    """Adverbs that telegraphic speech keeps; they are weak evidence of grammar."""
    kept: frozenset[str]
    """Other function words that telegraphic speech keeps: persons, question words, conjunctions."""
    prepositions: frozenset[str]
    """Prepositions that are not fused with an article; notes keep the necessary ones."""
    joiners: frozenset[str]
    """Conjunctions between parts of a sentence, which notes leave out."""
    particles: frozenset[str]
    """Prepositions and particles that replace the predicate in a note: "Light in, sugar out."."""
    pointers: frozenset[str]
    times: frozenset[str]
    """Words for a time; after a pointer they form an adverbial phrase: "this week"."""
    formulas: frozenset[str]
    """Greetings, thanks and assent."""
    persons: frozenset[str]
    """Persons, for a language in which infinitives have no distinctive ending."""
    subjects: frozenset[str]
    """Persons that do not agree with an uninflected verb."""
    oblique_persons: frozenset[str]
    """Persons that cannot begin a clause: "me hungry"."""
    plain_negations: frozenset[str]
    """Negations that can stand between a person and an uninflected verb: "er nicht kommen"."""
    modals: frozenset[str]
    """Words that an infinitive can follow."""
    bare_verbs: frozenset[str]
    """Verbs that cannot follow "no": "mouth no say"."""
    infinitives: frozenset[str]
    """Frequent infinitives."""
    take_infinitives: frozenset[str]
    """Words that can precede an infinitive, or a verb of equal form, at the end of a sentence."""
    no_infinitives: frozenset[str]
    """Words that have the ending of an infinitive but are none."""
    everyday_words: frozenset[str]
    """Content words by which the language is recognised."""
    hedges: frozenset[tuple[str, ...]]
    """Phrases that weaken a statement, each as its words."""
    count_nouns: frozenset[str]
    """Everyday nouns in the singular that need an article or another determiner."""
    determiners: frozenset[str]
    """Words before such a noun that serve as its determiner."""
    actors: frozenset[str]
    """Nouns for people that need an article, and a verb that is not an infinitive."""
    irregular_verbs: frozenset[str]
    """Verbs that agree with a person but have none of ``person_endings``."""
    person_endings: Mapping[str, str]
    """Endings of the verb that follows a person at the beginning of a clause."""
    agreeing: Mapping[str, str]
    """Endings of verbs that agree with the adjacent person."""
    finite: re.Pattern[str] | None
    """Verbs that are inflected for a person or the past."""
    oblique: re.Pattern[str] | None
    """Nouns and adjectives in a case that needs no preposition."""
    inflected: re.Pattern[str] | None
    """Endings that are frequent in fluent prose and rare in telegraphic speech."""
    infinitive: re.Pattern[str] | None
    maybe_verb: re.Pattern[str] | None
    """Verbs that can follow a noun without an article: "Water boils at 100 degrees."."""


@dataclass(frozen=True, slots=True)
class SharedWords:
    """Words that count in all supported languages; ``shared.toml`` explains them."""

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
    """Everyday words of an unsupported language, so that its texts are not mistaken for others."""

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
    """Return the words that count in all languages."""
    return SharedWords(
        **{name: frozenset(words.split()) for name, words in read_table(_PACKAGE, "shared").items()}
    )


@cache
def neighbours() -> Mapping[str, Neighbour]:
    """Return, by code, the languages that are only recognised and not supported."""
    return {
        code: Neighbour(entry["script"], frozenset(entry["words"].split()))
        for code, entry in read_table(_PACKAGE, "neighbours").items()
    }
