"""Access to memories in the order of their creation, and to memories with equal texts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mlsdm_grpc.core.mind.duplicates import text_key
from mlsdm_grpc.core.model.new_memory import Float32
from mlsdm_grpc.core.store.kernel import Indices
from mlsdm_grpc.core.store.lexical_index import Int64
from mlsdm_grpc.core.store.memory_table import Lattice
from mlsdm_grpc.core.store.memory_value import Memory
from mlsdm_grpc.core.store.packed_memory import conversation_key

__all__ = ["CreationOrder"]

_NO_TEXT = text_key("")


class CreationOrder:
    """Read access to a lattice by creation sequence.

    Only :meth:`know_texts` writes, and only derived data: the text keys.
    """

    def __init__(self, lattice: Lattice) -> None:
        self._lattice = lattice

    def memories(self) -> Iterator[tuple[Memory, Float32]]:
        """Yield every memory with its row (borrowed), oldest first."""
        return self._after(0)

    def after(self, sequence: int, *, now_ns: int) -> Iterator[tuple[Memory, Float32]]:
        """Yield unexpired memories created after ``sequence``, oldest first, with borrowed rows."""
        return ((m, row) for m, row in self._after(sequence) if not m.expired(now_ns))

    def newest_of(self, conversation_id: str, *, now_ns: int) -> Iterator[tuple[Memory, Float32]]:
        """Yield unexpired memories of a conversation, newest first, with borrowed rows."""
        columns = self._lattice.columns
        slots = np.flatnonzero(columns["conversation"] == conversation_key(conversation_id))
        newest = slots[np.argsort(-columns["sequence"][slots])]
        for slot in newest.tolist():
            memory = self._lattice.memory(slot)
            if memory.conversation_id == conversation_id and not memory.expired(now_ns):
                yield memory, self._lattice.rows.vectors[slot]

    def sequences(self) -> Int64:
        """Return (slots,) int64, a copy of the creation sequences; 0 for a free slot."""
        return self._lattice.columns["sequence"].copy()

    def slots(self) -> tuple[Indices, Int64]:
        """Return slots and creation sequences of all memories, oldest creation first."""
        slots = self._lattice.order(0)
        return slots, self._lattice.columns["sequence"][slots]

    def newest_between(self, after: int, before: int, count: int) -> tuple[Indices, Int64]:
        """Return slots and creation sequences of the newest memories without a text, newest first.

        Memories stored after the last complete :meth:`know_texts` are excluded.

        Args:
            after: Lower end of the creation sequences, exclusive.
            before: Upper end, exclusive.
            count: Maximum number of memories.
        """
        created = self._lattice.columns["sequence"]
        bare = np.frombuffer(self._lattice.text_keys, np.int64) == _NO_TEXT
        slots = np.flatnonzero(bare & (created > max(after, 0)) & (created < before))
        newest = slots[np.argsort(-created[slots])][:count]
        return newest, created[newest]

    def present(self, slots: Indices, sequences: Int64) -> list[Memory]:
        """Return the memories of those slots whose creation sequence is still the expected one."""
        there = slots[self._lattice.columns["sequence"][slots] == sequences]
        return [self._lattice.memory(slot) for slot in there.tolist()]

    def sequence_at(self, count: int, *, after: int) -> int:
        """Return the creation sequence of the ``count``-th memory created after ``after``.

        If fewer memories follow, it is the sequence of the last one; if none follows, it is
        ``after``.
        """
        created = self._lattice.columns["sequence"]
        later = np.sort(created[created > max(after, 0)])
        return int(later[min(count, len(later)) - 1]) if len(later) else after

    def know_texts(self) -> Iterator[None]:
        """Compute the missing text keys in steps, as :meth:`same_texts` requires."""
        keys, lattice = self._lattice.text_keys, self._lattice
        used = self._lattice.columns["sequence"] > 0
        unknown = np.flatnonzero(used & (np.frombuffer(keys, np.int64) == 0))
        for slot in unknown.tolist():
            if lattice.columns["sequence"][slot]:  # may be removed by now
                text = lattice.text(slot)
                keys[slot] = text_key(text) if text else _NO_TEXT
            yield

    def same_texts(self, after: int, before: int) -> Iterator[list[Memory]]:
        """Yield groups of memories with the same text key, newest first.

        Memories without a text, and memories stored after the last complete :meth:`know_texts`, are
        in no group.

        Args:
            after: Each group has a member created after this sequence ...
            before: ... and before this one; both ends are exclusive.

        Cost: a few passes over the keys, 50 ns for each memory, and a sort of the memories in
        groups.
        """
        created = self._lattice.columns["sequence"].copy()
        keys = np.array(self._lattice.text_keys, np.int64)
        known = (created > 0) & (keys != 0) & (keys != _NO_TEXT)
        wanted = np.unique(keys[known & (created > after) & (created < before)])
        if not len(wanted):
            return
        places = wanted.searchsorted(keys)
        places[places == len(wanted)] = 0
        slots = np.flatnonzero(known & (wanted[places] == keys))
        slots = slots[np.lexsort((-created[slots], keys[slots]))]
        _, firsts, counts = np.unique(keys[slots], return_index=True, return_counts=True)
        for first, count in zip(firsts.tolist(), counts.tolist(), strict=True):
            if count > 1:
                yield [self._lattice.memory(slot) for slot in slots[first : first + count].tolist()]

    def _after(self, sequence: int) -> Iterator[tuple[Memory, Float32]]:
        slots: list[int] = self._lattice.order(sequence).tolist()
        return ((self._lattice.memory(slot), self._lattice.rows.vectors[slot]) for slot in slots)
