"""Style of one text under the rules of a profile."""

from __future__ import annotations

from mlsdm_grpc.speech.legacy import analyse_legacy
from mlsdm_grpc.speech.report import Profile, SpeechReport
from mlsdm_grpc.speech.standard import analyse_standard

__all__ = ["analyse"]


def analyse(
    text: str, *, profile: Profile = Profile.STANDARD, language: str | None = None
) -> SpeechReport:
    """Return whether ``text`` is telegraphic, and what that rests on.

    Args:
        text: Any text; 64 KiB are meant, longer ones take proportionally longer.
        profile: STANDARD abstains below 3 words of prose and in languages without a word list.
            LEGACY takes everything for English and never abstains.
        language: ISO 639-1, with or without a region ("en-GB"); None or empty to recognise it. One
            that is not judged makes STANDARD abstain. Without effect in LEGACY.

    Returns:
        The measurement; equal texts give equal ones, white space around the text does not count.

    Cost: O(len(text)), of the order of 1 microsecond a character at most.
    """
    if profile is Profile.LEGACY:
        return analyse_legacy(text)
    return analyse_standard(text, language or None)
