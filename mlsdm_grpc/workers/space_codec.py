"""Conversion between link messages and domain values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mlsdm_grpc import errors
from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc._gen.mlsdm.internal.v1.snapshot_pb2 import MemoryRow
from mlsdm_grpc.core.mind.space_view import SpaceView
from mlsdm_grpc.core.model.new_memory import Float32
from mlsdm_grpc.core.model.outcome import Outcome, PutOutcome, Refusal, StreamOutcome
from mlsdm_grpc.core.store.memory_value import Memory
from mlsdm_grpc.journal.codec.new_memories import Decoded
from mlsdm_grpc.journal.codec.parameters import parameters_from_proto
from mlsdm_grpc.journal.codec.snapshot_rows import memory_from_row, memory_to_row
from mlsdm_grpc.value_classes import value_class

__all__ = [
    "StoredMemory",
    "add_failure",
    "add_memory",
    "answer_bytes",
    "found_memories",
    "raise_failure",
    "refusal_error",
    "row_bytes",
    "view_from_reply",
]


@value_class
class StoredMemory:
    """Memory in its current state."""

    memory: Memory
    row: Float32 | None
    """Unit vector of the memory, (dimension,) float32; None if it was not requested or is damaged.
    """


# Size of a memory in a response besides its strings and its vector, bytes.
_HIT_OVERHEAD_BYTES = 128
# Class of the error for each reason that a worker returns.
_CLASSES: dict[str, type[errors.MlsdmError]] = {
    "SPACE_EXISTS": errors.AlreadyExists,
    "SPACE_NOT_FOUND": errors.NotFound,
    "SPACE_READ_ONLY": errors.PreconditionFailed,
    "CONFIG_CONFLICT": errors.PreconditionFailed,
    "MEMORY_NOT_FOUND": errors.NotFound,
    "MEMORY_EXISTS": errors.AlreadyExists,
    "ETAG_MISMATCH": errors.Conflict,
    "DIMENSION_MISMATCH": errors.PreconditionFailed,
    "SEMANTICS_UNSUPPORTED": errors.PreconditionFailed,
    "INCARNATION_MISMATCH": errors.PreconditionFailed,
    "QUOTA_EXCEEDED": errors.QuotaExceeded,
    "STREAM_SEQUENCE_INVALID": errors.InvalidInput,
    "ALL_PINNED": errors.PreconditionFailed,
    "DATA_DAMAGED": errors.DataLoss,
    "DEADLINE_EXPIRED": errors.DeadlineExceeded,
}


# Recommended pause before a retry, seconds, by reason of an Unavailable error.
_RETRY_AFTER_S = {"WORKER_LOST": 0.5, "SPACE_LOADING": 5.0}


def _error(reason: str, message: str, metadata: dict[str, str]) -> errors.MlsdmError:
    if reason == "FIELD_INVALID" and "field" in metadata:
        return errors.InvalidInput.of(metadata["field"], message)
    if reason in {"FIELD_INVALID", "REQUEST_ID_REUSED", "RESPONSE_TOO_LARGE"}:
        return errors.InvalidInput(message, reason=reason, metadata=metadata)
    if reason in _RETRY_AFTER_S:
        retry_after_s = _RETRY_AFTER_S[reason]
        return errors.Unavailable(
            message, reason=reason, metadata=metadata, retry_after_s=retry_after_s
        )
    return _CLASSES.get(reason, errors.InternalError)(message, reason=reason, metadata=metadata)


def refusal_error(refusal: Refusal, space: str) -> errors.MlsdmError:
    """Return the error for the caller whose record was refused."""
    where = {} if space.startswith("_") else {"space": space}
    return _error(refusal.reason, refusal.message, {**where, **dict(refusal.metadata)})


def writes_of(outcome: Outcome | None) -> int:
    """Return how many writes a record counts as: one for each item, at least one."""
    if isinstance(outcome, PutOutcome | StreamOutcome):
        return max(1, len(outcome.items))
    return 1


def raise_failure(reply: pb.LinkReply, space: str) -> None:
    """Raise the error in the reply of a worker, if it contains one."""
    if reply.WhichOneof("kind") == "failure":
        failure = reply.failure
        if failure.violations:
            raise errors.InvalidInput(
                violations=[
                    errors.FieldViolation(each.field, each.description)
                    for each in failure.violations
                ]
            )
        metadata = {pair.key: pair.value for pair in failure.metadata}
        raise _error(failure.reason, failure.message, {"space": space, **metadata})


def found_memories(reply: pb.MemoriesReply) -> Sequence[StoredMemory]:
    """Return the memories in ``reply``; each is decoded on access."""
    rows = _rows(reply.rows_f32_le, len(reply.memories)) if reply.rows_f32_le else None
    damaged = set(reply.damaged)

    def decoded(i: int) -> StoredMemory:
        row = MemoryRow.FromString(reply.memories[i])
        return StoredMemory(
            memory_from_row(row, phase=reply.phases[i], confidence=reply.confidences[i]),
            None if rows is None or i in damaged else rows[i],
        )

    return Decoded(range(len(reply.memories)), decoded)


def view_from_reply(reply: pb.LinkReply) -> SpaceView | None:
    """Return the state in a view reply; None if the space does not exist."""
    view = reply.view
    if not view.exists:
        return None
    l1, l2, l3 = view.synaptic_norms
    return SpaceView(
        parameters=parameters_from_proto(view.parameters),
        semantics_version=view.semantics_version,
        incarnation=view.incarnation,
        create_time_ns=view.create_time_ns,
        update_time_ns=view.update_time_ns,
        config_revision=view.config_revision,
        config_time_ns=view.config_time_ns,
        revision=reply.revision,
        chain=view.chain,
        step=view.step,
        accepted=view.accepted,
        awake=view.awake,
        phase=view.phase,
        phase_remaining=view.phase_remaining,
        moral_threshold=view.moral_threshold,
        moral_ema=view.moral_ema,
        synaptic_norms=(l1, l2, l3),
        traces=_rows(view.traces_f32_le, 3),
        used=view.used,
        pinned=view.pinned,
        capacity=view.capacity,
        vector_bytes=view.vector_bytes,
        allocated_bytes=view.allocated_bytes,
        lexical_bytes=view.lexical_bytes,
    )


def _rows(data: bytes, count: int) -> Float32:
    return np.frombuffer(data, "<f4").reshape(count, -1)


def answer_bytes(memory: Memory, row: Float32 | None) -> int:
    """Return an upper estimate of the size of a memory in a response, bytes."""
    provenance = memory.provenance
    strings = [memory.text, memory.memory_id, *memory.labels]
    strings += [part for pair in memory.metadata for part in pair]
    strings += [provenance.model, provenance.policy_version, *provenance.parent_ids]
    strings += [memory.embedding_model, memory.context, memory.conversation_id]
    fields = sum(len(string.encode()) + 8 for string in strings)
    return _HIT_OVERHEAD_BYTES + fields + (0 if row is None else 4 * len(row))


def add_memory(reply: pb.MemoriesReply, memory: Memory) -> None:
    """Add a memory to a reply, without its vector."""
    reply.memories.append(memory_to_row(memory).SerializeToString())
    reply.phases.append(memory.phase)
    reply.confidences.append(memory.confidence)


def row_bytes(row: Float32) -> bytes:
    """Return a row as bytes: little-endian float32.

    Set a bytes field of a reply only once, because a message holds the RAM of replaced values.
    """
    return row.astype("<f4", copy=False).tobytes()


def add_failure(reply: pb.LinkReply, error: errors.MlsdmError) -> None:
    """Write an error into a reply."""
    reply.failure.reason = error.reason
    reply.failure.message = error.message
    for key, value in error.metadata.items():
        reply.failure.metadata.add(key=key, value=value)
    if isinstance(error, errors.InvalidInput):
        for each in error.violations:
            reply.failure.violations.add(field=each.field, description=each.description)
