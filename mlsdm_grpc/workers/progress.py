"""The progress of a worker, on a page that its parent can read even after its death.

One page of memory is shared through a descriptor that the worker inherits. The worker writes it
before and after every step, which costs well under a microsecond; nobody locks it.
"""

from __future__ import annotations

import mmap
import os
import struct
from typing import Final, NamedTuple

__all__ = ["LOADING", "Applying", "Progress", "shared_page"]

LOADING: Final = 0
"""In place of a revision: the space's snapshot is being read."""
_WHERE = struct.Struct("=qq")
_STEP = struct.Struct("=qq")


class Applying(NamedTuple):
    """The record that a worker has in hand."""

    space: int
    """Number of the space on its link, from 1."""
    revision: int
    """The record's revision, or ``LOADING``."""


def shared_page() -> int:
    """Return a descriptor of one page of memory; the caller closes it."""
    descriptor = os.memfd_create("position")
    os.truncate(descriptor, mmap.PAGESIZE)
    return descriptor


class Progress:
    """The position of one worker, seen from either side.

    Args:
        descriptor: From :func:`shared_page`; -1 shares it with nobody.
    """

    def __init__(self, descriptor: int = -1) -> None:
        self._page = mmap.mmap(descriptor, mmap.PAGESIZE)
        self._steps = 0

    def enter(self, space: int = 0, revision: int = 0, *, step_bytes: int = 0) -> None:
        """Say what comes next.

        Args:
            space: Whose record is applied or whose snapshot is read; 0 for any other work.
            revision: Which record, or ``LOADING``.
            step_bytes: Bytes that this one step has to go through, if they are many.
        """
        self._steps += 1
        _WHERE.pack_into(self._page, 0, space, revision)
        _STEP.pack_into(self._page, _WHERE.size, self._steps, step_bytes)

    @property
    def applying(self) -> Applying | None:
        """The record that is being applied, if one is."""
        space, revision = _WHERE.unpack_from(self._page)
        return Applying(space, revision) if space else None

    @property
    def step(self) -> tuple[int, int]:
        """Number of the present step, and the bytes that it goes through."""
        number, step_bytes = _STEP.unpack_from(self._page, _WHERE.size)
        return number, step_bytes

    def close(self) -> None:
        """Give the page back, and the descriptor that the mapping keeps of it."""
        self._page.close()
