"""The words of the texts of one lattice: a lexical index that follows each change of it.

The index is derived from the texts and no part of the state. One that is made for a lattice that
holds memories already gets their texts step by step; new texts are entered as they come.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from mlsdm_grpc.core.store.lexical_index import IndexPart, LexicalIndex
from mlsdm_grpc.core.store.memory_table import Lattice, Memory

__all__ = ["SavedWords", "Terms", "Tokenizer", "Words"]

Terms: TypeAlias = Callable[[str, str], Mapping[str, int]]
"""Returns the terms of a text and its context with their frequencies."""


class Tokenizer(NamedTuple):
    """What makes the terms of texts."""

    version: str
    """Texts have the same terms where it is the same."""
    terms: Terms


class SavedWords(NamedTuple):
    """An index as it was kept with the memories that it is of."""

    version: str
    """Of the tokenizer."""
    memory_digest: int
    """Of the memories, see :attr:`Lattice.digest`."""
    parts: Sequence[IndexPart]


class Words:
    """The lexical index of a lattice; single writer, no locks.

    Args:
        lattice: Whose texts it holds; says from now on what is placed and cleared.
        tokenizer: Makes the terms of a text.
        saved: What was known of these memories before; that of other ones, or by another
            tokenizer, is of no use.
    """

    def __init__(
        self, lattice: Lattice, tokenizer: Tokenizer, saved: SavedWords | None = None
    ) -> None:
        self.index = LexicalIndex()
        self.version = tokenizer.version
        """Of the tokenizer."""
        # Weak: the lattice calls this object, and the memory of a space is freed by the counts of
        # references, at once.
        self._lattice = weakref.ref(lattice)
        self._terms = tokenizer.terms
        self._missing: list[int] = []
        """Slots whose texts are not entered yet, newest last."""
        if saved is not None and saved[:2] == (tokenizer.version, lattice.digest):
            for part in saved.parts:
                self.index.adopt(part)
        else:
            self._missing = lattice.order(0).tolist()
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
        lattice = self._lattice()
        while lattice is not None and self._missing:
            slot = self._missing.pop()
            # What was placed since was entered then, and what left is not there any more.
            if lattice.columns["sequence"][slot] and slot not in self.index:
                self._enter(slot, *lattice.text_and_context(slot))
            yield

    def _place(self, slot: int, memory: Memory) -> None:
        self._enter(slot, memory.text, memory.context)

    def _enter(self, slot: int, text: str, context: str) -> None:
        if text:
            self.index.add(slot, self._terms(text, context))
