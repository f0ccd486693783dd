"""Verdicts as lines for people."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mlsdm_grpc._gen.mlsdm.v1.governance_pb2 import Verdict

__all__ = ["in_shadow", "measured", "refusal_lines", "verdict_line"]

# Names of the stages, by number.
_PLACES: Final = ("text", "prompt", "recalled memory", "answer", "speech", "memory")
# Names of the decisions, by number.
_DONE: Final = ("judged", "allowed", "flagged", "redacted", "degraded", "refused")


def in_shadow(verdict: "Verdict") -> bool:
    """Return True if a verdict was only reported."""
    from mlsdm_grpc._gen.mlsdm.v1.governance_pb2 import ENFORCEMENT_SHADOW

    return verdict.enforcement == ENFORCEMENT_SHADOW


def measured(verdict: "Verdict") -> str:
    """Return the measurement on the common scale of all rules; a higher value is worse."""
    if verdict.on_error_applied:
        return "could not be evaluated"
    score, needed = verdict.score, verdict.threshold
    if verdict.rule_id.startswith("moral."):
        score, needed = 1.0 - score, 1.0 - needed
    return f"score {score:.2f}, needs {needed:.2f} or more"


def verdict_line(verdict: "Verdict") -> str:
    """Return a verdict in words: decision, part, rule and measurement."""
    what = f"{_PLACES[verdict.stage]} {_DONE[verdict.decision]} by {verdict.rule_id}"
    sign = "<" if verdict.score < verdict.threshold else ">="
    why = f"{verdict.score:.2f} {sign} {verdict.threshold:.2f}"
    if verdict.on_error_applied:
        why = "the rule could not be evaluated"
    return f"[{'in shadow: ' if in_shadow(verdict) else ''}{what}: {why}]"


def refusal_lines(verdicts: "Iterable[Verdict]") -> list[str]:
    """Return the enforced rules that refused something, in words."""
    from mlsdm_grpc._gen.mlsdm.v1.governance_pb2 import DECISION_REFUSE

    return [
        verdict_line(each)
        for each in verdicts
        if each.decision == DECISION_REFUSE and not in_shadow(each)
    ]
