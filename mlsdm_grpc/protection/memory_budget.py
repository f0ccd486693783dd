"""The memory budget of the spaces in RAM."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import Final

__all__ = ["Budget"]

_KEPT_FREE: Final = 0.1


class Budget:
    """Bytes of all spaces that workers hold.

    Args:
        limit_bytes: Above this, spaces that are not in use leave; 0 is no limit.
        most_bytes: Above this, with all the others in use, no space is loaded; 0 is no limit.
    """

    def __init__(self, limit_bytes: int, most_bytes: int = 0) -> None:
        self.limit_bytes = limit_bytes or sys.maxsize
        self._most_bytes = most_bytes or sys.maxsize
        self._used_bytes = 0
        self.is_kept = False
        """Whether somebody sees to it that spaces leave."""
        self.room_wanted = asyncio.Event()
        """Set when spaces have to leave."""
        self.roomy = asyncio.Event()
        """Set while there is room, or as much as can be made."""
        self.roomy.set()

    @property
    def used_bytes(self) -> int:
        """Bytes of all spaces now."""
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
        """Whether spaces have to leave."""
        return self.used_bytes > self.limit_bytes

    @property
    def exhausted(self) -> bool:
        """Whether another space would take what the node needs otherwise."""
        return self.used_bytes > self._most_bytes

    @property
    def goal_bytes(self) -> int:
        """Bytes down to which spaces leave, once they have to: a little room for the next ones."""
        return int(self.limit_bytes * (1 - _KEPT_FREE))
