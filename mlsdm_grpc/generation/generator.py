"""Generation with memory: evaluation of the prompt, recall, model, repair, evaluation, storage.

Whole answers and streams use the same steps. A stream releases text as soon as no rule can still
change or refuse it (:mod:`mlsdm_grpc.governance.policy.holdback`). No lock is held during I/O.
Prompt and answer are stored as one event of the space, in one record; recalled memories are not
stored again.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from mlsdm_grpc.core.model.policy import Decision
from mlsdm_grpc.engine.engine import Engine
from mlsdm_grpc.errors import InvalidInput
from mlsdm_grpc.generation.answer_step import AnswerStep
from mlsdm_grpc.generation.conversation_memory import Memories
from mlsdm_grpc.generation.generation_events import (
    GenerationEvent,
    GenerationRequest,
    GenerationResult,
)
from mlsdm_grpc.generation.generation_run import GenerationRun, Remembered
from mlsdm_grpc.generation.prompt_step import PromptStep
from mlsdm_grpc.generation.recall_step import RecallStep
from mlsdm_grpc.generation.remember_step import RememberStep
from mlsdm_grpc.generation.speech_repair import Repairs, Spent
from mlsdm_grpc.governance.policy.verdict import enforced, noteworthy
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.llm.gateway import Gateway
from mlsdm_grpc.llm.providers.provider import Finish
from mlsdm_grpc.observability.metrics import Metrics

__all__ = ["Generator"]

_WAKE_PHASE: Final = 0.1


class Generator:
    """Generator of answers with recall from a space.

    Args:
        engine: Access to spaces, policies and text workers.
        gateway: Gateway to the models.
        repairs: Repair of telegraphic answers.
        max_tokens: Maximum tokens of an answer if the request sets none.
        metrics: Metrics of generations.
        clock: Clock of the event loop, seconds.
    """

    def __init__(
        self,
        engine: Engine,
        gateway: Gateway,
        repairs: Repairs,
        *,
        max_tokens: int,
        metrics: Metrics,
        clock: Callable[[], float],
    ) -> None:
        memories = Memories(engine)
        self._judging = engine.judging
        self._gateway = gateway
        self._clock = clock
        self._prompt = PromptStep(memories, engine.judging)
        self._recall = RecallStep(engine.reads, memories, clock=clock)
        self._answer = AnswerStep(
            engine.judging, gateway, repairs, max_tokens=max_tokens, clock=clock
        )
        self._end = RememberStep(memories, metrics)

    async def generate(
        self, key: SpaceKey, request: GenerationRequest
    ) -> AsyncGenerator[GenerationEvent, None]:
        """Yield the events of a generation; see :data:`GenerationEvent`.

        Closing the generator cancels the call to the model; nothing is then stored.

        Raises:
            MlsdmError: As documented for Generate; a refusal by policy is not an error.
        """
        if violations := self._gateway.model_violations(request.model):
            raise InvalidInput(violations=violations)
        began_s = self._clock()
        policy = await self._judging.policy(key.tenant, request.ticket.deadline_s)
        run = GenerationRun(key, request, policy, began_s)
        about_prompt = await self._prompt.judge(run)
        if enforced(about_prompt) is Decision.REFUSE:
            for verdict in noteworthy(about_prompt):
                yield verdict
            yield self._spent(run)
            yield self._ended(run, await self._end.warn(run, about_prompt), prompt_refused=True)
            return
        about_recalled, recollections = await self._recall.recall(run)
        yield run.recalled
        for verdict in noteworthy((*about_prompt, *about_recalled)):
            yield verdict
        async with aclosing(self._answer.answer(run, recollections)) as answer:
            async for event in answer:
                yield event
        remembered = await self._end.remember(run)
        for verdict in remembered.verdicts:
            yield verdict
        yield self._spent(run)
        yield self._ended(run, remembered)

    def _spent(self, run: GenerationRun) -> Spent:
        return replace(
            Spent.of(run.results, total_s=self._clock() - run.began_s),
            embed_s=run.embed_s,
            recall_s=run.recall_s,
            first_piece_s=run.first_piece_s,
        )

    def _ended(
        self,
        run: GenerationRun,
        remembered: Remembered,
        *,
        prompt_refused: bool = False,
    ) -> GenerationResult:
        return GenerationResult(
            text="".join(run.pieces),
            finish=run.results[0].finish if run.results else Finish.REFUSED,
            prompt_refused=prompt_refused,
            speech=run.speech,
            draft=run.draft,
            memory_ids=remembered.memory_ids,
            evicted=remembered.evicted,
            not_remembered=remembered.error,
            stateless=run.memory_error is not None,
            revision=remembered.revision,
            phase=_WAKE_PHASE if run.view is None else run.view.phase,
            moral_value=run.moral_value,
        )
