"""Attempts to change, uncover or override what a language model was told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from mlsdm_grpc.governance.detectors.injection_rules import EXCLUSIONS, RULES
from mlsdm_grpc.governance.matching.decoding import hidden_letters, hidden_texts
from mlsdm_grpc.governance.matching.findings import Finding, FindingKind
from mlsdm_grpc.governance.matching.markup import find_markup
from mlsdm_grpc.governance.matching.normalization import Folded, plain
from mlsdm_grpc.governance.matching.rule_matcher import MAX_HITS, RuleMatcher
from mlsdm_grpc.governance.words.injection import TABLES

__all__ = ["LIKE", "LIMIT", "Injection", "detect"]

LIMIT: Final = 0.5
"""A text that scores this or more is an attempt."""
LIKE: Final = 0.45
"""Likeness from which a text is an attempt although no rule says so: 2 % of harmless examples reach
it in cross-validation."""
_DOUBT: Final = 0.4
"""Part of its certainty that a match keeps where its context speaks against it."""
_INVISIBLE: Final = re.compile(r"[\u200b-\u200f\u2060-\u2064\ufeff\U000e0020-\U000e007f]{16,}")
_INVISIBLE_SCORE: Final = 0.6


@dataclass(frozen=True, slots=True)
class Injection:
    """What the detector says of a text."""

    score: float
    """0 to 1, the highest over the places of the text; ``LIMIT`` and more is an attempt."""
    findings: tuple[Finding, ...]
    """Sorted by place, at most ``MAX_HITS`` of each kind of evidence."""

    def liked(self, likeness: float) -> Injection:
        """Return the same, or a higher score where the text is much like examples of attempts."""
        if likeness < LIKE:
            return self
        score = LIMIT + (1.0 - LIMIT) / 2 * (likeness - LIKE) / (1.0 - LIKE)
        return replace(self, score=max(self.score, round(score, 4)))


def detect(text: str) -> Injection:
    """Return how surely ``text`` tries to steer a model against its instructions.

    The text is folded first; what is encoded in it once is read as well. Categories:
    instruction_override, system_prompt_probe, role_hijack, jailbreak, fake_markup, obfuscated,
    indirect, exfiltration.

    Args:
        text: In English, German, French, Spanish or Ukrainian; others score by markup only.

    Cost: O(len(text)).
    """
    folded = plain(text)
    reading = _grammar().read(folded)
    found = [_finding(hit.category, hit.start, hit.end, hit.certainty) for hit in reading.hits]
    found += _marks(folded)
    found += _hidden(text, folded)
    found += (
        _finding("obfuscated", *match.span(), _INVISIBLE_SCORE)
        for match in _INVISIBLE.finditer(text)
    )
    score = max([each.score for each in found], default=0.0)
    score = max(score, reading.certainty, _DOUBT * reading.doubted)
    return Injection(score, tuple(sorted(found, key=lambda each: (each.start, each.end))))


@cache
def _grammar() -> RuleMatcher:
    return RuleMatcher(TABLES, RULES, EXCLUSIONS)


def _finding(category: str, start: int, end: int, score: float) -> Finding:
    return Finding(FindingKind.INJECTION, category, start, end, score)


def _marks(folded: Folded) -> Iterator[Finding]:
    for _, (start, end, certainty) in zip(range(MAX_HITS), find_markup(folded.text), strict=False):
        yield _finding("fake_markup", folded.origin[start], folded.origin[end - 1] + 1, certainty)


def _hidden(text: str, folded: Folded) -> Iterator[Finding]:
    for hidden in hidden_texts(text):
        for hit in _grammar().read(plain(hidden.text)).hits:
            start, end = hidden.span(hit.start, hit.end, len(text))
            yield _finding("obfuscated", start, end, hit.certainty)
    for hidden, hint in hidden_letters(folded.text):
        for hit in _grammar().read(Folded(hidden.text, range(len(hidden.text) + 1))).hits:
            start, end = hidden.span(hit.start, hit.end, len(folded.text))
            if hint.search(folded.text, start, end):
                first, last = folded.origin[start], folded.origin[end - 1] + 1
                yield _finding("obfuscated", first, last, hit.certainty)
