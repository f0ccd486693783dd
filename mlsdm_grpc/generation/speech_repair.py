"""Repair of telegraphic texts: a model rewrites them, and the best verified rewriting is used.

A rewriting that is worse, in another language, or changes code is never used. The checks are in
:mod:`mlsdm_grpc.speech.repair`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mlsdm_grpc.core.model.policy import Decision
from mlsdm_grpc.errors import MlsdmError
from mlsdm_grpc.governance.policy.rules import Stage
from mlsdm_grpc.governance.policy.verdict import Verdict, noteworthy, redacted
from mlsdm_grpc.llm.answers import ModelResult
from mlsdm_grpc.llm.gateway import Gateway
from mlsdm_grpc.llm.providers.provider import ModelRequest
from mlsdm_grpc.moderation.moderator import Judging, log_speech
from mlsdm_grpc.moderation.text_client import Compared, Texts
from mlsdm_grpc.observability.current import QUEUE_WAIT_S
from mlsdm_grpc.speech import Profile, SpeechReport
from mlsdm_grpc.speech.repair import MAX_ATTEMPTS, instruction

__all__ = ["AFTER_S", "AFTER_SHARE", "RepairRequest", "Repaired", "Repairs", "Spent"]

# Minimum time left to start an attempt, seconds.
_SHORTEST_S: Final = 0.5
AFTER_SHARE: Final = 0.1
AFTER_S: Final = 2.0
"""Time reserved for evaluating and storing an answer: a share of the time left, at most this many
seconds."""
_TOKENS_A_CHARACTER: Final = 0.75
_MIN_TOKENS: Final = 256


@dataclass(frozen=True, slots=True)
class RepairRequest:
    """A text that may need repair, with the limits of the repair."""

    text: str
    tenant: str
    deadline_s: float
    """Event-loop time by which the result is needed; attempts must end before it."""
    prompt: str = ""
    """Prompt to which the text is an answer."""
    model: str = ""
    """Model; empty for the default."""
    attempts: int = MAX_ATTEMPTS
    """Maximum number of attempts."""
    max_tokens: int = 0
    """Maximum tokens of an attempt; 0 for the server's limit."""
    stop: tuple[str, ...] = ()
    """Stop sequences of an attempt."""
    profile: Profile = Profile.STANDARD
    """Set of rules for the analysis."""
    language: str = ""
    """Language of the text, ISO 639-1; empty detects it."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Costs of model calls and of the steps around them; times in seconds."""

    queue_wait_s: float
    provider_s: float
    total_s: float
    prompt_tokens: int
    completion_tokens: int
    call_count: int
    provider: str
    model: str
    embed_s: float = 0.0
    recall_s: float = 0.0
    first_piece_s: float | None = None

    @classmethod
    def of(cls, results: Sequence[ModelResult], *, total_s: float) -> Spent:
        """Return the costs of a request from the results of its model calls."""
        return cls(
            queue_wait_s=QUEUE_WAIT_S.get(),
            provider_s=sum(result.elapsed_s for result in results),
            total_s=total_s,
            prompt_tokens=sum(result.usage.prompt_tokens for result in results),
            completion_tokens=sum(result.usage.completion_tokens for result in results),
            call_count=sum(result.call_count for result in results),
            provider=results[0].provider if results else "",
            model=results[0].model if results else "",
        )


@dataclass(frozen=True, slots=True)
class Repaired:
    """Result of a repair."""

    text: str
    report: SpeechReport
    original_report: SpeechReport
    results: tuple[ModelResult, ...] = ()
    """Results of the model, one for each attempt."""
    verdicts: tuple[Verdict, ...] = ()
    """Verdicts of the rules that did not allow a text, enforced or in shadow mode."""


class Repairs:
    """Repair of telegraphic texts by a model.

    Args:
        gateway: Gateway to the models.
        texts: Client of the text workers.
        judging: Evaluator of the texts sent to the model and received from it.
        max_tokens: Maximum number of tokens that a model may be asked for in one attempt.
        clock: Clock of the event loop, seconds.
    """

    def __init__(
        self,
        gateway: Gateway,
        texts: Texts,
        judging: Judging,
        *,
        max_tokens: int,
        clock: Callable[[], float],
    ) -> None:
        self._gateway = gateway
        self._texts = texts
        self._judging = judging
        self._max_tokens = max_tokens
        self._clock = clock

    async def repair(self, request: RepairRequest, looked: Compared | None = None) -> Repaired:
        """Return a text, rewritten if it is telegraphic; governance rules are not applied.

        Args:
            request: The text.
            looked: Analysis of the text, if the caller has one. Otherwise the text is analysed
                here, and logged if it is telegraphic.

        Raises:
            MlsdmError: The analysis failed, or the model failed at the first attempt.
        """
        if looked is None:
            looked = await self._texts.compare(
                request.text,
                (),
                profile=request.profile,
                language=request.language,
                tenant=request.tenant,
                deadline_s=request.deadline_s,
            )
            log_speech(looked.report, request.tenant)
        best = Repaired(request.text, looked.report, looked.report)
        tries = request.attempts if looked.repairable else 0
        while best.report.is_aphasic and len(best.results) < tries:
            if request.deadline_s - self._clock() < _SHORTEST_S:
                break
            try:
                best = await self._tried(request, best)
            except MlsdmError:
                if best.results:
                    break
                raise
        return best

    async def repair_governed(self, request: RepairRequest) -> tuple[Repaired, Spent]:
        """Repair a text with governance: evaluate the texts sent to the model and its result.

        Raises:
            MlsdmError: See :meth:`repair`. A refusal by policy is not an error; the text is then
                unchanged.
        """
        began_s = self._clock()
        done = await self._governed(request)
        return done, Spent.of(done.results, total_s=self._clock() - began_s)

    async def _governed(self, request: RepairRequest) -> Repaired:
        original, before, sent = request.text, list[Verdict](), list[str]()
        for text in (request.text, request.prompt):
            judged = await self._judging.judge(
                text, Stage.PROMPT, tenant=request.tenant, deadline_s=request.deadline_s
            )
            before += noteworthy(judged.verdicts)
            sent.append(redacted(text, judged.measurement, judged.verdicts))
            if judged.decision is Decision.REFUSE:
                stays = await self.repair(replace(request, attempts=0))
                return replace(stays, verdicts=tuple(before))
        request = replace(request, text=sent[0], prompt=sent[1])
        left_s = request.deadline_s - self._clock()
        kept_s = min(AFTER_SHARE * left_s, AFTER_S)
        done = await self.repair(replace(request, deadline_s=request.deadline_s - kept_s))
        if done.text == request.text:
            return replace(done, text=original, verdicts=tuple(before))
        judged = await self._judging.judge(
            done.text,
            Stage.RESPONSE,
            tenant=request.tenant,
            deadline_s=request.deadline_s,
            prompt=request.text,
        )
        done = replace(done, verdicts=(*before, *noteworthy(judged.verdicts)))
        if judged.decision is Decision.REFUSE:
            return replace(done, text=original, report=done.original_report)
        return replace(done, text=redacted(done.text, judged.measurement, judged.verdicts))

    async def _tried(self, request: RepairRequest, best: Repaired) -> Repaired:
        """Request one more rewriting from the model, and return the best text so far."""
        language = request.language or best.original_report.language
        wanted = max(_MIN_TOKENS, round(_TOKENS_A_CHARACTER * len(request.text)))
        asked = ModelRequest(
            prompt=instruction(request.text, prompt=request.prompt, language=language),
            model=request.model,
            max_tokens=min(wanted, request.max_tokens or self._max_tokens),
            stop=request.stop,
            deadline_s=request.deadline_s,
        )
        result = await self._gateway.complete(asked, tenant=request.tenant)
        results = (*best.results, result)
        compared = await self._texts.compare(
            request.text,
            [each.text if each.finish.is_whole else "" for each in results],
            profile=request.profile,
            language=request.language,
            tenant=request.tenant,
            deadline_s=request.deadline_s,
        )
        if compared.best_report is None:
            return replace(best, results=results)
        text = results[compared.best - 1].text
        return replace(best, text=text, report=compared.best_report, results=results)
