"""Progress of a worker on a page of shared memory, which the server can read even after its death.

The worker inherits a descriptor of the page. It writes to the page before every step, which takes
less than a microsecond and needs no lock.
"""

from __future__ import annotations

import mmap
import os
import struct
from typing import Final, NamedTuple

__all__ = ["LOADING", "Applying", "Progress", "shared_page"]

LOADING: Final = 0
"""Value in place of a revision while the worker reads the snapshot of a space."""
# Layout of the page: space and revision, then number and bytes of the current step.
_WHERE = struct.Struct("=qq")
_STEP = struct.Struct("=qq")


class Applying(NamedTuple):
    """Record that a worker is applying."""

    space: int
    """Number of the space on its link, from 1."""
    revision: int
    """Revision of the record, or ``LOADING``."""


def shared_page() -> int:
    """Return a descriptor of one page of shared memory; the caller must close it."""
    descriptor = os.memfd_create("position")
    os.truncate(descriptor, mmap.PAGESIZE)
    return descriptor


class Progress:
    """Progress of one worker, for the worker and for the server.

    Args:
        descriptor: Descriptor from :func:`shared_page`; -1 for private memory.
    """

    def __init__(self, descriptor: int = -1) -> None:
        self._page = mmap.mmap(descriptor, mmap.PAGESIZE)
        self._steps = 0

    def enter(self, space: int = 0, revision: int = 0, *, step_bytes: int = 0) -> None:
        """Write the start of the next step to the page.

        Args:
            space: Number of the space whose record is applied or whose snapshot is read; 0 for
                other work.
            revision: Revision of the record, or ``LOADING``.
            step_bytes: Number of bytes that the step reads, if it is large.
        """
        self._steps += 1
        _WHERE.pack_into(self._page, 0, space, revision)
        _STEP.pack_into(self._page, _WHERE.size, self._steps, step_bytes)

    @property
    def applying(self) -> Applying | None:
        """Record that the worker is applying; None if it applies no record."""
        space, revision = _WHERE.unpack_from(self._page)
        return Applying(space, revision) if space else None

    @property
    def step(self) -> tuple[int, int]:
        """Number of the current step, and number of bytes that it reads."""
        number, step_bytes = _STEP.unpack_from(self._page, _WHERE.size)
        return number, step_bytes

    def close(self) -> None:
        """Release the page and the descriptor of its mapping."""
        self._page.close()
