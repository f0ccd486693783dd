"""Evaluation of texts: the tenant's policy, measurements by text workers, and verdicts.

Texts to be stored are embedded and measured in the same pass. A text is evaluated before its record
is written; the record contains only the result.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import structlog
from prometheus_client import Counter

from mlsdm_grpc.core.model.new_memory import Vector
from mlsdm_grpc.core.model.policy import Decision, Enforcement
from mlsdm_grpc.governance.policy.effective_policy import EffectivePolicy
from mlsdm_grpc.governance.policy.rules import Stage
from mlsdm_grpc.governance.policy.verdict import (
    Measurement,
    Verdict,
    enforced,
    verdicts,
)
from mlsdm_grpc.moderation.scorer import Scorer, overridden
from mlsdm_grpc.moderation.tenant_policies import Policies
from mlsdm_grpc.moderation.text_client import Compared, Texts
from mlsdm_grpc.moderation.text_costs import ToMeasure
from mlsdm_grpc.observability.current import REQUEST_ID
from mlsdm_grpc.observability.metrics import Metrics
from mlsdm_grpc.protection.concurrency import all_of, both
from mlsdm_grpc.speech import Profile, SpeechReport

__all__ = [
    "AnswerExamination",
    "Judged",
    "Judging",
    "PromptMeasurement",
    "has_redactions",
    "log_speech",
]

_T = TypeVar("_T")
_log = structlog.get_logger(__name__)
_SCORED_ELSEWHERE: Final = frozenset({Stage.PROMPT, Stage.RESPONSE})


@dataclass(frozen=True, slots=True)
class Judged:
    """Measurement of a text, and the verdicts on it."""

    measurement: Measurement
    verdicts: tuple[Verdict, ...]
    """One verdict for each rule of the stage that is not off, sorted by rule_id."""
    policy: EffectivePolicy

    @property
    def decision(self) -> Decision:
        """Strictest enforced decision."""
        return enforced(self.verdicts)


@dataclass(frozen=True, slots=True)
class PromptMeasurement:
    """Measurements of the texts sent to a model."""

    prompt: Measurement
    system_prompt: Measurement | None
    """Measurement of the system prompt; None without a system prompt."""
    vector: Vector | None
    """Vector of the prompt; None if it was not requested or no text worker could provide it. Its
    ``inv_norm`` is 0 for a text without known words."""


@dataclass(frozen=True, slots=True)
class AnswerExamination:
    """Measurements of a whole answer."""

    text: str
    response: Measurement
    """Measurement by the rules of the stage RESPONSE."""
    quality: Measurement
    """Measurement by the rules of the stage SPEECH."""
    style: Compared | None
    """Analysis of the style; None if it was not requested."""


class Judging:
    """Evaluator of texts by the policies of their tenants.

    Args:
        texts: Client of the text workers.
        policies: Policies of the tenants.
        scorer: External scorer of prompts, answers and events; None uses the text workers' values.
        metrics: Metrics of verdicts.
    """

    def __init__(
        self,
        texts: Texts,
        policies: Policies,
        *,
        scorer: Scorer | None,
        metrics: Metrics,
    ) -> None:
        self._texts = texts
        self._policies = policies
        self._scorer = scorer
        self._metrics = metrics
        self._counters: dict[tuple[str, Decision, Enforcement], Counter] = {}

    async def policy(self, tenant: str, deadline_s: float) -> EffectivePolicy:
        """Return the current policy of a tenant; see :meth:`Policies.effective`."""
        return await self._policies.effective(tenant, deadline_s)

    async def measure(
        self,
        texts: Sequence[str],
        stage: Stage,
        *,
        policy: EffectivePolicy,
        tenant: str,
        deadline_s: float,
        prompt: str = "",
        whole: bool = False,
        redacts: bool = False,
    ) -> list[Measurement]:
        """Measure texts by the active rules of a stage.

        Args:
            texts: Any number of texts.
            stage: Stage of the texts.
            policy: Policy of the tenant.
            tenant: Tenant of the texts.
            deadline_s: Event-loop time by which the result is needed.
            prompt: Prompt to which the texts are answers, for rules that compare the two.
            whole: Whether to measure moral value and injection even if no rule needs them.
            redacts: Whether to return all findings even if no rule needs them, because the caller
                redacts them.

        Returns:
            One measurement for each text, in order.

        Raises:
            Unavailable: BULKHEAD_FULL or WORKER_LOST.
            DeadlineExceeded: The time until the deadline is too short.
        """
        wanted = [
            _to_measure(text, stage, policy, prompt=prompt, whole=whole, redacts=redacts)
            for text in texts
        ]
        if not whole and not any(each.rules for each in wanted):
            return [Measurement() for _ in texts]
        asked = stage in _SCORED_ELSEWHERE
        measuring = self._texts.measure(wanted, tenant, deadline_s)
        scored = texts if asked else ()
        values, (found, _) = await self.beside_scores(scored, measuring, tenant, deadline_s)
        return overridden(self._scorer, found, values) if asked else found

    async def measure_prompt(
        self,
        prompt: str,
        system_prompt: str,
        *,
        policy: EffectivePolicy,
        tenant: str,
        deadline_s: float,
        embed: bool,
    ) -> PromptMeasurement:
        """Measure the texts sent to a model by the rules of prompts, and embed the prompt.

        Moral value and injection are measured even if no rule needs them.

        Args:
            prompt: The prompt.
            system_prompt: System instructions; empty for none.
            policy: Policy of the tenant.
            tenant: Tenant of the texts.
            deadline_s: Event-loop time by which the result is needed.
            embed: Whether to return the vector of the prompt too.

        Raises:
            Unavailable: BULKHEAD_FULL or WORKER_LOST.
            DeadlineExceeded: The time until the deadline is too short.
        """
        texts = [prompt, system_prompt] if system_prompt else [prompt]
        wanted = [_to_measure(text, Stage.PROMPT, policy, whole=True) for text in texts]
        wanted[0] = replace(wanted[0], embed=embed and self._texts.embeds_here, query=True)
        measuring = self._texts.measure(wanted, tenant, deadline_s, vectors_optional=True)
        values, (found, vectors) = await self.beside_scores(texts, measuring, tenant, deadline_s)
        measured, *rest = overridden(self._scorer, found, values)
        return PromptMeasurement(measured, rest[0] if rest else None, vectors[0])

    async def examine_answer(
        self,
        text: str,
        *,
        policy: EffectivePolicy,
        tenant: str,
        deadline_s: float,
        prompt: str,
        style: bool,
    ) -> AnswerExamination:
        """Measure a whole answer by the rules of responses and of speech.

        A telegraphic answer is logged, without its text.

        Args:
            text: The answer.
            policy: Policy of the tenant.
            tenant: Tenant of the answer.
            deadline_s: Event-loop time by which the result is needed.
            prompt: Prompt of the answer.
            style: Whether to analyse the style too.

        Raises:
            Unavailable: BULKHEAD_FULL or WORKER_LOST.
            DeadlineExceeded: The time until the deadline is too short.
        """
        wanted = [
            _to_measure(text, stage, policy, prompt=prompt)
            for stage in (Stage.RESPONSE, Stage.SPEECH)
        ]
        if not style and not any(each.rules for each in wanted):
            return AnswerExamination(text, Measurement(), Measurement(), None)
        examining = self._texts.examine(wanted, tenant, deadline_s, style_of=text if style else "")
        values, (found, looked) = await self.beside_scores(
            [text] if wanted[0].rules else (), examining, tenant, deadline_s
        )
        if looked is not None:
            log_speech(looked.report, tenant)
        (response,) = overridden(self._scorer, found[:1], values)
        return AnswerExamination(text, response, found[1], looked)

    def verdicts(
        self,
        measurement: Measurement,
        policy: EffectivePolicy,
        stage: Stage,
        *,
        moral_threshold: float | None = None,
    ) -> tuple[Verdict, ...]:
        """Return the verdicts on a measurement, and count them in the metrics."""
        found = verdicts(measurement, policy, stage, moral_threshold=moral_threshold)
        self.count(found)
        return found

    async def judge(
        self,
        text: str,
        stage: Stage,
        *,
        tenant: str,
        deadline_s: float,
        prompt: str = "",
        whole: bool = False,
        redacts: bool = False,
        moral_threshold: float | None = None,
        counted: bool = True,
    ) -> Judged:
        """Evaluate one text by the policy of its tenant.

        The arguments are those of the single steps. ``counted`` is False for a trial evaluation,
        which the metrics leave out.
        """
        policy = await self.policy(tenant, deadline_s)
        (measurement,) = await self.measure(
            (text,),
            stage,
            policy=policy,
            tenant=tenant,
            deadline_s=deadline_s,
            prompt=prompt,
            whole=whole,
            redacts=redacts,
        )
        found = verdicts(measurement, policy, stage, moral_threshold=moral_threshold)
        if counted:
            self.count(found)
        return Judged(measurement, found, policy)

    async def speech(
        self,
        text: str,
        *,
        profile: Profile = Profile.STANDARD,
        language: str = "",
        tenant: str,
        deadline_s: float,
    ) -> SpeechReport:
        """Return a report on the style of a text; log a telegraphic one, without its text.

        Arguments and errors are those of :meth:`Texts.speech`.
        """
        report = await self._texts.speech(
            text, profile=profile, language=language, tenant=tenant, deadline_s=deadline_s
        )
        log_speech(report, tenant)
        return report

    @property
    def scorer(self) -> Scorer | None:
        """External scorer; None if there is none."""
        return self._scorer

    def count(self, found: Iterable[Verdict]) -> None:
        """Count verdicts that did not come from :meth:`verdicts` in the metrics."""
        for verdict in found:
            key = verdict.rule_id, verdict.decision, verdict.enforcement
            counter = self._counters.get(key)
            if counter is None:
                counter = self._counters[key] = self._metrics.governance_verdicts.labels(
                    verdict.rule_id,
                    verdict.stage.name.lower(),
                    verdict.decision.name.lower(),
                    verdict.enforcement.name.lower(),
                )
            counter.inc()

    async def beside_scores(
        self, texts: Sequence[str], work: Coroutine[Any, Any, _T], tenant: str, deadline_s: float
    ) -> tuple[list[float | None], _T]:
        """Await ``work`` while the external scorer scores texts.

        Args:
            texts: Texts to score; ignored without an external scorer.
            work: Coroutine that runs at the same time.
            tenant: Tenant of the texts.
            deadline_s: Event-loop time by which the scores are needed.

        Returns:
            One score for each text, empty without an external scorer; and the result of ``work``.
        """
        if self._scorer is None or not texts:
            return [], await work
        scores = all_of(self._scorer.score(text, tenant, deadline_s) for text in texts)
        return await both(scores, work)


def log_speech(report: SpeechReport, tenant: str) -> None:
    """Log a telegraphic text of the current call, without the text."""
    if report.is_aphasic:
        _log.info(
            "speech_analysed",
            component="speech",
            request_id=REQUEST_ID.get(),
            tenant=tenant,
            severity=round(report.severity, 4),
            flags=[flag.name for flag in report.flags],
            language=report.language,
            profile=report.profile.name,
        )


def _to_measure(
    text: str,
    stage: Stage,
    policy: EffectivePolicy,
    *,
    prompt: str = "",
    whole: bool = False,
    redacts: bool = False,
) -> ToMeasure:
    rules = tuple(rule.rule_id for rule in policy.of(stage))
    every = redacts or has_redactions(policy, stage)
    return ToMeasure(text, stage, rules, prompt, whole, every_place=every)


def has_redactions(policy: EffectivePolicy, stage: Stage) -> bool:
    """Return True if an enforced rule of a stage redacts texts."""
    return any(
        rule.decision is Decision.REDACT and rule.enforcement is Enforcement.ENFORCE
        for rule in policy.of(stage)
    )
