"""Reports of the analysis of style."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

__all__ = ["Flag", "Profile", "SpeechReport"]


class Profile(IntEnum):
    """Set of rules; the numbers are those of ``mlsdm.v1.SpeechProfile``."""

    STANDARD = 1
    """Real tokenisation, prose only, several languages; decides by severity."""
    LEGACY = 2
    """The original detector: white-space tokens, English only; decides by any flag."""


class Flag(IntEnum):
    """Reason to call a text telegraphic; the numbers are those of ``mlsdm.v1.SpeechFlag``."""

    SHORT_SENTENCES = 1
    LOW_FUNCTION_WORDS = 2
    HIGH_FRAGMENT_RATIO = 3
    EMPTY_TEXT = 4
    NO_SENTENCE_BOUNDARIES = 5


@dataclass(frozen=True, slots=True)
class SpeechReport:
    """Style of one text; the fields are those of ``mlsdm.v1.SpeechReport``."""

    is_aphasic: bool
    """True if the text is telegraphic; False if the analysis abstained."""
    severity: float
    """Distance from the limits, 0 (good) to 1; 0 if the analysis abstained."""
    avg_sentence_len: float
    """Mean number of tokens in a sentence, at least 0."""
    function_word_ratio: float
    """Function words / words, 0 to 1; in the legacy profile function words / tokens."""
    fragment_ratio: float
    """Sentences below 4 tokens / sentences, 0 to 1."""
    flags: tuple[Flag, ...]
    """Flags in ascending order, without duplicates."""
    language: str
    """Language whose function words were counted, ISO 639-1; empty if unknown."""
    abstained: bool
    """True if the text is too short or has no word list; the other fields are then meaningless."""
    profile: Profile
