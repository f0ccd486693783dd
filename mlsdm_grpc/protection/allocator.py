"""The C library's allocator, told to keep little of what was freed; where it is glibc."""

from __future__ import annotations

import contextlib
import ctypes
from typing import Final

__all__ = ["MMAP_THRESHOLD_BYTES", "keep_little", "trim"]

MMAP_THRESHOLD_BYTES: Final = 1024 * 1024
"""Larger pieces go back to the system when they are freed instead of leaving holes between smaller
ones; the allocator's own adjustment would stop that after the first of them."""

_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8
_ARENAS: Final = 2
"""Each thread would have one of its own, with holes of its own; grpc has a dozen threads."""


def keep_little() -> None:
    """Set up the allocator of this process; call it before there are threads."""
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(_M_ARENA_MAX, _ARENAS)
        library.mallopt(_M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES)


def trim() -> None:
    """Give freed pages back to the system; takes milliseconds, so call it in a thread."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
