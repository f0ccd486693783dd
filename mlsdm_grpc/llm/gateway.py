"""Gateway to the language models: permits, queue, retries, fallback and deadlines.

A call acquires a permit of the lane ``llm``, waits for its turn, and then calls the providers of
the chain in order. A provider gets up to three attempts with growing pauses, as long as its circuit
breaker is closed and the shared retry budget allows. After the last attempt the next provider is
called. If a provider rejects the request permanently, the call ends. A streamed answer is not
retried after its first piece. No lock is held during I/O.

docs/llm.md lists faults, attempts and statuses.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeVar

from mlsdm_grpc.config import LlmSettings
from mlsdm_grpc.errors import (
    RETRY_LATER_S,
    DeadlineExceeded,
    FieldViolation,
    InvalidInput,
    MlsdmError,
    PreconditionFailed,
    Unavailable,
)
from mlsdm_grpc.llm.answers import AnswerStream, ModelResult, open_stream
from mlsdm_grpc.llm.breaker import BreakerState, Pass
from mlsdm_grpc.llm.budget import RetryBudget
from mlsdm_grpc.llm.providers.provider import (
    MAX_ANSWER_CHARS,
    FaultKind,
    Finish,
    ModelAnswer,
    ModelRequest,
    Provider,
    ProviderFault,
    TokenUsage,
)
from mlsdm_grpc.llm.turns import CallLimit
from mlsdm_grpc.llm.upstream import SHORTEST_S, Surroundings, Upstream, UpstreamCall, expired
from mlsdm_grpc.observability.metrics import Metrics

__all__ = ["Gateway", "Permits", "ProviderStatus", "ProvidersView"]

_T = TypeVar("_T")
_MAX_RETRY_AFTER_S: Final = 3_600.0
# Maximum number of models that an error message lists.
_MODELS_NAMED: Final = 16


class Permits(Protocol):
    """Limit of concurrent calls, for example a lane of ``Lanes``."""

    def inside(self, tenant: str) -> AbstractContextManager[None]:
        """Return a context that holds a permit; entering raises Unavailable BULKHEAD_FULL."""
        ...


@dataclass(frozen=True, slots=True)
class ProviderStatus:
    """Status of one provider for operators."""

    name: str
    state: BreakerState
    open_count: int
    """Number of times that its circuit breaker has opened."""
    retry_after_s: float
    """Time until the next probe, seconds; 0 unless its circuit breaker is open."""


class ProvidersView(Protocol):
    """Interface of the gateway for health, status and metrics."""

    def providers(self) -> list[ProviderStatus]:
        """Return the providers of the chain, in order."""
        ...

    @property
    def callable(self) -> bool:
        """True if at least one provider of the chain can be called now."""
        ...


class Gateway:
    """Client of the providers of the chain; the module describes a call.

    Args:
        providers: The chain in order of preference, at least one, with distinct names.
        settings: Limits, retries and breakers.
        permits: Limit of concurrent calls.
        metrics: Metrics of calls, retries, breakers and tokens.
        clock: Clock of the event loop, seconds.
        sleep: Function that waits between attempts.
        jitter: Function that returns a random number in 0..1.
    """

    def __init__(
        self,
        providers: Sequence[Provider],
        settings: LlmSettings,
        *,
        permits: Permits,
        metrics: Metrics,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._permits = permits
        self._metrics = metrics
        self._clock = clock
        self.turns = CallLimit(settings.max_concurrent, clock=clock)
        """Slots of concurrent provider calls, with the queue in front of them."""
        self._budget = RetryBudget(
            share=settings.retry_share, floor=settings.retry_floor, clock=clock
        )
        around = Surroundings(
            settings, settings.timeout_s, self._budget, metrics, clock, sleep, jitter
        )
        self._chain = [(each, Upstream(each.name, around)) for each in providers]

    @property
    def models(self) -> frozenset[str]:
        """Models that requests may name."""
        return frozenset[str]().union(*(provider.models for provider, _ in self._chain))

    def providers(self) -> list[ProviderStatus]:
        """Return the providers of the chain, in order."""
        return [
            ProviderStatus(
                each.name,
                each.breaker.state,
                each.breaker.open_count,
                each.breaker.retry_after_s,
            )
            for _, each in self._chain
        ]

    @property
    def callable(self) -> bool:
        """True if at least one provider of the chain can be called now."""
        return any(each.breaker.state is not BreakerState.OPEN for _, each in self._chain)

    async def aclose(self) -> None:
        """Close the connections to all providers."""
        for provider, _ in self._chain:
            await provider.aclose()

    async def complete(self, request: ModelRequest, *, tenant: str) -> ModelResult:
        """Return a whole answer.

        Args:
            request: The request; the answer arrives a configured margin before its ``deadline_s``.
            tenant: Tenant of the caller, for fair queueing.

        Raises:
            InvalidInput: ``model`` is unknown, or ``max_tokens`` exceeds the limit.
            Unavailable: BULKHEAD_FULL, or PROVIDER_UNAVAILABLE if no provider answered.
            PreconditionFailed: PROVIDER_REJECTED; a provider refused the request permanently.
            DeadlineExceeded: DEADLINE_TOO_SHORT before the call, DEADLINE_EXPIRED during it.
        """
        request = self._checked(request)
        queued_s = self._clock()
        with self._permits.inside(tenant):
            async with self.turns.turn(tenant, request.deadline_s):
                work = UpstreamCall(self._clock(), request.deadline_s, queued_s=queued_s)
                answer, upstream = await self._over_chain(work, request, _complete)
                result = replace(
                    self._begun(work, upstream),
                    text=answer.text,
                    finish=answer.finish,
                    usage=answer.usage,
                    model=answer.model,
                )
                self._count_tokens(result)
                return result

    @asynccontextmanager
    async def stream(self, request: ModelRequest, *, tenant: str) -> AsyncIterator[AnswerStream]:
        """Open a streamed answer; entering the context waits for its first piece.

        Leaving the context closes the connection to the provider if the answer has not ended.
        Arguments and errors are those of :meth:`complete`. After the first piece, failures are
        raised by the iteration and are not retried.
        """
        request = self._checked(request)
        queued_s = self._clock()
        with self._permits.inside(tenant):
            async with self.turns.turn(tenant, request.deadline_s):
                work = UpstreamCall(self._clock(), request.deadline_s, queued_s=queued_s)
                opened, upstream = await self._over_chain(work, request, open_stream)
                answer = AnswerStream(
                    opened,
                    self._begun(work, upstream),
                    deadline_s=request.deadline_s,
                    idle_timeout_s=self._settings.stream_idle_timeout_s,
                    clock=self._clock,
                    failed=lambda fault: self._broken(upstream, fault),
                )
                try:
                    yield answer
                finally:
                    await opened.close()
                    self._count_tokens(answer.result)

    def model_violations(self, model: str) -> list[FieldViolation]:
        """Return the violations of a model name; the empty name is the default model."""
        if not model or model in self.models:
            return []
        offered = ", ".join(sorted(self.models)[:_MODELS_NAMED])
        return [FieldViolation("model", f"must be one of {offered}")]

    def _checked(self, request: ModelRequest) -> ModelRequest:
        """Return the request with defaults applied and its deadline moved forward by the margin."""
        settings = self._settings
        violations = self.model_violations(request.model)
        if not 0 <= request.max_tokens <= settings.max_tokens_limit:
            limit = settings.max_tokens_limit
            violations.append(FieldViolation("max_tokens", f"must be 0 to {limit}"))
        if violations:
            raise InvalidInput(violations=violations)
        # The margin is time for the caller to evaluate and store the answer.
        deadline_s = request.deadline_s - settings.deadline_margin_s
        if deadline_s - self._clock() < SHORTEST_S:
            needed_ms = round((settings.deadline_margin_s + SHORTEST_S) * 1_000)
            raise DeadlineExceeded(
                "The deadline leaves no time to call a model; nothing was written.",
                metadata={"needed_ms": str(needed_ms)},
            )
        max_tokens = request.max_tokens or settings.max_tokens
        return replace(request, max_tokens=max_tokens, deadline_s=deadline_s)

    async def _over_chain(
        self,
        work: UpstreamCall,
        request: ModelRequest,
        call: Callable[[Provider, ModelRequest, Pass], Awaitable[_T]],
    ) -> tuple[_T, Upstream]:
        """Call the providers in order until one answers."""
        self._budget.count_call()
        failed: MlsdmError | None = None
        for provider, upstream in self._chain:
            if request.model and request.model not in provider.models:
                continue

            async def once(deadline_s: float, leave: Pass, to: Provider = provider) -> _T:
                return await call(to, replace(request, deadline_s=deadline_s), leave)

            try:
                return await upstream.ask(work, once), upstream
            except ProviderFault as fault:
                if fault.rejected:
                    raise _rejected(upstream, fault) from None
                failed = self._unavailable(upstream, fault)
        if failed is None:  # pragma: no cover - _checked has found the model
            raise LookupError(request.model)
        raise failed

    def _begun(self, work: UpstreamCall, upstream: Upstream) -> ModelResult:
        """Return the result of an answer, still without text."""
        return ModelResult(
            text="",
            finish=Finish.INCOMPLETE,
            usage=TokenUsage(),
            provider=upstream.name,
            model="",
            call_count=work.calls,
            queue_wait_s=work.began_s - work.queued_s,
            elapsed_s=self._clock() - work.began_s,
        )

    def _broken(self, upstream: Upstream, fault: ProviderFault | None) -> MlsdmError:
        """Return the error for an interrupted stream; without a fault, its deadline has passed."""
        kind = "deadline" if fault is None else fault.kind.value
        self._metrics.llm_broken_streams.labels(upstream.name, kind).inc()
        upstream.log_failure(kind, 0 if fault is None else fault.status)
        if fault is None:
            return expired()
        if fault.rejected:
            return _rejected(upstream, fault)
        return self._unavailable(upstream, fault)

    def _unavailable(self, upstream: Upstream, fault: ProviderFault) -> Unavailable:
        soonest_s = min(each.breaker.retry_after_s for _, each in self._chain)
        asked_s = fault.retry_after_s or 0.0
        return Unavailable(
            "No model provider answered.",
            reason="PROVIDER_UNAVAILABLE",
            metadata={"provider": upstream.name, "cause": fault.kind.value},
            retry_after_s=min(max(RETRY_LATER_S, asked_s, soonest_s), _MAX_RETRY_AFTER_S),
            tried=True,
        )

    def _count_tokens(self, result: ModelResult) -> None:
        tokens = self._metrics.llm_tokens
        tokens.labels(result.provider, "prompt").inc(result.usage.prompt_tokens)
        tokens.labels(result.provider, "completion").inc(result.usage.completion_tokens)


async def _complete(provider: Provider, request: ModelRequest, leave: Pass) -> ModelAnswer:
    answer = await provider.complete(request)
    if len(answer.text) > MAX_ANSWER_CHARS:
        raise ProviderFault(FaultKind.TOO_LARGE)
    leave.succeeded()
    return answer


def _rejected(upstream: Upstream, fault: ProviderFault) -> PreconditionFailed:
    return PreconditionFailed(
        "The model provider refused the request; a retry cannot succeed.",
        reason="PROVIDER_REJECTED",
        metadata={
            "provider": upstream.name,
            "status": str(fault.status) if fault.status else fault.kind.value,
        },
    )
