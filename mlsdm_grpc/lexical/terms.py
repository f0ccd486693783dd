"""Terms of texts for the index, and terms of queries.

A text is stemmed in its own language. Each word of a query is searched as it is, and as its stems
in the language of the query and in the fallback languages. A query therefore matches texts in its
own language, and a word always matches the same word in a text.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import Stemmer

from mlsdm_grpc.lexical.recognition import candidates, main_languages, recognise, script_of
from mlsdm_grpc.lexical.stems import stem
from mlsdm_grpc.lexical.tables import languages
from mlsdm_grpc.lexical.tokenizer import tokenize

__all__ = [
    "TERM_UNIT",
    "TOKENIZER_VERSION",
    "LexicalQuery",
    "QueryTerm",
    "index_terms",
    "query_terms",
]

TOKENIZER_VERSION: Final = f"3/{Stemmer.version()}/{unicodedata.unidata_version}"
"""Version of the terms, which includes the versions of the Snowball library and of Unicode. Equal
texts have equal terms under equal versions. It changes with every change of the terms."""

TERM_UNIT: Final = 4
"""Weight of one occurrence of a term in a text; an occurrence in the context has weight 1."""

# Maximum number of words of a text without stop words that is stemmed in all fallback languages. A
# longer text is a list of names or codes rather than a sentence. It is stemmed in one language for
# each script, because it would otherwise have up to four times as many terms.
_MAX_UNRECOGNISED: Final = 12
# Languages in which words of a long text without stop words are stemmed, one for each script.
_FIRST: Final = ("en", "uk")
# Maximum number of query words, because each takes search time. The longest words are kept, because
# short words are common.
_MAX_QUERY_WORDS: Final = 128
_CACHED_WORDS: Final = 16_384
"""Number of cached words, about 4 MB in each process. Most words of a text are common ones."""
_CACHED_CHOICES: Final = 64
"""Number of combinations of languages whose stop words are cached, about 20 kB each."""


@dataclass(frozen=True, slots=True)
class QueryTerm:
    """One word of a query."""

    word: str
    """Word of the query, case-folded."""
    terms: tuple[str, ...]
    """Equivalent terms: a text with any of them contains the word."""


@dataclass(frozen=True, slots=True)
class LexicalQuery:
    """Words of a query with their terms."""

    terms: tuple[QueryTerm, ...]
    """Distinct words, in the order of the query."""
    stop_words_only: bool
    """True if the query has only stop words ("how are you?"); these are then searched."""


def index_terms(text: str, context: str = "") -> dict[str, int]:
    """Return the terms of a text with their frequencies.

    Args:
        text: The text.
        context: Additional searchable text that is not part of ``text``, such as earlier turns.

    Returns:
        Weighted frequencies: each occurrence in the text counts ``TERM_UNIT``, and each occurrence
        in the context 1. Stop words are excluded unless the text has no other words.

    Cost: linear; about 40 us for 30 words.
    """
    terms: dict[str, int] = {}
    _count(terms, text, TERM_UNIT, stop_words=True)
    if context:
        _count(terms, context, 1, stop_words=False)
    return terms


def query_terms(text: str) -> LexicalQuery:
    """Return the words of a query, at most 128, with their terms.

    Cost: linear; about 30 us for 8 words.
    """
    words, exact = tokenize(text)
    recognised = recognise(words)
    content = _content(words, recognised)
    stop_words_only = not (content or exact)
    spoken = recognise(words, rare=1)
    found: dict[str, QueryTerm] = {}
    for word in words if stop_words_only else content:
        terms = _searched(spoken, word)
        # Forms of one word, such as "runs" and "running", count as one word.
        known = found.get(terms[0])
        if known is None:
            found[terms[0]] = QueryTerm(word, terms)
        elif known.word != word:
            found[terms[0]] = QueryTerm(known.word, tuple(dict.fromkeys((*known.terms, *terms))))
    for token in exact:
        found.setdefault(token, QueryTerm(token, (token,)))
    kept = tuple(found.values())
    if len(kept) > _MAX_QUERY_WORDS:
        longest = sorted(kept, key=lambda term: -len(term.word))[:_MAX_QUERY_WORDS]
        chosen = {term.word for term in longest}
        kept = tuple(term for term in kept if term.word in chosen)
    return LexicalQuery(kept, stop_words_only and bool(words))


def _count(terms: dict[str, int], text: str, weight: int, *, stop_words: bool) -> None:
    """Add the terms of a text; ``stop_words`` permits stop words if it has no other words."""
    words, found = tokenize(text)
    recognised = recognise(words)
    if not recognised and len(words) > _MAX_UNRECOGNISED:
        recognised = _FIRST
    content = _content(words, recognised)
    for word in content if content or found or not stop_words else words:
        found += _indexed(recognised, word)
    for term in found:
        terms[term] = terms.get(term, 0) + weight


@lru_cache(maxsize=_CACHED_WORDS)
def _indexed(recognised: tuple[str, ...], word: str) -> tuple[str, ...]:
    """Return the terms of a word in the index.

    The word itself is added if a query in another language would not search all of its stems.
    """
    script = script_of(word)
    codes = candidates(script, recognised)
    itself = not codes or not set(codes) <= set(main_languages(script))
    stems = [stem(code, word) for code in codes]
    return tuple(dict.fromkeys([*stems, word] if itself else stems))


@lru_cache(maxsize=_CACHED_WORDS)
def _searched(spoken: tuple[str, ...], word: str) -> tuple[str, ...]:
    """Return the terms that a query searches for a word, its stem in the query language first."""
    script = script_of(word)
    codes = (*candidates(script, spoken), *main_languages(script))
    return tuple(dict.fromkeys([*(stem(code, word) for code in codes), word]))


def _content(words: list[str], recognised: tuple[str, ...]) -> list[str]:
    """Return the words that are stop words in none of the recognised languages."""
    stop_words = _stop_words(recognised)
    return [word for word in words if word not in stop_words]


@lru_cache(maxsize=_CACHED_CHOICES)
def _stop_words(recognised: tuple[str, ...]) -> frozenset[str]:
    known = languages()
    return frozenset[str]().union(*(known[code].stop_words for code in recognised))
