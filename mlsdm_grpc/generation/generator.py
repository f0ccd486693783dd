"""Generation with memory: prompt governance, recall, model, speech, output governance, remembering.

One way for answers in one piece and for streams: a stream lets text out as soon as no rule can say
anything about it any more (:mod:`mlsdm_grpc.governance.policy.holdback`). Nothing holds a lock
across I/O. To the mind an exchange is one event, remembered with its answer in one record; what was
recalled is never remembered again.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

import structlog

from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import Match
from mlsdm_grpc.core.mind.mind import SpaceView
from mlsdm_grpc.core.model.policy import Decision
from mlsdm_grpc.core.model.record import MoralParameters, Vector
from mlsdm_grpc.engine.engine import Engine
from mlsdm_grpc.errors import (
    DeadlineExceeded,
    InvalidInput,
    MlsdmError,
    NotFound,
    PreconditionFailed,
    Unavailable,
)
from mlsdm_grpc.generation.conversation_memory import AnsweredPrompt, Memories
from mlsdm_grpc.generation.exchanges import PastExchange
from mlsdm_grpc.generation.speech_repair import AFTER_S, AFTER_SHARE, RepairRequest, Repairs, Spent
from mlsdm_grpc.governance.matching.normalization import is_blank
from mlsdm_grpc.governance.policy.effective_policy import EffectivePolicy
from mlsdm_grpc.governance.policy.holdback import Outflow, holds_all
from mlsdm_grpc.governance.policy.rules import MORAL_THRESHOLD, Stage
from mlsdm_grpc.governance.policy.verdict import (
    Measurement,
    Verdict,
    enforced,
    noteworthy,
    redacted,
    verdicts,
)
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.llm.answers import ModelResult
from mlsdm_grpc.llm.gateway import Gateway
from mlsdm_grpc.llm.prompt import BLOCK_RULE, RecalledText, join_prompt
from mlsdm_grpc.llm.providers.provider import EarlierTurn, Finish, ModelRequest
from mlsdm_grpc.moderation.moderator import AnswerExamination
from mlsdm_grpc.observability.current import REQUEST_ID
from mlsdm_grpc.observability.metrics import Metrics
from mlsdm_grpc.protection.concurrency import both
from mlsdm_grpc.spaces.write_pipeline import Ticket
from mlsdm_grpc.speech import SpeechReport
from mlsdm_grpc.workers.space_codec import Ask

__all__ = [
    "GenerationEvent",
    "GenerationRequest",
    "GenerationResult",
    "Generator",
    "Piece",
    "Recalled",
]

_log = structlog.get_logger(__name__)
_ASLEEP_TOKENS: Final = 150
_WAKE_PHASE: Final = 0.1
_PHASE_WEIGHT: Final = 0.25
"""What was remembered in the other phase resonates less; within a band it could not be found."""
_MEMORY_SHARE: Final = 0.2
_MEMORY_S: Final = 6.0
"""Time that the memory may take, a share of all time and so many seconds at most; where it takes
longer the answer is generated without it, and is there within a quarter if the model is quick."""
_LAST_SHARE: Final = 0.05
_LAST_S: Final = 0.25
"""Time that remembering leaves for the answer to arrive, a share and seconds at most."""


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """What is wanted."""

    prompt: str
    ticket: Ticket
    moral_value: float | None = None
    """The caller's, 0 to 1; None lets the server's scorer speak alone."""
    attested: bool = False
    """The caller's moral value counts as given."""
    max_tokens: int = 0
    """0 takes the configured default."""
    top_k: int = 5
    remember: bool = True
    system_prompt: str = ""
    model: str = ""
    temperature: float | None = None
    stop: tuple[str, ...] = ()
    synaptic_bias: float = 0.1
    repair_speech: bool = True
    min_revision: int = 0
    piecewise: bool = False
    """Let the answer out as it comes."""
    conversation_id: str = ""
    min_score: float | None = None
    """Lowest score of what is recalled; None is none."""
    sources: tuple[int, ...] = ()
    """That a recalled memory may have; none allows all."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """What went into the prompt."""

    matches: tuple[Match, ...] = ()
    """Best first."""
    revision: int = 0
    """That it was recalled at; 0 when stateless."""
    stateless: bool = False
    """The memory could not be used."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the answer that governance has let out, not empty."""

    text: str


@dataclass(frozen=True, slots=True)
class GenerationResult:
    """The end of an answer."""

    text: str
    """All that was let out."""
    finish: Finish
    prompt_refused: bool
    speech: SpeechReport | None
    draft: str
    """Answer of the model before speech repair; empty when nothing was repaired."""
    memory_ids: tuple[str, ...]
    evicted: tuple[str, ...]
    """Memories that left to make room for the exchange, oldest first."""
    not_remembered: MlsdmError | None
    """Why the exchange was not remembered although it should have been."""
    stateless: bool
    revision: int
    phase: float
    moral_value: float


GenerationEvent: TypeAlias = Recalled | Verdict | Piece | Spent | GenerationResult
"""At most one ``Recalled``, first; then verdicts and pieces as they come; then ``Spent``; then the
``Generation``."""


@dataclass(frozen=True, slots=True)
class _Remembered:
    """What became of an exchange."""

    memory_ids: tuple[str, ...] = ()
    evicted: tuple[str, ...] = ()
    revision: int = 0
    error: MlsdmError | None = None
    """Why it is not remembered although it should be."""
    verdicts: tuple[Verdict, ...] = ()
    """What the rules of texts that are to be stored say against it."""


@dataclass(slots=True)
class _Run:
    """One generation on its way."""

    key: SpaceKey
    request: GenerationRequest
    policy: EffectivePolicy
    began_s: float
    view: SpaceView | None = None
    """The space; None while it does not exist, or cannot be used."""
    memory_error: MlsdmError | None = None
    prompt: str = ""
    """As policy leaves it."""
    system_prompt: str = ""
    """The same of the instructions."""
    vector: Vector | None = None
    """Of the prompt as policy leaves it, once it is known."""
    moral_value: float = 0.0
    embed_s: float = 0.0
    recall_s: float = 0.0
    first_piece_s: float | None = None
    results: list[ModelResult] = field(default_factory=list)
    """The answers of the model, the one to the prompt first, repairs behind it."""
    pieces: list[str] = field(default_factory=list)
    recalled: Recalled = Recalled()
    exchanges: list[PastExchange] = field(default_factory=list)
    """The last ones of the conversation, oldest first."""
    draft: str = ""
    examined: AnswerExamination | None = None
    """What was measured of the whole answer, before a repair."""
    speech: SpeechReport | None = None
    keep: bool = True
    """No rule has said that the exchange is not to be remembered."""

    @property
    def deadline_s(self) -> float:
        return self.request.ticket.deadline_s

    @property
    def memory_until_s(self) -> float:
        """Event-loop time until which the memory is waited for."""
        return self.began_s + min(_MEMORY_SHARE * (self.deadline_s - self.began_s), _MEMORY_S)

    @property
    def ticket(self) -> Ticket:
        """What is written may take until shortly before the deadline."""
        last_s = min(_LAST_SHARE * (self.deadline_s - self.began_s), _LAST_S)
        return replace(self.request.ticket, deadline_s=self.deadline_s - last_s)

    @property
    def revision(self) -> int:
        return 0 if self.view is None else max(self.view.revision, self.recalled.revision)


class Generator:
    """Answers prompts with the help of what a space remembers.

    Args:
        engine: Where spaces, policies and text workers are.
        gateway: The way to the models.
        repairs: What repairs telegraphic answers.
        max_tokens: Tokens of an answer whose request says nothing.
        metrics: Told how generations end.
        clock: Seconds; that of the event loop.
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
        self._engine = engine
        self._memories = Memories(engine)
        self._judging = engine.judging
        self._gateway = gateway
        self._repairs = repairs
        self._max_tokens = max_tokens
        self._metrics = metrics
        self._clock = clock

    async def generate(
        self, key: SpaceKey, request: GenerationRequest
    ) -> AsyncGenerator[GenerationEvent, None]:
        """Yield what happens while a prompt is answered; see :data:`GenerationEvent`.

        Closing it ends the call to the model; nothing is then remembered.

        Raises:
            MlsdmError: As the contract of Generate says; a refusal by policy is no error.
        """
        if violations := self._gateway.model_violations(request.model):
            raise InvalidInput(violations=violations)
        began_s = self._clock()
        policy = await self._judging.policy(key.tenant, request.ticket.deadline_s)
        run = _Run(key, request, policy, began_s)
        about_prompt = await self._judge_prompt(run)
        if enforced(about_prompt) is Decision.REFUSE:
            for verdict in noteworthy(about_prompt):
                yield verdict
            yield self._spent(run)
            yield await self._refuse_prompt(run, about_prompt)
            return
        about_recalled, recollections = await self._recall(run)
        yield run.recalled
        for verdict in noteworthy((*about_prompt, *about_recalled)):
            yield verdict
        async with aclosing(self._answer(run, recollections)) as answer:
            async for event in answer:
                yield event
        remembered = await self._remember(run)
        for verdict in remembered.verdicts:
            yield verdict
        yield self._spent(run)
        yield self._ended(run, remembered)

    # Prompt.

    async def _judge_prompt(self, run: _Run) -> tuple[Verdict, ...]:
        """Look at the space, judge what goes to the model, and return what the rules say."""
        request = run.request
        _, measured = await both(
            self._see(run),
            self._judging.measure_prompt(
                request.prompt,
                request.system_prompt,
                policy=run.policy,
                tenant=run.key.tenant,
                deadline_s=run.deadline_s,
                embed=request.top_k > 0 or request.remember,
            ),
        )
        about_prompt = measured.prompt
        value = about_prompt.moral_value
        if request.moral_value is not None:
            if request.attested:
                value = request.moral_value
            elif value is not None:
                value = min(value, request.moral_value)
        run.moral_value = 0.0 if value is None else value
        found = self._prompt_verdicts(run, about_prompt.with_moral_value(value))
        run.prompt = redacted(request.prompt, about_prompt, found)
        if run.prompt == request.prompt:  # else the vector would tell what was taken out
            run.vector = measured.vector
        if measured.system_prompt is not None:
            # It is there to instruct the model; that is no injection.
            judged = self._prompt_verdicts(run, measured.system_prompt)
            judged = tuple(v for v in judged if not v.rule_id.startswith("injection."))
            run.system_prompt = redacted(request.system_prompt, measured.system_prompt, judged)
            found += noteworthy(judged)
        return found

    async def _see(self, run: _Run) -> None:
        """Look at the space, or note why that is not possible."""
        try:
            run.view = await self._memories.seen(
                run.key,
                min_revision=run.request.min_revision,
                until_s=run.memory_until_s,
                deadline_s=run.deadline_s,
            )
        except (Unavailable, DeadlineExceeded) as error:
            if error.reason == "REVISION_NOT_REACHED":
                raise
            run.memory_error = error

    def _prompt_verdicts(self, run: _Run, measurement: Measurement) -> tuple[Verdict, ...]:
        """Return what the rules say; where the space cannot be seen, as if it were on its guard."""
        threshold = MoralParameters().ceiling if run.memory_error is not None else None
        return self._judging.verdicts(
            measurement,
            run.policy,
            Stage.PROMPT,
            moral_threshold=threshold if run.view is None else _threshold(run.view),
        )

    async def _refuse_prompt(self, run: _Run, about_prompt: Sequence[Verdict]) -> GenerationResult:
        """End a refused prompt; the moral filter of the space learns of a hostile one."""
        remembered = _Remembered(revision=run.revision)
        hostile = any(
            verdict.rule_id == MORAL_THRESHOLD
            and verdict.decision is Decision.REFUSE
            and not verdict.on_error_applied
            for verdict in about_prompt
        )
        if hostile and run.request.remember and run.view is not None:
            try:
                revision = await self._memories.warn(run.key, run.view, run.moral_value, run.ticket)
                remembered = _Remembered(revision=revision)
            except MlsdmError as error:
                remembered = _Remembered(revision=run.revision, error=error)
        self._metrics.generations.labels("prompt_refused").inc()
        return self._ended(run, remembered, prompt_refused=True)

    # Recall.

    async def _recall(self, run: _Run) -> tuple[tuple[Verdict, ...], list[RecalledText]]:
        """Recall what may help, leave out what the rules refuse, and return what they say."""
        request, began_s = run.request, self._clock()
        run.recalled = Recalled(revision=run.revision, stateless=run.memory_error is not None)
        if run.memory_error is not None:
            return (), []
        try:
            vector = await self._embedded(run)
            wanted = (request.top_k and vector is not None) or request.conversation_id
            if not wanted or run.view is None:
                return (), []
            found = await self._memories.recalled(
                run.key,
                Ask(
                    vector,
                    run.prompt,
                    top_k=0 if vector is None else request.top_k,
                    phase_weight=_PHASE_WEIGHT,
                    synaptic_bias=request.synaptic_bias,
                    min_score=request.min_score,
                    sources=request.sources,
                ),
                run.policy,
                conversation_id=request.conversation_id,
                min_revision=request.min_revision,
                until_s=run.memory_until_s,
                deadline_s=run.deadline_s,
            )
        except (Unavailable, DeadlineExceeded) as error:
            run.memory_error = error
            run.recalled = Recalled(stateless=True)
            return (), []
        except NotFound:  # the space was deleted meanwhile
            run.view = None
            run.recalled = Recalled()
            return (), []
        finally:
            run.recall_s = self._clock() - began_s - run.embed_s
        run.recalled = Recalled(found.matches, found.revision)
        run.exchanges = found.exchanges
        return found.verdicts, found.texts

    async def _embedded(self, run: _Run) -> Vector | None:
        """Return the vector of the prompt, where one is needed and there is one."""
        request, began_s = run.request, self._clock()
        if not request.top_k and not request.remember:
            return None
        try:
            run.vector = await self._engine.reads.embedded(
                run.key, run.view, run.prompt, run.memory_until_s, made=run.vector
            )
        finally:
            run.embed_s = self._clock() - began_s
        return run.vector if run.vector.inv_norm else None

    # Answer.

    async def _answer(
        self, run: _Run, recollections: Sequence[RecalledText]
    ) -> AsyncGenerator[Verdict | Piece, None]:
        """Ask the model and let out what may leave."""
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

    def _asked(self, run: _Run, recollections: Sequence[RecalledText]) -> ModelRequest:
        request = run.request
        max_tokens = request.max_tokens or self._max_tokens
        if run.view is not None and not run.view.awake:
            max_tokens = min(max_tokens, _ASLEEP_TOKENS)
        told = (run.system_prompt, BLOCK_RULE if recollections else "")
        return ModelRequest(
            prompt=join_prompt(recollections, run.prompt),
            turns=tuple(EarlierTurn(each.prompt, each.answer) for each in run.exchanges),
            system="\n\n".join(part for part in told if part),
            model=request.model,
            max_tokens=max_tokens,
            temperature=request.temperature,
            stop=request.stop,
            deadline_s=self._answer_by_s(run),
        )

    def _answer_by_s(self, run: _Run) -> float:
        """Return when an answer has to be there, so that it can be judged and remembered."""
        left_s = run.deadline_s - self._clock()
        return run.deadline_s - min(AFTER_SHARE * left_s, AFTER_S)

    async def _streamed(
        self, run: _Run, asked: ModelRequest, outflow: Outflow
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

    async def _look(self, run: _Run, outflow: Outflow) -> list[Verdict | Piece]:
        """Judge what has come of a streamed answer and return what may leave."""
        start, end = outflow.start, len(outflow.text)
        measurement = await self._measured(run, outflow.text[start:end], Stage.RESPONSE)
        about = verdicts(measurement, run.policy, Stage.RESPONSE)
        text = outflow.judged(measurement, about, start=start, end=end)
        if outflow.refused:
            self._judging.count(about)
            return [*noteworthy(about)]
        return [self._let_out(run, text)] if text else []

    async def _spoken(self, run: _Run, asked: ModelRequest, result: ModelResult) -> str:
        """Return an answer, repaired if it is telegraphic and that is wanted."""
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

    async def _judge_answer(self, run: _Run, outflow: Outflow) -> tuple[tuple[Verdict, ...], str]:
        """Judge a whole answer; return what the rules say and what may leave of it now."""
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

    async def _judged_draft(self, run: _Run) -> str:
        """Return what may leave of the draft behind a repaired answer; nothing if it is refused."""
        measurement = (await self._examined(run, run.draft)).response
        about = verdicts(measurement, run.policy, Stage.RESPONSE)
        if enforced(about) is Decision.REFUSE:
            return ""
        return redacted(run.draft, measurement, about)

    async def _measured(self, run: _Run, text: str, stage: Stage) -> Measurement:
        (measurement,) = await self._judging.measure(
            [text],
            stage,
            policy=run.policy,
            tenant=run.key.tenant,
            deadline_s=run.deadline_s,
            prompt=run.prompt,
        )
        return measurement

    async def _examined(self, run: _Run, text: str) -> AnswerExamination:
        """Return what is measured of a whole answer; one that repair has looked at is not again."""
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

    def _let_out(self, run: _Run, text: str) -> Piece:
        if run.first_piece_s is None:
            run.first_piece_s = self._clock() - run.began_s
        run.pieces.append(text)
        return Piece(text)

    # End.

    async def _remember(self, run: _Run) -> _Remembered:
        """Remember the exchange; that it could not be is part of the answer, not an error."""
        text = "".join(run.pieces)
        result = run.results[0]
        self._metrics.generations.labels(result.finish).inc()
        wanted = run.request.remember and run.keep and result.finish is not Finish.REFUSED
        if not wanted or is_blank(text):
            return _Remembered(revision=run.revision)
        if not result.finish.is_whole:
            return _Remembered(revision=run.revision, error=_kept_out(result.finish))
        if run.memory_error is not None:
            return _Remembered(error=run.memory_error)
        said = AnsweredPrompt(
            run.prompt,
            text,
            moral_value=run.moral_value,
            model=result.model,
            policy_version=run.policy.version,
            recalled=tuple(match.memory.memory_id for match in run.recalled.matches),
            vector=run.vector,
            conversation_id=run.request.conversation_id,
        )
        try:
            done = await self._memories.remembered(run.key, said, run.ticket)
        except MlsdmError as error:
            return _Remembered(revision=run.revision, error=error)
        if done.outcome is None:
            return _Remembered(
                revision=run.revision, error=_kept_out("policy"), verdicts=done.verdicts
            )
        ids = tuple(each for each in (done.outcome.memory_id, done.outcome.answer_id) if each)
        reason = None if ids else _kept_out(done.outcome.rejection.name.lower())
        outcome = done.outcome
        return _Remembered(ids, outcome.evicted, outcome.revision, reason, done.verdicts)

    def _spent(self, run: _Run) -> Spent:
        return replace(
            Spent.of(run.results, total_s=self._clock() - run.began_s),
            embed_s=run.embed_s,
            recall_s=run.recall_s,
            first_piece_s=run.first_piece_s,
        )

    def _ended(
        self,
        run: _Run,
        remembered: _Remembered,
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


def _kept_out(cause: str) -> PreconditionFailed:
    """Return why the mind or the policy did not take in an exchange."""
    return PreconditionFailed(
        "The exchange was not taken into memory.",
        reason="NOT_REMEMBERED",
        metadata={"cause": cause},
    )


def _threshold(view: SpaceView) -> float:
    """Return the moral value below which a space refuses now."""
    moral = view.parameters.moral
    return min(max(view.moral_threshold, moral.never_pass), moral.always_pass)
