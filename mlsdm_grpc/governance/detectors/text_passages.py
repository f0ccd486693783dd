"""Passages of a text, with their scores by the linear model and the rule matches in them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Final, NamedTuple

from mlsdm_grpc.governance.detectors.linear_model import LinearHead, evidence_ids, score_of
from mlsdm_grpc.governance.detectors.word_features import Passage, TextFeatures, WordFeatures
from mlsdm_grpc.governance.matching.decoding import Hidden, hidden_texts
from mlsdm_grpc.governance.matching.findings import (
    CONTEXT_CHARS,
    MAX_MATCH_CHARS,
    Finding,
    FindingKind,
    merged,
)
from mlsdm_grpc.governance.matching.normalization import Folded, plain
from mlsdm_grpc.governance.matching.plain_words import PlainWords
from mlsdm_grpc.governance.matching.rule_matcher import MAX_HITS

__all__ = [
    "BORDERLINE",
    "DOUBTED",
    "LIKENESS",
    "LIMIT",
    "ReadText",
    "RuleEvidence",
    "Weighed",
    "match_surroundings",
    "weighed",
]

LIMIT: Final = 0.5
"""Lowest score of a hostile passage."""
BORDERLINE: Final = 0.35
"""Lowest score at which a passage gets a finding, even if it is not hostile."""
DOUBTED: Final = "doubted"
"""Category of a match that its context contradicts; the model reads it, but it is no finding."""
LIKENESS: Final = "likeness"
"""Category and rule of a finding that rests on the model alone, without a rule match."""
# Distance from the cut below which a score is less than ``BORDERLINE``.
_NEAR_BORDERLINE: Final = -0.7
_WINDOW_WORDS: Final = 60
_STEP_WORDS: Final = 30
# Passages around a match: characters on each side, with an increase of the cut. The increase
# compensates for the larger number of passages that are scored.
_REACHES_CHARS: Final = ((60, 0.7), (20, 0.8), (4, 0.4))
_OBFUSCATED: Final = "obfuscated"
# Maximum extent of such a passage after the start of the match, characters.
_FARTHEST_CHARS: Final = MAX_MATCH_CHARS - CONTEXT_CHARS - 2
# Number of words that a finding without a rule match marks.
_SHOWN_WORDS: Final = 8


class RuleEvidence(NamedTuple):
    """Match of a rule. It becomes a finding only if the model scores its passage high enough."""

    category: str
    rule: str
    """Pattern of the rule, or kind of markup."""
    language: str
    """ISO 639-1 code; empty for markup and encoded text."""
    start: int
    end: int


class ReadText:
    """Text that several detectors read; intermediate results are computed once and shared.

    Args:
        text: Original text.
        in_pieces: Whether the text is evaluated in pieces while it is generated. Then only the
            ``MAX_MATCH_CHARS`` characters around a match count.
        is_decoded: Whether the text was decoded from another one; it is then not decoded further.
    """

    def __init__(self, text: str, *, in_pieces: bool = False, is_decoded: bool = False) -> None:
        self.text = text
        self.in_pieces = in_pieces
        self.is_decoded = is_decoded

    @cached_property
    def encoded(self) -> list[Hidden]:
        """Texts that are encoded in this text, decoded one level."""
        return [] if self.is_decoded else list(hidden_texts(self.text))

    @cached_property
    def hidden(self) -> list[tuple[Hidden, ReadText]]:
        """The encoded texts as texts to read; empty if the text is evaluated in pieces."""
        if self.in_pieces:
            return []
        return [(each, ReadText(each.text, is_decoded=True)) for each in self.encoded]

    @cached_property
    def folded(self) -> Folded:
        """Text in plain form."""
        return plain(self.text)

    @cached_property
    def plain_words(self) -> PlainWords:
        """Words that the lexicons search."""
        return PlainWords(self.folded)

    @cached_property
    def features(self) -> TextFeatures:
        """Features of all words."""
        return TextFeatures.of_text(self.plain_words)

    @cached_property
    def windows(self) -> list[tuple[Passage, int, int]]:
        """Overlapping passages that cover the text, each with start and end, characters."""
        features, count = self.features, len(self.features)
        firsts = range(0, max(count - _STEP_WORDS, 1), _STEP_WORDS)
        bounds = [(first, min(first + _WINDOW_WORDS, count)) for first in firsts]
        return [
            (
                passage,
                features.place(first)[0] if first else 0,
                features.place(last - 1)[1] if last < count else len(self.text),
            )
            for passage, (first, last) in zip(features.passages(bounds), bounds, strict=True)
        ]


class Weighed(NamedTuple):
    """Score and findings of a text."""

    score: float
    """Highest calibrated score over the passages, 0 to 1; ``LIMIT`` or more is hostile."""
    findings: tuple[Finding, ...]
    """Places in passages that score ``BORDERLINE`` or more, in order of their start."""


def weighed(
    read: ReadText,
    kind: FindingKind,
    head: LinearHead,
    evidence_of: Callable[[ReadText], Sequence[RuleEvidence]],
) -> Weighed:
    """Return score and findings of a text, including the texts that are encoded in it.

    Args:
        read: Text to score.
        kind: Kind of the findings.
        head: Head of the model.
        evidence_of: Function that returns the matches of rules in a text.

    Returns:
        Score and at most ``MAX_HITS`` findings. The findings are the rule matches in hostile and
        borderline passages. In such a passage without a match, the words with the largest weights
        are the finding.

    Cost: O(len(text)), about 5 us a word.
    """
    highest = -math.inf
    findings = list[Finding]()
    for passage, inside in _passages(read, evidence_of(read)):
        ids = {
            number
            for each in inside
            for number in evidence_ids(each.category, each.rule, each.language)
        }
        distance = passage.distance(head, ids)
        highest = max(highest, distance)
        if distance < _NEAR_BORDERLINE:
            continue
        score = score_of(distance)
        if score >= BORDERLINE and (passage or inside):
            findings += (
                Finding(kind, each.category, each.start, each.end, score, each.language, each.rule)
                for each in [e for e in inside if e.category != DOUBTED]
                or [_strongest(head, passage.words)]
            )
    best = score_of(highest)
    for outer, inner in read.hidden:
        found = weighed(inner, kind, head, evidence_of)
        best = max(best, found.score)
        for each in found.findings:
            start, end = outer.span(each.start, each.end, len(read.text))
            named = each
            if kind is FindingKind.INJECTION:
                named = replace(each, category=_OBFUSCATED, rule=each.category)
            findings.append(replace(named, start=start, end=end))
    places = merged(sorted(findings, key=lambda each: (each.start, each.end)))
    return Weighed(best, tuple(places[:MAX_HITS]))


def _passages(
    read: ReadText, evidence: Sequence[RuleEvidence]
) -> Iterator[tuple[Passage, Sequence[RuleEvidence]]]:
    """Yield the passages of a text: the surroundings of each match, then overlapping windows."""
    yield from match_surroundings(read, evidence)
    if not read.in_pieces:
        for window, start, end in read.windows:
            yield window, [each for each in evidence if each.start < end and each.end > start]


def match_surroundings(
    read: ReadText, evidence: Sequence[RuleEvidence]
) -> Iterator[tuple[Passage, Sequence[RuleEvidence]]]:
    """Yield the surroundings of each match, except matches that their context contradicts."""
    matches = [each for each in evidence if each.category != DOUBTED]
    for each, (reach, raised) in itertools.product(matches, _REACHES_CHARS):
        start = max(each.start - reach, 0)
        end = min(each.end + reach, each.start + _FARTHEST_CHARS)
        cut = plain(read.text[max(start - 1, 0) : end + 1])
        last = len(cut.text) - (end < len(read.text))
        features = TextFeatures.of_part(cut, min(start, 1), last)
        yield features.passages([(0, len(features))], raised)[0], [each]


def _strongest(head: LinearHead, words: Sequence[WordFeatures]) -> RuleEvidence:
    weights = [head.contribution(each.buckets) for each in words]
    best = max(
        range(max(len(words) - _SHOWN_WORDS, 0) + 1),
        key=lambda first: sum(weights[first : first + _SHOWN_WORDS]),
    )
    shown = words[best : best + _SHOWN_WORDS]
    return RuleEvidence(LIKENESS, LIKENESS, "", shown[0].start, shown[-1].end)
