"""What a policy comes to: the built-in rules overlaid by what a tenant has set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mlsdm_grpc.core.policy import Decision, Enforcement, OnError, PolicySettings, RuleSettings
from mlsdm_grpc.core.record import MoralParameters
from mlsdm_grpc.errors import FieldViolation
from mlsdm_grpc.governance.rules import BUILT_IN_RULES, Rule

__all__ = [
    "MAX_RULES",
    "EffectivePolicy",
    "EffectiveRule",
    "base_moral_threshold",
    "effective_policy",
    "policy_violations",
]

MAX_RULES: Final = 100
"""Rules of one policy."""
_LOWEST_BASE: Final = 0.30
_HIGHEST_BASE: Final = 0.90


@dataclass(frozen=True, slots=True)
class EffectiveRule:
    """One rule as it is applied: nothing of it is left open."""

    rule_id: str
    description: str
    threshold: float
    decision: Decision
    enforcement: Enforcement
    on_error: OnError


@dataclass(frozen=True, slots=True)
class EffectivePolicy:
    """A policy as it is applied."""

    rules: tuple[EffectiveRule, ...]
    """All built-in rules, sorted by rule_id."""
    base_moral_threshold: float
    """0.30 to 0.90."""


def base_moral_threshold(settings: PolicySettings) -> float:
    """Return the threshold at which the moral filter of a new space starts."""
    base = settings.base_moral_threshold
    return MoralParameters().base if base is None else base


def effective_policy(
    settings: PolicySettings, rules: Sequence[Rule] = BUILT_IN_RULES
) -> EffectivePolicy:
    """Return what ``settings`` come to.

    Args:
        settings: What a tenant has set. A rule of it that is not in ``rules``, because another
            version of the server knew it, has no effect.
        rules: The rules that there are.
    """
    base = base_moral_threshold(settings)
    given = {each.rule_id: each for each in settings.rules}
    overlaid = (_overlay(rule, given.get(rule.rule_id), base) for rule in rules)
    return EffectivePolicy(tuple(sorted(overlaid, key=lambda rule: rule.rule_id)), base)


def _overlay(rule: Rule, given: RuleSettings | None, base: float) -> EffectiveRule:
    given = given or RuleSettings(rule.rule_id)
    built_in = base if rule.threshold is None else rule.threshold
    return EffectiveRule(
        rule_id=rule.rule_id,
        description=rule.description,
        threshold=built_in if given.threshold is None else given.threshold,
        decision=given.decision or rule.decisions[0],
        enforcement=given.enforcement or rule.enforcements[0],
        on_error=given.on_error or rule.on_errors[0],
    )


def policy_violations(
    settings: PolicySettings, rules: Sequence[Rule] = BUILT_IN_RULES
) -> Iterator[FieldViolation]:
    """Yield everything that keeps ``settings`` from taking effect, by path inside the policy.

    What could not be carried out is a violation, so that no setting is accepted and ignored.
    """
    base = settings.base_moral_threshold
    if base is not None and not _LOWEST_BASE <= base <= _HIGHEST_BASE:
        expected = f"must be a number from {_LOWEST_BASE:g} to {_HIGHEST_BASE:g}"
        yield FieldViolation("base_moral_threshold", expected)
    if len(settings.rules) > MAX_RULES:
        yield FieldViolation("rules", f"at most {MAX_RULES} are allowed")
        return
    known = {rule.rule_id: rule for rule in rules}
    seen = set[str]()
    for i, given in enumerate(settings.rules):
        path = f"rules[{i}]"
        rule = known.get(given.rule_id)
        if rule is None:
            yield FieldViolation(f"{path}.rule_id", "is not a rule of this server; see GetPolicy")
            continue
        if given.rule_id in seen:
            yield FieldViolation(f"{path}.rule_id", "stands twice in the policy")
        seen.add(given.rule_id)
        yield from _rule_violations(path, rule, given, base_moral_threshold(settings))


def _rule_violations(
    path: str, rule: Rule, given: RuleSettings, base: float
) -> Iterator[FieldViolation]:
    if given.threshold is not None:
        if rule.threshold is None and given.threshold != base:
            yield FieldViolation(
                f"{path}.threshold", "must be absent or equal to base_moral_threshold"
            )
        elif not 0.0 <= given.threshold <= 1.0:
            yield FieldViolation(f"{path}.threshold", "must be a number from 0 to 1")
    choices: tuple[tuple[str, int, Sequence[Decision | Enforcement | OnError]], ...] = (
        ("decision", given.decision, rule.decisions),
        ("enforcement", given.enforcement, rule.enforcements),
        ("on_error", given.on_error, rule.on_errors),
    )
    for field, value, supported in choices:
        if value and value not in supported:
            names = " or ".join(f"{field.upper()}_{each.name}" for each in supported)
            yield FieldViolation(f"{path}.{field}", f"can only be {names} for this rule")
