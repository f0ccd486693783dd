"""The words of the texts of one lattice: a lexical index that follows each change of it.

The index is derived from the texts and no part of the state. A text that comes waits until
somebody asks for words, or has time: a write pays nothing for the words, many texts are entered
faster than one, and those that leave before are never entered.
"""

from __future__ import annotations

import weakref
from array import array
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
        self._missing = array("i")
        """Slots whose texts may not be entered yet, newest last; a slot may be there twice."""
        slots = lattice.order(0)
        if saved is not None and saved[:2] == (tokenizer.version, lattice.digest):
            for part in saved.parts:
                self.index.adopt(part)
            slots = slots[~self.index.has(slots)]
        self._missing.extend(slots.tolist())
        lattice.placed.append(self._place)
        lattice.cleared.append(self.index.remove)

    @property
    def missing_count(self) -> int:
        """Texts at most that are not entered yet, without which answers are not exact."""
        return len(self._missing)

    @property
    def nbytes(self) -> int:
        """Bytes that the index takes."""
        return self.index.nbytes + len(self._missing) * self._missing.itemsize

    def complete(self) -> None:
        """Enter all missing texts."""
        for _ in self.completing():
            pass

    def completing(self) -> Iterator[None]:
        """Enter the missing texts, one at a step; writes may come in between.

        Several may do this at the same time: they share the work.

        Cost: about 25 us for a text of 25 words.
        """
        lattice = self._lattice()
        while lattice is not None and self._missing:
            slot = self._missing.pop()
            # Its text may have left, or been entered in the place of another one.
            if lattice.columns["sequence"][slot] and slot not in self.index:
                text, context = lattice.text_and_context(slot)
                if text:
                    self.index.add(slot, self._terms(text, context))
            yield

    def _place(self, slot: int, memory: Memory) -> None:
        if not memory.text:
            return
        self._missing.append(slot)
        lattice = self._lattice()
        if lattice is not None and len(self._missing) > 2 * len(lattice.columns):
            self._missing = array("i", dict.fromkeys(self._missing))
