"""Conversion of stored memories to messages."""

from __future__ import annotations

from mlsdm_grpc._gen.mlsdm.v1 import embedding_pb2, memory_pb2
from mlsdm_grpc.core.model.new_memory import Float32
from mlsdm_grpc.core.store.memory_value import Memory
from mlsdm_grpc.messages.times import timestamp

__all__ = ["embedding_message", "memory_message"]


def embedding_message(row: Float32) -> embedding_pb2.Embedding:
    """Return a vector as an embedding message, float32 little endian."""
    return embedding_pb2.Embedding(f32_le=row.astype("<f4", copy=False).tobytes())


def memory_message(memory: Memory, row: Float32 | None) -> memory_pb2.Memory:
    """Return a memory as a message, with its embedding unless ``row`` is None."""
    provenance = memory.provenance
    return memory_pb2.Memory(
        memory_id=memory.memory_id,
        text=memory.text,
        embedding=None if row is None else embedding_message(row),
        phase=memory.phase,
        confidence=memory.confidence,
        source=memory_pb2.MemorySource.ValueType(provenance.source),
        provenance=memory_pb2.Provenance(
            parent_ids=provenance.parent_ids,
            model=provenance.model,
            policy_version=provenance.policy_version,
            lineage_hash=memory.lineage_hash,
        ),
        labels=memory.labels,
        metadata=dict(memory.metadata),
        pinned=memory.pinned,
        create_time=timestamp(memory.create_time_ns),
        expire_time=timestamp(memory.expire_time_ns) if memory.expire_time_ns else None,
        revision=memory.revision,
        etag=memory.etag,
        update_time=timestamp(memory.update_time_ns),
        create_revision=memory.create_revision,
        embedding_model=memory.embedding_model,
        server_assigned_id=not memory.caller_chosen_id,
        context=memory.context,
        event_time=timestamp(memory.event_time_ns) if memory.event_time_ns else None,
        conversation_id=memory.conversation_id,
        exchange_role=memory_pb2.ExchangeRole.ValueType(memory.role),
    )
