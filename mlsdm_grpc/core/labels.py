"""Labels of the memories of one space: each text is kept once, a memory holds numbers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Labels"]

_COLUMNS = 4
_NONE = 0


class Labels:
    """Which slot carries which labels.

    The first four labels of a slot stand in a table that a query scans; what is beyond them, in a
    dictionary. A label that nothing carries any more is forgotten.
    """

    def __init__(self) -> None:
        self._table: NDArray[np.int32] = np.empty((0, _COLUMNS), np.int32)
        self._more: dict[int, tuple[int, ...]] = {}
        self._number: dict[str, int] = {}
        self._names: list[str] = [""]
        self._carriers: list[int] = [0]
        self._unused: list[int] = []

    @property
    def nbytes(self) -> int:
        """Bytes of the table."""
        return self._table.nbytes

    def grow(self, slots: int) -> None:
        """Make room for more slots."""
        self._table = np.concatenate((self._table, np.zeros((slots, _COLUMNS), np.int32)))

    def get(self, slot: int) -> tuple[str, ...]:
        """Return the labels of a slot, sorted."""
        return tuple(self._names[number] for number in self._numbers(slot))

    def set(self, slot: int, labels: Iterable[str]) -> None:
        """Give a slot these labels, sorted and without duplicates, and no others."""
        old = self._numbers(slot)
        numbers = [self._take(label) for label in labels]
        row = numbers[:_COLUMNS]
        self._table[slot] = row + [_NONE] * (_COLUMNS - len(row))
        self._more.pop(slot, None)
        if len(numbers) > _COLUMNS:
            self._more[slot] = tuple(numbers[_COLUMNS:])
        for number in old:
            self._drop(number)

    def carriers(self, labels: Iterable[str]) -> NDArray[np.bool_]:
        """Return (slots,) bool: which slots carry all of these labels."""
        result = np.ones(len(self._table), np.bool_)
        for label in labels:
            number = self._number.get(label)
            if number is None:
                return np.zeros(len(self._table), np.bool_)
            found = (self._table == number).any(axis=1)
            for slot, numbers in self._more.items():
                found[slot] |= number in numbers
            result &= found
        return result

    def _numbers(self, slot: int) -> list[int]:
        first = [number for number in self._table[slot].tolist() if number != _NONE]
        return first + list(self._more.get(slot, ()))

    def _take(self, label: str) -> int:
        number = self._number.get(label)
        if number is None:
            number = self._unused.pop() if self._unused else len(self._names)
            if number == len(self._names):
                self._names.append("")
                self._carriers.append(0)
            self._number[label] = number
            self._names[number] = label
        self._carriers[number] += 1
        return number

    def _drop(self, number: int) -> None:
        self._carriers[number] -= 1
        if not self._carriers[number]:
            del self._number[self._names[number]]
            self._names[number] = ""
            self._unused.append(number)
