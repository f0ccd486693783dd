"""Cache of moral values from an endpoint, bounded by entries and age, separate for each tenant."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b

__all__ = ["ScoreCache"]

_DIGEST_BYTES = 20


class ScoreCache:
    """LRU cache of moral values by tenant and text; it stores hashes, not texts.

    Args:
        max_entries: Maximum number of values; 0 disables the cache.
        ttl_s: Maximum age of a value, seconds.
        clock: Function that returns the time, seconds.
    """

    def __init__(self, *, max_entries: int, ttl_s: float, clock: Callable[[], float]) -> None:
        self._max_entries = max_entries
        self._ttl_s = ttl_s
        self._clock = clock
        self._entries: OrderedDict[bytes, tuple[float, float]] = OrderedDict()

    def get(self, tenant: str, text: str) -> float | None:
        """Return the cached value of a text, or None."""
        key = _key(tenant, text)
        expires_s, value = self._entries.get(key, (0.0, None))
        if value is None or self._clock() >= expires_s:
            self._entries.pop(key, None)
            return None
        self._entries.move_to_end(key)
        return value

    def put(self, tenant: str, text: str, value: float) -> None:
        """Store a value."""
        if self._max_entries:
            self._entries[_key(tenant, text)] = (self._clock() + self._ttl_s, value)
            if len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)


def _key(tenant: str, text: str) -> bytes:
    digest = blake2b(digest_size=_DIGEST_BYTES)
    for part in (tenant.encode(), text.encode("utf-8", "surrogatepass")):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.digest()
