"""Lexical index of one lattice, updated with each of its changes.

The index is derived from the texts and is not part of the state. A new text is added when a query
searches words or the worker is idle. A write therefore does not pay for the index. Adding texts in
batches is also faster, and a text that is removed earlier is never added.
"""

from __future__ import annotations

import weakref
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from mlsdm_grpc.core.store.lexical_index import IndexPart, LexicalIndex
from mlsdm_grpc.core.store.memory_table import Lattice
from mlsdm_grpc.core.store.memory_value import Memory

__all__ = ["SavedWords", "Terms", "Tokenizer", "Words"]

Terms: TypeAlias = Callable[[str, str], Mapping[str, int]]
"""Function that returns the terms of a text and its context, with the frequency of each term."""


class Tokenizer(NamedTuple):
    """Function that splits texts into terms, with its version."""

    version: str
    """Version of the function; the same version gives the same terms for every text."""
    terms: Terms


class SavedWords(NamedTuple):
    """Index that was saved together with its memories."""

    version: str
    """Version of the tokenizer."""
    memory_digest: int
    """Digest of the memories that the index covers; see :attr:`Lattice.digest`."""
    parts: Sequence[IndexPart]


class Words:
    """Lexical index of a lattice. For one writer; takes no locks.

    Args:
        lattice: Source of the texts. From now on it reports every change of a slot to the index.
        tokenizer: Splits texts into terms.
        saved: Saved index; it is ignored if its memories or its tokenizer differ.
    """

    def __init__(
        self, lattice: Lattice, tokenizer: Tokenizer, saved: SavedWords | None = None
    ) -> None:
        self.index = LexicalIndex()
        self.version = tokenizer.version
        """Version of the tokenizer."""
        # A weak reference: the lattice refers to this object, and a reference cycle would delay the
        # release of the RAM of a space until the garbage collector runs.
        self._lattice = weakref.ref(lattice)
        self._terms = tokenizer.terms
        # Slots whose text may be missing from the index, newest last; may contain duplicates.
        self._missing = array("i")
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
        """Upper bound of the number of texts missing from the index; a search adds them first."""
        return len(self._missing)

    @property
    def nbytes(self) -> int:
        """Size of the index, bytes."""
        return self.index.nbytes + len(self._missing) * self._missing.itemsize

    def complete(self) -> None:
        """Add all missing texts to the index."""
        for _ in self.completing():
            pass

    def completing(self) -> Iterator[None]:
        """Add the missing texts, one in each step; writes may occur between steps.

        Several iterators may run at the same time and share the work.

        Cost: about 25 us for a text of 25 words.
        """
        lattice = self._lattice()
        while lattice is not None and self._missing:
            slot = self._missing.pop()
            # The text may be removed, or the slot may be listed twice.
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
