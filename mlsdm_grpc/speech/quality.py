"""Quality gate: checks of a whole answer.

Each check is a pure function of the answer and its prompt, with a score from 0 (good) to 1 (bad). A
score at or above the threshold fails. Text that a check cannot assess, because it is too short or
in a language without a word list, scores 0. Code is ignored; lists and tables are checked only for
loops. Tables of numbers, Cyrillic text, frequent short words in long answers, and words that the
prompt does not contain are no faults.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from mlsdm_grpc.speech.analysis import analyse
from mlsdm_grpc.speech.languages import recognise
from mlsdm_grpc.speech.prose import LineKind, lines, prose_blocks
from mlsdm_grpc.speech.sentence_patterns import grammar_of
from mlsdm_grpc.speech.tokens import PLACEHOLDER, sentences
from mlsdm_grpc.speech.vocabulary import vocabulary

__all__ = [
    "COLLAPSE_THRESHOLD",
    "DRIFT_THRESHOLD",
    "HEDGING_THRESHOLD",
    "INCOHERENCE_THRESHOLD",
    "LOOPING_THRESHOLD",
    "QUALITY_CHECKS",
    "TELEGRAPHING_THRESHOLD",
    "QualityCheck",
    "collapse",
    "drift",
    "hedging",
    "incoherence",
    "looping",
    "telegraphing",
]

COLLAPSE_THRESHOLD: Final = 0.9
LOOPING_THRESHOLD: Final = 0.4
INCOHERENCE_THRESHOLD: Final = 0.4
DRIFT_THRESHOLD: Final = 0.95
TELEGRAPHING_THRESHOLD: Final = 0.5
HEDGING_THRESHOLD: Final = 0.6

_MIN_COLLAPSED_CHARS: Final = 20
_MIN_LOOPING_TOKENS: Final = 18
_MIN_LOOPING_LINES: Final = 4
_MIN_LINE_CHARS: Final = 10
_PHRASE_TOKENS: Final = 4
_RECENT_TOKENS: Final = 120
_MIN_INCOHERENT_PIECES: Final = 12
_MIN_DRIFTING_WORDS: Final = 40
_MIN_TOPIC_STEMS: Final = 3
_TOPIC_STEMS: Final = 8
_STEM_CHARS: Final = 5
_MIN_TELEGRAPHING_WORDS: Final = 12
_MIN_HEDGED_SENTENCES: Final = 4
_MAX_HEDGE_WORDS: Final = 5

# A word, or one character of a script without spaces between words.
_TOKEN: Final = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]|[^\W_]+"
)
_ADDRESS: Final = re.compile(r"(?:https?://|www\.)\S+")
_DAMAGED: Final = re.compile("[\ufffd\ue000-\uf8ff\x00-\x08\x0e-\x1f\x7f-\x9f]|Ã[\x80-\xbf]|â€")
_TWO_SCRIPTS: Final = re.compile(r"[a-zA-Z][а-яёіїєґА-ЯЁІЇЄҐ]|[а-яёіїєґА-ЯЁІЇЄҐ][a-zA-Z]")
_NO_VOWELS: Final = re.compile(r"[bcdfghjklmnpqrstvwxz]{6}")
_EMOJI: Final = re.compile("[\u2190-\u2bff\u3030\U0001f000-\U0001faff]")
_ORNAMENTS: Final = frozenset("-–—•·*+/&=|…:→←↔%<>")


@dataclass(frozen=True, slots=True)
class QualityCheck:
    """Check of the quality gate."""

    name: str
    """Name that never changes; the id of its rule is ``quality.<name>``."""
    function: Callable[[str, str], float]
    """Function of answer and prompt that returns a score, 0 (good) to 1."""
    default_threshold: float
    """Score from which the check fails, 0 to 1."""
    description: str
    """Description, one English sentence."""


def collapse(text: str, _prompt: str = "") -> float:
    """Return 1 for an answer without content, else the share of its most frequent letter.

    An answer without letters, digits and pictograms in any script has no content. The share is
    computed from 20 letters and digits on, else it is 0; ordinary texts have about 0.1.

    Cost: O(len(text)).
    """
    content = [char for char in text.casefold() if char.isalnum()]
    if not content:
        return 0.0 if _EMOJI.search(text) else 1.0
    letters = Counter(filter(str.isalpha, content))
    if not letters or len(content) < _MIN_COLLAPSED_CHARS:
        return 0.0
    return letters.most_common(1)[0][1] / len(content)


def looping(text: str, _prompt: str = "") -> float:
    """Return the share of the answer that repeats earlier parts of it.

    The score is the maximum of three shares: repeated lines, repeated phrases of 4 words in the
    whole answer, and such phrases in its last 120 words. Single words may repeat without limit.

    Cost: O(len(text)).
    """
    kinds = [line for line in lines(text) if line.kind not in {LineKind.CODE, LineKind.BLANK}]
    rows = [line.text.strip() for line in kinds if len(line.text.strip()) >= _MIN_LINE_CHARS]
    prose = "\n".join(line.text for line in kinds if "|" not in line.text)
    tokens = _TOKEN.findall(_ADDRESS.sub(" ", prose.casefold()))
    scores = [_repeated(rows) if len(rows) >= _MIN_LOOPING_LINES else 0.0]
    if len(tokens) >= _MIN_LOOPING_TOKENS:
        scores.append(_repeated(_phrases(tokens)))
        scores.append(_repeated(_phrases(tokens[-_RECENT_TOKENS:])))
    return max(scores)


def incoherence(text: str, _prompt: str = "") -> float:
    """Return the share of the prose that is no text in any language.

    It counts pieces between spaces that have no letters or digits, damaged characters, two
    alphabets in one word, or six Latin consonants in a row. Answers of fewer than 12 pieces score
    0. Valid words without meaning are not detected.

    Cost: O(len(text)).
    """
    pieces = [piece for block in prose_blocks(text) for piece in block.split()]
    pieces = [piece for piece in pieces if not _ORNAMENTS.issuperset(piece)]
    if len(pieces) < _MIN_INCOHERENT_PIECES:
        return 0.0
    return sum(map(_is_broken, pieces)) / len(pieces)


def drift(text: str, prompt: str) -> float:
    """Return how far an answer ignores the topic of its prompt.

    The score is 1 if the answer has no content word of the prompt (compared by the first 5
    letters), and an eighth less for each one that it has. It is 0 for answers of fewer than 40
    words of prose, for prompts of fewer than 3 content words, and unless both are in the same
    supported language.

    Cost: O(len(text) + len(prompt)).
    """
    answered, asked = _words(text), _words(prompt)
    if len(answered) < _MIN_DRIFTING_WORDS:
        return 0.0
    language = recognise(asked)
    if not language or recognise(answered) != language:
        return 0.0
    topic = _stems(asked, language)
    if len(topic) < _MIN_TOPIC_STEMS:
        return 0.0
    taken_up = len(topic & _stems(answered, language))
    return max(0.0, 1.0 - taken_up / min(len(topic), _TOPIC_STEMS))


def telegraphing(text: str, _prompt: str = "") -> float:
    """Return the severity of telegraphic style, see :func:`analyse`; 0 below 12 words of prose.

    Cost: O(len(text)).
    """
    return analyse(text).severity if len(_words(text)) >= _MIN_TELEGRAPHING_WORDS else 0.0


def hedging(text: str, _prompt: str = "") -> float:
    """Return the number of expressions of doubt for each sentence, at most 1.

    An answer of fewer than 4 sentences counts as 4 sentences, so that one "maybe" never fails.
    Only whole words count: "unlikely" does not count as "likely".

    Cost: O(len(text)).
    """
    found = [each.words for block in prose_blocks(text) for each in sentences(block)]
    language = recognise([word for words in found for word in words])
    if not language:
        return 0.0
    hedges = vocabulary(language).hedges
    count = sum(_count(words, hedges) for words in found)
    return min(1.0, count / max(len(found), _MIN_HEDGED_SENTENCES))


def _repeated(items: Sequence[Hashable]) -> float:
    """Return the share of ``items`` that are equal to an earlier item."""
    return 1.0 - len(set(items)) / len(items)


def _phrases(tokens: Sequence[str]) -> list[Hashable]:
    return list(zip(*(tokens[at:] for at in range(_PHRASE_TOKENS)), strict=False))


def _is_broken(piece: str) -> bool:
    if PLACEHOLDER in piece:
        return False
    if _DAMAGED.search(piece) or _TWO_SCRIPTS.search(piece) or _NO_VOWELS.search(piece):
        return "/" not in piece
    return not any(map(str.isalnum, piece)) and _EMOJI.search(piece) is None


def _words(text: str) -> list[str]:
    return [
        word for block in prose_blocks(text) for each in sentences(block) for word in each.words
    ]


def _stems(words: Sequence[str], language: str) -> set[str]:
    function_words = grammar_of(language).function_words
    return {word[:_STEM_CHARS] for word in words if word not in function_words and len(word) > 2}


def _count(words: Sequence[str], hedges: frozenset[tuple[str, ...]]) -> int:
    """Return the number of hedges in ``words``; a hedge of several words counts once."""
    count = at = 0
    while at < len(words):
        length = next(
            (n for n in range(_MAX_HEDGE_WORDS, 0, -1) if tuple(words[at : at + n]) in hedges), 0
        )
        count += length > 0
        at += max(1, length)
    return count


QUALITY_CHECKS: Final[Mapping[str, QualityCheck]] = MappingProxyType(
    {
        check.name: check
        for check in (
            QualityCheck(
                "collapse",
                collapse,
                COLLAPSE_THRESHOLD,
                "Measures whether an answer has any content: 1 without a letter or digit, else the"
                " share of its most frequent letter.",
            ),
            QualityCheck(
                "drift",
                drift,
                DRIFT_THRESHOLD,
                "Measures how little a long answer takes up of the content words of its prompt.",
            ),
            QualityCheck(
                "hedging",
                hedging,
                HEDGING_THRESHOLD,
                "Measures the words and phrases of doubt for each sentence of an answer.",
            ),
            QualityCheck(
                "incoherence",
                incoherence,
                INCOHERENCE_THRESHOLD,
                "Measures the share of an answer that is damaged or no text in any language.",
            ),
            QualityCheck(
                "looping",
                looping,
                LOOPING_THRESHOLD,
                "Measures the share of an answer that repeats its own lines or phrases.",
            ),
            QualityCheck(
                "telegraphing",
                telegraphing,
                TELEGRAPHING_THRESHOLD,
                "Measures the severity of telegraphic style in an answer of at least 12 words.",
            ),
        )
    }
)
"""Checks by name, sorted by name."""
