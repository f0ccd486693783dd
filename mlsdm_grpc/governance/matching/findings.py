"""Findings of a detector: places in a text, without the text itself.

Locality: everything that decides about a finding lies within ``MAX_MATCH_CHARS`` characters: the
match, and any negation, context or quotation that contradicts it. At most ``CONTEXT_CHARS`` of them
are before the place. A window of that size around a place therefore gives the same result as the
whole text, and a stream can release the text before the window.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

__all__ = ["CONTEXT_CHARS", "MAX_MATCH_CHARS", "Finding", "FindingKind", "merged", "redact"]

MAX_MATCH_CHARS: Final = 512
"""Largest extent of a finding with its context, characters of the original text."""
CONTEXT_CHARS: Final = 256
"""Largest extent of the context before the start of a finding, characters."""


class FindingKind(enum.IntEnum):
    """Kinds of findings, with the numbers of the API."""

    PERSONAL_DATA = 1
    SECRET = 2
    INJECTION = 3
    HARM = 4


_REDACTED: Final = frozenset({FindingKind.PERSONAL_DATA, FindingKind.SECRET})


@dataclass(frozen=True, slots=True)
class Finding:
    """Place in a text that a detector reports."""

    kind: FindingKind
    category: str
    """Class within the kind, lower case, for example ``iban``."""
    start: int
    """Offset of the first character of the place in the original text."""
    end: int
    """Offset of the first character after the place; greater than ``start``."""
    score: float
    """Certainty, 0 to 1."""
    language: str = ""
    """Language of the matched words, ISO 639-1; empty if the finding depends on no language."""
    rule: str = ""
    """Pattern or kind of markup that matched; ``likeness`` if no rule matched."""


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings in which overlapping places of one category are joined.

    Args:
        findings: Findings in order of their start.

    Returns:
        Findings in order of their start, each with the highest score of its places.

    Cost: O(n).
    """
    found = list[Finding]()
    last = dict[tuple[FindingKind, str], int]()
    for each in findings:
        at = last.get((each.kind, each.category))
        if at is not None and each.start < found[at].end:
            known = found[at]
            found[at] = replace(
                known, end=max(known.end, each.end), score=max(known.score, each.score)
            )
        else:
            last[each.kind, each.category] = len(found)
            found.append(each)
    return found


def redact(text: str, findings: Iterable[Finding]) -> str:
    """Return ``text`` with each place of personal data and secrets replaced by its category.

    Args:
        text: Text that was searched.
        findings: Findings in any order. Findings of other kinds are ignored. Overlapping places
            are joined; the one that starts first names them, and of several the longest.

    Returns:
        Text with ``[category]`` instead of each place.

    Cost: O(len(text) + n log n).
    """
    places = sorted(
        (each for each in findings if each.kind in _REDACTED),
        key=lambda each: (each.start, -each.end),
    )
    parts: list[str] = []
    kept = 0
    for place in places:
        # Overlapping places are joined; the first one names them.
        if place.start >= kept:
            parts += text[kept : place.start], f"[{place.category}]"
        kept = max(kept, place.end)
    parts.append(text[kept:])
    return "".join(parts)
