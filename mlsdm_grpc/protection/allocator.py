"""Configuration of memory allocator and garbage collector of a process, for low RAM and pauses."""

from __future__ import annotations

import contextlib
import ctypes
import gc
from typing import Final

__all__ = ["MMAP_THRESHOLD_BYTES", "freeze_memory", "keep_little", "trim"]

MMAP_THRESHOLD_BYTES: Final = 1024 * 1024
"""Minimum size of blocks that return to the system as soon as they are freed, bytes.

Smaller free blocks may stay in the process. The value is fixed, because otherwise the allocator
raises it after the first such block.
"""

_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8
# By default each thread has an arena with free memory of its own, and grpc has a dozen threads.
_ARENAS: Final = 2


def keep_little() -> None:
    """Configure the allocator of this process to keep little free memory.

    Must be called before threads start.
    """
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(_M_ARENA_MAX, _ARENAS)
        library.mallopt(_M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES)


def freeze_memory(collect_every: int) -> None:
    """Exclude all current objects from garbage collection, and make collections rare.

    Args:
        collect_every: Number of new containers after which the youngest ones are collected.
            Requests leave few reference cycles, and with the default of 700 one request would cause
            many collections.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(collect_every)


def trim() -> None:
    """Return freed pages to the system. Takes milliseconds, so call it in a thread."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
