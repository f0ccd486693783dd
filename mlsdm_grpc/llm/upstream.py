"""Calls to one upstream: circuit breaker, attempts and their timeouts."""

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
"""Minimum time left to start a call, seconds."""
# Silence after which a provider counts as failed even if it was the caller's deadline that ended
# the call, seconds.
PATIENCE_S: Final = 2.0


@dataclass(slots=True)
class UpstreamCall:
    """State of one request to an upstream."""

    began_s: float
    deadline_s: float
    """Event-loop time by which the request must end."""
    queued_s: float
    """Event-loop time at which the request entered the queue."""
    calls: int = 0
    """Number of calls made for the request so far."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Settings and dependencies that upstreams share."""

    settings: LlmSettings
    """Settings of retries and breakers."""
    timeout_s: float
    """Timeout of one attempt, seconds."""
    budget: RetryBudget
    metrics: Metrics
    clock: Callable[[], float]
    """Clock of the event loop, seconds."""
    sleep: Callable[[float], Awaitable[None]]
    jitter: Callable[[], float]
    """Function that returns a random number in 0..1."""


class Upstream:
    """Target of calls, behind a circuit breaker."""

    def __init__(self, name: str, around: Surroundings) -> None:
        self.name = name
        self._around = around
        self._settings = around.settings
        self.breaker = Breaker(
            around.settings.breaker, clock=around.clock, changed=self._state_changed
        )
        self._show(BreakerState.CLOSED)

    async def ask(self, work: UpstreamCall, call: Callable[[float, Pass], Awaitable[_T]]) -> _T:
        """Call the upstream until it answers or no attempt is left.

        Args:
            work: The request.
            call: Function that makes one call with a deadline. It ends the pass, unless it raises.

        Raises:
            ProviderFault: The fault of the last attempt.
            DeadlineExceeded: DEADLINE_EXPIRED; the caller's deadline passed before or during a
                call.
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
        """Log a failed call.

        Args:
            kind: Kind of the fault, or ``deadline``.
            status: HTTP status; 0 if there was none.
        """
        _log.info(
            "provider_call_failed",
            provider=self.name,
            kind=kind,
            status=status,
            request_id=REQUEST_ID.get(),
        )

    async def _once(self, work: UpstreamCall, call: Callable[[float, Pass], Awaitable[_T]]) -> _T:
        """Make and count one call, if there is time left and the circuit breaker allows it."""
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
        """Make one call within its timeout, and report a failure to the breaker."""
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
        """Return the delay before the next attempt, seconds."""
        settings = self._settings
        growing_s = settings.retry_initial_s * 2.0 ** (state.attempt_number - 1)
        fault = state.outcome.exception() if state.outcome else None
        asked_s = fault.retry_after_s if isinstance(fault, ProviderFault) else None
        pause_s = max(min(growing_s, settings.retry_max_s), asked_s or 0.0)
        return pause_s + self._around.jitter() * settings.retry_jitter_s

    def _give_up(self, work: UpstreamCall, state: RetryCallState) -> bool:
        """Return True if no further attempt is made: no attempts, time or budget left."""
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
    """Report a fault to the circuit breaker; a rejected request is a success of the upstream."""
    if fault.rejected:
        leave.succeeded()
    else:
        leave.failed()


def judge_silence(leave: Pass, waited_s: float) -> None:
    """Report to the circuit breaker that a provider was silent until the caller's deadline."""
    if waited_s >= PATIENCE_S:
        leave.failed()
    else:
        leave.void()


def expired() -> DeadlineExceeded:
    """Return the error for a call whose deadline has passed."""
    return DeadlineExceeded(
        "The deadline passed before the model answered; nothing was written.",
        reason="DEADLINE_EXPIRED",
    )


def _retryable(state: RetryCallState) -> bool:
    fault = state.outcome.exception() if state.outcome else None
    return isinstance(fault, ProviderFault) and fault.retryable
