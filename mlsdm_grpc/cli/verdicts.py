"""Verdicts as lines of text."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mlsdm_grpc._gen.mlsdm.v1.governance_pb2 import Finding, Verdict

__all__ = ["finding_line", "in_shadow", "measured", "refusal_lines", "verdict_line"]

# Rule id of a finding that rests on all words together.
_LIKENESS: Final = "likeness"
# Names of the stages, indexed by the enum value.
_PLACES: Final = ("text", "prompt", "recalled memory", "answer", "speech", "memory")
# Names of the decisions, indexed by the enum value.
_DONE: Final = ("judged", "allowed", "flagged", "redacted", "degraded", "refused")


def in_shadow(verdict: "Verdict") -> bool:
    """Return True if a verdict was only reported and not enforced."""
    from mlsdm_grpc._gen.mlsdm.v1.governance_pb2 import ENFORCEMENT_SHADOW

    return verdict.enforcement == ENFORCEMENT_SHADOW


def measured(verdict: "Verdict") -> str:
    """Return score and threshold in words, on one scale for all rules: higher is worse."""
    if verdict.on_error_applied:
        return "could not be evaluated"
    score, needed = verdict.score, verdict.threshold
    if verdict.rule_id.startswith("moral."):
        score, needed = 1.0 - score, 1.0 - needed
    return f"score {score:.2f}, needs {needed:.2f} or more"


def verdict_line(verdict: "Verdict") -> str:
    """Return a verdict in words: stage, decision, rule and measurement."""
    what = f"{_PLACES[verdict.stage]} {_DONE[verdict.decision]} by {verdict.rule_id}"
    return f"[{'in shadow: ' if in_shadow(verdict) else ''}{what}: {measured(verdict)}]"


def finding_line(finding: "Finding", raw: bytes) -> str:
    """Return a finding in words: category, score, position, language and reason.

    Args:
        finding: Finding in the text.
        raw: Text in UTF-8. Its words are printed for harm and injection, but never for personal
            data and secrets.
    """
    from mlsdm_grpc._gen.mlsdm.v1.governance_pb2 import FINDING_KIND_HARM, FINDING_KIND_INJECTION

    place = f"bytes {finding.start_byte}-{finding.end_byte}"
    reason = f"by the form of {finding.category}"
    if finding.kind in {FINDING_KIND_HARM, FINDING_KIND_INJECTION}:
        shown = raw[finding.start_byte : finding.end_byte].decode("utf-8", "replace")
        place += f" {shown!r}"
        reason = f"by rule {finding.rule}"
    if finding.rule == _LIKENESS:
        reason = "by no rule: the words as a whole, these most of all"
    language = finding.language or "any language"
    return f"{finding.category:22} score {finding.score:.2f}, {place}, {language}, {reason}"


def refusal_lines(verdicts: "Iterable[Verdict]") -> list[str]:
    """Return a line for each enforced rule that refused the text."""
    from mlsdm_grpc._gen.mlsdm.v1.governance_pb2 import DECISION_REFUSE

    return [
        verdict_line(each)
        for each in verdicts
        if each.decision == DECISION_REFUSE and not in_shadow(each)
    ]
