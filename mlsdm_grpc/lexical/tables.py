"""Data of the package: languages, stop words and irregular forms, loaded on first use."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from mlsdm_grpc.package_data import read_table

__all__ = ["Attached", "Endings", "Language", "attached", "endings", "languages"]


@dataclass(frozen=True, slots=True)
class Language:
    """Data of one language."""

    code: str
    """ISO 639-1 code."""
    stemmer: str
    """Name of the algorithm in the Snowball library; empty if there is none."""
    script: str
    fallback: bool
    """True if words are stemmed in this language when the language of a text is unknown."""
    stop_words: frozenset[str]
    base_forms: Mapping[str, str]
    """Base form of each irregular form."""


@dataclass(frozen=True, slots=True)
class Endings:
    """Endings of a language without a Snowball stemmer, longest first."""

    reflexive: tuple[str, ...]
    endings: tuple[str, ...]
    hardened: Mapping[str, str]
    """Replacement of the last letter of a stem: soft letter to hard letter."""


@dataclass(frozen=True, slots=True)
class Attached:
    """Parts of words that an apostrophe joins to another word."""

    beginnings: frozenset[str]
    endings: frozenset[str]


@cache
def attached() -> Attached:
    """Return the parts that are split from a word at an apostrophe, for all languages together."""
    table = _table("attached")
    return Attached(frozenset(table["beginnings"].split()), frozenset(table["endings"].split()))


@cache
def languages() -> Mapping[str, Language]:
    """Return all languages by code, in order of preference."""
    stop_words, irregular = _table("stop_words"), _table("irregular")
    return {
        code: Language(
            code=code,
            stemmer=entry["stemmer"],
            script=entry["script"],
            fallback=entry.get("fallback", False),
            stop_words=frozenset(map(_plain, stop_words[code].split())),
            base_forms={
                _plain(form): _plain(base)
                for base, forms in irregular.get(code, {}).items()
                for form in forms.split()
            },
        )
        for code, entry in _table("languages").items()
    }


@cache
def endings() -> Endings:
    """Return the endings of Ukrainian."""
    table = _table("ukrainian")
    return Endings(
        reflexive=tuple(table["reflexive"].split()),
        endings=tuple(sorted(set(table["endings"].split()), key=lambda part: (-len(part), part))),
        hardened={pair[0]: pair[1] for pair in table["hardened"].split()},
    )


def _table(name: str) -> dict[str, Any]:
    return read_table("mlsdm_grpc.lexical", name)


def _plain(word: str) -> str:
    """Return a word in the form that :func:`tokenize` produces."""
    return unicodedata.normalize("NFKC", word.casefold()).replace("'", "")
