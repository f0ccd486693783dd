"""Vectors of texts that come again: bounded by entries and age, and kept apart by tenant."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

__all__ = ["EmbeddingCache"]

_DIGEST_BYTES = 20


class EmbeddingCache:
    """Least recently used vectors leave first; old ones are not used.

    Entries of one tenant are of no use to another, so that nobody learns from an answer's speed
    what others have written. Texts themselves are not kept.

    Args:
        model: Id of the model; part of the keys.
        max_entries: Vectors at most; 0 keeps none.
        ttl_s: Age after which a vector is not used any more, seconds.
        clock: Seconds.

    Cost: one hash of the text a look-up; four bytes a dimension and about 200 bytes an entry.
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
        """Return the vector of a text, read-only; None if there is none that is young enough."""
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
        """Keep a copy of a vector."""
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
