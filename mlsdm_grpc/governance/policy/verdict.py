"""What the rules say to what was measured of a text.

The decision of a rule never depends on its enforcement: the same content gets the same verdict in
shadow as enforced. Deciding is cheap and runs no expressions; measuring is not, and happens in text
workers, see :mod:`mlsdm_grpc.governance.policy.measurement`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from mlsdm_grpc.core.model.policy import Decision, Enforcement, OnError
from mlsdm_grpc.governance.matching.findings import Finding, FindingKind, redact
from mlsdm_grpc.governance.policy.effective_policy import EffectivePolicy, EffectiveRule
from mlsdm_grpc.governance.policy.rules import MORAL_THRESHOLD, Stage

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
    """What was measured of one text."""

    scores: Mapping[str, float | None] = field(default_factory=lambda: MappingProxyType({}))
    """By rule_id; None where the detector failed."""
    moral_value: float | None = None
    """0 to 1, low is harmful; None if it was not measured, or could not be."""
    injection_score: float | None = None
    """The same of injection, high is bad."""
    findings: tuple[Finding, ...] = ()
    """By rising start."""
    unsearched: bool = False
    """The search for personal data and secrets failed: ``findings`` has none of them."""

    def with_moral_value(self, value: float | None) -> Measurement:
        """Return the measurement with another moral value, in the scores of moral rules too."""
        scores = {
            rule_id: value if rule_id.startswith("moral.") else score
            for rule_id, score in self.scores.items()
        }
        return replace(self, scores=scores, moral_value=value)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement of one rule."""

    rule_id: str
    decision: Decision
    enforcement: Enforcement
    """SHADOW or ENFORCE."""
    score: float
    """0 where the rule could not be evaluated."""
    threshold: float
    policy_version: str
    stage: Stage
    on_error_applied: bool = False
    """The rule could not be evaluated; its on_error decided."""

    @property
    def carried_out(self) -> Decision:
        """What is to be done: ALLOW where the rule is not enforced."""
        return self.decision if self.enforcement is Enforcement.ENFORCE else Decision.ALLOW


def verdicts(
    measurement: Measurement,
    policy: EffectivePolicy,
    stage: Stage,
    *,
    moral_threshold: float | None = None,
) -> tuple[Verdict, ...]:
    """Return what each rule of a stage says, sorted by rule_id; rules that are off say nothing.

    Args:
        measurement: Of the text, with the rules ``policy.of(stage)``. A score that is missing in it
            counts as one that could not be measured.
        policy: What holds for the tenant.
        stage: Where the text is judged.
        moral_threshold: Limit of the rule moral.threshold: that of the space now; None is the one
            at which new spaces start.
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
    """Return the verdict about an event that the moral filter of its space has refused.

    Args:
        policy: What holds for the tenant.
        score: Moral value that the event was judged by.
        threshold: Of the space, before the event; the lowest values are refused whatever it is.
        failed: The text could not be scored.
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
    """Return the verdicts that did not allow something, or could not tell."""
    return tuple(v for v in found if v.decision is not Decision.ALLOW or v.on_error_applied)


def enforced(found: Sequence[Verdict]) -> Decision:
    """Return the strictest decision that has to be carried out."""
    return max((verdict.carried_out for verdict in found), default=Decision.ALLOW)


def redacted(text: str, measurement: Measurement, found: Iterable[Verdict]) -> str:
    """Return a text without the places for which an enforced rule wants REDACT.

    Args:
        text: The text that was measured.
        measurement: What was measured of it.
        found: What the rules say.

    Cost: linear; no expression is run, so that it may stand on the event loop.
    """
    return redact(text, to_redact(measurement, found))


def to_redact(measurement: Measurement, found: Iterable[Verdict]) -> list[Finding]:
    """Return the places for which an enforced rule wants REDACT; see :func:`redacted`."""
    wanted = {
        FindingKind.SECRET
        if verdict.rule_id.startswith("secret.")
        else FindingKind.PERSONAL_DATA: verdict.threshold
        for verdict in found
        if verdict.carried_out is Decision.REDACT
    }
    return [f for f in measurement.findings if f.kind in wanted and f.score >= wanted[f.kind]]
