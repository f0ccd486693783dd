"""The budget that all retries share, so that an outage upstream is not multiplied."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

__all__ = ["WINDOW_S", "RetryBudget"]

WINDOW_S: Final = 60.0
"""Time that the budget looks back, seconds."""
_BUCKETS: Final = 240


class RetryBudget:
    """Lets retries through while they are a small share of the calls of the last 60 seconds.

    A retry is let through if, with it, no more than ``share`` of the calls that began in the last
    60 seconds, or ``floor`` if that is more, were retries. Calls are counted in quarters of a
    second; a quarter that has begun to leave the window no longer counts for calls and still
    counts for retries, so the bound errs on the strict side.

    Args:
        share: Retries by calls, 0..1.
        floor: Retries in any 60 seconds that are let through whatever the calls; 0 makes the
            share a hard bound and leaves a server of few calls without retries.
        clock: Seconds.

    Cost: O(1), at most 242 pairs of numbers.
    """

    def __init__(self, *, share: float, floor: int, clock: Callable[[], float]) -> None:
        self._share = share
        self._floor = floor
        self._clock = clock
        self._buckets: deque[list[int]] = deque()
        self._calls = 0
        self._retries = 0

    @property
    def bucket_count(self) -> int:
        """Number of quarters of a second that it keeps counts of."""
        return len(self._buckets)

    def count_call(self) -> None:
        """Say that a call begins."""
        self._now()[1] += 1
        self._calls += 1

    def take(self) -> bool:
        """Return whether a retry may be made now; it is counted if so."""
        bucket = self._now()
        oldest = self._buckets[0]
        leaving = oldest[1] if bucket[0] - oldest[0] >= _BUCKETS else 0
        if self._retries + 1 > max(self._floor, self._share * (self._calls - leaving)):
            return False
        bucket[2] += 1
        self._retries += 1
        return True

    def _now(self) -> list[int]:
        """Return the bucket of the present moment: its number, calls and retries."""
        number = int(self._clock() * _BUCKETS / WINDOW_S)
        while self._buckets and number - self._buckets[0][0] > _BUCKETS:
            _, calls, retries = self._buckets.popleft()
            self._calls -= calls
            self._retries -= retries
        if not self._buckets or self._buckets[-1][0] != number:
            self._buckets.append([number, 0, 0])
        return self._buckets[-1]
