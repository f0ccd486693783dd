"""Encoding of memories and of request window entries in snapshots."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mlsdm_grpc._gen.mlsdm.internal.v1 import snapshot_pb2 as pb
from mlsdm_grpc.core.mind.request_window import WindowEntry
from mlsdm_grpc.core.model.new_memory import ExchangeRole, Float32
from mlsdm_grpc.core.store.memory_value import Memory
from mlsdm_grpc.errors import DataLoss
from mlsdm_grpc.journal.codec.new_memories import (
    pairs_from_proto,
    pairs_to_proto,
    provenance_from_proto,
    provenance_to_proto,
)
from mlsdm_grpc.journal.codec.outcomes import outcome_from_proto, outcome_to_proto

__all__ = [
    "SnapshotDamaged",
    "entry_from_proto",
    "entry_to_proto",
    "float_bytes",
    "memories_of",
    "memory_from_row",
    "memory_to_row",
]


class SnapshotDamaged(DataLoss):
    """Snapshot file that is damaged, or contains another state than its records produce.

    Only this error makes the server set a snapshot aside. Other errors, such as an unknown version
    or too little RAM, do not show that the file is damaged.
    """


def float_bytes(array: Float32) -> bytes:
    """Return an array as float32 bytes, little endian."""
    return array.astype("<f4", copy=False).tobytes()


def memory_to_row(memory: Memory) -> pb.MemoryRow:
    """Return the fields of a memory that are stored per memory and not in a column."""
    return pb.MemoryRow(
        memory_id=memory.memory_id,
        text=memory.text,
        labels=memory.labels,
        metadata=pairs_to_proto(memory.metadata),
        provenance=provenance_to_proto(memory.provenance),
        pinned=memory.pinned,
        caller_chosen_id=memory.caller_chosen_id,
        create_time_ns=memory.create_time_ns,
        expire_time_ns=memory.expire_time_ns,
        revision=memory.revision,
        sequence=memory.sequence,
        ring_sequence=memory.ring_sequence,
        create_revision=memory.create_revision,
        update_time_ns=memory.update_time_ns,
        digest=memory.digest,
        embedding_model=memory.embedding_model,
        context=memory.context,
        event_time_ns=memory.event_time_ns,
        conversation_id=memory.conversation_id,
        role=memory.role,
    )


def memory_from_row(row: pb.MemoryRow, *, phase: float, confidence: float) -> Memory:
    """Return the memory in ``row``, with its values from the columns."""
    return Memory(
        memory_id=row.memory_id,
        text=row.text,
        phase=phase,
        confidence=confidence,
        labels=tuple(row.labels),
        metadata=pairs_from_proto(row.metadata),
        provenance=provenance_from_proto(row.provenance),
        pinned=row.pinned,
        caller_chosen_id=row.caller_chosen_id,
        create_time_ns=row.create_time_ns,
        expire_time_ns=row.expire_time_ns,
        revision=row.revision,
        sequence=row.sequence,
        ring_sequence=row.ring_sequence,
        create_revision=row.create_revision,
        update_time_ns=row.update_time_ns,
        digest=row.digest,
        embedding_model=row.embedding_model,
        context=row.context,
        event_time_ns=row.event_time_ns,
        conversation_id=row.conversation_id,
        role=ExchangeRole(row.role),
    )


def memories_of(columns: pb.MemoryColumns, dimension: int) -> Iterator[tuple[Memory, Float32]]:
    """Yield each memory of a block with its vector, a (dimension,) float32 view of the block.

    Raises:
        SnapshotDamaged: The number of checksums differs from the number of memories.
    """
    rows = np.frombuffer(columns.rows, "<f4").reshape(-1, dimension)
    if len(columns.checksums) not in {0, len(columns.memories)}:
        raise SnapshotDamaged("A snapshot lacks the checksums of its rows.")
    phases = np.frombuffer(columns.phases, "<f4").tolist()
    confidences = np.frombuffer(columns.confidences, "<f4").tolist()
    for i, row in enumerate(columns.memories):
        memory = memory_from_row(row, phase=phases[i], confidence=confidences[i])
        memory.checksum = columns.checksums[i] if columns.checksums else 0
        yield memory, rows[i]


def entry_to_proto(entry: WindowEntry) -> pb.WindowEntry:
    """Return the encoded form of an entry of the request window."""
    return pb.WindowEntry(
        request_id=entry.request_id,
        request_digest=entry.request_digest,
        time_ns=entry.time_ns,
        outcome=outcome_to_proto(entry.outcome),
    )


def entry_from_proto(message: pb.WindowEntry) -> WindowEntry:
    """Return the request window entry in ``message``."""
    return WindowEntry(
        request_id=message.request_id,
        request_digest=message.request_digest,
        time_ns=message.time_ns,
        outcome=outcome_from_proto(message.outcome),
    )
