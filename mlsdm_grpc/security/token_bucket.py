"""Token buckets by key in a bounded table.

A bucket is one number: the time at which it is full again (the generic cell rate algorithm). A full
bucket needs no entry, so that a table of pauses is empty.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final

__all__ = ["TokenBuckets"]

# Full buckets looked for and dropped at each new entry.
_DROPPED: Final = 2
# Tolerance for the rounding of times, seconds; a monotonic clock stays below 1e9 s.
_ROUNDING_S: Final = 1e-6


class TokenBuckets:
    """Buckets of one rate.

    Args:
        per_s: Tokens that a bucket gains in one second.
        burst: Tokens of a full bucket.
        max_keys: Maximum number of entries. Beyond it the entry unused for the longest time goes,
            which gives its key a full bucket.
        clock: Monotonic clock, seconds.
    """

    def __init__(
        self, per_s: float, burst: int, *, max_keys: int, clock: Callable[[], float]
    ) -> None:
        self.burst: Final = burst
        """Tokens of a full bucket."""
        self._token_s = 1 / per_s
        self._burst_s = burst / per_s
        self._max_keys = max_keys
        self._clock = clock
        self._full_at_s: OrderedDict[Hashable, float] = OrderedDict()

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self._full_at_s)

    def take(self, key: Hashable, tokens: int = 1) -> float:
        """Take tokens and return 0, or take none and return the time until they are there, seconds.

        More tokens than a burst count as a burst.
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
        """Take tokens even if they are not there, and return the time until they are, seconds."""
        now_s = self._clock()
        if key not in self._full_at_s:
            self._make_room(now_s)
        full_at_s = max(self._full_at_s.get(key, now_s), now_s) + tokens * self._token_s
        self._full_at_s[key] = full_at_s
        self._full_at_s.move_to_end(key)
        return max(0.0, full_at_s - now_s - self._burst_s)

    def wait_s(self, key: Hashable) -> float:
        """Return the time until one token is there, seconds; 0 if one is."""
        now_s = self._clock()
        full_at_s = max(self._full_at_s.get(key, now_s), now_s)
        wait_s = full_at_s + self._token_s - now_s - self._burst_s
        return wait_s if wait_s > _ROUNDING_S else 0.0

    def remaining(self, key: Hashable) -> int:
        """Return the number of tokens that are there."""
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
