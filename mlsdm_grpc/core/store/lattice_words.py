"""The words of the texts of one lattice: a lexical index that follows each change of it.

The index is derived from the texts and no part of the state. One that is made for a lattice that
holds memories already gets their texts step by step; new texts are entered as they come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from mlsdm_grpc.core.store.lexical_index import LexicalIndex
from mlsdm_grpc.core.store.memory_table import Lattice, Memory

__all__ = ["Terms", "Words"]

Terms: TypeAlias = Callable[[str], Mapping[str, int]]
"""Returns the terms of a text with their frequencies."""


class Words:
    """The lexical index of a lattice; single writer, no locks.

    Args:
        lattice: Whose texts it holds; says from now on what is placed and cleared.
        terms: Makes the terms of a text, always the same ones of the same text.
        index: What was known before of the memories that are there; None knows nothing of them.
    """

    def __init__(self, lattice: Lattice, terms: Terms, index: LexicalIndex | None = None) -> None:
        self.index = LexicalIndex() if index is None else index
        self._lattice = lattice
        self._terms = terms
        self._missing: list[int] = [] if index is not None else lattice.order(0).tolist()
        """Slots whose texts are not entered yet, newest last."""
        lattice.placed.append(self._place)
        lattice.cleared.append(self.index.remove)

    @property
    def complete(self) -> bool:
        """Whether all texts are entered, so that answers are exact."""
        return not self._missing

    @property
    def nbytes(self) -> int:
        """Bytes that the index takes."""
        return self.index.nbytes

    def completing(self) -> Iterator[None]:
        """Enter the missing texts, one at a step; writes may come in between.

        Several may do this at the same time: they share the work.
        """
        lattice = self._lattice
        while self._missing:
            slot = self._missing.pop()
            # What was placed since was entered then, and what left is not there any more.
            if lattice.columns["sequence"][slot] and slot not in self.index:
                self.index.add(slot, self._terms(lattice.text(slot)))
            yield

    def _place(self, slot: int, memory: Memory) -> None:
        if memory.text:
            self.index.add(slot, self._terms(memory.text))
