"""Work that is done in steps, so that who does it may look at something else in between."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

__all__ = ["finish"]

_T = TypeVar("_T")


def finish(steps: Generator[None, None, _T]) -> _T:
    """Take all steps at once, and return what they come to."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            value: _T = end.value
            return value
