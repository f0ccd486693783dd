"""Report on the style of a text."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

__all__ = ["Flag", "Profile", "SpeechReport"]


class Profile(IntEnum):
    """Sets of rules, with the numbers of ``mlsdm.v1.SpeechProfile``."""

    STANDARD = 1
    """Tokenises prose only, in several languages; decides by severity."""
    LEGACY = 2
    """The original detector: splits at white space, English only; decides by any flag."""


class Flag(IntEnum):
    """Reasons to call a text telegraphic, with the numbers of ``mlsdm.v1.SpeechFlag``."""

    SHORT_SENTENCES = 1
    LOW_FUNCTION_WORDS = 2
    HIGH_FRAGMENT_RATIO = 3
    EMPTY_TEXT = 4
    NO_SENTENCE_BOUNDARIES = 5


@dataclass(frozen=True, slots=True)
class SpeechReport:
    """Style of a text; the fields equal those of ``mlsdm.v1.SpeechReport``."""

    is_aphasic: bool
    """True if the text is telegraphic; False if the analysis abstained."""
    severity: float
    """Severity, 0 (good) to 1; 0 if the analysis abstained."""
    avg_sentence_len: float
    """Mean number of tokens of a sentence, at least 0."""
    function_word_ratio: float
    """Function words divided by words, 0 to 1; in the legacy profile divided by tokens."""
    fragment_ratio: float
    """Share of sentences with fewer than 4 tokens, 0 to 1."""
    flags: tuple[Flag, ...]
    """Flags in ascending order, without duplicates."""
    language: str
    """Language whose function words were counted, ISO 639-1; empty if unknown."""
    abstained: bool
    """True if the text is too short or there is no word list; other fields then mean nothing."""
    profile: Profile
