"""Detector of harm, which scores the words of a text and their context."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from mlsdm_grpc.governance.detectors.linear_model import load
from mlsdm_grpc.governance.detectors.text_passages import (
    BORDERLINE,
    DOUBTED,
    LIMIT,
    ReadText,
    RuleEvidence,
    weighed,
)
from mlsdm_grpc.governance.matching.findings import Finding, FindingKind
from mlsdm_grpc.governance.matching.rule_matcher import RuleMatcher
from mlsdm_grpc.governance.matching.rule_tables import read_rule_matcher

__all__ = ["NEUTRAL", "VERSION", "Harm", "harm_evidence", "score_harm"]

VERSION: Final = "lexical-2"
"""Version of the scores; it changes when a text may get another score than before."""
NEUTRAL: Final = 0.8
"""Moral value of a text without findings."""
# Moral value of a text whose score is just at ``BORDERLINE``.
_DOUBTED: Final = 0.6


@dataclass(frozen=True, slots=True)
class Harm:
    """Result of a harm scorer."""

    moral_value: float
    """Moral value, 0 (hostile) to 1; the built-in policy refuses values below 0.5."""
    findings: tuple[Finding, ...]


@cache
def _rules() -> RuleMatcher:
    return read_rule_matcher("harm")


def harm_evidence(read: ReadText) -> list[RuleEvidence]:
    """Return the matches of the harm rules in English, German, French, Spanish and Ukrainian.

    Cost: O(len(text)).
    """
    report = _rules().read(read.plain_words)
    found = [RuleEvidence(h.category, h.pattern, h.language, h.start, h.end) for h in report.hits]
    found += (RuleEvidence(DOUBTED, h.category, "", h.start, h.end) for h in report.doubtful)
    return found


def score_harm(read: ReadText) -> Harm:
    """Return the moral value of a text.

    Returns:
        0.8 without a finding; 0.5 to 0.6 for a borderline text; below 0.5, down to 0, for a harmful
        text. The value is the minimum over the passages of the text, not a sum. The detector is a
        first line of defence: it recognises explicit words, but no allusions.
    """
    found = weighed(read, FindingKind.HARM, load().harm, harm_evidence)
    if found.score >= LIMIT:
        return Harm(round(min(1.0 - found.score, LIMIT - 1e-4), 4), found.findings)
    if found.score >= BORDERLINE:
        edge = (LIMIT - found.score) / (LIMIT - BORDERLINE)
        return Harm(round(LIMIT + edge * (_DOUBTED - LIMIT), 4), found.findings)
    return Harm(NEUTRAL, ())
