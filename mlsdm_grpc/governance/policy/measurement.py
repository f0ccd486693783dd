"""Measurement of a text: every detector runs once for all rules that use it.

Measurements run in text workers, because they take milliseconds and use regular expressions.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, TypeAlias, TypeVar

from mlsdm_grpc.governance.detectors.harm import Harm, score_harm
from mlsdm_grpc.governance.detectors.injection import Injection, score_injection
from mlsdm_grpc.governance.detectors.sensitive import find_sensitive
from mlsdm_grpc.governance.detectors.text_passages import ReadText
from mlsdm_grpc.governance.matching.findings import Finding, FindingKind
from mlsdm_grpc.governance.policy.rules import FINDING_KINDS, Stage
from mlsdm_grpc.governance.policy.verdict import Measurement
from mlsdm_grpc.speech.quality import QUALITY_CHECKS

__all__ = ["BUILT_IN_DETECTORS", "Detectors", "KeptResults", "measure"]

_STREAMED: Final = frozenset({Stage.RESPONSE, Stage.SPEECH})
# Quality checks read at most this many characters, from the end of an answer; in the worst case
# they take about a second for it.
_STYLED_CHARS: Final = 64 * 1_024
_log = logging.getLogger(__name__)
_T = TypeVar("_T")
# A result with more findings is too large to cache.
_KEPT_FINDINGS: Final = 16
_Keeper: TypeAlias = Callable[[str, Callable[[], Any]], Any]


@dataclass(frozen=True, slots=True)
class Detectors:
    """Detectors to run; tests replace them, also by failing ones."""

    harm: Callable[[ReadText], Harm]
    injection: Callable[[ReadText], Injection]
    sensitive: Callable[[str], tuple[Finding, ...]]
    quality: Mapping[str, Callable[[str, str], float]]
    """Quality checks by the part of the rule id after the dot; arguments are text and prompt."""


BUILT_IN_DETECTORS: Final = Detectors(
    harm=score_harm,
    injection=score_injection,
    sensitive=find_sensitive,
    quality={name: check.function for name, check in QUALITY_CHECKS.items()},
)


class KeptResults:
    """Cache of detector results for recent texts, by a digest of the text.

    A memory is measured when it is stored and at every recall, so most recalled texts are in the
    cache. Verdicts are not cached, because they depend on the current policy.

    Args:
        most: Maximum number of results; the least recently used is dropped first.
    """

    def __init__(self, most: int = 4_096) -> None:
        self._most = most
        self._results: OrderedDict[tuple[bytes, bool, str], Any] = OrderedDict()

    def of_text(self, text: str, *, in_pieces: bool) -> _Keeper:
        """Return a function that runs a detector on a text unless the cache holds its result."""
        digest = b""
        if self._most:
            digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()

        def keep(detector: str, detect: Callable[[], Any]) -> Any:
            if not self._most:
                return detect()
            key = digest, in_pieces, detector
            result = self._results.get(key)
            if result is None:
                result = detect()
                if len(getattr(result, "findings", result)) <= _KEPT_FINDINGS:
                    self._results[key] = result
                    if len(self._results) > self._most:
                        self._results.popitem(last=False)
            else:
                self._results.move_to_end(key)
            return result

        return keep


def measure(
    text: str,
    stage: Stage,
    *,
    prompt: str = "",
    rules: Collection[str],
    whole: bool = False,
    detectors: Detectors = BUILT_IN_DETECTORS,
    kept: KeptResults | None = None,
    step: Callable[[], None] = lambda: None,
) -> Measurement:
    """Measure a text; runs in a text worker, because it takes milliseconds.

    Args:
        text: Text to measure.
        stage: Stage at which the text is evaluated. Answers may be streamed, so only the rule
            matches in them and their surroundings count; for other texts all passages count.
        prompt: Prompt of an answer, for rules that compare both.
        rules: Ids of the rules to score; each detector runs once for all of them.
        whole: Whether to measure moral value and injection regardless of ``rules``.
        detectors: Detectors to use.
        kept: Cache of results of these detectors; None runs every detector.
        step: Function called before each quality check, to report progress.

    Returns:
        Score for each of ``rules``; None if its detector failed, which is logged without the text.
        The findings of all detectors that ran.
    """
    kinds = {rule_id.partition(".")[0] for rule_id in rules}
    findings = list[Finding]()
    harm = injection = sensitive = None
    in_pieces = stage in _STREAMED
    read = ReadText(text, in_pieces=in_pieces)
    of = (kept or KeptResults(0)).of_text(text, in_pieces=in_pieces)
    if whole or "moral" in kinds:
        harm = _tried("moral", stage, lambda: of("moral", lambda: detectors.harm(read)))
        findings += harm.findings if harm else ()
    if whole or "injection" in kinds:
        injection = _tried(
            "injection", stage, lambda: of("injection", lambda: detectors.injection(read))
        )
        findings += injection.findings if injection else ()
    # One search finds both personal data and secrets.
    searched = whole or bool(kinds & {"pii", "secret"})
    if searched:
        sensitive = _tried(
            "sensitive", stage, lambda: of("sensitive", lambda: detectors.sensitive(text))
        )
        findings += sensitive or ()

    moral_value = None if harm is None else harm.moral_value
    injection_score = None if injection is None else injection.score

    def score(rule_id: str) -> float | None:
        kind, _, name = rule_id.partition(".")
        if kind == "moral":
            return moral_value
        if kind == "injection":
            return injection_score
        if kind == "quality":
            check = detectors.quality[name]
            step()
            return _tried(rule_id, stage, lambda: check(text[-_STYLED_CHARS:], prompt))
        return None if sensitive is None else _highest(sensitive, FINDING_KINDS[kind])

    return Measurement(
        scores={rule_id: score(rule_id) for rule_id in rules},
        moral_value=moral_value,
        injection_score=injection_score,
        findings=tuple(sorted(findings, key=lambda finding: (finding.start, finding.end))),
        unsearched=searched and sensitive is None,
    )


def _highest(findings: Iterable[Finding], kind: FindingKind) -> float:
    return max((finding.score for finding in findings if finding.kind is kind), default=0.0)


def _tried(what: str, stage: Stage, detect: Callable[[], _T]) -> _T | None:
    """Return the result of a detector; None if it fails, in which case on_error decides."""
    try:
        return detect()
    except Exception as error:  # noqa: BLE001 - no defect of a detector may decide for a rule
        # Log only the type, because the error message may quote the evaluated text.
        reason = type(error).__name__
        _log.error("detector_failed detector=%s stage=%s error=%s", what, stage.name, reason)
        return None
