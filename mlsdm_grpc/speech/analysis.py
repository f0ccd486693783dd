"""Analysis of the style of one text by the rules of a profile."""

from __future__ import annotations

from mlsdm_grpc.speech.legacy import analyse_legacy
from mlsdm_grpc.speech.report import Profile, SpeechReport
from mlsdm_grpc.speech.standard import analyse_standard

__all__ = ["analyse"]


def analyse(
    text: str, *, profile: Profile = Profile.STANDARD, language: str | None = None
) -> SpeechReport:
    """Return a report on whether ``text`` is telegraphic.

    Args:
        text: Any text. Up to 64 KiB is usual; the time grows linearly with the length.
        profile: STANDARD abstains below 3 words of prose, and for languages without a word list.
            LEGACY treats all texts as English and never abstains.
        language: ISO 639-1 code, with or without a region ("en-GB"); None or empty detects the
            language. STANDARD abstains for an unsupported language. LEGACY ignores this parameter.

    Returns:
        The report. It depends only on the arguments; surrounding white space is ignored.

    Cost: O(len(text)), at most about 1 microsecond a character.
    """
    if profile is Profile.LEGACY:
        return analyse_legacy(text)
    return analyse_standard(text, language or None)
