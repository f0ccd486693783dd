"""The built-in rules: every rule that is in force in this version, and none that is not.

To add one: add it to ``BUILT_IN_RULES`` with only those settings that are carried out, and carry
them out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mlsdm_grpc.core.policy import Decision, Enforcement, OnError

__all__ = ["BUILT_IN_RULES", "MORAL_THRESHOLD", "Rule"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. Of each setting the first value is built in; others may be set by a policy."""

    rule_id: str
    """Stable for ever."""
    description: str
    """What it measures and what may be set, one English sentence."""
    threshold: float | None
    """Built-in limit, 0 to 1; None where the limit is the policy's base_moral_threshold."""
    decisions: tuple[Decision, ...]
    enforcements: tuple[Enforcement, ...]
    on_errors: tuple[OnError, ...]


MORAL_THRESHOLD: Final = "moral.threshold"

BUILT_IN_RULES: Final = (
    Rule(
        rule_id=MORAL_THRESHOLD,
        description=(
            "Measures the moral value of an event, which is refused below the threshold of its"
            " space; the filter of a new space starts at base_moral_threshold, the only setting"
            " that can be changed."
        ),
        threshold=None,
        decisions=(Decision.REFUSE,),
        enforcements=(Enforcement.ENFORCE,),
        on_errors=(OnError.REFUSE,),
    ),
)
"""Sorted by ``rule_id``."""
