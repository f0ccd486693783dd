"""Memory budget of the loaded spaces."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import Final

__all__ = ["Budget"]

# Share of the budget that unloading leaves free, so that the next spaces fit.
_KEPT_FREE: Final = 0.1


class Budget:
    """RAM of all loaded spaces, with its limits.

    Args:
        limit_bytes: Above this limit, unused spaces are unloaded; 0 for no limit.
        most_bytes: Above this limit, no space is loaded while all are in use; 0 for no limit.
    """

    def __init__(self, limit_bytes: int, most_bytes: int = 0) -> None:
        self.limit_bytes = limit_bytes or sys.maxsize
        self._most_bytes = most_bytes or sys.maxsize
        self._used_bytes = 0
        self.is_kept = False
        """True while a task unloads spaces."""
        self.room_wanted = asyncio.Event()
        """Set when spaces must be unloaded."""
        self.roomy = asyncio.Event()
        """Set while the RAM is below its limit, or no further space can be unloaded."""
        self.roomy.set()

    @property
    def used_bytes(self) -> int:
        """RAM of all loaded spaces, bytes."""
        return self._used_bytes

    @used_bytes.setter
    def used_bytes(self, used_bytes: int) -> None:
        self._used_bytes = used_bytes
        if self.exceeded:
            self.room_wanted.set()

    async def make_room(self, timeout_s: float) -> None:
        """Wait until the RAM is below its limit, no further space can be unloaded, or time is over.

        Args:
            timeout_s: Maximum wait, seconds.
        """
        if self.exceeded and self.is_kept:
            self.roomy.clear()
            self.room_wanted.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self.roomy.wait()

    @property
    def exceeded(self) -> bool:
        """True if spaces must be unloaded."""
        return self.used_bytes > self.limit_bytes

    @property
    def exhausted(self) -> bool:
        """True if another space would need RAM that the node needs for other work."""
        return self.used_bytes > self._most_bytes

    @property
    def goal_bytes(self) -> int:
        """RAM at which the unloading of spaces stops, bytes."""
        return int(self.limit_bytes * (1 - _KEPT_FREE))
