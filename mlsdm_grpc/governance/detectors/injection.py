"""Detector of attempts to change, reveal or override the instructions of a language model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from mlsdm_grpc.governance.detectors.linear_model import load
from mlsdm_grpc.governance.detectors.text_passages import (
    DOUBTED,
    ReadText,
    RuleEvidence,
    weighed,
)
from mlsdm_grpc.governance.matching.decoding import hidden_letters
from mlsdm_grpc.governance.matching.findings import Finding, FindingKind
from mlsdm_grpc.governance.matching.markup import find_markup
from mlsdm_grpc.governance.matching.normalization import Folded, plain
from mlsdm_grpc.governance.matching.plain_words import PlainWords
from mlsdm_grpc.governance.matching.rule_matcher import MAX_HITS, RuleMatch, RuleMatcher
from mlsdm_grpc.governance.matching.rule_tables import read_rule_matcher

__all__ = ["Injection", "injection_evidence", "score_injection"]

_INVISIBLE: Final = re.compile(r"[\u200b-\u200f\u2060-\u2064\ufeff\U000e0020-\U000e007f]{16,}")


@dataclass(frozen=True, slots=True)
class Injection:
    """Result of the injection detector."""

    score: float
    """Highest score over the passages of the text, 0 to 1; ``LIMIT`` or more is hostile."""
    findings: tuple[Finding, ...]
    """Findings in order of their start."""


def score_injection(read: ReadText) -> Injection:
    """Return the probability that a text tries to override the instructions of a model.

    The text is normalised first, and text encoded in it is decoded one level deep. Categories:
    instruction_override, system_prompt_probe, role_hijack, jailbreak, fake_markup, obfuscated,
    indirect, exfiltration; and likeness, if the model finds a passage hostile without a rule match.

    Cost: O(len(text)).
    """
    return Injection(*weighed(read, FindingKind.INJECTION, load().injection, injection_evidence))


def injection_evidence(read: ReadText) -> list[RuleEvidence]:
    """Return the matches of rules, markup and encoded text.

    Cost: O(len(text)).
    """
    report = _rules().read(read.plain_words)
    found = [RuleEvidence(h.category, h.pattern, h.language, h.start, h.end) for h in report.hits]
    # Doubtful matches are input of the model but never become findings.
    found += (RuleEvidence(DOUBTED, h.category, "", h.start, h.end) for h in report.doubtful)
    found += _marks(read.folded)
    found += _hidden(read)
    found += (
        RuleEvidence("obfuscated", "invisible", "", *match.span())
        for match in _INVISIBLE.finditer(read.text)
    )
    return found


@cache
def _rules() -> RuleMatcher:
    return read_rule_matcher("injection")


def _marks(folded: Folded) -> Iterator[RuleEvidence]:
    for _, mark in zip(range(MAX_HITS), find_markup(folded.text), strict=False):
        start, end = folded.origin[mark.start], folded.origin[mark.end - 1] + 1
        yield RuleEvidence("fake_markup", mark.kind, "", start, end)


def _hidden(read: ReadText) -> Iterator[RuleEvidence]:
    text, folded = read.text, read.folded
    for hidden in read.encoded:
        for hit in _rules().read(PlainWords(plain(hidden.text))).hits:
            yield _behind_code(hit, *hidden.span(hit.start, hit.end, len(text)))
    # Rot13 and reversed text count only if the match contains a word that reveals the encoding.
    for hidden, hint in () if read.is_decoded else hidden_letters(folded.text):
        turned = Folded(hidden.text, range(len(hidden.text) + 1))
        for hit in _rules().read(PlainWords(turned)).hits:
            start, end = hidden.span(hit.start, hit.end, len(folded.text))
            if hint.search(folded.text, start, end):
                yield _behind_code(hit, folded.origin[start], folded.origin[end - 1] + 1)


def _behind_code(hit: RuleMatch, start: int, end: int) -> RuleEvidence:
    return RuleEvidence("obfuscated", hit.category, "", start, end)
