"""Places in a text that a detector points at. They never hold the text itself.

Locality: whatever decides about a finding (the match, and the negation, context or quotation that
speaks against it) lies within ``MAX_MATCH_CHARS`` characters, of which at most ``CONTEXT_CHARS``
stand before the place itself. So a window of text that has that much around a place judges it as
the whole text does, and a stream may let go of what is farther behind.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

__all__ = ["CONTEXT_CHARS", "MAX_MATCH_CHARS", "Finding", "FindingKind", "merged", "redact"]

MAX_MATCH_CHARS: Final = 512
"""Characters of the given text that a finding and its context span at most."""
CONTEXT_CHARS: Final = 256
"""Characters before the start of a finding that its context reaches back at most."""


class FindingKind(enum.IntEnum):
    """Kind of a finding; the numbers are those of the API."""

    PERSONAL_DATA = 1
    SECRET = 2
    INJECTION = 3
    HARM = 4


_REDACTED: Final = frozenset({FindingKind.PERSONAL_DATA, FindingKind.SECRET})


@dataclass(frozen=True, slots=True)
class Finding:
    """One place of a text."""

    kind: FindingKind
    category: str
    """Class within the kind, lower case, for example ``iban``."""
    start: int
    """First character of the place in the given text."""
    end: int
    """First character after the place, greater than ``start``."""
    score: float
    """Certainty, 0 to 1."""
    language: str = ""
    """ISO 639-1 code of the words that were found; empty where it does not matter."""
    rule: str = ""
    """Pattern or kind of mark that was found; ``likeness`` where the words as a whole decided."""


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings without repeats: overlapping places of one category become one.

    Args:
        findings: By rising start.

    Returns:
        By rising start, each with the highest score of its places.

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
        text: The text that was searched.
        findings: In any order. Places of other kinds stay. Overlapping places become one, named
            after the one that begins first and, of those, the longest.

    Returns:
        The text with ``[category]`` in place of each place.

    Cost: O(len(text) + n log n).
    """
    places = sorted(
        (each for each in findings if each.kind in _REDACTED),
        key=lambda each: (each.start, -each.end),
    )
    parts: list[str] = []
    kept = 0
    for place in places:
        if place.start >= kept:
            parts += text[kept : place.start], f"[{place.category}]"
        kept = max(kept, place.end)
    parts.append(text[kept:])
    return "".join(parts)
