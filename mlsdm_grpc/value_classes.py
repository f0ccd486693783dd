"""Immutable value classes that are cheap to create."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

__all__ = ["value_class"]

_T = TypeVar("_T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value_class(cls: type[_T]) -> type[_T]:
    """Make a class a dataclass with slots; the type checker, not the run time, keeps it immutable.

    A dataclass that is frozen at run time takes four times as long to create: 6.7 us instead of
    1.6 us for the 20 fields of a memory. Every request creates about a dozen of them.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)
