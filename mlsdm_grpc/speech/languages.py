"""Detection of the language of a text.

Evidence is the script, function words, everyday words, and the letter triples of these words, which
also rate words that no list contains. Unsupported languages are detected too, so that they are not
mistaken for supported ones.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import islice
from typing import Final

from mlsdm_grpc.speech.vocabulary import LANGUAGES, neighbours, vocabulary

__all__ = ["is_in_script", "recognise"]

_CYRILLIC: Final = "cyrillic"
# Number of distinct words used to detect the language.
_SAMPLE_WORDS: Final = 100
# Number of words whose scores are cached; most words of a text occurred in earlier texts.
_KEPT_WORDS: Final = 4_096
# Maximum length of a cached word, characters.
_KEPT_CHARS: Final = 64

# Weight of a letter triple that no word of the language contains.
_UNSEEN: Final = 0.2
# Score below which the text is in no known language.
_NO_LANGUAGE: Final = -8.6
# Bonus for English: other languages contain English words, so its letter triples are less specific.
_ENGLISH_PRIOR: Final = 0.25
_UKRAINIAN_LETTERS: Final = frozenset("іїєґ")
# Penalty for each letter in a Cyrillic text without the Ukrainian letters above, at most 0.2.
_MISSING_LETTERS: Final = 0.008
_FOREIGN_LETTERS: Final = frozenset("ыэёъўјљњћђџѓќ")
_FOREIGN_PENALTY: Final = 1.0
_FUNCTION_BONUS: Final = 2.5
_CONTENT_BONUS: Final = 2.0


@dataclass(frozen=True, slots=True)
class _Model:
    """Letter triples and words of one language."""

    is_cyrillic: bool
    triples: Mapping[str, float]
    """Logarithm of the frequency of each triple."""
    unseen: float
    words: Mapping[str, float]
    """Bonus for each known word."""

    def score(self, word: str, parts: Sequence[str]) -> float:
        """Return the score of a word from its letter triples; higher is better."""
        get, unseen = self.triples.get, self.unseen
        seen = sum([get(part, unseen) for part in parts]) / len(parts)
        return seen + self.words.get(word, 0.0)


def recognise(words: Sequence[str]) -> str:
    """Return the language of ``words`` if it is supported, otherwise an empty string.

    Args:
        words: Words in lower case.

    Cost: O(distinct words, at most 100) for each known language.
    """
    sample = list(islice(dict.fromkeys(words), _SAMPLE_WORDS))
    cyrillic = _is_cyrillic(sample)
    if cyrillic is None:
        return ""
    columns = zip(*[_scores(word, cyrillic=cyrillic) for word in sample], strict=True)
    scores = {
        language: sum(column) / len(sample)
        for language, column in zip(_models_of(cyrillic=cyrillic), columns, strict=True)
    }
    if cyrillic:
        scores["uk"] -= _foreignness(frozenset().union(*sample), sum(map(len, sample)))
    if not cyrillic:
        scores["en"] += _ENGLISH_PRIOR
    best = max(scores, key=scores.__getitem__)
    return best if best in LANGUAGES and scores[best] > _NO_LANGUAGE else ""


def _foreignness(letters: frozenset[str], count: int) -> float:
    """Return the penalty for Ukrainian of a text of ``count`` letters, the distinct ``letters``."""
    if letters & _FOREIGN_LETTERS:
        return _FOREIGN_PENALTY
    return 0.0 if letters & _UKRAINIAN_LETTERS else min(0.2, _MISSING_LETTERS * count)


def is_in_script(words: Sequence[str], language: str) -> bool:
    """Return True if most of the ``words`` are in the script of ``language``."""
    return _is_cyrillic(words) is (vocabulary(language).script == _CYRILLIC)


def _is_cyrillic(words: Iterable[str]) -> bool | None:
    """Return True if most letters are Cyrillic, False if Latin, None for another script or none."""
    latin = cyrillic = other = 0
    for word in words:
        letter = word[0]
        if letter < "\u0250":
            latin += 1
        elif "\u0400" <= letter < "\u0530":
            cyrillic += 1
        elif not "\u1e00" <= letter < "\u1f00":
            other += 1
        else:
            latin += 1
    if max(latin, cyrillic) <= other:
        return None
    return cyrillic > latin


def _triples(word: str) -> list[str]:
    padded = f" {word} "
    return [padded[at : at + 3] for at in range(len(padded) - 2)]


def _scores(word: str, *, cyrillic: bool) -> Sequence[float]:
    """Return the score of a word in each language of a script."""
    if len(word) <= _KEPT_CHARS:
        return _kept_scores(word, cyrillic=cyrillic)
    return _kept_scores.__wrapped__(word, cyrillic=cyrillic)


@lru_cache(maxsize=_KEPT_WORDS)
def _kept_scores(word: str, *, cyrillic: bool) -> tuple[float, ...]:
    parts = _triples(word)
    return tuple([model.score(word, parts) for model in _models_of(cyrillic=cyrillic).values()])


@cache
def _models_of(*, cyrillic: bool) -> Mapping[str, _Model]:
    return {
        language: model for language, model in _models().items() if model.is_cyrillic == cyrillic
    }


@cache
def _models() -> Mapping[str, _Model]:
    judged = {language: vocabulary(language) for language in LANGUAGES}
    built = {
        language: _model(words.script, words.function_words, words.everyday_words)
        for language, words in judged.items()
    }
    return built | {
        language: _model(other.script, (), other.words) for language, other in neighbours().items()
    }


def _model(script: str, function_words: Iterable[str], content_words: Iterable[str]) -> _Model:
    bonuses = dict.fromkeys(content_words, _CONTENT_BONUS)
    bonuses |= dict.fromkeys(function_words, _FUNCTION_BONUS)
    counts = Counter(part for word in bonuses for part in _triples(word))
    total = sum(counts.values()) + _UNSEEN * 4000
    return _Model(
        is_cyrillic=script == _CYRILLIC,
        triples={part: math.log((count + _UNSEEN) / total) for part, count in counts.items()},
        unseen=math.log(_UNSEEN / total),
        words=bonuses,
    )
