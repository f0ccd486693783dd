"""Passages of a text, weighed by the linear model: where it is hostile, how surely, and why."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Final, NamedTuple

from mlsdm_grpc.governance.detectors.linear_model import (
    LinearHead,
    Passage,
    WordFeatures,
    evidence_ids,
    word_features,
)
from mlsdm_grpc.governance.matching.findings import (
    CONTEXT_CHARS,
    MAX_MATCH_CHARS,
    Finding,
    FindingKind,
    merged,
)
from mlsdm_grpc.governance.matching.normalization import Folded, plain
from mlsdm_grpc.governance.matching.rule_matcher import MAX_HITS

__all__ = [
    "BORDERLINE",
    "DOUBTED",
    "LIKENESS",
    "LIMIT",
    "ReadText",
    "RuleEvidence",
    "Weighed",
    "weighed",
]

LIMIT: Final = 0.5
"""Score from which a passage is hostile."""
BORDERLINE: Final = 0.2
"""Score from which a passage has a finding, although it is not hostile."""
DOUBTED: Final = "doubted"
"""Category of a match that its context speaks against: it is weighed, and no finding."""
LIKENESS: Final = "likeness"
"""Category and rule of a finding that no rule has part in."""
_WINDOW_WORDS: Final = 60
_STEP_WORDS: Final = 30
_REACHES_CHARS: Final = ((60, 0.1), (20, 0.15))
"""Characters around a match that are weighed with it, some of its context and its sentence, and how
much higher the cut is: there are more such passages than windows."""
_FARTHEST_CHARS: Final = MAX_MATCH_CHARS - CONTEXT_CHARS - 2
"""Characters behind the start of a match that are weighed with it at most."""
_SHOWN_WORDS: Final = 8
"""Words of the place that is shown where no rule has part in a decision."""


class RuleEvidence(NamedTuple):
    """A match of a rule: what may be hostile if its passage is."""

    category: str
    rule: str
    """Pattern of the rule, or kind of the mark."""
    language: str
    """ISO 639-1; empty for marks and code."""
    start: int
    end: int


class ReadText:
    """A text that several detectors read, each part of the work done once.

    Args:
        text: As given.
        in_pieces: It is judged in pieces as it is made, so only what lies within
            ``MAX_MATCH_CHARS`` of a place may decide about it.
    """

    def __init__(self, text: str, *, in_pieces: bool = False) -> None:
        self.text = text
        self.in_pieces = in_pieces

    @cached_property
    def folded(self) -> Folded:
        """The text in its plain form."""
        return plain(self.text)

    @cached_property
    def words(self) -> list[WordFeatures]:
        """The features of all its words."""
        return word_features(self.folded)

    @cached_property
    def windows(self) -> list[tuple[Passage, int, int]]:
        """Overlapping passages that cover it, each with its first character and its end."""
        found = []
        for first in range(0, max(len(self.words) - _STEP_WORDS, 1), _STEP_WORDS):
            words = self.words[first : first + _WINDOW_WORDS]
            start = words[0].start if first else 0
            end = words[-1].end if first + _WINDOW_WORDS < len(self.words) else len(self.text)
            found.append((Passage.of(words), start, end))
        return found


class Weighed(NamedTuple):
    """The judgement of a text."""

    score: float
    """Calibrated, 0 to 1, the highest of its passages; ``LIMIT`` and more is hostile."""
    findings: tuple[Finding, ...]
    """Places in the passages of at least ``BORDERLINE``, by rising start."""


def weighed(
    read: ReadText, kind: FindingKind, head: LinearHead, evidence: Sequence[RuleEvidence]
) -> Weighed:
    """Weigh the passages of a text.

    Args:
        read: The text.
        kind: Of the findings.
        head: The question.
        evidence: Matches of rules.

    Returns:
        Findings, at most ``MAX_HITS``, are the matches of rules in hostile and borderline passages;
        in one without any, the words that weigh most.

    Cost: O(len(text)), about 5 us a word.
    """
    best = 0.0
    findings = list[Finding]()
    for passage, inside in _passages(read, evidence):
        ids = {
            number
            for each in inside
            for number in evidence_ids(each.category, each.rule, each.language)
        }
        score = round(head.score(passage, ids), 4)
        best = max(best, score)
        if score >= BORDERLINE and (passage.words or inside):
            findings += (
                Finding(kind, each.category, each.start, each.end, score, each.language, each.rule)
                for each in [e for e in inside if e.category != DOUBTED]
                or [_strongest(head, passage.words)]
            )
    places = merged(sorted(findings, key=lambda each: (each.start, each.end)))
    return Weighed(best, tuple(places[:MAX_HITS]))


def _passages(
    read: ReadText, evidence: Sequence[RuleEvidence]
) -> Iterator[tuple[Passage, Sequence[RuleEvidence]]]:
    """Yield the passages of a text: what stands close around each match, and its windows."""
    yield from _pieces(read, evidence)
    if not read.in_pieces:
        for window, start, end in read.windows:
            yield window, [each for each in evidence if each.start < end and each.end > start]


def _pieces(
    read: ReadText, evidence: Sequence[RuleEvidence]
) -> Iterator[tuple[Passage, Sequence[RuleEvidence]]]:
    """Yield what stands around each match that its context does not speak against."""
    matches = [each for each in evidence if each.category != DOUBTED]
    for each, (reach, raised) in itertools.product(matches, _REACHES_CHARS):
        start = max(each.start - reach, 0)
        end = min(each.end + reach, each.start + _FARTHEST_CHARS)
        cut = plain(read.text[max(start - 1, 0) : end + 1])
        words = word_features(cut, min(start, 1), len(cut.text) - (end < len(read.text)))
        yield Passage.of(words, raised), [each]


def _strongest(head: LinearHead, words: Sequence[WordFeatures]) -> RuleEvidence:
    weights = [head.contribution(each) for each in words]
    best = max(
        range(max(len(words) - _SHOWN_WORDS, 0) + 1),
        key=lambda first: sum(weights[first : first + _SHOWN_WORDS]),
    )
    shown = words[best : best + _SHOWN_WORDS]
    return RuleEvidence(LIKENESS, LIKENESS, "", shown[0].start, shown[-1].end)
