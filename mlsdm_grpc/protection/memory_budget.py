"""How much memory the spaces in RAM take, and how much they may."""

from __future__ import annotations

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
        self.used_bytes = 0

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
        """What spaces leave until, once they have to: a little room for the next ones."""
        return int(self.limit_bytes * (1 - _KEPT_FREE))
