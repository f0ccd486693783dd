"""Token buckets by key, in a table of limited size.

A bucket is one number: the time at which it is full again (generic cell rate algorithm). A full
bucket needs no entry, so the table is empty after a long time without calls.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final

from mlsdm_grpc.errors import QuotaExceeded

__all__ = ["TokenBuckets", "rate_limited"]

# Maximum number of full buckets that each new entry removes from the table.
_DROPPED: Final = 2
# Tolerance for rounding errors of times, seconds. A monotonic clock stays below 1e9 s.
_ROUNDING_S: Final = 1e-6
_LEAST_WAIT_S: Final = 0.001


class TokenBuckets:
    """Token buckets with one rate.

    Args:
        per_s: Tokens that a bucket gains in one second.
        burst: Number of tokens in a full bucket.
        max_keys: Maximum number of entries. Beyond it, the least recently used entry is removed, so
            the bucket of its key counts as full.
        clock: Monotonic clock, seconds.
    """

    def __init__(
        self, per_s: float, burst: int, *, max_keys: int, clock: Callable[[], float]
    ) -> None:
        self.burst: Final = burst
        """Number of tokens in a full bucket."""
        self._token_s = 1 / per_s
        self._burst_s = burst / per_s
        self._max_keys = max_keys
        self._clock = clock
        self._full_at_s: OrderedDict[Hashable, float] = OrderedDict()

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self._full_at_s)

    def take(self, key: Hashable, tokens: int = 1) -> float:
        """Take tokens and return 0, or take none and return the time until they are available.

        Args:
            key: Key of the bucket.
            tokens: Number of tokens; more than a full bucket count as a full one.

        Returns:
            Time in seconds.
        """
        now_s = self._clock()
        table = self._full_at_s
        full_at_s = max(table.get(key, now_s), now_s) + min(tokens, self.burst) * self._token_s
        # Sums of rounded times may exceed the burst by a rounding error.
        wait_s = full_at_s - now_s - self._burst_s
        if wait_s > _ROUNDING_S:
            return wait_s
        if key not in table:
            self._make_room(now_s)
        table[key] = full_at_s
        table.move_to_end(key)
        return 0.0

    def charge(self, key: Hashable, tokens: int = 1) -> float:
        """Take tokens even if they are missing, and return the time until they would be there.

        Returns:
            Time in seconds; 0 if enough tokens were available.
        """
        now_s = self._clock()
        if key not in self._full_at_s:
            self._make_room(now_s)
        full_at_s = max(self._full_at_s.get(key, now_s), now_s) + tokens * self._token_s
        self._full_at_s[key] = full_at_s
        self._full_at_s.move_to_end(key)
        return max(0.0, full_at_s - now_s - self._burst_s)

    def wait_s(self, key: Hashable) -> float:
        """Return the time until one token is available, seconds; 0 if one is available."""
        now_s = self._clock()
        full_at_s = max(self._full_at_s.get(key, now_s), now_s)
        wait_s = full_at_s + self._token_s - now_s - self._burst_s
        return wait_s if wait_s > _ROUNDING_S else 0.0

    def remaining(self, key: Hashable) -> int:
        """Return the number of available tokens."""
        now_s = self._clock()
        used_s = max(0.0, self._full_at_s.get(key, now_s) - now_s)
        return max(0, int((self._burst_s - used_s) / self._token_s + 1e-6))

    def _make_room(self, now_s: float) -> None:
        table = self._full_at_s
        for _ in range(_DROPPED):
            if not table:
                return
            oldest = next(iter(table))
            if table[oldest] > now_s:
                break
            del table[oldest]
        if len(table) >= self._max_keys:
            table.popitem(last=False)


def rate_limited(message: str, *, limit: int, quota_id: str, retry_after_s: float) -> QuotaExceeded:
    """Return the error for a caller above a limit.

    Args:
        message: Message of the status.
        limit: Value of the limit.
        quota_id: Name of the limit.
        retry_after_s: Time until the caller may retry, seconds.
    """
    return QuotaExceeded(
        message,
        reason="RATE_LIMITED",
        metadata={"limit": str(limit), "quota_id": quota_id},
        retry_after_s=max(retry_after_s, _LEAST_WAIT_S),
    )
