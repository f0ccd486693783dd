"""Label storage of one space: each text is stored once, and slots refer to it by number."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["LABEL_BYTES", "Labels"]

_COLUMNS = 4
_NO_LABELS = (0,) * _COLUMNS
_UNKNOWN = -1
LABEL_BYTES = _COLUMNS * array("i").itemsize
"""Size of the labels of one slot, bytes."""


class Labels:
    """Labels of each slot.

    The first four labels of a slot are in a table that queries scan; further ones are in a
    dictionary. A label that no slot has is removed.
    """

    def __init__(self) -> None:
        # Four label numbers for each slot, row by row; 0 means no label.
        self._table = array("i")
        self._more: dict[int, tuple[int, ...]] = {}
        self._number: dict[str, int] = {}
        self._names: list[str] = [""]
        self._carriers: list[int] = [0]
        self._unused: list[int] = []

    def grow(self, slots: int) -> None:
        """Append empty slots to the table."""
        self._table.frombytes(bytes(slots * LABEL_BYTES))

    @property
    def name_count(self) -> int:
        """Number of allocated label numbers, including 0 for no label."""
        return len(self._names)

    def get(self, slot: int) -> tuple[str, ...]:
        """Return the labels of a slot, sorted."""
        return tuple(self._names[number] for number in self._numbers(slot))

    def set(self, slot: int, labels: Sequence[str]) -> None:
        """Replace the labels of a slot; they must be sorted and free of duplicates."""
        start = slot * _COLUMNS
        if not labels and not self._table[start]:
            return
        old = self._numbers(slot)
        numbers = [self._take(label) for label in labels]
        row = (*numbers[:_COLUMNS], *_NO_LABELS)[:_COLUMNS]
        self._table[start : start + _COLUMNS] = array("i", row)
        self._more.pop(slot, None)
        if len(numbers) > _COLUMNS:
            self._more[slot] = tuple(numbers[_COLUMNS:])
        for number in old:
            self._drop(number)

    def carriers(self, labels: Iterable[str]) -> NDArray[np.bool_]:
        """Return (slots,) bool: True for slots that have all of these labels."""
        table = np.frombuffer(self._table, np.intc).reshape(-1, _COLUMNS)
        wanted = {self._number.get(label, _UNKNOWN) for label in labels}
        # Number of requested labels that each slot has; at most 32, so a byte suffices.
        found = np.zeros(len(table), np.uint8)
        for number in wanted:
            found += (table == number).any(axis=1)
        for slot, numbers in self._more.items():
            found[slot] += len(wanted.intersection(numbers))
        carriers: NDArray[np.bool_] = found == len(wanted)
        return carriers

    def _numbers(self, slot: int) -> list[int]:
        start = slot * _COLUMNS
        first = [number for number in self._table[start : start + _COLUMNS] if number]
        return [*first, *self._more.get(slot, ())]

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
