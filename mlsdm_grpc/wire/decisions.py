"""Conversion of decisions to messages of the contract."""

from __future__ import annotations

import uuid

from mlsdm_grpc._gen.mlsdm.v1 import operations_pb2
from mlsdm_grpc.core.model.decisions import DecisionEntry
from mlsdm_grpc.messages.times import timestamp

__all__ = ["decision_message"]


def decision_message(entry: DecisionEntry) -> operations_pb2.DecisionRecord:
    """Return a decision in the form of the contract."""
    return operations_pb2.DecisionRecord(
        revision=entry.revision,
        time=timestamp(entry.time_ns),
        kind=operations_pb2.DecisionKind.ValueType(entry.kind),
        accepted=entry.accepted,
        principal=entry.principal,
        request_id=str(uuid.UUID(bytes=entry.request_id)) if entry.request_id else "",
        memory_id=entry.memory_id,
        moral_value=entry.moral_value,
        moral_threshold=entry.moral_threshold,
    )
