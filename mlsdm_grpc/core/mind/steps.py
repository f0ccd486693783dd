"""Execution of work that is divided into steps, between which the caller can do other work."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

__all__ = ["finish"]

_T = TypeVar("_T")


def finish(steps: Generator[None, None, _T]) -> _T:
    """Run all steps and return their result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            value: _T = end.value
            return value
