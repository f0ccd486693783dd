"""Detection of the possible languages of a text by its stop words; cheap and deterministic."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache, lru_cache
from typing import Final

from mlsdm_grpc.lexical.tables import languages

__all__ = ["candidates", "main_languages", "recognise", "script_of"]

# Upper code point (exclusive) of each script, ascending; an empty script has no stemmer.
_SCRIPTS: Final = (
    (0x0250, "latin"),
    (0x0370, ""),
    (0x0400, "greek"),
    (0x0530, "cyrillic"),
    (0x0590, "armenian"),
    (0x0600, "hebrew"),
    (0x0780, "arabic"),
    (0x0900, ""),
    (0x0980, "devanagari"),
    (0x0B80, ""),
    (0x0C00, "tamil"),
    (0x1E00, ""),
    (0x1F00, "latin"),
    (0x2000, "greek"),
)
"""Code points below which a letter belongs to a script, ascending."""
_CACHED_CHOICES: Final = 1_024
"""Combinations of languages that are remembered; texts of few languages have few."""


def script_of(word: str) -> str:
    """Return the script of the first letter of a word; empty for a script without stemmers."""
    first = ord(word[0])
    if first < _SCRIPTS[0][0]:
        return "latin"
    return next((script for limit, script in _SCRIPTS if first < limit), "")


def recognise(words: Collection[str], *, rare: int = 2) -> tuple[str, ...]:
    """Return the languages with the most different stop words among ``words``.

    Args:
        words: Case-folded words of one text.
        rare: Number of stop words required for a language that is not a fallback, because the stop
            words of one language are ordinary words of others. Fallback languages need one.

    Returns:
        ISO 639-1 codes. A tie gives several codes, and fallback languages then exclude the others.
        Empty if no word is a stop word.

    Cost: about 3 us for 30 words.
    """
    counts: dict[str, int] = {}
    table = _stop_words()
    for word in table.keys() & words:
        for code in table[word]:
            counts[code] = counts.get(code, 0) + 1
    if not counts:
        return ()
    most = max(counts.values())
    return _preferred(frozenset(code for code in counts if counts[code] == most), most >= rare)


@lru_cache(maxsize=_CACHED_CHOICES)
def _preferred(best: frozenset[str], enough: bool) -> tuple[str, ...]:  # noqa: FBT001 - private
    """Return what is recognised where some languages have the most stop words.

    Args:
        best: These languages.
        enough: There are stop words enough for a language that is no fallback.
    """
    known = languages()
    main = tuple(code for code in known if code in best and known[code].fallback)
    return main or (tuple(code for code in known if code in best) if enough else ())


@lru_cache(maxsize=_CACHED_CHOICES)
def candidates(script: str, recognised: tuple[str, ...]) -> tuple[str, ...]:
    """Return the languages whose stems a word of ``script`` may have in a text.

    script: Result of :func:`script_of`.
        recognised: Result of :func:`recognise` for the text.
        recognised: As :func:`recognise` says of the text.
    """
    known = languages()
    fitting = tuple(code for code in recognised if known[code].script == script)
    return fitting or main_languages(script)


@cache
def main_languages(script: str) -> tuple[str, ...]:
    """Return the fallback languages of a script, or all its languages if it has none."""
    fitting = [one for one in languages().values() if one.script == script]
    return tuple(one.code for one in [x for x in fitting if x.fallback] or fitting)


@cache
def _stop_words() -> Mapping[str, tuple[str, ...]]:
    """Return the languages of each stop word."""
    found: dict[str, tuple[str, ...]] = {}
    for one in languages().values():
        for word in one.stop_words:
            found[word] = (*found.get(word, ()), one.code)
    return found
