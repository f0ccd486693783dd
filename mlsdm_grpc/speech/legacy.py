"""Detector of the original model, reproduced exactly for comparison.

It ends a sentence at every full stop and supports only English, so it classifies code, other
languages and much technical prose as telegraphic. Use ``standard`` instead.
"""

from __future__ import annotations

import re
from typing import Final

from mlsdm_grpc.speech.report import Flag, Profile, SpeechReport

__all__ = ["analyse_legacy"]

_MIN_SENTENCE_LEN: Final = 6.0
_MIN_FUNCTION_WORD_RATIO: Final = 0.15
_MAX_FRAGMENT_RATIO: Final = 0.5
_FRAGMENT_TOKENS: Final = 4
_SENTENCE_END: Final = re.compile(r"[.!?]+")
# Word list of the original detector; it is part of the definition and must not change.
_FUNCTION_WORDS: Final = frozenset(
    (
        *("the", "a", "an", "and", "or", "but", "if", "that", "which", "who", "to", "of", "in"),
        *("on", "at", "for", "with", "by", "as", "is", "are", "was", "were", "be", "been", "being"),
    )
)


def analyse_legacy(text: str) -> SpeechReport:
    """Return the report of the original detector.

    Any flag makes a text telegraphic; the detector never abstains.

    Cost: O(len(text)).
    """
    if not text.strip():
        return _nothing(Flag.EMPTY_TEXT)
    sentences = [part.split() for part in _SENTENCE_END.split(text) if part.strip()]
    if not sentences:
        return _nothing(Flag.NO_SENTENCE_BOUNDARIES)
    tokens = [token.lower() for sentence in sentences for token in sentence]
    average = len(tokens) / len(sentences)
    ratio = sum(token in _FUNCTION_WORDS for token in tokens) / len(tokens)
    fragments = sum(len(sentence) < _FRAGMENT_TOKENS for sentence in sentences) / len(sentences)
    excesses = {
        Flag.SHORT_SENTENCES: (_MIN_SENTENCE_LEN - average) / _MIN_SENTENCE_LEN,
        Flag.LOW_FUNCTION_WORDS: (_MIN_FUNCTION_WORD_RATIO - ratio) / _MIN_FUNCTION_WORD_RATIO,
        Flag.HIGH_FRAGMENT_RATIO: (fragments - _MAX_FRAGMENT_RATIO) / _MAX_FRAGMENT_RATIO,
    }
    flags = tuple(flag for flag, excess in excesses.items() if excess > 0)
    return SpeechReport(
        is_aphasic=bool(flags),
        severity=min(1.0, sum(excesses[flag] for flag in flags) / len(excesses)),
        avg_sentence_len=average,
        function_word_ratio=ratio,
        fragment_ratio=fragments,
        flags=flags,
        language="en",
        abstained=False,
        profile=Profile.LEGACY,
    )


def _nothing(flag: Flag) -> SpeechReport:
    return SpeechReport(
        is_aphasic=True,
        severity=1.0,
        avg_sentence_len=0.0,
        function_word_ratio=0.0,
        fragment_ratio=1.0,
        flags=(flag,),
        language="en",
        abstained=False,
        profile=Profile.LEGACY,
    )
