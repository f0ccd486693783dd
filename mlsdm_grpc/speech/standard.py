"""Standard analysis of style: prose only, by language, decided by severity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mlsdm_grpc.speech.languages import is_in_script, recognise
from mlsdm_grpc.speech.prose import prose_blocks
from mlsdm_grpc.speech.report import Flag, Profile, SpeechReport
from mlsdm_grpc.speech.sentence_patterns import Grammar, grammar_of
from mlsdm_grpc.speech.tokens import Sentence, sentences
from mlsdm_grpc.speech.vocabulary import LANGUAGES, shared_words

__all__ = ["SEVERITY_THRESHOLD", "analyse_standard"]

SEVERITY_THRESHOLD: Final = 0.3
"""Severity from which a text counts as telegraphic."""

_MIN_WORDS: Final = 3
# A single sentence needs this many words, because a short one may be complete without function
# words. With commas, one word less is enough.
_MIN_SINGLE_WORDS: Final = 5
# Assumed minimum length of a text, words. Missing words count as good, because few words are weak
# evidence.
_MIN_EVIDENCE_WORDS: Final = 8
_MIN_MIXED_SENTENCES: Final = 4
_MIXED_SHARE: Final = 0.5
# Weight of an addition to the severity: the share of sentences without grammar above
# ``_MIXED_SHARE``. With it, one long complete sentence does not outweigh many short ones without
# grammar.
_MIXED_WEIGHT: Final = 0.2
_MIN_SENTENCE_LEN: Final = 6.0
_MAX_FRAGMENT_RATIO: Final = 0.5
_FRAGMENT_TOKENS: Final = 4


def analyse_standard(text: str, language: str | None = None) -> SpeechReport:
    """Return a report on the style of the prose in ``text``.

    Severity is the share of words in sentences without grammar. A sentence with part of the
    required grammar counts in part. If most sentences lack grammar, the severity is increased.
    Greetings, thanks and assent are ignored.

    Args:
        text: Any text.
        language: ISO 639-1 code, with or without a region; None detects the language.

    Cost: O(len(text)).
    """
    if not text.strip():
        return _abstention(Flag.EMPTY_TEXT)
    if not any(map(str.isalnum, text)):
        return _abstention(Flag.NO_SENTENCE_BOUNDARIES)
    found = [each for block in prose_blocks(text) for each in sentences(block)]
    words = [word for sentence in found for word in sentence.words]
    if len(words) < _MIN_WORDS or (len(found) == 1 and _is_brief(found[0])):
        return _abstention()
    known = recognise(words) if language is None else _named(language, words)
    return _judged(found, grammar_of(known)) if known else _abstention()


def _is_brief(sentence: Sentence) -> bool:
    """Return True if a single sentence is too short to assess: "Mary left yesterday."."""
    parts = sentence.parts()
    is_answer = len(parts[0]) == 1 and parts[0][0] in shared_words().answers
    pauses = sentence.pause_count - is_answer
    return len(sentence.words) - is_answer < _MIN_SINGLE_WORDS - bool(pauses)


def _named(language: str, words: Sequence[str]) -> str:
    """Return the language that the caller names; empty if it is unknown or malformed."""
    name = language.strip().lower().replace("_", "-").split("-")[0]
    return name if name in LANGUAGES and is_in_script(words, name) else ""


def _judged(found: Sequence[Sentence], grammar: Grammar) -> SpeechReport:
    split = [
        [grammar.split(part) for part in sentence.parts()] for sentence in found if sentence.words
    ]
    words = [word for sentence in split for part in sentence for word in part]
    average = sum(sentence.token_count for sentence in found) / len(found)
    ratio = sum(word in grammar.function_words for word in words) / len(words)
    fragments = sum(s.token_count < _FRAGMENT_TOKENS for s in found) / len(found)
    broken = {
        Flag.SHORT_SENTENCES: average < _MIN_SENTENCE_LEN,
        Flag.LOW_FUNCTION_WORDS: ratio < grammar.vocabulary.min_function_word_ratio,
        Flag.HIGH_FRAGMENT_RATIO: fragments > _MAX_FRAGMENT_RATIO,
    }
    severity = _severity(split, grammar)
    return SpeechReport(
        is_aphasic=severity >= SEVERITY_THRESHOLD,
        severity=severity,
        avg_sentence_len=average,
        function_word_ratio=ratio,
        fragment_ratio=fragments,
        flags=tuple(flag for flag, is_broken in broken.items() if is_broken),
        language=grammar.language,
        abstained=False,
        profile=Profile.STANDARD,
    )


def _severity(split: Sequence[Sequence[Sequence[str]]], grammar: Grammar) -> float:
    words: list[int] = []
    deficits: list[float] = []
    for parts in split:
        said_words = [word for part in parts for word in part]
        if not grammar.is_formula(said_words):
            words.append(len(said_words))
            deficits.append(grammar.deficit(parts, is_alone=len(split) == 1))
    missing = sum(n * deficit for n, deficit in zip(words, deficits, strict=True))
    severity = missing / max(_MIN_EVIDENCE_WORDS, sum(words))
    if severity and len(deficits) >= _MIN_MIXED_SENTENCES:
        severity += _MIXED_WEIGHT * max(0.0, sum(deficits) / len(deficits) - _MIXED_SHARE)
    return min(1.0, severity)


def _abstention(*flags: Flag) -> SpeechReport:
    return SpeechReport(
        is_aphasic=False,
        severity=0.0,
        avg_sentence_len=0.0,
        function_word_ratio=0.0,
        fragment_ratio=0.0,
        flags=flags,
        language="",
        abstained=True,
        profile=Profile.STANDARD,
    )
