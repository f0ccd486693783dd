"""The built-in rules: every rule that is in force in this version, and none that is not.

To add one: add it to ``BUILT_IN_RULES`` with only those settings that are carried out, say in
:mod:`mlsdm_grpc.governance.policy.verdict` how it is measured, and write it into
docs/governance.md, which a test compares with this table.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from mlsdm_grpc.core.model.policy import Decision, Enforcement, OnError
from mlsdm_grpc.speech.quality import QUALITY_CHECKS, QualityCheck

__all__ = [
    "BUILT_IN_RULES",
    "MAX_MATCH_CHARS",
    "MORAL_THRESHOLD",
    "Direction",
    "Rule",
    "Stage",
    "rules_with",
]


class Stage(enum.IntEnum):
    """Where in the way of a request content is judged; the contract's numbers."""

    PROMPT = 1
    RECALL = 2
    RESPONSE = 3
    SPEECH = 4
    MEMORY = 5


class Direction(enum.Enum):
    """Which scores break a limit."""

    BELOW = enum.auto()
    """Those below it: the moral value, where 1 is harmless."""
    AT_LEAST = enum.auto()
    """The limit itself and those above it."""

    @property
    def sign(self) -> str:
        """How people write it."""
        return "<" if self is Direction.BELOW else ">="

    def breaks(self, score: float, threshold: float) -> bool:
        """Return whether ``score`` breaks the limit ``threshold``."""
        return score < threshold if self is Direction.BELOW else score >= threshold


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. Of each setting the first value is built in; others may be set by a policy."""

    rule_id: str
    """Stable for ever."""
    description: str
    """What it measures and what may be set, one English sentence."""
    stage: Stage
    """Where it applies."""
    threshold: float | None
    """Built-in limit, 0 to 1; None where the limit is the policy's base_moral_threshold."""
    decisions: tuple[Decision, ...]
    enforcements: tuple[Enforcement, ...]
    on_errors: tuple[OnError, ...]
    """Where nothing is set, an enforced rule takes REFUSE and another ALLOW, if it may."""
    direction: Direction = Direction.AT_LEAST
    max_match_chars: int | None = None
    """Longest piece of text that decides about it, with all context, characters of the folded text;
    None where only the whole text tells."""
    version: int = 1
    """Of what it measures; it grows when the same text may get another score."""


MAX_MATCH_CHARS: Final = 512
"""No rule that looks at pieces of a text needs a longer one."""
MORAL_THRESHOLD: Final = "moral.threshold"
_SCORED_ELSEWHERE: Final = frozenset({MORAL_THRESHOLD, "moral.response"})
"""Rules whose score another scorer gives, where there is one."""

_FLAG, _REDACT, _DEGRADE, _REFUSE = (
    Decision.FLAG,
    Decision.REDACT,
    Decision.DEGRADE,
    Decision.REFUSE,
)
_OFF, _SHADOW, _ENFORCE = Enforcement.OFF, Enforcement.SHADOW, Enforcement.ENFORCE
_EITHER: Final = (OnError.REFUSE, OnError.ALLOW)
_ENFORCED: Final = (_ENFORCE, _SHADOW, _OFF)
_SHADOWED: Final = (_SHADOW, _ENFORCE, _OFF)
_STAGES: Final = (
    (Stage.PROMPT, "a prompt"),
    (Stage.RECALL, "a recalled memory"),
    (Stage.RESPONSE, "an answer of a model"),
    (Stage.MEMORY, "a text that is to be stored"),
)
_DECISIONS: Final = {
    Stage.PROMPT: (_REFUSE, _FLAG),
    Stage.RECALL: (_REFUSE, _FLAG),
    Stage.RESPONSE: (_REFUSE, _DEGRADE, _FLAG),
    Stage.MEMORY: (_REFUSE, _FLAG),
}


_GATED: Final = frozenset({"collapse", "looping"})
"""Checks of quality that keep an answer from being remembered."""


def _moral(stage: Stage, where: str) -> Rule:
    return Rule(
        rule_id=f"moral.{stage.name.lower()}",
        description=(
            f"Measures the moral value of {where}; one below the threshold breaks the rule."
        ),
        stage=stage,
        threshold=0.5,
        decisions=_DECISIONS[stage],
        enforcements=_SHADOWED if stage is Stage.MEMORY else _ENFORCED,
        on_errors=_EITHER,
        direction=Direction.BELOW,
        max_match_chars=MAX_MATCH_CHARS,
    )


def _injection(stage: Stage, where: str) -> Rule:
    return Rule(
        rule_id=f"injection.{stage.name.lower()}",
        description=f"Measures how much {where} tries to change the instructions of a model.",
        stage=stage,
        threshold=0.5,
        decisions=_DECISIONS[stage],
        enforcements=_SHADOWED if stage is Stage.MEMORY else _ENFORCED,
        on_errors=_EITHER,
        max_match_chars=MAX_MATCH_CHARS,
    )


def _sensitive(stage: Stage, where: str, *, secret: bool) -> Rule:
    strict = secret and stage is Stage.RESPONSE
    usual = (_REFUSE if stage is Stage.MEMORY else _REDACT) if secret else _FLAG
    others = tuple(each for each in (_FLAG, _REDACT, _REFUSE) if each is not usual)
    what = "credentials" if secret else "personal data"
    return Rule(
        rule_id=f"{'secret' if secret else 'pii'}.{stage.name.lower()}",
        description=f"Measures how certainly {where} has {what} in it.",
        stage=stage,
        threshold=0.5,
        decisions=(usual, *others),
        enforcements=_ENFORCED if strict else _SHADOWED,
        on_errors=_EITHER,
        max_match_chars=MAX_MATCH_CHARS,
    )


def _quality(check: QualityCheck) -> Rule:
    enforced = check.name in _GATED
    return Rule(
        rule_id=f"quality.{check.name}",
        description=check.description,
        stage=Stage.SPEECH,
        threshold=check.default_threshold,
        decisions=(_DEGRADE, _FLAG, _REFUSE) if enforced else (_FLAG, _DEGRADE, _REFUSE),
        enforcements=_ENFORCED if enforced else _SHADOWED,
        on_errors=_EITHER,
    )


_MORAL_THRESHOLD: Final = Rule(
    rule_id=MORAL_THRESHOLD,
    description=(
        "Measures the moral value of an event or a prompt, which is refused below the threshold of"
        " its space; the filter of a new space starts at base_moral_threshold, the only setting"
        " that can be changed."
    ),
    stage=Stage.PROMPT,
    threshold=None,
    decisions=(_REFUSE,),
    enforcements=(_ENFORCE,),
    on_errors=(OnError.REFUSE,),
    direction=Direction.BELOW,
    max_match_chars=MAX_MATCH_CHARS,
)

BUILT_IN_RULES: Final = tuple(
    sorted(
        (
            _MORAL_THRESHOLD,
            *(_moral(stage, where) for stage, where in _STAGES if stage is not Stage.PROMPT),
            *(_injection(stage, where) for stage, where in _STAGES if stage is not Stage.RESPONSE),
            *(
                _sensitive(stage, where, secret=secret)
                for stage, where in _STAGES
                for secret in (False, True)
            ),
            *map(_quality, QUALITY_CHECKS.values()),
        ),
        key=lambda rule: rule.rule_id,
    )
)
"""Sorted by ``rule_id``."""


def rules_with(put_enforcement: Enforcement, *, other_scorer: bool = False) -> Sequence[Rule]:
    """Return the built-in rules of a server.

    Args:
        put_enforcement: What is built in for the rules of texts that are to be stored.
        other_scorer: Whether an endpoint scores prompts and answers. What it looks at nobody
            knows, so only the whole text tells then.
    """

    def adapted(rule: Rule) -> Rule:
        if other_scorer and rule.rule_id in _SCORED_ELSEWHERE:
            return replace(rule, max_match_chars=None)
        if rule.stage is not Stage.MEMORY:
            return rule
        others = (each for each in rule.enforcements if each is not put_enforcement)
        return replace(rule, enforcements=(put_enforcement, *others))

    return tuple(map(adapted, BUILT_IN_RULES))
