"""Generators of the ids of memories, records, writes and calls."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final

__all__ = ["Ids", "RandomPool", "random_bytes"]

_MS_NS: Final = 1_000_000
_POOL_BYTES: Final = 4_096
# Crockford's base 32.
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS: Final = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
# Bit offset of each of the 13 character pairs of a ULID; the first pair has only 8 value bits.
_SHIFTS: Final = tuple(range(120, -1, -10))


class RandomPool:
    """Source of random bytes that reads in blocks: one system call serves hundreds of ids.

    Do not use it for keys, because unused bytes stay in memory. It is not thread-safe.

    Args:
        source: Function that returns the requested number of random bytes.
    """

    __slots__ = ("_at", "_block", "_source")

    def __init__(self, source: Callable[[int], bytes] = os.urandom) -> None:
        self._source = source
        self._block = b""
        self._at = 0

    def __call__(self, count: int) -> bytes:
        """Return ``count`` bytes that no other call returns."""
        if count > _POOL_BYTES:
            return self._source(count)
        end = self._at + count
        if end > len(self._block):
            self._block = self._source(_POOL_BYTES)
            self._at, end = 0, count
        taken = self._block[self._at : end]
        self._at = end
        return taken

    def clear(self) -> None:
        """Discard the unused bytes."""
        self._block, self._at = b"", 0


random_bytes: Final = RandomPool()
"""Pool of this process."""
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=random_bytes.clear)


class Ids:
    """Generator of unique ids.

    Args:
        now_ns: Function that returns the Unix time, nanoseconds.
        random: Function that returns the requested number of random bytes.
    """

    def __init__(
        self,
        now_ns: Callable[[], int] = time.time_ns,
        random: Callable[[int], bytes] = random_bytes,
    ) -> None:
        self._now_ns = now_ns
        self._random = random

    def uuid(self) -> bytes:
        """Return 16 random bytes."""
        return self._random(16)

    def ulid(self) -> str:
        """Return a ULID of 26 characters; ULIDs of later milliseconds sort after earlier ones.

        The value has 48 bits of Unix time in milliseconds and 80 random bits
        (github.com/ulid/spec).
        """
        time_ms = self._now_ns() // _MS_NS
        value = (time_ms << 80) | int.from_bytes(self._random(10), "big")
        pairs = _PAIRS
        return "".join([pairs[value >> shift & 1_023] for shift in _SHIFTS])
