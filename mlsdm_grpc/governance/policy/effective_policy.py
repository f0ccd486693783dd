"""Effective policy: the built-in rules overlaid with the settings of a tenant."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from mlsdm_grpc.core.model.parameters import MoralParameters
from mlsdm_grpc.core.model.policy import (
    Decision,
    Enforcement,
    OnError,
    PolicySettings,
    RuleSettings,
)
from mlsdm_grpc.errors import FieldViolation
from mlsdm_grpc.governance.policy.rules import BUILT_IN_RULES, Direction, Rule, Stage

__all__ = [
    "MAX_RULES",
    "EffectivePolicy",
    "EffectiveRule",
    "base_moral_threshold",
    "effective_policy",
    "policy_violations",
]

MAX_RULES: Final = 100
"""Maximum number of rules in a policy."""
_LOWEST_BASE: Final = 0.30
_HIGHEST_BASE: Final = 0.90
_NEVER_NS: Final = 2**63


@dataclass(frozen=True, slots=True)
class EffectiveRule:
    """Rule after the overlay of a policy: every setting has a value."""

    rule_id: str
    description: str
    threshold: float
    decision: Decision
    enforcement: Enforcement
    on_error: OnError
    stage: Stage
    direction: Direction
    max_match_chars: int | None
    expire_time_ns: int = 0
    """Time at which the setting expires, Unix nanoseconds; 0 for no expiry."""


@dataclass(frozen=True, slots=True)
class EffectivePolicy:
    """Policy of a tenant after the overlay on the built-in rules."""

    rules: tuple[EffectiveRule, ...]
    """All built-in rules, sorted by rule_id."""
    base_moral_threshold: float
    """Initial moral threshold of a new space, 0.30 to 0.90."""
    version: str = "0"
    """Version that verdicts report: the revision at which the policy was set."""
    valid_until_ns: float = math.inf
    """Time at which the first setting expires, Unix nanoseconds; infinite if none does."""
    _stages: dict[Stage, tuple[EffectiveRule, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Group the rules by stage."""
        applied = [rule for rule in self.rules if rule.enforcement is not Enforcement.OFF]
        stages = {stage: tuple(r for r in applied if r.stage is stage) for stage in Stage}
        object.__setattr__(self, "_stages", stages)

    def of(self, stage: Stage) -> tuple[EffectiveRule, ...]:
        """Return the rules of a stage that are not off, sorted by rule_id."""
        return self._stages[stage]

    def max_match_chars(self, stage: Stage) -> int:
        """Return the longest part of a text that an enforced rule of a stage needs, characters.

        Rules that need the whole text do not count.
        """
        enforced = (r for r in self.of(stage) if r.enforcement is Enforcement.ENFORCE)
        return max((rule.max_match_chars or 0 for rule in enforced), default=0)


def base_moral_threshold(settings: PolicySettings) -> float:
    """Return the initial threshold of the moral filter of a new space."""
    base = settings.base_moral_threshold
    return MoralParameters().base if base is None else base


def effective_policy(
    settings: PolicySettings,
    rules: Sequence[Rule] = BUILT_IN_RULES,
    *,
    version: int = 0,
    now_ns: int = 0,
) -> EffectivePolicy:
    """Return the effective policy of ``settings``.

    Args:
        settings: Settings of a tenant. Rules that are not in ``rules``, because they belong to
            another version of the server, have no effect.
        rules: Rules of this server.
        version: Revision at which the policy was set.
        now_ns: Wall clock, Unix nanoseconds; expired settings do not apply.
    """
    base = base_moral_threshold(settings)
    given = {
        each.rule_id: each
        for each in settings.rules
        # An expired setting is ignored but not deleted, because a read must not write.
        if not each.expire_time_ns or each.expire_time_ns > now_ns
    }
    overlaid = (_overlay(rule, given.get(rule.rule_id), base) for rule in rules)
    return EffectivePolicy(
        tuple(sorted(overlaid, key=lambda rule: rule.rule_id)),
        base,
        str(version),
        min((e.expire_time_ns for e in given.values() if e.expire_time_ns), default=math.inf),
    )


def _overlay(rule: Rule, given: RuleSettings | None, base: float) -> EffectiveRule:
    given = given or RuleSettings(rule.rule_id)
    built_in = base if rule.threshold is None else rule.threshold
    decision = given.decision or rule.decisions[0]
    enforcement = given.enforcement or rule.enforcements[0]
    return EffectiveRule(
        rule_id=rule.rule_id,
        description=rule.description,
        threshold=built_in if given.threshold is None else given.threshold,
        decision=decision,
        enforcement=enforcement,
        on_error=given.on_error or _on_error(rule, decision, enforcement),
        stage=rule.stage,
        direction=rule.direction,
        max_match_chars=rule.max_match_chars,
        expire_time_ns=given.expire_time_ns,
    )


def _on_error(rule: Rule, decision: Decision, enforcement: Enforcement) -> OnError:
    """Return the default of on_error: REFUSE for an enforced rule that redacts or refuses."""
    strict = enforcement is Enforcement.ENFORCE and decision in {Decision.REDACT, Decision.REFUSE}
    usual = OnError.REFUSE if strict else OnError.ALLOW
    return usual if usual in rule.on_errors else rule.on_errors[0]


def policy_violations(
    settings: PolicySettings, rules: Sequence[Rule] = BUILT_IN_RULES, *, now_ns: int = 0
) -> Iterator[FieldViolation]:
    """Yield every reason why ``settings`` cannot take effect, with its path in the policy.

    Every setting that this server does not support is a violation; none is ignored silently.

    Args:
        settings: Settings of a tenant.
        rules: Rules of this server.
        now_ns: Wall clock, Unix nanoseconds.
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
            yield FieldViolation(f"{path}.rule_id", "appears twice in the policy")
        seen.add(given.rule_id)
        yield from _rule_violations(path, rule, given, base_moral_threshold(settings))
        yield from _expiry_violations(path, rule, given, now_ns)


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
    for name, value, supported in choices:
        if value and value not in supported:
            names = " or ".join(f"{name.upper()}_{each.name}" for each in supported)
            yield FieldViolation(f"{path}.{name}", f"can only be {names} for this rule")


def _expiry_violations(
    path: str, rule: Rule, given: RuleSettings, now_ns: int
) -> Iterator[FieldViolation]:
    if not given.expire_time_ns:
        return
    if rule.threshold is None:
        yield FieldViolation(f"{path}.expire_time", "must be absent for this rule")
    elif not now_ns < given.expire_time_ns < _NEVER_NS:
        yield FieldViolation(f"{path}.expire_time", "must be in the future, before the year 2262")
