"""Generators of the ids of memories, records, writes and calls."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from ulid import ULID

__all__ = ["Ids"]

_MS_NS = 1_000_000


class Ids:
    """Generates unique ids.

    Args:
        now_ns: Returns the Unix time in nanoseconds.
        random: Returns the requested number of random bytes.
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
        """Return a ULID of 26 characters; ULIDs of later milliseconds sort after earlier ones."""
        time_ms = self._now_ns() // _MS_NS
        return str(ULID(time_ms.to_bytes(6, "big") + self._random(10)))
