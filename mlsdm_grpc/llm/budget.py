"""Retry budget of all calls together, so that retries do not multiply the load of an outage."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

__all__ = ["WINDOW_S", "RetryBudget"]

WINDOW_S: Final = 60.0
"""Window of the budget, seconds."""
_BUCKETS: Final = 240


class RetryBudget:
    """Limit of retries as a share of the calls of the last 60 seconds.

    A retry is allowed if the number of retries in the last 60 seconds, including it, is at most
    ``share`` times the number of calls started in that time, or at most ``floor``. Counts are kept
    for quarters of a second. A quarter that is partly outside of the window counts for retries but
    not for calls, so the limit is rather too strict than too lax.

    Args:
        share: Ratio of retries to calls, 0..1.
        floor: Number of retries that are always allowed in 60 seconds. With 0, the share is a hard
            limit, and a server with few calls makes no retries.
        clock: Function that returns the time, seconds.

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
        """Number of quarters of a second whose counts are kept."""
        return len(self._buckets)

    def count_call(self) -> None:
        """Count the start of a call."""
        self._now()[1] += 1
        self._calls += 1

    def take(self) -> bool:
        """Count a retry and return True if it is allowed now; otherwise return False."""
        bucket = self._now()
        oldest = self._buckets[0]
        leaving = oldest[1] if bucket[0] - oldest[0] >= _BUCKETS else 0
        if self._retries + 1 > max(self._floor, self._share * (self._calls - leaving)):
            return False
        bucket[2] += 1
        self._retries += 1
        return True

    def _now(self) -> list[int]:
        """Return the current bucket: its number, number of calls, and number of retries."""
        number = int(self._clock() * _BUCKETS / WINDOW_S)
        while self._buckets and number - self._buckets[0][0] > _BUCKETS:
            _, calls, retries = self._buckets.popleft()
            self._calls -= calls
            self._retries -= retries
        if not self._buckets or self._buckets[-1][0] != number:
            self._buckets.append([number, 0, 0])
        return self._buckets[-1]
