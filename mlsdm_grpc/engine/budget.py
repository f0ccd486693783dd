"""How much memory the spaces in RAM take, and how much they may."""

from __future__ import annotations

import os
from typing import Final

from mlsdm_grpc.engine.sensors import cgroup_limit

__all__ = ["Budget"]

_SPACES_SHARE: Final = 0.6
_KEPT_FREE: Final = 0.1


class Budget:
    """Bytes of all spaces that workers hold.

    Args:
        limit_bytes: Above this, spaces that are not in use leave; 0 follows the memory that
            there is, see :meth:`settle`.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.used_bytes = 0

    def settle(self) -> None:
        """Find out the limit if nobody said it; blocks."""
        if not self.limit_bytes:
            physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
            self.limit_bytes = int(_SPACES_SHARE * min(physical, cgroup_limit() or physical))

    @property
    def exceeded(self) -> bool:
        """Whether spaces have to leave."""
        return self.used_bytes > self.limit_bytes

    @property
    def goal_bytes(self) -> int:
        """What spaces leave until, once they have to: a little room for the next ones."""
        return int(self.limit_bytes * (1 - _KEPT_FREE))
