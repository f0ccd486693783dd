"""Third step of a generation: calls the model and releases the parts of its answer that pass."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Final

import structlog

from mlsdm_grpc.core.model.policy import Decision
from mlsdm_grpc.errors import MlsdmError
from mlsdm_grpc.generation.generation_events import Piece
from mlsdm_grpc.generation.generation_run import GenerationRun
from mlsdm_grpc.generation.speech_repair import AFTER_S, AFTER_SHARE, RepairRequest, Repairs
from mlsdm_grpc.governance.policy.holdback import Outflow, holds_all
from mlsdm_grpc.governance.policy.rules import Stage
from mlsdm_grpc.governance.policy.verdict import (
    Measurement,
    Verdict,
    enforced,
    noteworthy,
    redacted,
    verdicts,
)
from mlsdm_grpc.llm.answers import ModelResult
from mlsdm_grpc.llm.gateway import Gateway
from mlsdm_grpc.llm.prompt import BLOCK_RULE, RecalledText, join_prompt
from mlsdm_grpc.llm.providers.provider import EarlierTurn, Finish, ModelRequest
from mlsdm_grpc.messages.blank import is_blank
from mlsdm_grpc.moderation.moderator import AnswerExamination, Judging
from mlsdm_grpc.observability.current import REQUEST_ID

__all__ = ["AnswerStep"]

_log = structlog.get_logger(__name__)
_ASLEEP_TOKENS: Final = 150


class AnswerStep:
    """Step that calls the model and releases the answer.

    Args:
        judging: Evaluator of texts.
        gateway: Gateway to the models.
        repairs: Repair of telegraphic answers.
        max_tokens: Maximum tokens of an answer if the request sets none.
        clock: Clock of the event loop, seconds.
    """

    def __init__(
        self,
        judging: Judging,
        gateway: Gateway,
        repairs: Repairs,
        *,
        max_tokens: int,
        clock: Callable[[], float],
    ) -> None:
        self._judging = judging
        self._gateway = gateway
        self._repairs = repairs
        self._max_tokens = max_tokens
        self._clock = clock

    async def answer(
        self, run: GenerationRun, recollections: Sequence[RecalledText]
    ) -> AsyncGenerator[Verdict | Piece, None]:
        """Call the model; yield the verdicts, and the pieces of the answer that may be released."""
        outflow = Outflow(run.policy.max_match_chars(Stage.RESPONSE))
        asked = self._asked(run, recollections)
        whole = run.request.repair_speech or holds_all(run.policy) or not run.request.piecewise
        if whole:
            result = await self._gateway.complete(asked, tenant=run.key.tenant)
            run.results.append(result)
            outflow.add(await self._spoken(run, asked, result))
        else:
            async with aclosing(self._streamed(run, asked, outflow)) as pieces:
                async for event in pieces:
                    yield event
        if not outflow.refused:
            about, rest = await self._judge_answer(run, outflow)
            for verdict in noteworthy(about):
                yield verdict
            if rest:
                yield self._let_out(run, rest)
        run.keep = run.keep and not outflow.refused
        if outflow.refused:
            run.results[0] = replace(run.results[0], finish=Finish.REFUSED)

    def _asked(self, run: GenerationRun, recollections: Sequence[RecalledText]) -> ModelRequest:
        request = run.request
        max_tokens = request.max_tokens or self._max_tokens
        if run.view is not None and not run.view.awake:
            max_tokens = min(max_tokens, _ASLEEP_TOKENS)
        instructions = (run.system_prompt, BLOCK_RULE if recollections else "")
        return ModelRequest(
            prompt=join_prompt(recollections, run.prompt),
            turns=tuple(EarlierTurn(each.prompt, each.answer) for each in run.exchanges),
            system="\n\n".join(part for part in instructions if part),
            model=request.model,
            max_tokens=max_tokens,
            temperature=request.temperature,
            stop=request.stop,
            deadline_s=self._answer_by_s(run),
        )

    def _answer_by_s(self, run: GenerationRun) -> float:
        """Return the deadline of the model, which leaves time to evaluate and store the answer."""
        left_s = run.deadline_s - self._clock()
        return run.deadline_s - min(AFTER_SHARE * left_s, AFTER_S)

    async def _streamed(
        self, run: GenerationRun, asked: ModelRequest, outflow: Outflow
    ) -> AsyncGenerator[Verdict | Piece, None]:
        async with self._gateway.stream(asked, tenant=run.key.tenant) as answer:
            run.results.append(answer.result)
            try:
                async for piece in answer:
                    outflow.add(piece)
                    if outflow.due:
                        for event in await self._look(run, outflow):
                            yield event
                    if outflow.refused:
                        return
            finally:
                run.results[0] = answer.result

    async def _look(self, run: GenerationRun, outflow: Outflow) -> list[Verdict | Piece]:
        """Evaluate the received part of a streamed answer; return verdicts, or text to release."""
        start, end = outflow.start, len(outflow.text)
        measurement = await self._measured(run, outflow.text[start:end], Stage.RESPONSE)
        about = verdicts(measurement, run.policy, Stage.RESPONSE)
        text = outflow.judged(measurement, about, start=start, end=end)
        if outflow.refused:
            self._judging.count(about)
            return [*noteworthy(about)]
        return [self._let_out(run, text)] if text else []

    async def _spoken(self, run: GenerationRun, asked: ModelRequest, result: ModelResult) -> str:
        """Return the answer, repaired if it is telegraphic and repair is requested."""
        wanted = run.request.repair_speech and result.finish.is_whole
        if not wanted or is_blank(result.text):
            return result.text
        request = RepairRequest(
            result.text,
            run.key.tenant,
            self._answer_by_s(run),
            prompt=run.prompt,
            model=asked.model,
            max_tokens=asked.max_tokens,
            stop=asked.stop,
        )
        try:
            run.examined = await self._examined(run, result.text)
            repaired = await self._repairs.repair(request, run.examined.style)
        except MlsdmError as error:
            _log.warning("speech_not_repaired", reason=error.reason, request_id=REQUEST_ID.get())
            return result.text
        run.results += repaired.results
        run.speech = repaired.report
        if repaired.text != result.text:
            run.draft = result.text
        return repaired.text

    async def _judge_answer(
        self, run: GenerationRun, outflow: Outflow
    ) -> tuple[tuple[Verdict, ...], str]:
        """Evaluate a whole answer; return the verdicts and the text to release now."""
        text = outflow.text
        examined = await self._examined(run, text)
        measurement = examined.response
        about = self._judging.verdicts(measurement, run.policy, Stage.RESPONSE)
        about += self._judging.verdicts(examined.quality, run.policy, Stage.SPEECH)
        if run.speech is None and examined.style is not None:
            run.speech = examined.style.report
        run.keep = enforced(about) < Decision.DEGRADE
        rest = outflow.finished(measurement, about)
        if run.draft:
            run.draft = "" if outflow.refused else await self._judged_draft(run)
        return about, rest

    async def _judged_draft(self, run: GenerationRun) -> str:
        """Return the releasable draft of a repaired answer; empty if it is refused."""
        measurement = (await self._examined(run, run.draft)).response
        about = verdicts(measurement, run.policy, Stage.RESPONSE)
        if enforced(about) is Decision.REFUSE:
            return ""
        return redacted(run.draft, measurement, about)

    async def _measured(self, run: GenerationRun, text: str, stage: Stage) -> Measurement:
        (measurement,) = await self._judging.measure(
            [text],
            stage,
            policy=run.policy,
            tenant=run.key.tenant,
            deadline_s=run.deadline_s,
            prompt=run.prompt,
        )
        return measurement

    async def _examined(self, run: GenerationRun, text: str) -> AnswerExamination:
        """Return the measurements of a whole answer.

        If a repair did not change the answer, the measurements from before the repair are used.
        """
        if run.examined is not None and run.examined.text == text:
            return run.examined
        return await self._judging.examine_answer(
            text,
            policy=run.policy,
            tenant=run.key.tenant,
            deadline_s=run.deadline_s,
            prompt=run.prompt,
            style=run.speech is None and not is_blank(text),
        )

    def _let_out(self, run: GenerationRun, text: str) -> Piece:
        if run.first_piece_s is None:
            run.first_piece_s = self._clock() - run.began_s
        run.pieces.append(text)
        return Piece(text)
