"""The memory budget of the loaded spaces."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import Final

__all__ = ["Budget"]

_KEPT_FREE: Final = 0.1


class Budget:
    """Memory of all loaded spaces.

    Args:
        limit_bytes: Above this, unused spaces are unloaded; 0 is unlimited.
        most_bytes: Above this, while all spaces are in use, no space is loaded; 0 is unlimited.
    """

    def __init__(self, limit_bytes: int, most_bytes: int = 0) -> None:
        self.limit_bytes = limit_bytes or sys.maxsize
        self._most_bytes = most_bytes or sys.maxsize
        self._used_bytes = 0
        self.is_kept = False
        """True if a task unloads spaces."""
        self.room_wanted = asyncio.Event()
        """Set when spaces must be unloaded."""
        self.roomy = asyncio.Event()
        """Set while there is room, or no more room can be made."""
        self.roomy.set()

    @property
    def used_bytes(self) -> int:
        """Present memory of all spaces, bytes."""
        return self._used_bytes

    @used_bytes.setter
    def used_bytes(self, used_bytes: int) -> None:
        self._used_bytes = used_bytes
        if self.exceeded:
            self.room_wanted.set()

    async def make_room(self, timeout_s: float) -> None:
        """Wait until there is room, if it can be made, or until the time is over."""
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
        """True if another space would take memory that the node needs for other work."""
        return self.used_bytes > self._most_bytes

    @property
    def goal_bytes(self) -> int:
        """Target of unloading, bytes: some room for the next spaces."""
        return int(self.limit_bytes * (1 - _KEPT_FREE))
