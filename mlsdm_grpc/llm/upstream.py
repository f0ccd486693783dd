"""One upstream: its circuit breaker, its tries and the time that each may take."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import structlog
from tenacity import AsyncRetrying, RetryCallState

from mlsdm_grpc.config import LlmSettings
from mlsdm_grpc.errors import DeadlineExceeded
from mlsdm_grpc.llm.breaker import Breaker, BreakerState, Pass
from mlsdm_grpc.llm.budget import RetryBudget
from mlsdm_grpc.llm.providers.provider import FaultKind, ProviderFault
from mlsdm_grpc.observability.current import REQUEST_ID
from mlsdm_grpc.observability.metrics import Metrics

__all__ = [
    "PATIENCE_S",
    "SHORTEST_S",
    "Surroundings",
    "Upstream",
    "UpstreamCall",
    "expired",
    "judge",
    "judge_silence",
]

_T = TypeVar("_T")
_log: Final = structlog.get_logger(component="llm")
SHORTEST_S: Final = 0.05
"""A call that has less time than this is not begun, seconds."""
PATIENCE_S: Final = 2.0
"""A provider that was silent for so long has failed, even if only its caller's time was up."""


@dataclass(slots=True)
class UpstreamCall:
    """One request on its way."""

    began_s: float
    deadline_s: float
    """Event-loop time by which it has to be done."""
    queued_s: float
    """When it began to wait for its turn."""
    calls: int = 0
    """Calls made for it so far."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What upstreams share."""

    settings: LlmSettings
    """Retries and breakers."""
    timeout_s: float
    """Longest time of one try."""
    budget: RetryBudget
    metrics: Metrics
    clock: Callable[[], float]
    """Seconds; that of the event loop."""
    sleep: Callable[[float], Awaitable[None]]
    jitter: Callable[[], float]
    """A random number in 0..1."""


class Upstream:
    """What is called, behind its breaker."""

    def __init__(self, name: str, around: Surroundings) -> None:
        self.name = name
        self._around = around
        self._settings = around.settings
        self.breaker = Breaker(
            around.settings.breaker, clock=around.clock, changed=self._state_changed
        )
        self._show(BreakerState.CLOSED)

    async def ask(self, work: UpstreamCall, call: Callable[[float, Pass], Awaitable[_T]]) -> _T:
        """Ask until there is an answer or no try is left.

        Args:
            work: The request.
            call: Makes one call, given its own deadline; it ends the pass unless it raises.

        Raises:
            ProviderFault: The last one.
            DeadlineExceeded: DEADLINE_EXPIRED; the caller's time was up before or during a call.
        """

        async def once() -> _T:
            return await self._once(work, call)

        retrying = AsyncRetrying(
            retry=_retryable,
            wait=self._pause_s,
            stop=lambda state: self._give_up(work, state),
            sleep=self._around.sleep,
            reraise=True,
        )
        return await retrying(once)

    def log_failure(self, kind: str, status: int = 0) -> None:
        """Log that a call failed.

        Args:
            kind: Kind of the fault, or ``deadline``.
            status: HTTP status; 0 where there was none.
        """
        _log.info(
            "provider_call_failed",
            provider=self.name,
            kind=kind,
            status=status,
            request_id=REQUEST_ID.get(),
        )

    async def _once(self, work: UpstreamCall, call: Callable[[float, Pass], Awaitable[_T]]) -> _T:
        """Make one call, if there is time and the breaker lets it through, and count it."""
        if work.deadline_s - self._around.clock() < SHORTEST_S:
            raise expired()
        leave = self.breaker.enter()
        if leave is None:
            raise ProviderFault(FaultKind.CIRCUIT_OPEN, retry_after_s=self.breaker.retry_after_s)
        work.calls += 1
        began_s = self._around.clock()
        outcome = "cancelled"
        try:
            answer = await self._timed(work, leave, call)
            outcome = "ok"
        except ProviderFault as fault:
            outcome = fault.kind.value
            self.log_failure(outcome, fault.status)
            raise
        except DeadlineExceeded:
            outcome = "deadline"
            self.log_failure(outcome)
            raise
        finally:
            if outcome == "cancelled":
                leave.void()
            self._around.metrics.llm_calls.labels(self.name, outcome).observe(
                self._around.clock() - began_s
            )
        return answer

    async def _timed(
        self,
        work: UpstreamCall,
        leave: Pass,
        call: Callable[[float, Pass], Awaitable[_T]],
    ) -> _T:
        """Make one call in its time, and tell the breaker if it failed."""
        began_s = self._around.clock()
        left_s = work.deadline_s - began_s
        limit_s = min(left_s, self._around.timeout_s)
        try:
            async with asyncio.timeout(limit_s):
                return await call(began_s + limit_s, leave)
        except TimeoutError:
            if limit_s < left_s:
                leave.failed()
                raise ProviderFault(FaultKind.TIMEOUT, retryable=True) from None
            judge_silence(leave, limit_s)
            raise expired() from None
        except ProviderFault as fault:
            judge(leave, fault)
            raise

    def _pause_s(self, state: RetryCallState) -> float:
        """Return how long to wait before the next try, seconds."""
        settings = self._settings
        growing_s = settings.retry_initial_s * 2.0 ** (state.attempt_number - 1)
        fault = state.outcome.exception() if state.outcome else None
        asked_s = fault.retry_after_s if isinstance(fault, ProviderFault) else None
        pause_s = max(min(growing_s, settings.retry_max_s), asked_s or 0.0)
        return pause_s + self._around.jitter() * settings.retry_jitter_s

    def _give_up(self, work: UpstreamCall, state: RetryCallState) -> bool:
        """Return whether there is no further try: none left, no time, no budget."""
        if state.attempt_number >= self._settings.tries or not self.breaker.callable:
            return True
        resumes_s = self._around.clock() + state.upcoming_sleep
        if resumes_s + SHORTEST_S > work.deadline_s:
            return True
        granted = self._around.budget.take()
        self._around.metrics.llm_retries.labels("made" if granted else "over_budget").inc()
        return not granted

    def _state_changed(self, state: BreakerState) -> None:
        _log.warning(
            "provider_breaker_changed",
            provider=self.name,
            state=state.value,
            request_id=REQUEST_ID.get(),
        )
        self._show(state)

    def _show(self, state: BreakerState) -> None:
        for each in BreakerState:
            self._around.metrics.llm_breaker.labels(self.name, each).set(each is state)


def judge(leave: Pass, fault: ProviderFault) -> None:
    """Tell the breaker of a fault; an upstream that rejects a request is in good health."""
    if fault.rejected:
        leave.succeeded()
    else:
        leave.failed()


def judge_silence(leave: Pass, waited_s: float) -> None:
    """Tell the breaker of a provider that had not answered when its caller's time was up."""
    if waited_s >= PATIENCE_S:
        leave.failed()
    else:
        leave.void()


def expired() -> DeadlineExceeded:
    """Return the error of a caller whose time is up."""
    return DeadlineExceeded(
        "The deadline passed before the model had answered; nothing was written.",
        reason="DEADLINE_EXPIRED",
    )


def _retryable(state: RetryCallState) -> bool:
    fault = state.outcome.exception() if state.outcome else None
    return isinstance(fault, ProviderFault) and fault.retryable
