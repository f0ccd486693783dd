"""The moral value of a text, judged by its words and what stands around them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from mlsdm_grpc.governance.detectors.harm_rules import EXCLUSIONS, RULES
from mlsdm_grpc.governance.matching.findings import Finding, FindingKind
from mlsdm_grpc.governance.matching.normalization import plain
from mlsdm_grpc.governance.matching.rule_matcher import RuleMatcher
from mlsdm_grpc.governance.words import de, en, es, fr, uk

__all__ = ["LIKE", "NEUTRAL", "Harm", "LexicalScorer"]

NEUTRAL: Final = 0.8
"""Moral value of a text that nothing was found in."""
_DOUBTED: Final = 0.6
"""Moral value of a text with a match that its context speaks against."""
LIKE: Final = 0.45
"""Likeness from which a text is hostile although no rule says so: 2 % of harmless examples reach it
in cross-validation."""
_LIKE_VALUE: Final = 0.45
_HOSTILE: Final = 0.4
"""Moral value at certainty 0; certainty 1 is 0.0."""


@dataclass(frozen=True, slots=True)
class Harm:
    """What a scorer says of a text."""

    moral_value: float
    """0 (hostile) to 1; below 0.5 is refused by the built-in policy."""
    findings: tuple[Finding, ...]

    def liked(self, likeness: float) -> Harm:
        """Return the same, or a lower value where the text is much like examples of harm."""
        if likeness < LIKE:
            return self
        value = round(_LIKE_VALUE * (1.0 - (likeness - LIKE) / (1.0 - LIKE) / 2), 4)
        return replace(self, moral_value=min(self.moral_value, value))


class LexicalScorer:
    """Scores by word stems, distances and contexts, in English, German, French, Spanish, Ukrainian.

    The value of a text is the lowest over its places, never a sum over the text. It is a first
    line: it knows what is said openly, not what is hinted at.
    """

    version = "lexical-1"

    def __init__(self) -> None:
        self._grammar = RuleMatcher([each.HARM for each in (en, de, fr, es, uk)], RULES, EXCLUSIONS)

    def score(self, text: str) -> Harm:
        """Return the moral value of ``text``.

        Returns:
            0.8 where nothing was found, 0.6 where what was found is negated or in a benign
            context, else at most 0.2, and the places of the latter by category.

        Cost: O(len(text)).
        """
        reading = self._grammar.read(plain(text))
        findings = tuple(
            Finding(FindingKind.HARM, hit.category, hit.start, hit.end, hit.certainty)
            for hit in reading.hits
        )
        if reading.certainty:
            return Harm(round(_HOSTILE * (1.0 - reading.certainty), 4), findings)
        return Harm(_DOUBTED if reading.doubted else NEUTRAL, findings)
