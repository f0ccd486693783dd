"""Preparation of memories and events: ids, vectors and verdicts, with one pass for each text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mlsdm_grpc.core.model.new_memory import Vector
from mlsdm_grpc.core.model.policy import Decision
from mlsdm_grpc.governance.policy.effective_policy import EffectivePolicy
from mlsdm_grpc.governance.policy.rules import MORAL_THRESHOLD, Stage
from mlsdm_grpc.governance.policy.verdict import Measurement, noteworthy
from mlsdm_grpc.ids import Ids
from mlsdm_grpc.moderation.candidates import Candidate, redacted_memory
from mlsdm_grpc.moderation.moderator import Judging, has_redactions
from mlsdm_grpc.moderation.scorer import final_value
from mlsdm_grpc.moderation.text_client import Texts
from mlsdm_grpc.moderation.text_costs import ToMeasure
from mlsdm_grpc.protection.fair_limiter import LoopTurns

__all__ = ["Preparation"]


class Preparation:
    """Preparation of candidates for their records.

    Args:
        judging: Evaluator of texts.
        texts: Client of the text workers.
        turns: Time slices of the event loop for long work.
        ids: Generator of ids for memories without one.
    """

    def __init__(self, judging: Judging, texts: Texts, *, turns: LoopTurns, ids: Ids) -> None:
        self._judging = judging
        self._texts = texts
        self._turns = turns
        self._ids = ids

    async def prepare(
        self, candidates: Sequence[Candidate], tenant: str, deadline_s: float
    ) -> None:
        """Assign ids and vectors and evaluate texts, with one pass for each text.

        The vector of a text without known words has ``inv_norm`` 0.

        Args:
            candidates: Memories and events; earlier decisions on them are reset.
            tenant: Tenant of the candidates.
            deadline_s: Event-loop time by which the result is needed.

        Raises:
            PreconditionFailed: EMBEDDER_NOT_CONFIGURED.
            Unavailable: BULKHEAD_FULL, EMBEDDER_UNAVAILABLE or WORKER_LOST.
            DeadlineExceeded: The time until the deadline is too short.
        """
        info = self._texts.info
        for each in candidates:
            each.begin(self._ids)
            # The known vector is that of a query, which differs from that of a stored text.
            if info is not None and info.asymmetric:
                each.known_vector = None
        with_text = [each for each in candidates if each.given.text]
        if not with_text:
            return
        policy = await self._judging.policy(tenant, deadline_s)
        rules = tuple(rule.rule_id for rule in policy.of(Stage.MEMORY))
        if not rules and not any(each.scored for each in with_text):
            await self._embed([each for each in with_text if each.bare], tenant, deadline_s)
            return
        every = has_redactions(policy, Stage.MEMORY)
        wanted = [_wanted(each, rules, every_place=every) for each in with_text]
        scored = [each.given.text for each in with_text if each.scored]
        measuring = self._texts.measure(wanted, tenant, deadline_s)
        values, (measurements, vectors) = await self._judging.beside_scores(
            scored, measuring, tenant, deadline_s
        )
        outside = iter(values)
        found = zip(measurements, vectors, strict=True)

        def judge(each: Candidate) -> None:
            measurement, vector = next(found)
            if each.scored and self._judging.scorer is not None:
                value = final_value(self._judging.scorer, measurement, next(outside))
                measurement = replace(measurement, moral_value=value)
            self._decide(each, measurement, vector or each.known_vector, policy)

        await self._turns.each(judge, with_text)
        changed = [
            each
            for each in with_text
            if each.bare and not each.refused and each.memory.whole != each.given.whole
        ]
        # The vector of the original text would still reveal what was redacted.
        for each in changed:
            each.known_vector = None
        await self._embed(changed, tenant, deadline_s)

    def _decide(
        self,
        candidate: Candidate,
        measurement: Measurement,
        vector: Vector | None,
        policy: EffectivePolicy,
    ) -> None:
        """Set the verdicts on a candidate, and redact its memory."""
        found = self._judging.verdicts(measurement, policy, Stage.MEMORY)
        if candidate.bare and vector is not None:
            self._take_vector(candidate, vector)
        if any(verdict.carried_out is Decision.REDACT for verdict in found):
            candidate.memory = redacted_memory(candidate.memory, measurement, found)
        candidate.verdicts = noteworthy(found)
        if candidate.scored:
            value = measurement.moral_value
            most = 1.0 if candidate.given_value is None else candidate.given_value
            candidate.moral_value = min(most, value or 0.0)
            candidate.failed = value is None

    async def _embed(self, bare: Sequence[Candidate], tenant: str, deadline_s: float) -> None:
        """Embed candidates without a vector."""
        texts = [each.memory.whole for each in bare if each.to_embed]
        made = iter(await self._texts.embed(texts, tenant, deadline_s) if texts else ())
        for each in bare:
            self._take_vector(each, each.known_vector or next(made))

    def _take_vector(self, candidate: Candidate, vector: Vector) -> None:
        """Set a vector that comes from the server's embedder."""
        info = self._texts.info
        candidate.memory = replace(
            candidate.memory, vector=vector, embedding_model=info.model_id if info else ""
        )


def _wanted(candidate: Candidate, rules: tuple[str, ...], *, every_place: bool) -> ToMeasure:
    wanted = (MORAL_THRESHOLD, *rules) if candidate.scored else rules
    whole, embed = candidate.given.whole, candidate.to_embed
    return ToMeasure(whole, Stage.MEMORY, wanted, embed=embed, every_place=every_place)
