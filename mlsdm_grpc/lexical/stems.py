"""Stems of words by language.

The Snowball library's compiled binding stems a word in 0.7 us, its Python translation in 52 us
(4,000 different English words); the latter would cost more than all else that a put does.
"""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache
from typing import Final

import Stemmer

from mlsdm_grpc.lexical.tables import endings, languages

__all__ = ["stem"]

_CACHED_STEMS: Final = 16_384
"""About 4 MB a process; most words of a text are among the most common ones."""
_MIN_STEM_CHARS: Final = 3
_MAX_STEMMED_CHARS: Final = 40
"""No longer string is an inflected word."""


@lru_cache(maxsize=_CACHED_STEMS)
def stem(language: str, word: str) -> str:
    """Return the stem of a word in a language; not to be called by two threads at a time.

    Args:
        language: ISO 639-1 code that ``languages()`` has.
        word: Case-folded.

    Returns:
        The Snowball stem of the base form, without the accents of Latin letters, which many people
        leave out when they type. A function of the arguments alone.

    Cost: 0.1 us for a word that was stemmed lately, else about 1 us.
    """
    if len(word) > _MAX_STEMMED_CHARS:
        return word
    known = languages()[language]
    word = known.base_forms.get(word, word)
    if not known.stemmer:
        return _ukrainian(word)
    found: str = _snowball(known.stemmer).stemWord(word)
    return found if found.isascii() or known.script != "latin" else _without_accents(found)


@cache
def _snowball(algorithm: str) -> Stemmer.Stemmer:
    return Stemmer.Stemmer(algorithm, 0)


def _without_accents(word: str) -> str:
    parts = unicodedata.normalize("NFD", word)
    return "".join(letter for letter in parts if not unicodedata.combining(letter))


def _ukrainian(word: str) -> str:
    """Return the stem of a Ukrainian word: no reflexive ending, no inflection, one last letter.

    A last consonant that inflection softens stands for the hard one, and a double one for the
    single one, in all forms alike.
    """
    table = endings()
    for part in table.reflexive:
        if word.endswith(part) and len(word) >= _MIN_STEM_CHARS + len(part):
            word = word.removesuffix(part)
            break
    for part in table.endings:
        if word.endswith(part) and len(word) >= _MIN_STEM_CHARS + len(part):
            word = word.removesuffix(part)
            break
    last = word[-1:]
    if len(word) > _MIN_STEM_CHARS and word[-2] == last:
        word = word[:-1]
    return word[:-1] + table.hardened.get(last, last)
