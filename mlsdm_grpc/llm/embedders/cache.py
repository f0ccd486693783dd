"""Cache of embedding vectors, bounded by entries and age, separate for each tenant."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

__all__ = ["EmbeddingCache"]

_DIGEST_BYTES = 20


class EmbeddingCache:
    """LRU cache of vectors with a maximum age.

    A tenant gets only its own entries, so response times reveal nothing about the texts of other
    tenants. The cache stores hashes of texts, not texts.

    Args:
        model: Id of the model; part of the cache keys.
        max_entries: Maximum number of vectors; 0 disables the cache.
        ttl_s: Maximum age of a vector, seconds.
        clock: Function that returns the time, seconds.

    Cost: one hash of the text for each look-up. An entry takes four bytes for each dimension, plus
    about 200 bytes.
    """

    def __init__(
        self, model: str, *, max_entries: int, ttl_s: float, clock: Callable[[], float]
    ) -> None:
        self._model = model.encode()
        self._max_entries = max_entries
        self._ttl_s = ttl_s
        self._clock = clock
        self._entries: OrderedDict[bytes, tuple[float, NDArray[np.float32]]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, tenant: str, text: str) -> NDArray[np.float32] | None:
        """Return the cached vector of a text, read-only; None if it is not cached."""
        key = self._key(tenant, text)
        found = self._entries.get(key)
        if found is None:
            return None
        expires_s, row = found
        if self._clock() >= expires_s:
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return row

    def put(self, tenant: str, text: str, row: NDArray[np.float32]) -> None:
        """Store a copy of a vector."""
        if not self._max_entries:
            return
        kept = row.copy()
        kept.flags.writeable = False
        key = self._key(tenant, text)
        self._entries[key] = (self._clock() + self._ttl_s, kept)
        self._entries.move_to_end(key)
        if len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)

    def _key(self, tenant: str, text: str) -> bytes:
        digest = blake2b(digest_size=_DIGEST_BYTES)
        for part in (self._model, tenant.encode(), text.encode()):
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part)
        return digest.digest()
