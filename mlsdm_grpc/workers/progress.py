"""Progress of a worker, kept on a memory page that its parent can read even after its death.

The page is shared through a descriptor that the worker inherits. The worker writes it before and
after every step, which takes less than a microsecond and needs no lock.
"""

from __future__ import annotations

import mmap
import os
import struct
from typing import Final, NamedTuple

__all__ = ["LOADING", "Applying", "Progress", "shared_page"]

LOADING: Final = 0
"""Value in place of a revision while the snapshot of a space is being read."""
_WHERE = struct.Struct("=qq")
_STEP = struct.Struct("=qq")


class Applying(NamedTuple):
    """Record that a worker is applying."""

    space: int
    """Number of the space on its link, from 1."""
    revision: int
    """Revision of the record, or ``LOADING``."""


def shared_page() -> int:
    """Return a descriptor of one page of memory; the caller closes it."""
    descriptor = os.memfd_create("position")
    os.truncate(descriptor, mmap.PAGESIZE)
    return descriptor


class Progress:
    """Progress of one worker, for the worker and for its parent.

    Args:
        descriptor: Descriptor from :func:`shared_page`; -1 for private memory.
    """

    def __init__(self, descriptor: int = -1) -> None:
        self._page = mmap.mmap(descriptor, mmap.PAGESIZE)
        self._steps = 0

    def enter(self, space: int = 0, revision: int = 0, *, step_bytes: int = 0) -> None:
        """Write the next step to the page.

        Args:
            space: Space whose record is applied or whose snapshot is read; 0 for any other work.
            revision: Revision of the record, or ``LOADING``.
            step_bytes: Bytes that this step reads, if they are many.
        """
        self._steps += 1
        _WHERE.pack_into(self._page, 0, space, revision)
        _STEP.pack_into(self._page, _WHERE.size, self._steps, step_bytes)

    @property
    def applying(self) -> Applying | None:
        """Record that is being applied; None if there is none."""
        space, revision = _WHERE.unpack_from(self._page)
        return Applying(space, revision) if space else None

    @property
    def step(self) -> tuple[int, int]:
        """Number of the current step, and the bytes that it reads."""
        number, step_bytes = _STEP.unpack_from(self._page, _WHERE.size)
        return number, step_bytes

    def close(self) -> None:
        """Release the page and the descriptor that the mapping holds."""
        self._page.close()
