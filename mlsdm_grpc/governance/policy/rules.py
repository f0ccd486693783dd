"""Built-in rules: the complete list of the rules that this version can apply.

To add a rule, add it to ``BUILT_IN_RULES`` with supported settings only, define its measurement in
:mod:`mlsdm_grpc.governance.policy.measurement`, and describe it in docs/governance.md, which a test
compares with this table.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from mlsdm_grpc.core.model.policy import Decision, Enforcement, OnError
from mlsdm_grpc.governance.matching.findings import FindingKind
from mlsdm_grpc.speech.quality import QUALITY_CHECKS, QualityCheck

__all__ = [
    "BUILT_IN_RULES",
    "FINDING_KINDS",
    "MAX_MATCH_CHARS",
    "MORAL_THRESHOLD",
    "Direction",
    "Rule",
    "Stage",
    "rules_with",
]


class Stage(enum.IntEnum):
    """Stage of a request at which a text is evaluated, with the numbers of the contract."""

    PROMPT = 1
    RECALL = 2
    RESPONSE = 3
    SPEECH = 4
    MEMORY = 5


class Direction(enum.Enum):
    """Side of the threshold on which a score breaks a rule."""

    BELOW = enum.auto()
    """Scores below the threshold break the rule, as for the moral value, where 1 is harmless."""
    AT_LEAST = enum.auto()
    """Scores equal to or above the threshold break the rule."""

    @property
    def sign(self) -> str:
        """Comparison sign for messages."""
        return "<" if self is Direction.BELOW else ">="

    def breaks(self, score: float, threshold: float) -> bool:
        """Return whether ``score`` breaks ``threshold``."""
        return score < threshold if self is Direction.BELOW else score >= threshold


@dataclass(frozen=True, slots=True)
class Rule:
    """Built-in rule. The first value of each setting is its default; a policy may choose others."""

    rule_id: str
    """Identifier that never changes."""
    description: str
    """Description of the measurement and the possible settings, one English sentence."""
    stage: Stage
    """Stage at which the rule applies."""
    threshold: float | None
    """Default threshold, 0 to 1; None if it is the policy's base_moral_threshold."""
    decisions: tuple[Decision, ...]
    enforcements: tuple[Enforcement, ...]
    on_errors: tuple[OnError, ...]
    """Reactions to a failed detector. The default is REFUSE for an enforced rule, ALLOW for
    others."""
    direction: Direction = Direction.AT_LEAST
    max_match_chars: int | None = None
    """Maximum length of the part of a text that decides about the rule, with context, characters
    of the folded text; None if the whole text decides."""
    version: int = 1
    """Version of the measurement; it increases when the same text may get another score."""


FINDING_KINDS: Final = {"pii": FindingKind.PERSONAL_DATA, "secret": FindingKind.SECRET}
"""Kind of findings of the rules that can redact, by the first part of the rule id."""
MAX_MATCH_CHARS: Final = 512
"""Maximum length of the part of a text that a rule may need, characters."""
MORAL_THRESHOLD: Final = "moral.threshold"
# Rules whose score comes from the external scorer, if one is configured.
_SCORED_ELSEWHERE: Final = frozenset({MORAL_THRESHOLD, "moral.response"})

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


# Quality checks that keep an answer from being stored.
_GATED: Final = frozenset({"collapse", "looping"})


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
"""All built-in rules, sorted by ``rule_id``."""


def rules_with(put_enforcement: Enforcement, *, other_scorer: bool = False) -> Sequence[Rule]:
    """Return the built-in rules of a server.

    Args:
        put_enforcement: Default enforcement of the rules for texts to store.
        other_scorer: Whether an external scorer evaluates prompts and answers. The part of a text
            that it needs is unknown, so its rules then need the whole text.
    """

    def adapted(rule: Rule) -> Rule:
        if other_scorer and rule.rule_id in _SCORED_ELSEWHERE:
            return replace(rule, max_match_chars=None)
        if rule.stage is not Stage.MEMORY:
            return rule
        others = (each for each in rule.enforcements if each is not put_enforcement)
        return replace(rule, enforcements=(put_enforcement, *others))

    return tuple(map(adapted, BUILT_IN_RULES))
