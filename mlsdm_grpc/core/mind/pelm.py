"""PELM, the phase-entangled lattice memory: a bounded ring of phase-tagged unit vectors.

Recall is "in the same phase band and most similar". When the ring is full the oldest unpinned
memory leaves. The state is the memories in the order of their creation and of the ring.

The memory knows no clock: whoever asks says what time it is.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

import numpy as np

from mlsdm_grpc.core.mind.duplicates import text_key
from mlsdm_grpc.core.model.record import MAX_LABELS, Float32, NewMemory, Vector
from mlsdm_grpc.core.store.kernel import Float64, Indices
from mlsdm_grpc.core.store.lattice_words import SavedWords, Tokenizer, Words
from mlsdm_grpc.core.store.lexical_index import Int64
from mlsdm_grpc.core.store.memory_table import Lattice, Memory, conversation_key
from mlsdm_grpc.core.store.recall import Recall
from mlsdm_grpc.core.store.recall_query import (
    NOTHING,
    PHASE_EPSILON,
    Query,
    RecalledSlots,
    without_words,
)
from mlsdm_grpc.core.store.rows import BLOCK_ROWS, Rows
from mlsdm_grpc.core.store.slot_index import Ring, SlotIndex
from mlsdm_grpc.core.store.snapshot_view import Frozen
from mlsdm_grpc.core.store.word_recall import WordSearch

__all__ = [
    "NOTHING",
    "PHASE_EPSILON",
    "Components",
    "Hit",
    "Memory",
    "Pelm",
    "Query",
    "RecalledSlots",
    "unit_row",
]

_NEVER = 2**63 - 1
_NO_TEXT = text_key("")
_KEY = struct.Struct("<q")


def unit_row(vector: Vector) -> Float32:
    """Return the row that is stored for ``vector``: ``raw * inv_norm``, rounded to float32."""
    return (vector.raw.astype(np.float64) * vector.inv_norm).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Components:
    """What a resonance is made of."""

    cosine: float
    phase_distance: float
    phase_factor: float
    synaptic_bias: float


@dataclass(frozen=True, slots=True)
class Hit:
    """One recalled memory; ``row`` is a copy of its unit vector."""

    memory: Memory
    resonance: float
    components: Components
    row: Float32


class Pelm:
    """The ring of one space; single writer, no locks.

    Args:
        dimension: Components of every vector.
        capacity: Memories held at most.
        accelerated: Let queries scan int8 copies, by default where a library packs them and there
            is enough to scan; answers are the same with and without.
    """

    def __init__(self, *, dimension: int, capacity: int, accelerated: bool | None = None) -> None:
        self.dimension = dimension
        self.capacity = capacity
        self.next_sequence = 1
        rows = Rows(dimension=dimension, capacity=capacity, accelerated=accelerated)
        self._lattice = Lattice(rows)
        self.recall = Recall(self._lattice)
        self._id_keys = array("q")
        self._digest_keys = array("q")
        self._ids = SlotIndex(self._id_keys)
        self._digests = SlotIndex(self._digest_keys)
        self._ring = Ring()
        self._count = 0
        self._next_expiry_ns = _NEVER
        """No memory expires before this."""
        self._frozen: list[Frozen] = []
        self.words: Words | None = None
        """The words of the texts, once :meth:`know_words` was called; derived."""
        self.saved_words: SavedWords | None = None
        """What a snapshot had of them, until then."""

    def __len__(self) -> int:
        return self._count

    @property
    def digest(self) -> int:
        """64 bits over all that is kept of every memory, whatever the order of their arrival."""
        return self._lattice.digest

    @property
    def pinned_count(self) -> int:
        """Memories that never leave by themselves."""
        return self._count - len(self._ring)

    @property
    def vector_bytes(self) -> int:
        """Bytes of the vectors and phases of a full ring; 30,800,000 by default."""
        return self.capacity * (self.dimension + 1) * 4

    @property
    def allocated_bytes(self) -> int:
        """Bytes that vectors, search copies, columns, indexes and texts take now."""
        keys = self._id_keys.itemsize * 2 * len(self._id_keys)
        links = self._ids.nbytes + self._digests.nbytes + self._ring.nbytes
        return self._lattice.nbytes + keys + links + self.kept_bytes

    @property
    def lexical_bytes(self) -> int:
        """Bytes that the index of the words takes now."""
        return 0 if self.words is None else self.words.nbytes

    @property
    def kept_bytes(self) -> int:
        """Bytes of what was copied because it changed while it was frozen."""
        return sum(frozen.kept_bytes for frozen in self._frozen) if self._frozen else 0

    # Reading. Nothing here changes anything.

    def get(self, memory_id: str) -> Memory | None:
        """Return the memory named ``memory_id``, expired or not."""
        slot = self._find(memory_id)
        return None if slot is None else self._lattice.memory(slot)

    def row(self, memory_id: str) -> Float32:
        """Return a copy of the unit vector of a memory that exists."""
        return self._row(self._slot(memory_id)).copy()

    def pinned_living(self, now_ns: int) -> int:
        """Return how many pinned memories have not expired."""
        if now_ns < self._next_expiry_ns:
            return self.pinned_count
        expire = self._lattice.expiring()
        return int(np.count_nonzero(self._lattice.pinned() & ((expire == 0) | (expire > now_ns))))

    def living_count(self, now_ns: int) -> int:
        """Return how many memories have not expired."""
        if now_ns < self._next_expiry_ns:
            return len(self)
        expire = self._lattice.expiring()
        return len(self) - int(np.count_nonzero((expire > 0) & (expire <= now_ns)))

    def next_to_leave(self, count: int) -> list[str]:
        """Return the ids of the ``count`` memories that leave first, oldest first."""
        return [self._lattice.memory_id(slot) for slot in islice(self._ring, max(count, 0))]

    def duplicates(self, digest: bytes) -> Iterator[Memory]:
        """Yield the memories with this digest whose ids no caller chose, in no order."""
        for slot in self._digests.find(_digest_key(digest)):
            memory = self._lattice.memory(slot)
            if memory.digest == digest:
                yield memory

    def in_creation_order(self) -> Iterator[tuple[Memory, Float32]]:
        """Yield every memory with its row (borrowed), oldest creation first."""
        return self._after(0)

    def sequences(self) -> Int64:
        """Return (slots,) a copy of the creation sequences, 0 where there is no memory."""
        return self._lattice.columns["sequence"].copy()

    def creation_order(self) -> tuple[Indices, Int64]:
        """Return slots and creation sequences of all memories, oldest creation first."""
        slots = self._lattice.order(0)
        return slots, self._lattice.columns["sequence"][slots]

    @contextmanager
    def frozen(self) -> Iterator[Frozen]:
        """Yield the memories as they are now, whatever is written meanwhile."""
        frozen = Frozen(self._lattice)
        self._frozen.append(frozen)
        try:
            yield frozen
        finally:
            self._frozen.remove(frozen)
            frozen.close()

    def after(self, sequence: int, *, now_ns: int) -> Iterator[tuple[Memory, Float32]]:
        """Yield living memories created after ``sequence``, oldest first, with rows (borrowed)."""
        return ((m, row) for m, row in self._after(sequence) if not m.expired(now_ns))

    def newest_of(self, conversation_id: str, *, now_ns: int) -> Iterator[tuple[Memory, Float32]]:
        """Yield living memories of a conversation, newest creation first, with rows (borrowed)."""
        columns = self._lattice.columns
        slots = np.flatnonzero(columns["conversation"] == conversation_key(conversation_id))
        newest = slots[np.argsort(-columns["sequence"][slots])]
        for slot in newest.tolist():
            memory = self._lattice.memory(slot)
            if memory.conversation_id == conversation_id and not memory.expired(now_ns):
                yield memory, self._row(slot)

    def find(
        self, queries: Sequence[Query], *, now_ns: int, traces: Float32 | None = None
    ) -> list[RecalledSlots]:
        """Recall for every query the memories that resonate most, best first.

        Args:
            queries: Those for the same band of phases are answered together by one scan.
            now_ns: Expired memories are left out as of this time.
            traces: (dimension,) direction for ``synaptic_bias``.

        Returns:
            For each query up to ``top_k`` slots with their scores, good until the next write; ties
            go to the newer memory. Exact: the same as scoring every row would give. Lost memories
            are left out. Words are looked for where :meth:`know_words` was called, and have to be
            complete.

        Cost: one scan of the rows in the band and a rescoring of the candidates.
        """
        direction = None
        if traces is not None:
            wide = traces.astype(np.float64)
            norm = float(np.sqrt(np.add.reduce(wide * wide)))
            direction = wide / norm if norm > 0.0 else None
        now_ns = now_ns if now_ns >= self._next_expiry_ns else 0
        words = None
        if self.words is not None:
            words = WordSearch(self._lattice, self.words, now_ns, direction)
            if not len(self.words.index):  # there are no texts, so that vectors have to do
                queries = [without_words(query) for query in queries]
        return self.recall.find(queries, now_ns=now_ns, traces=direction, words=words)

    def outside_count(self, query: Query, *, now_ns: int) -> int:
        """Return how many memories a query leaves out because of their phase alone.

        Args:
            query: A query; what else it asks for plays no part.
            now_ns: Expired memories do not count as of this time.

        Cost: O(n), a pass over the phases.
        """
        if query.phase_tolerance is None:
            return 0
        low, high = query.band
        phase, columns = self._lattice.columns["phase"], self._lattice.columns
        outside = (columns["sequence"] > 0) & ((phase < low) | (phase > high))
        if now_ns >= self._next_expiry_ns:
            expire = self._lattice.expiring()
            outside &= (expire == 0) | (expire > now_ns)
        return int(np.count_nonzero(outside))

    def prepare(self) -> Iterator[None]:
        """Do in steps what the next query would have to do before it; no writes in between."""
        yield from self._lattice.rows.prepare()

    def search(
        self, queries: Sequence[Query], *, now_ns: int, traces: Float32 | None = None
    ) -> list[list[Hit]]:
        """Return what :meth:`find` finds, as memories with copies of their rows."""
        return [self.hits(one) for one in self.find(queries, now_ns=now_ns, traces=traces)]

    def memory_at(self, slot: int) -> Memory:
        """Return the memory in a slot that a query found."""
        return self._lattice.memory(slot)

    def row_at(self, slot: int) -> Float32:
        """Return (dimension,) float32, the row of a slot that a query found; borrowed."""
        return self._row(slot)

    def versions(self, slots: Indices) -> list[tuple[int, int]]:
        """Return creation sequence and revision of the memory in each slot that a query found."""
        found = self._lattice.columns[slots]
        return list(zip(found["sequence"].tolist(), found["revision"].tolist(), strict=True))

    def near(
        self,
        memories: Sequence[Memory],
        *,
        min_cosine: float,
        limit: int,
        in_phase: bool,
        now_ns: int,
    ) -> list[list[Memory]]:
        """Return for each memory the living ones that are near to it.

        Args:
            memories: Memories of this ring that are not lost; answered together.
            min_cosine: Lowest cosine.
            limit: For each memory only so many are looked at, the nearest, itself included.
            in_phase: Only those of exactly the same phase.
            now_ns: Expired memories are left out as of this time.

        Returns:
            For each memory others that are near, nearest first, ties newer first.

        Cost: as :meth:`search`.
        """
        queries = [
            Query(
                vector=_unit(self.row(memory.memory_id)),
                phase=memory.phase,
                top_k=limit,
                phase_tolerance=0.0 if in_phase else None,
                min_resonance=min_cosine,
            )
            for memory in memories
        ]
        found = self.find(queries, now_ns=now_ns)
        return [
            [
                other
                for other in map(self._lattice.memory, one.slots.tolist())
                if other.memory_id != memory.memory_id
                and (other.phase == memory.phase or not in_phase)
            ]
            for memory, one in zip(memories, found, strict=True)
        ]

    def newest_between(self, after: int, before: int, count: int) -> list[Memory]:
        """Return the newest memories without a text, newest first.

        Those that were stored since :meth:`know_texts` are left out.

        Args:
            after: Created after this sequence,
            before: and before this one.
            count: Memories at most.
        """
        created = self._lattice.columns["sequence"]
        bare = np.frombuffer(self._lattice.text_keys, np.int64) == _NO_TEXT
        slots = np.flatnonzero(bare & (created > max(after, 0)) & (created < before))
        newest = slots[np.argsort(-created[slots])][:count]
        return [self._lattice.memory(slot) for slot in newest.tolist()]

    def sequence_at(self, count: int, *, after: int) -> int:
        """Return the sequence of the ``count``-th memory created after a sequence, or of the last.

        Returns ``after`` if there is none.
        """
        created = self._lattice.columns["sequence"]
        later = np.sort(created[created > max(after, 0)])
        return int(later[min(count, len(later)) - 1]) if len(later) else after

    def hits(self, found: RecalledSlots) -> list[Hit]:
        """Return what a query found as memories with copies of their rows."""
        parts = zip(
            found.cosine.tolist(),
            found.phase_distance.tolist(),
            found.phase_factor.tolist(),
            found.synaptic_bias.tolist(),
            strict=True,
        )
        return [
            Hit(self._lattice.memory(slot), resonance, Components(*part), self._row(slot).copy())
            for slot, resonance, part in zip(
                found.slots.tolist(), found.resonance.tolist(), parts, strict=True
            )
        ]

    def know_words(self, tokenizer: Tokenizer) -> Words:
        """Return the words of the texts, from now on up to date; `completing` them follows."""
        if self.words is None:
            self.words = Words(self._lattice, tokenizer, self.saved_words)
        self.saved_words = None
        return self.words

    # Writing. Callers have checked that the write can succeed.

    def insert(self, memory: Memory, row: Float32) -> str | None:
        """Store a memory whose id is not taken; its place in creation and ring is set here.

        Args:
            memory: What is stored but for its sequences.
            row: (dimension,) float32 of unit norm; copied.

        Returns:
            The id of the memory that left to make room, if the ring was full.

        Cost: O(dimension).
        """
        evicted = None
        if len(self) >= self.capacity:
            oldest = next(iter(self._ring), None)
            if oldest is None:
                raise LookupError("every memory is pinned; the caller has to check that")
            evicted = self._lattice.memory_id(oldest)
            self._clear(oldest)
        memory.sequence = memory.ring_sequence = self._take_sequence()
        self._place(memory, row)
        return evicted

    def resize(self, capacity: int) -> None:
        """Hold at most ``capacity`` memories from now on; at least as many as there are.

        What was allocated for more stays allocated until the space is loaded anew.
        """
        self.capacity = capacity
        self._lattice.rows.resize(capacity)

    def replace(self, memory: Memory, row: Float32) -> None:
        """Put ``memory`` in the place of the one with the same id; creation order is kept."""
        slot = self._slot(memory.memory_id)
        memory.sequence = self._lattice.memory(slot).sequence
        memory.ring_sequence = self._take_sequence()
        self._clear(slot)
        self._place(memory, row)

    def restore(self, memory: Memory, row: Float32) -> None:
        """Put a memory back with its sequences, in creation order; :meth:`order_ring` follows.

        A memory whose row does not have its checksum is damaged.
        """
        self._place(memory, row, in_ring=False)

    def order_ring(self) -> Generator[None, None, None]:
        """Make the ring of what was restored, in steps. Cost: O(n log n)."""
        columns = self._lattice.columns
        slots = np.flatnonzero((columns["sequence"] > 0) & ~self._lattice.pinned())
        slots = slots[np.argsort(columns["ring_sequence"][slots])]
        for start in range(0, len(slots), BLOCK_ROWS):
            for slot in slots[start : start + BLOCK_ROWS].tolist():
                self._ring.append(slot)
            yield

    def expire(self, now_ns: int) -> Generator[None, None, None]:
        """Forget every memory whose time is over, in steps. Cost: O(1) unless one has expired."""
        if now_ns < self._next_expiry_ns:
            return
        expire = self._lattice.expiring()
        for slot in np.flatnonzero((expire > 0) & (expire <= now_ns)).tolist():
            self._clear(slot)
            yield
        left = expire[expire > 0]
        self._next_expiry_ns = int(left.min()) if len(left) else _NEVER

    def remove(self, memory_id: str) -> None:
        """Forget a memory that exists. Cost: O(dimension)."""
        self._clear(self._slot(memory_id))

    def refresh(
        self, memory: Memory, duplicate: NewMemory, row: Float32, *, revision: int, time_ns: int
    ) -> Memory:
        """Let an exact duplicate renew the memory that it repeats, and return that.

        Labels are united, as far as there is room for them under the first rules; the higher
        confidence and the later expiry win, a pin of either stays, and the memory becomes the
        newest of the ring. Its id, text, vector and creation stay; a damaged row is restored if
        ``row`` is what it was.
        """
        new = [label for label in duplicate.labels if label not in memory.labels]
        room = max(MAX_LABELS - len(memory.labels), 0)
        memory.labels = tuple(sorted((*memory.labels, *new[:room])))
        memory.confidence = max(memory.confidence, float(np.float32(duplicate.confidence)))
        if duplicate.expire_time_ns == 0 or memory.expire_time_ns == 0:
            memory.expire_time_ns = 0
        else:
            memory.expire_time_ns = max(memory.expire_time_ns, duplicate.expire_time_ns)
        memory.pinned = memory.pinned or duplicate.pinned
        if not self.is_sound(memory.memory_id):
            self.mend(memory.memory_id, row)
        self._changed(memory, revision=revision, time_ns=time_ns, renew=True)
        return memory

    def update(
        self,
        memory: Memory,
        *,
        labels: tuple[str, ...],
        pinned: bool,
        expire_time_ns: int,
        revision: int,
        time_ns: int,
    ) -> Memory:
        """Change what may change of a memory; one that is unpinned is the newest of the ring."""
        repinned = pinned != memory.pinned
        memory.labels = labels
        memory.pinned = pinned
        memory.expire_time_ns = expire_time_ns
        self._changed(memory, revision=revision, time_ns=time_ns, renew=repinned)
        return memory

    def _changed(self, memory: Memory, *, revision: int, time_ns: int, renew: bool) -> None:
        slot = self._slot(memory.memory_id)
        memory.revision = revision
        memory.update_time_ns = time_ns
        if renew:
            memory.ring_sequence = self._take_sequence()
            if not self._lattice.flags(slot)[0]:
                self._ring.remove(slot)
            if not memory.pinned:
                self._ring.append(slot)
        self._lattice.update(slot, memory)
        self._note_expiry(memory)

    def identify(self, memory: Memory) -> None:
        """Write the digest and the embedding model of a memory that exists; it stays as it is."""
        slot = self._slot(memory.memory_id)
        if not memory.caller_chosen_id:
            self._digests.remove(slot)
        self._lattice.identify(slot, memory)
        self._digest_keys[slot] = _digest_key(memory.digest)
        if not memory.caller_chosen_id:
            self._digests.add(slot)

    # Equal texts.

    def know_texts(self) -> Iterator[None]:
        """Compute in steps what :meth:`same_texts` compares, of memories that are new since."""
        keys, lattice = self._lattice.text_keys, self._lattice
        used = self._lattice.columns["sequence"] > 0
        unknown = np.flatnonzero(used & (np.frombuffer(keys, np.int64) == 0))
        for slot in unknown.tolist():
            if lattice.columns["sequence"][slot]:  # it may have left since the last step
                keys[slot] = text_key(lattice.text(slot))
            yield

    def same_texts(self, after: int, before: int) -> Iterator[list[Memory]]:
        """Yield memories that may have the same canonical text, newest first.

        Args:
            after: Of each group one was created after this sequence,
            before: and before this one.

        Memories without a text are in none; nor are those that were stored since
        :meth:`know_texts`.
        """
        columns = self._lattice.columns
        keys = np.array(self._lattice.text_keys, np.int64)
        slots = np.flatnonzero((columns["sequence"] > 0) & (keys != 0) & (keys != _NO_TEXT))
        slots = slots[np.lexsort((-columns["sequence"][slots], keys[slots]))]
        firsts = np.flatnonzero(np.diff(keys[slots], prepend=0) != 0)
        for run in np.split(slots, firsts):
            created = columns["sequence"][run]
            if len(run) > 1 and np.any((created > after) & (created < before)):
                yield [self._lattice.memory(slot) for slot in run.tolist()]

    # Integrity.

    def scrub(self, start: int, count: int) -> tuple[list[str], int, int]:
        """Compare the rows of some slots with their checksums.

        Args:
            start: First slot.
            count: Slots to look at, at most.

        Returns:
            The ids of the memories whose rows are not what was stored and that may be restored,
            how many were compared, and the slot to go on from; 0 after the last one.

        Cost: O(count * dimension).
        """
        lattice = self._lattice
        used = np.flatnonzero(lattice.columns["sequence"][start : start + count]) + start
        damaged = [
            lattice.memory_id(slot)
            for slot in used.tolist()
            if not lattice.sound(slot) and slot not in lattice.lost
        ]
        end = start + count
        return damaged, len(used), end if end < len(lattice.columns) else 0

    def is_sound(self, memory_id: str) -> bool:
        """Return whether the row of a memory that exists is the one that was stored.

        Cost: O(dimension).
        """
        return self._lattice.sound(self._slot(memory_id))

    def mend(self, memory_id: str, row: Float32) -> bool:
        """Restore a damaged row, and return whether ``row`` is the one that was stored."""
        return self._lattice.mend(self._slot(memory_id), row)

    def lose(self, memory_id: str) -> None:
        """Note that a memory's row is damaged beyond repair; no query finds it any more."""
        self._lattice.lose(self._slot(memory_id))

    def is_lost(self, memory_id: str) -> bool:
        """Return whether the row of a memory that exists is damaged beyond repair."""
        return self._slot(memory_id) in self._lattice.lost

    # Slots.

    def _find(self, memory_id: str) -> int | None:
        for slot in self._ids.find(hash(memory_id)):
            if self._lattice.memory_id(slot) == memory_id:
                return slot
        return None

    def _slot(self, memory_id: str) -> int:
        slot = self._find(memory_id)
        if slot is None:
            raise LookupError(memory_id)
        return slot

    def _row(self, slot: int) -> Float32:
        row: Float32 = self._lattice.rows.vectors[slot]
        return row

    def _after(self, sequence: int) -> Iterator[tuple[Memory, Float32]]:
        slots: list[int] = self._lattice.order(sequence).tolist()
        return ((self._lattice.memory(slot), self._row(slot)) for slot in slots)

    def _take_sequence(self) -> int:
        sequence = self.next_sequence
        self.next_sequence += 1
        return sequence

    def _place(self, memory: Memory, row: Float32, *, in_ring: bool = True) -> int:
        slot = self._lattice.place(memory, row)
        missing = len(self._lattice.columns) - len(self._id_keys)
        if missing:
            self._id_keys.extend([0] * missing)
            self._digest_keys.extend([0] * missing)
            self._ring.grow(missing)
        self._id_keys[slot] = hash(memory.memory_id)
        self._ids.add(slot)
        if not memory.caller_chosen_id:
            self._digest_keys[slot] = _digest_key(memory.digest)
            self._digests.add(slot)
        if in_ring and not memory.pinned:
            self._ring.append(slot)
        self._count += 1
        self._note_expiry(memory)
        return slot

    def _clear(self, slot: int) -> None:
        pinned, caller_chosen_id = self._lattice.flags(slot)
        self._ids.remove(slot)
        if not caller_chosen_id:
            self._digests.remove(slot)
        if not pinned:
            self._ring.remove(slot)
        self._lattice.clear(slot)
        self._count -= 1

    def _note_expiry(self, memory: Memory) -> None:
        if memory.expire_time_ns:
            self._next_expiry_ns = min(self._next_expiry_ns, memory.expire_time_ns)


def _unit(row: Float32) -> Float64:
    wide: Float64 = row.astype(np.float64)
    wide /= np.sqrt(np.add.reduce(wide * wide))
    return wide


def _digest_key(digest: bytes) -> int:
    key: int = _KEY.unpack_from(digest)[0]
    return key
