"""Memory of a process: an allocator that keeps little, a garbage collector that runs seldom."""

from __future__ import annotations

import contextlib
import ctypes
import gc
from typing import Final

__all__ = ["MMAP_THRESHOLD_BYTES", "freeze_memory", "keep_little", "trim"]

MMAP_THRESHOLD_BYTES: Final = 1024 * 1024
"""Larger blocks return to the system when they are freed, instead of leaving holes between smaller
ones. A fixed value is needed, because the allocator raises its own threshold after the first such
block."""

_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8
# By default each thread would have an arena with holes of its own; grpc has a dozen threads.
_ARENAS: Final = 2


def keep_little() -> None:
    """Configure the allocator of this process; call it before threads start."""
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(_M_ARENA_MAX, _ARENAS)
        library.mallopt(_M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES)


def freeze_memory(collect_every: int) -> None:
    """Exclude the present objects from the garbage collector, and let it run seldom.

    Args:
        collect_every: Number of new containers after which the youngest ones are collected.
            Requests leave few cycles; the default, 700, would collect many times in one of them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(collect_every)


def trim() -> None:
    """Return freed pages to the system; takes milliseconds, so call it in a thread."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
