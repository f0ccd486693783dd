"""Verdicts of the rules on the measurement of a text.

The decision of a rule does not depend on its enforcement: a text gets the same decision in shadow
mode and enforced. Verdicts are cheap and use no regular expressions. Measurements are expensive and
run in text workers, see :mod:`mlsdm_grpc.governance.policy.measurement`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from mlsdm_grpc.core.model.policy import Decision, Enforcement, OnError
from mlsdm_grpc.governance.matching.findings import Finding, redact
from mlsdm_grpc.governance.policy.effective_policy import EffectivePolicy, EffectiveRule
from mlsdm_grpc.governance.policy.rules import FINDING_KINDS, MORAL_THRESHOLD, Stage

__all__ = [
    "Measurement",
    "Verdict",
    "enforced",
    "moral_verdict",
    "noteworthy",
    "redacted",
    "to_redact",
    "verdicts",
]


@dataclass(frozen=True, slots=True)
class Measurement:
    """Measurement of one text."""

    scores: Mapping[str, float | None] = field(default_factory=lambda: MappingProxyType({}))
    """Scores by rule_id; None if the detector failed."""
    moral_value: float | None = None
    """Moral value, 0 (harmful) to 1; None if it was not measured or its detector failed."""
    injection_score: float | None = None
    """Injection score, 0 to 1 (hostile); None if it was not measured or its detector failed."""
    findings: tuple[Finding, ...] = ()
    """Findings in order of their start."""
    unsearched: bool = False
    """True if the search for personal data and secrets failed; ``findings`` then lacks them."""

    def with_moral_value(self, value: float | None) -> Measurement:
        """Return a copy with another moral value, also as the score of the moral rules."""
        scores = {
            rule_id: value if rule_id.startswith("moral.") else score
            for rule_id, score in self.scores.items()
        }
        return replace(self, scores=scores, moral_value=value)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Verdict of one rule."""

    rule_id: str
    decision: Decision
    enforcement: Enforcement
    """SHADOW or ENFORCE."""
    score: float
    """Score of the rule; 0 if it could not be evaluated."""
    threshold: float
    policy_version: str
    stage: Stage
    on_error_applied: bool = False
    """True if the rule could not be evaluated, so that its on_error decided."""

    @property
    def carried_out(self) -> Decision:
        """Decision that takes effect; ALLOW if the rule is not enforced."""
        return self.decision if self.enforcement is Enforcement.ENFORCE else Decision.ALLOW


def verdicts(
    measurement: Measurement,
    policy: EffectivePolicy,
    stage: Stage,
    *,
    moral_threshold: float | None = None,
) -> tuple[Verdict, ...]:
    """Return the verdicts of all rules of a stage that are not off, sorted by rule_id.

    Args:
        measurement: Measurement of the text for the rules ``policy.of(stage)``. A missing score
            counts as a failed detector.
        policy: Effective policy of the tenant.
        stage: Stage at which the text is evaluated.
        moral_threshold: Current threshold of the space for the rule moral.threshold; None uses
            the initial threshold of new spaces.
    """
    scores = measurement.scores
    return tuple(
        [
            _verdict(rule, scores.get(rule.rule_id), policy, moral_threshold)
            for rule in policy.of(stage)
        ]
    )


def _verdict(
    rule: EffectiveRule,
    score: float | None,
    policy: EffectivePolicy,
    moral_threshold: float | None,
) -> Verdict:
    threshold = rule.threshold
    if rule.rule_id == MORAL_THRESHOLD and moral_threshold is not None:
        threshold = moral_threshold
    if score is None:
        decision = Decision.REFUSE if rule.on_error is OnError.REFUSE else Decision.ALLOW
    else:
        broken = rule.direction.breaks(score, threshold)
        decision = rule.decision if broken else Decision.ALLOW
    return Verdict(
        rule_id=rule.rule_id,
        decision=decision,
        enforcement=rule.enforcement,
        score=0.0 if score is None else score,
        threshold=threshold,
        policy_version=policy.version,
        stage=rule.stage,
        on_error_applied=score is None,
    )


def moral_verdict(
    policy: EffectivePolicy, *, score: float, threshold: float, failed: bool = False
) -> Verdict:
    """Return the verdict for an event that the moral filter of its space refused.

    Args:
        policy: Effective policy of the tenant.
        score: Moral value used for the decision.
        threshold: Threshold of the space before the event. Very low scores are refused regardless
            of the threshold.
        failed: Whether the text could not be scored.
    """
    return Verdict(
        rule_id=MORAL_THRESHOLD,
        decision=Decision.REFUSE,
        enforcement=Enforcement.ENFORCE,
        score=score,
        threshold=threshold,
        policy_version=policy.version,
        stage=Stage.PROMPT,
        on_error_applied=failed,
    )


def noteworthy(found: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """Return the verdicts that flag, change or refuse the text, or could not be evaluated."""
    return tuple(v for v in found if v.decision is not Decision.ALLOW or v.on_error_applied)


def enforced(found: Sequence[Verdict]) -> Decision:
    """Return the strictest decision that takes effect."""
    return max((verdict.carried_out for verdict in found), default=Decision.ALLOW)


def redacted(text: str, measurement: Measurement, found: Iterable[Verdict]) -> str:
    """Return a text in which the places that an enforced rule redacts are replaced.

    Args:
        text: Text that was measured.
        measurement: Measurement of the text.
        found: Verdicts of the rules.

    Cost: linear and without regular expressions, so it may run on the event loop.
    """
    return redact(text, to_redact(measurement, found))


def to_redact(measurement: Measurement, found: Iterable[Verdict]) -> list[Finding]:
    """Return the places that an enforced rule redacts; see :func:`redacted`."""
    wanted = {
        FINDING_KINDS[verdict.rule_id.partition(".")[0]]: verdict.threshold
        for verdict in found
        if verdict.carried_out is Decision.REDACT
    }
    return [f for f in measurement.findings if f.kind in wanted and f.score >= wanted[f.kind]]
