"""Circuit breaker: stops calls for a while after too many failures, then allows a few probes.

It opens after a number of consecutive failures, which detects a dead upstream quickly, or at a
failure rate over a time window, which detects an unreliable upstream.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from mlsdm_grpc.config import BreakerSettings

__all__ = ["Breaker", "BreakerState", "Pass"]

_MAX_WINDOW: Final = 4_096


class BreakerState(StrEnum):
    """State of a circuit breaker."""

    CLOSED = "closed"
    """All calls are allowed."""
    OPEN = "open"
    """No calls are allowed."""
    HALF_OPEN = "half_open"
    """A few probes are allowed, to test the upstream."""


class Breaker:
    """The circuit breaker of one upstream.

    Args:
        settings: Conditions of opening and closing, and the time between them.
        clock: Function that returns the time, seconds.
        changed: Called with the new state after each change.
    """

    def __init__(
        self,
        settings: BreakerSettings,
        *,
        clock: Callable[[], float],
        changed: Callable[[BreakerState], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._changed = changed
        self._state = BreakerState.CLOSED
        self._epoch = 0
        self._opened_s = 0.0
        self._failures = 0
        self._probes = 0
        self._successes = 0
        self._window: deque[tuple[float, bool]] = deque(maxlen=_MAX_WINDOW)
        self.open_count = 0

    @property
    def state(self) -> BreakerState:
        """State that applies to the next call."""
        if self._state is BreakerState.OPEN and self.retry_after_s <= 0:
            return BreakerState.HALF_OPEN
        return self._state

    @property
    def retry_after_s(self) -> float:
        """Time until a probe is allowed, seconds; 0 unless the breaker is open."""
        if self._state is not BreakerState.OPEN:
            return 0.0
        return max(0.0, self._opened_s + self._settings.open_s - self._clock())

    @property
    def callable(self) -> bool:
        """True if :meth:`enter` would allow a call."""
        state = self.state
        if state is BreakerState.HALF_OPEN and self._state is BreakerState.HALF_OPEN:
            return self._probes < self._settings.probes
        return state is not BreakerState.OPEN

    def enter(self) -> Pass | None:
        """Return a pass if a call is allowed, else None.

        The caller must end the pass by one of its methods.
        """
        if not self.callable:
            return None
        if self._state is BreakerState.OPEN:
            self._become(BreakerState.HALF_OPEN)
        if self._state is BreakerState.HALF_OPEN:
            self._probes += 1
        return Pass(self, self._epoch)

    def _end(self, epoch: int, *, ok: bool | None) -> None:
        """Record the end of a call, unless it began before the last change of state."""
        if epoch != self._epoch:
            return
        if self._state is BreakerState.HALF_OPEN:
            self._probes -= 1
            self._judge_probe(ok=ok)
        elif ok is not None:
            self._judge_call(ok=ok)

    def _judge_probe(self, *, ok: bool | None) -> None:
        if ok is None:
            return
        if not ok:
            self._become(BreakerState.OPEN)
            return
        self._successes += 1
        if self._successes >= self._settings.successes:
            self._become(BreakerState.CLOSED)

    def _judge_call(self, *, ok: bool) -> None:
        now_s = self._clock()
        self._failures = 0 if ok else self._failures + 1
        self._window.append((now_s, ok))
        while self._window[0][0] <= now_s - self._settings.window_s:
            self._window.popleft()
        if not ok and (self._failures >= self._settings.failures or self._fails_often()):
            self._become(BreakerState.OPEN)

    def _fails_often(self) -> bool:
        calls = len(self._window)
        failed = sum(not ok for _, ok in self._window)
        settings = self._settings
        return calls >= settings.window_calls and failed >= settings.window_share * calls

    def _become(self, state: BreakerState) -> None:
        self._state = state
        self._epoch += 1
        self._failures = self._probes = self._successes = 0
        self._window.clear()
        if state is BreakerState.OPEN:
            self._opened_s = self._clock()
            self.open_count += 1
        self._changed(state)


class Pass:
    """Permission for one call; only the first call of one of its methods counts."""

    __slots__ = ("_breaker", "_epoch")

    def __init__(self, breaker: Breaker, epoch: int) -> None:
        self._breaker: Breaker | None = breaker
        self._epoch = epoch

    def succeeded(self) -> None:
        """Record a successful call."""
        self._end(ok=True)

    def failed(self) -> None:
        """Record a failed call."""
        self._end(ok=False)

    def void(self) -> None:
        """Record a call that says nothing about the upstream, for example a cancelled one."""
        self._end(ok=None)

    def _end(self, *, ok: bool | None) -> None:
        breaker, self._breaker = self._breaker, None
        if breaker is not None:
            breaker._end(self._epoch, ok=ok)  # noqa: SLF001 - two halves of one object
