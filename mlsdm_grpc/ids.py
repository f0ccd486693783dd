"""Ids that the server makes: of memories, records, writes and calls."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from ulid import ULID

__all__ = ["Ids"]

_MS_NS = 1_000_000


class Ids:
    """Makes ids that nothing else has.

    Args:
        now_ns: Unix time, nanoseconds.
        random: Returns so many random bytes.
    """

    def __init__(
        self,
        now_ns: Callable[[], int] = time.time_ns,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._now_ns = now_ns
        self._random = random

    def uuid(self) -> bytes:
        """Return 16 random bytes."""
        return self._random(16)

    def ulid(self) -> str:
        """Return a ULID, 26 characters; later milliseconds sort behind earlier ones."""
        time_ms = self._now_ns() // _MS_NS
        return str(ULID(time_ms.to_bytes(6, "big") + self._random(10)))
