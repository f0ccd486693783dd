"""The lexical index of one lattice, updated with each change of it.

The index is derived from the texts and is not part of the state. A new text waits until a query
searches words or the worker is idle. Therefore a write does not pay for the index, texts are added
in batches, which is faster, and a text that leaves before is never added.
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
"""Function that returns the terms of a text and its context with their frequencies."""


class Tokenizer(NamedTuple):
    """A function that splits texts into terms, with its version."""

    version: str
    """Two tokenizers of the same version give the same terms for every text."""
    terms: Terms


class SavedWords(NamedTuple):
    """An index as saved together with its memories."""

    version: str
    """Version of the tokenizer."""
    memory_digest: int
    """Digest of the memories; see :attr:`Lattice.digest`."""
    parts: Sequence[IndexPart]


class Words:
    """The lexical index of a lattice. Single writer, no locks.

    Args:
        lattice: Source of the texts; reports every placed and cleared slot from now on.
        tokenizer: Splits texts into terms.
        saved: A saved index. It is ignored if its memories or its tokenizer differ.
    """

    def __init__(
        self, lattice: Lattice, tokenizer: Tokenizer, saved: SavedWords | None = None
    ) -> None:
        self.index = LexicalIndex()
        self.version = tokenizer.version
        """Version of the tokenizer."""
        # A weak reference: the lattice refers to this object, and a cycle would delay the release
        # of a space's memory until the garbage collector runs.
        self._lattice = weakref.ref(lattice)
        self._terms = tokenizer.terms
        # Slots whose texts may be missing from the index, newest last; may contain duplicates.
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
        """Upper bound of the texts that are not in the index yet; results are exact without any."""
        return len(self._missing)

    @property
    def nbytes(self) -> int:
        """Size of the index, bytes."""
        return self.index.nbytes + len(self._missing) * self._missing.itemsize

    def complete(self) -> None:
        """Add all missing texts."""
        for _ in self.completing():
            pass

    def completing(self) -> Iterator[None]:
        """Add the missing texts, one for each step; writes may occur between steps.

        Several iterators may run at the same time and share the work.

        Cost: about 25 us for a text of 25 words.
        """
        lattice = self._lattice()
        while lattice is not None and self._missing:
            slot = self._missing.pop()
            # The text may be gone, or the slot may be a duplicate.
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
