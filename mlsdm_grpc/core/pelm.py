"""PELM, the phase-entangled lattice memory: a bounded ring of phase-tagged unit vectors.

Recall is "in the same phase band and most similar". Rows are float32 of unit norm in blocks that
are allocated with use. When the ring is full the oldest unpinned memory leaves. The state is the
memories in the order of their creation and of the ring; where a row lies is no part of it.

The memory knows no clock: whoever asks says what time it is.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlsdm_grpc.core import kernel
from mlsdm_grpc.core.record import MAX_LABELS, Float32, NewMemory, Provenance, Vector, etag_of

__all__ = [
    "PHASE_EPSILON",
    "Components",
    "Hit",
    "Memory",
    "Pelm",
    "Query",
    "digest_of",
    "unit_row",
]

_Mask: TypeAlias = NDArray[np.bool_]

BLOCK_ROWS = 1_024
_NEVER = 2**63 - 1
PHASE_EPSILON = 1e-6
"""The phase band is inclusive up to the rounding of phases to float32."""


def unit_row(vector: Vector) -> Float32:
    """Return the row that is stored for ``vector``: ``raw * inv_norm``, rounded to float32."""
    return (vector.raw.astype(np.float64) * vector.inv_norm).astype(np.float32)


@dataclass(slots=True)
class Memory:
    """One memory without its vector; owned by the ring and changed by it alone."""

    memory_id: str
    text: str
    phase: float
    confidence: float
    labels: tuple[str, ...]
    metadata: tuple[tuple[str, str], ...]
    provenance: Provenance
    pinned: bool
    caller_chosen_id: bool
    create_time_ns: int
    create_revision: int
    update_time_ns: int
    expire_time_ns: int
    revision: int
    """Revision at which it last changed."""
    sequence: int
    """Order of creation within the space; never reused."""
    ring_sequence: int
    """Order in which it leaves; renewed when a duplicate refreshes it."""
    digest: bytes
    """Of its text, or of its vector when it has none, together with its phase; 16 bytes."""

    @property
    def etag(self) -> str:
        """Opaque version of this memory."""
        return etag_of(self.revision)

    @property
    def lineage_hash(self) -> str:
        """SHA-256 (64 hexadecimal digits) over how this memory came to be."""
        history = asdict(self.provenance) | {
            "confidence": self.confidence,
            "content": self.digest.hex(),
            "create_time_ns": self.create_time_ns,
        }
        canonical = json.dumps(history, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def expired(self, now_ns: int) -> bool:
        """Return whether its time is over at ``now_ns``."""
        return 0 < self.expire_time_ns <= now_ns


@dataclass(frozen=True, slots=True)
class Query:
    """What to recall. ``vector`` is (dimension,) float64 of unit norm."""

    vector: kernel.Float64
    phase: float
    top_k: int = 5
    phase_tolerance: float = 0.15
    min_confidence: float = 0.0
    min_resonance: float = -2.0
    labels: frozenset[str] = frozenset()
    """A memory must carry all of them."""
    phase_weight: float = 0.0
    """Soft phase weight w in [0, 1]: the cosine is multiplied by ``1 - w * |phase distance|``."""
    synaptic_bias: float = 0.0
    """Weight in [-1, 1] of the cosine of the memory with the lasting traces, which is added."""


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


@dataclass(slots=True)
class _Columns:
    """Numeric columns, one entry a slot, grown block by block."""

    phase: Float32 = field(default_factory=lambda: np.empty(0, np.float32))
    confidence: Float32 = field(default_factory=lambda: np.empty(0, np.float32))
    expire_time_ns: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    sequence: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """-1 marks a free slot."""

    def grow(self, rows: int) -> None:
        self.phase = np.concatenate((self.phase, np.zeros(rows, np.float32)))
        self.confidence = np.concatenate((self.confidence, np.zeros(rows, np.float32)))
        self.expire_time_ns = np.concatenate((self.expire_time_ns, np.zeros(rows, np.int64)))
        self.sequence = np.concatenate((self.sequence, np.full(rows, -1, np.int64)))


class Pelm:
    """The ring of one space; single writer, no locks.

    Args:
        dimension: Components of every vector.
        capacity: Memories held at most.
    """

    def __init__(self, *, dimension: int, capacity: int) -> None:
        self.dimension = dimension
        self.capacity = capacity
        self.next_sequence = 1
        self._blocks: list[Float32] = []
        self._columns = _Columns()
        self._memories: list[Memory | None] = []
        self._slot_of_id: dict[str, int] = {}
        self._slot_of_digest: dict[bytes, int] = {}
        self._ring: dict[int, None] = {}
        self._free: list[int] = []
        self._text_bytes = 0
        self._next_expiry_ns = _NEVER
        """No memory expires before this."""

    def __len__(self) -> int:
        return len(self._slot_of_id)

    @property
    def pinned_count(self) -> int:
        """Memories that never leave by themselves."""
        return len(self._slot_of_id) - len(self._ring)

    @property
    def vector_bytes(self) -> int:
        """Bytes of the vectors and phases of a full ring; 30,800,000 by default."""
        return self.capacity * (self.dimension + 1) * 4

    @property
    def allocated_bytes(self) -> int:
        """Bytes that vectors, columns and texts take now."""
        columns = self._columns
        arrays = (columns.phase, columns.confidence, columns.expire_time_ns, columns.sequence)
        vectors = sum(block.nbytes for block in self._blocks)
        return vectors + sum(array.nbytes for array in arrays) + self._text_bytes

    # Reading. Nothing here changes anything.

    def get(self, memory_id: str) -> Memory | None:
        """Return the memory named ``memory_id``, expired or not."""
        slot = self._slot_of_id.get(memory_id)
        return None if slot is None else self._memory(slot)

    def row(self, memory_id: str) -> Float32:
        """Return a copy of the unit vector of a memory that exists."""
        return self._row(self._slot_of_id[memory_id]).copy()

    def pinned_living(self, now_ns: int) -> int:
        """Return how many pinned memories have not expired."""
        if now_ns < self._next_expiry_ns:
            return self.pinned_count
        slots = self._slot_of_id.values()
        memories = (self._memory(slot) for slot in slots)
        return sum(memory.pinned and not memory.expired(now_ns) for memory in memories)

    def next_to_leave(self, count: int) -> list[str]:
        """Return the ids of the ``count`` memories that leave first, oldest first."""
        return [self._memory(slot).memory_id for slot in islice(self._ring, max(count, 0))]

    def find_duplicate(self, digest: bytes) -> Memory | None:
        """Return the memory that an exact duplicate with this digest would refresh."""
        slot = self._slot_of_digest.get(digest)
        return None if slot is None else self._memory(slot)

    def in_creation_order(self) -> Iterator[tuple[Memory, Float32]]:
        """Yield every memory with its row (borrowed), oldest creation first."""
        for slot in self._slots_after(0):
            yield self._memory(slot), self._row(slot)

    def after(self, sequence: int, *, now_ns: int) -> Iterator[tuple[Memory, Float32]]:
        """Yield living memories created after ``sequence``, oldest first, with rows (borrowed)."""
        for slot in self._slots_after(sequence):
            memory = self._memory(slot)
            if not memory.expired(now_ns):
                yield memory, self._row(slot)

    def search(
        self, queries: Sequence[Query], *, now_ns: int, traces: Float32 | None = None
    ) -> list[list[Hit]]:
        """Recall for every query the memories that resonate most, best first.

        Args:
            queries: Answered together by one scan.
            now_ns: Expired memories are left out as of this time.
            traces: (dimension,) direction for ``synaptic_bias``.

        Returns:
            For each query up to ``top_k`` hits; ties go to the newer memory. Exact: the same
            hits as scoring every row would give.

        Cost: one scan of all rows and a rescoring of the candidates.
        """
        if not self._slot_of_id:
            return [[] for _ in queries]
        unit_traces = _direction(traces)
        matrix = np.stack([query.vector for query in queries]).astype(np.float32)
        scores = kernel.scan(self._blocks, matrix)
        bias = None
        if unit_traces is not None and any(query.synaptic_bias for query in queries):
            bias = kernel.scan(self._blocks, unit_traces.astype(np.float32)[np.newaxis])[0]
        living = self._living(now_ns)
        labelled = {query.labels: self._labelled(query.labels) for query in queries if query.labels}
        return [
            self._best(query, scores[i], living, labelled, bias, unit_traces)
            for i, query in enumerate(queries)
        ]

    def _living(self, now_ns: int) -> _Mask:
        expire = self._columns.expire_time_ns
        living: _Mask = (self._columns.sequence >= 0) & ((expire == 0) | (expire > now_ns))
        return living

    def _labelled(self, labels: frozenset[str]) -> _Mask:
        """Return which slots hold a memory that carries all ``labels``."""
        return np.fromiter(
            (memory is not None and labels.issubset(memory.labels) for memory in self._memories),
            np.bool_,
            len(self._memories),
        )

    def _best(
        self,
        query: Query,
        scores: Float32,
        living: _Mask,
        labelled: Mapping[frozenset[str], _Mask],
        bias: Float32 | None,
        traces: kernel.Float64 | None,
    ) -> list[Hit]:
        columns = self._columns
        distance = np.abs(columns.phase.astype(np.float64) - query.phase)
        mask = living & (distance <= query.phase_tolerance + PHASE_EPSILON)
        if query.min_confidence > 0.0:
            mask &= columns.confidence >= np.float32(query.min_confidence)
        if query.labels:
            mask &= labelled[query.labels]
        fast = scores
        if query.phase_weight:
            fast = (fast * (1.0 - query.phase_weight * distance)).astype(np.float32)
        if query.synaptic_bias and bias is not None:
            fast = fast + np.float32(query.synaptic_bias) * bias
        error = kernel.scan_error(self.dimension) * (1.0 + abs(query.synaptic_bias)) + 2.0**-22
        eligible = np.flatnonzero(mask)
        chosen = kernel.candidates(fast, eligible, top_k=query.top_k, error=error)
        return self._rescore(query, chosen, traces)

    def _rescore(
        self, query: Query, chosen: kernel.Indices, traces: kernel.Float64 | None
    ) -> list[Hit]:
        cosine = self._resonances(chosen, query.vector)
        distance = np.abs(self._columns.phase[chosen].astype(np.float64) - query.phase)
        factor = 1.0 - query.phase_weight * distance
        bias = np.zeros(len(chosen))
        if query.synaptic_bias and traces is not None:
            bias = query.synaptic_bias * self._resonances(chosen, traces)
        resonance = cosine * factor + bias
        order = np.lexsort((-self._columns.sequence[chosen], -resonance))
        best = [int(i) for i in order[: query.top_k] if resonance[i] >= query.min_resonance]
        return [
            Hit(
                memory=self._memory(int(chosen[i])),
                resonance=float(resonance[i]),
                components=Components(
                    cosine=float(cosine[i]),
                    phase_distance=float(distance[i]),
                    phase_factor=float(factor[i]),
                    synaptic_bias=float(bias[i]),
                ),
                row=self._row(int(chosen[i])).copy(),
            )
            for i in best
        ]

    def _resonances(self, slots: kernel.Indices, query: kernel.Float64) -> kernel.Float64:
        """Return the resonance of some rows, ascending slots, block by block."""
        result = np.empty(len(slots), np.float64)
        bounds = np.searchsorted(slots, np.arange(len(self._blocks) + 1) * BLOCK_ROWS)
        for i, block in enumerate(self._blocks):
            part = slice(bounds[i], bounds[i + 1])
            if bounds[i] < bounds[i + 1]:
                result[part] = kernel.resonances(block[slots[part] - i * BLOCK_ROWS], query)
        return result

    # Writing. Callers have checked that the write can succeed.

    def insert(self, memory: Memory, row: Float32) -> str | None:
        """Store a memory whose id is not taken.

        Args:
            memory: Owned by the ring from here on; its sequences are set here.
            row: (dimension,) float32 of unit norm; copied.

        Returns:
            The id of the memory that left to make room, if the ring was full.

        Cost: O(dimension).
        """
        evicted = None
        if len(self) >= self.capacity:
            evicted = self._memory(next(iter(self._ring))).memory_id
            self.remove(evicted)
        memory.sequence = memory.ring_sequence = self._take_sequence()
        self._place(memory, row)
        return evicted

    def replace(self, memory: Memory, row: Float32) -> None:
        """Put ``memory`` in the place of the one with the same id; creation order is kept."""
        old = self._memory(self._slot_of_id[memory.memory_id])
        memory.sequence = old.sequence
        memory.ring_sequence = self._take_sequence()
        self.remove(old.memory_id)
        self._place(memory, row)

    def restore(self, memories: Iterable[tuple[Memory, Float32]]) -> None:
        """Fill an empty ring with memories in creation order, sequences kept."""
        for memory, row in memories:
            self._place(memory, row)
        in_ring = sorted(self._ring, key=lambda slot: self._memory(slot).ring_sequence)
        self._ring = dict.fromkeys(in_ring)

    def expire(self, now_ns: int) -> None:
        """Forget every memory whose time is over. Cost: O(1) unless one has expired."""
        if now_ns < self._next_expiry_ns:
            return
        expire = self._columns.expire_time_ns
        used = (self._columns.sequence >= 0) & (expire > 0)
        for slot in np.flatnonzero(used & (expire <= now_ns)):
            self.remove(self._memory(int(slot)).memory_id)
        left = expire[used & (expire > now_ns)]
        self._next_expiry_ns = int(left.min()) if len(left) else _NEVER

    def remove(self, memory_id: str) -> None:
        """Forget a memory that exists. Cost: O(1)."""
        slot = self._slot_of_id.pop(memory_id)
        memory = self._memory(slot)
        self._ring.pop(slot, None)
        self._text_bytes -= len(memory.text.encode())
        if self._slot_of_digest.get(memory.digest) == slot:
            del self._slot_of_digest[memory.digest]
        self._memories[slot] = None
        self._columns.sequence[slot] = -1
        self._row(slot)[:] = 0.0
        self._free.append(slot)

    def refresh(self, memory: Memory, duplicate: NewMemory, *, revision: int, time_ns: int) -> None:
        """Let an exact duplicate renew the memory that it repeats.

        Labels are merged as far as there is room for them, the higher confidence and the later
        expiry win, a pin of either stays, and the memory becomes the newest of the ring. Its id,
        text, vector and creation stay.
        """
        slot = self._slot_of_id[memory.memory_id]
        new = [label for label in duplicate.labels if label not in memory.labels]
        room = max(MAX_LABELS - len(memory.labels), 0)
        memory.labels = tuple(sorted((*memory.labels, *new[:room])))
        memory.confidence = max(memory.confidence, float(np.float32(duplicate.confidence)))
        self._columns.confidence[slot] = memory.confidence
        if duplicate.expire_time_ns == 0 or memory.expire_time_ns == 0:
            memory.expire_time_ns = 0
        else:
            memory.expire_time_ns = max(memory.expire_time_ns, duplicate.expire_time_ns)
        memory.pinned = memory.pinned or duplicate.pinned
        self._changed(memory, revision=revision, time_ns=time_ns)
        self._renew(memory)

    def update(
        self,
        memory: Memory,
        *,
        labels: tuple[str, ...],
        pinned: bool,
        expire_time_ns: int,
        revision: int,
        time_ns: int,
    ) -> None:
        """Change what may change of a memory; one that is unpinned is the newest of the ring."""
        repinned = pinned != memory.pinned
        memory.labels = labels
        memory.pinned = pinned
        memory.expire_time_ns = expire_time_ns
        self._changed(memory, revision=revision, time_ns=time_ns)
        if repinned:
            self._renew(memory)

    def _changed(self, memory: Memory, *, revision: int, time_ns: int) -> None:
        memory.revision = revision
        memory.update_time_ns = time_ns
        self._columns.expire_time_ns[self._slot_of_id[memory.memory_id]] = memory.expire_time_ns
        self._note_expiry(memory)

    def _renew(self, memory: Memory) -> None:
        """Put a memory at the end of the ring, or out of it if it is pinned."""
        slot = self._slot_of_id[memory.memory_id]
        memory.ring_sequence = self._take_sequence()
        self._ring.pop(slot, None)
        if not memory.pinned:
            self._ring[slot] = None

    # Slots.

    def _take_sequence(self) -> int:
        sequence = self.next_sequence
        self.next_sequence += 1
        return sequence

    def _place(self, memory: Memory, row: Float32) -> None:
        if not self._free:
            self._grow()
        slot = self._free.pop()
        self._row(slot)[:] = row
        self._memories[slot] = memory
        self._columns.phase[slot] = memory.phase
        self._columns.confidence[slot] = memory.confidence
        self._columns.expire_time_ns[slot] = memory.expire_time_ns
        self._columns.sequence[slot] = memory.sequence
        self._slot_of_id[memory.memory_id] = slot
        self._text_bytes += len(memory.text.encode())
        self._note_expiry(memory)
        if not memory.pinned:
            self._ring[slot] = None
        if not memory.caller_chosen_id:
            self._slot_of_digest[memory.digest] = slot

    def _note_expiry(self, memory: Memory) -> None:
        if memory.expire_time_ns:
            self._next_expiry_ns = min(self._next_expiry_ns, memory.expire_time_ns)

    def _grow(self) -> None:
        start = len(self._memories)
        rows = min(BLOCK_ROWS, self.capacity - start)
        self._blocks.append(np.zeros((rows, self.dimension), np.float32))
        self._columns.grow(rows)
        self._memories.extend([None] * rows)
        self._free.extend(range(start + rows - 1, start - 1, -1))

    def _memory(self, slot: int) -> Memory:
        memory = self._memories[slot]
        if memory is None:
            raise LookupError(slot)
        return memory

    def _row(self, slot: int) -> Float32:
        row: Float32 = self._blocks[slot // BLOCK_ROWS][slot % BLOCK_ROWS]
        return row

    def _slots_after(self, sequence: int) -> list[int]:
        later = np.flatnonzero(self._columns.sequence > max(sequence, 0))
        return [int(s) for s in later[np.argsort(self._columns.sequence[later])]]


def digest_of(text: str, row: Float32, phase: float) -> bytes:
    """Return what makes two memories exact duplicates: text (or vector) and phase."""
    content = b"t" + text.encode() if text else b"v" + row.tobytes()
    return hashlib.blake2b(content + struct.pack("<f", phase), digest_size=16).digest()


def _direction(traces: Float32 | None) -> kernel.Float64 | None:
    if traces is None:
        return None
    wide = traces.astype(np.float64)
    norm = float(np.linalg.norm(wide))
    return wide / norm if norm > 0.0 else None
