"""Judging texts: the policy of the tenant, what text workers measure, and what follows from both.

What is to be stored is embedded and measured in the same pass. A text is judged before the record
that stores it is written; the record has only what came of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

import structlog
from prometheus_client import Counter

from mlsdm_grpc.core.model.policy import Decision, Enforcement
from mlsdm_grpc.core.model.record import NewMemory, Vector
from mlsdm_grpc.governance.policy.effective_policy import EffectivePolicy
from mlsdm_grpc.governance.policy.rules import MORAL_THRESHOLD, Stage
from mlsdm_grpc.governance.policy.verdict import (
    Measurement,
    Verdict,
    enforced,
    noteworthy,
    redacted,
    verdicts,
)
from mlsdm_grpc.moderation.candidates import Draft, Prepared
from mlsdm_grpc.moderation.tenant_policies import Policies
from mlsdm_grpc.moderation.text_client import Texts, ToMeasure
from mlsdm_grpc.observability.current import REQUEST_ID
from mlsdm_grpc.observability.metrics import Metrics
from mlsdm_grpc.protection.concurrency import all_of, both
from mlsdm_grpc.protection.fair_limiter import LoopTurns
from mlsdm_grpc.speech import Profile, SpeechReport

__all__ = ["Judged", "Judging", "Scorer", "log_speech"]

_log = structlog.get_logger(__name__)
_SCORED_ELSEWHERE: Final = frozenset({Stage.PROMPT, Stage.RESPONSE})


class Scorer(Protocol):
    """Scores texts outside of the text workers, as a moderation endpoint does."""

    async def score(self, text: str, deadline_s: float) -> float | None:
        """Return a moral value, 0 (harmful) to 1; None if it fails, which it never tells else."""
        ...


@dataclass(frozen=True, slots=True)
class Judged:
    """A text and what the rules say to it."""

    measurement: Measurement
    verdicts: tuple[Verdict, ...]
    """One for each rule of the stage that is not off, sorted by rule_id."""
    policy: EffectivePolicy

    @property
    def decision(self) -> Decision:
        """The strictest decision that has to be carried out."""
        return enforced(self.verdicts)


class Judging:
    """Judges texts by the policies of their tenants.

    Args:
        texts: Measures them.
        policies: The policies of the tenants.
        turns: Slices of the event loop.
        scorer: Scores prompts, answers and events in place of the text workers, if given.
        metrics: Told of every verdict.
    """

    def __init__(
        self,
        texts: Texts,
        policies: Policies,
        *,
        turns: LoopTurns,
        scorer: Scorer | None,
        metrics: Metrics,
    ) -> None:
        self._texts = texts
        self._turns = turns
        self._policies = policies
        self._scorer = scorer
        self._metrics = metrics
        self._counters: dict[tuple[str, Decision, Enforcement], Counter] = {}

    async def policy(self, tenant: str, deadline_s: float) -> EffectivePolicy:
        """Return what holds for a tenant now; see :meth:`Policies.effective`."""
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
        """Measure texts by the rules of a stage that are not off.

        Args:
            texts: Any number.
            stage: Where they are judged.
            policy: What holds for the tenant.
            tenant: Whose they are.
            deadline_s: Event-loop time by which the answer is wanted.
            prompt: What they answer, for rules that compare the two.
            whole: Measure moral value and injection whatever the rules.
            redacts: The caller redacts whatever the rules, and needs all findings for it.

        Returns:
            One a text, in their order.

        Raises:
            Unavailable: BULKHEAD_FULL or WORKER_LOST.
            DeadlineExceeded: There is no time for it.
        """
        rules = tuple(rule.rule_id for rule in policy.of(stage))
        every = redacts or _redacts(policy, stage)
        wanted = [ToMeasure(text, stage, rules, prompt, whole, every_place=every) for text in texts]
        if not rules and not whole:
            return [Measurement() for _ in texts]
        asked = stage in _SCORED_ELSEWHERE
        values, (found, _) = await both(
            self._scored(texts if asked else (), deadline_s),
            self._texts.measure(wanted, tenant, deadline_s),
        )
        return _overridden(found, values) if asked else found

    def verdicts(
        self,
        measurement: Measurement,
        policy: EffectivePolicy,
        stage: Stage,
        *,
        moral_threshold: float | None = None,
    ) -> tuple[Verdict, ...]:
        """Return what the rules say, and count it; see :func:`governance.judge.verdicts`."""
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
        """Judge one text by the policy of its tenant.

        The arguments are those of the steps, and whether the verdicts count: those about a text
        that is only tried out do not.
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
        """Return whether a text is telegraphic, and log one that is, without the text.

        The arguments and what is raised are those of :meth:`Texts.speech`.
        """
        report = await self._texts.speech(
            text, profile=profile, language=language, tenant=tenant, deadline_s=deadline_s
        )
        log_speech(report, tenant)
        return report

    async def prepare(
        self, drafts: Sequence[Draft], tenant: str, deadline_s: float
    ) -> list[Prepared]:
        """Embed and judge what is to be stored, each text in one pass.

        Args:
            drafts: Memories and events.
            tenant: Whose they are.
            deadline_s: Event-loop time by which it is wanted.

        Returns:
            One a draft, in their order. The vector of a text without known words has
            ``inv_norm`` 0.

        Raises:
            PreconditionFailed: EMBEDDER_NOT_CONFIGURED.
            Unavailable: BULKHEAD_FULL, EMBEDDER_UNAVAILABLE or WORKER_LOST.
            DeadlineExceeded: There is no time for it.
        """
        if not any(draft.memory.text for draft in drafts):
            return [_unjudged(draft) for draft in drafts]
        policy = await self.policy(tenant, deadline_s)
        rules = tuple(rule.rule_id for rule in policy.of(Stage.MEMORY))
        if not rules and not any(draft.scored for draft in drafts):
            return await self._embedded(drafts, tenant, deadline_s)
        with_text = [i for i, draft in enumerate(drafts) if draft.memory.text]
        every = _redacts(policy, Stage.MEMORY)
        wanted = [_wanted(drafts[i], rules, every_place=every) for i in with_text]
        scored = [drafts[i].memory.text for i in with_text if drafts[i].scored]
        values, (measurements, vectors) = await both(
            self._scored(scored, deadline_s), self._texts.measure(wanted, tenant, deadline_s)
        )
        outside = iter(values)
        found = zip(measurements, vectors, strict=True)

        def judged(draft: Draft) -> Prepared:
            if not draft.memory.text:
                return _unjudged(draft)
            measurement, vector = next(found)
            if draft.scored and self._scorer is not None:
                measurement = replace(measurement, moral_value=next(outside))
            return self._prepared(draft, measurement, vector, policy)

        prepared = await self._turns.each(judged, drafts)
        await self._embed_again(drafts, prepared, tenant, deadline_s)
        return prepared

    def count(self, found: Iterable[Verdict]) -> None:
        """Count verdicts; for those that were not made by :meth:`verdicts`."""
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

    def _prepared(
        self,
        draft: Draft,
        measurement: Measurement,
        vector: Vector | None,
        policy: EffectivePolicy,
    ) -> Prepared:
        found = self.verdicts(measurement, policy, Stage.MEMORY)
        memory = draft.memory if vector is None else self._with_vector(draft.memory, vector)
        if any(verdict.carried_out is Decision.REDACT for verdict in found):
            memory = replace(memory, text=redacted(memory.text, measurement, found))
        if not draft.scored:
            return replace(_unjudged(draft), memory=memory, verdicts=noteworthy(found))
        value = measurement.moral_value
        most = 1.0 if draft.moral_value is None else draft.moral_value
        return Prepared(memory, noteworthy(found), min(most, value or 0.0), failed=value is None)

    async def _embedded(
        self, drafts: Sequence[Draft], tenant: str, deadline_s: float
    ) -> list[Prepared]:
        """Embed what has no vector; nothing is to be judged."""
        bare = [i for i, draft in enumerate(drafts) if draft.bare]
        prepared = [_unjudged(draft) for draft in drafts]
        if bare:
            texts = [drafts[i].memory.text for i in bare]
            vectors = await self._texts.embed(texts, tenant, deadline_s)
            for i, vector in zip(bare, vectors, strict=True):
                memory = self._with_vector(drafts[i].memory, vector)
                prepared[i] = replace(prepared[i], memory=memory)
        return prepared

    async def _embed_again(
        self, drafts: Sequence[Draft], prepared: list[Prepared], tenant: str, deadline_s: float
    ) -> None:
        """Give a new vector to what policy has changed, so that none tells what was taken out."""
        changed = [
            i
            for i, draft in enumerate(drafts)
            if draft.bare
            and not prepared[i].refused
            and prepared[i].memory.text != draft.memory.text
        ]
        if not changed:
            return
        texts = [prepared[i].memory.text for i in changed]
        vectors = await self._texts.embed(texts, tenant, deadline_s)
        for i, vector in zip(changed, vectors, strict=True):
            memory = self._with_vector(prepared[i].memory, vector)
            prepared[i] = replace(prepared[i], memory=memory)

    def _with_vector(self, memory: NewMemory, vector: Vector) -> NewMemory:
        """Return a memory with the vector that the server's embedder made of its text."""
        info = self._texts.info
        return replace(memory, vector=vector, embedding_model=info.model_id if info else "")

    async def _scored(self, texts: Sequence[str], deadline_s: float) -> list[float | None]:
        """Return what the scorer outside of the text workers says; nothing if there is none."""
        if self._scorer is None or not texts:
            return []
        return await all_of(self._scorer.score(text, deadline_s) for text in texts)


def log_speech(report: SpeechReport, tenant: str) -> None:
    """Log a telegraphic text of the call that is being served, without the text."""
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


def _unjudged(draft: Draft) -> Prepared:
    return Prepared(draft.memory, moral_value=draft.moral_value or 0.0)


def _wanted(draft: Draft, rules: tuple[str, ...], *, every_place: bool) -> ToMeasure:
    wanted = (MORAL_THRESHOLD, *rules) if draft.scored else rules
    return ToMeasure(
        draft.memory.text, Stage.MEMORY, wanted, embed=draft.bare, every_place=every_place
    )


def _redacts(policy: EffectivePolicy, stage: Stage) -> bool:
    return any(
        rule.decision is Decision.REDACT and rule.enforcement is Enforcement.ENFORCE
        for rule in policy.of(stage)
    )


def _overridden(found: Sequence[Measurement], values: Sequence[float | None]) -> list[Measurement]:
    """Return measurements with the moral values of another scorer, if it was asked."""
    if not values:
        return list(found)
    return [each.with_moral_value(value) for each, value in zip(found, values, strict=True)]
