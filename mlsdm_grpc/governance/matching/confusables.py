"""Characters that imitate letters: letters of other scripts, digits, signs, and drawn letters."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from mlsdm_grpc.package_data import read_table

__all__ = ["Confusables", "confusables"]

_Translation = Mapping[int, int] | Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Confusables:
    """Translation tables for :meth:`str.translate`; ``drawn`` is indexed by character."""

    latin: _Translation
    """From case-folded letters of other scripts to similar Latin letters."""
    ascii: Mapping[str, str]
    """ASCII letters and digits, by the letters of other scripts that resemble them."""
    cyrillic: _Translation
    """From Latin letters to similar Cyrillic letters."""
    leet: _Translation
    """From digits and signs to Latin letters."""
    leet_second: _Translation
    """From digits and signs to Latin letters; signs with two readings have the second one here."""
    leet_cyrillic: _Translation
    leet_cyrillic_second: _Translation
    romanised: _Translation
    """From Ukrainian letters to Latin letters."""
    drawn: Mapping[str, str]
    """Letters and apostrophes by the characters that imitate them."""


@cache
def confusables() -> Confusables:
    """Return the tables of ``data/confusables.toml``, combined with the tables of Unicode."""
    table = read_table("mlsdm_grpc.governance", "confusables")
    alike = read_table("mlsdm_grpc.governance", "unicode_confusables")["looks_like"]
    similar = {letter: form for form, letters in alike.items() for letter in letters}
    latin = {letter: form.lower() for letter, form in similar.items() if form.isalpha()}
    latin |= _pairs(table["latin_for"]["letters"], table["latin_for"]["latin"])
    leet, leet_second = _readings(table["leet"])
    leet_cyrillic, leet_cyrillic_second = _readings(table["leet_cyrillic"])
    romanised, drawn = table["romanised"], table["drawn"]
    alphabets = {
        chr(first + i): letter
        for first in drawn["alphabets"]
        for i, letter in enumerate(string.ascii_lowercase)
    }
    return Confusables(
        latin=str.maketrans("".join(latin), "".join(latin.values())),
        ascii=similar,
        cyrillic=str.maketrans(table["cyrillic_for"]["letters"], table["cyrillic_for"]["cyrillic"]),
        leet=leet,
        leet_second=leet_second,
        leet_cyrillic=leet_cyrillic,
        leet_cyrillic_second=leet_cyrillic_second,
        romanised=str.maketrans(
            _pairs(romanised["letters"], romanised["latin"]) | romanised["longer"]
        ),
        drawn=_pairs(drawn["small_capitals"], drawn["letters"])
        | alphabets
        | dict.fromkeys(drawn["apostrophes"], "'"),
    )


def _readings(table: Mapping[str, str]) -> tuple[_Translation, _Translation]:
    """Return the translations of signs by their first readings and by their second readings."""
    first = _pairs(table["signs"], table["letters"])
    second = _pairs(table["second_signs"], table["second_letters"])
    return str.maketrans(first), str.maketrans(first | second)


def _pairs(characters: str, others: str) -> dict[str, str]:
    return dict(zip(characters, others, strict=True))
