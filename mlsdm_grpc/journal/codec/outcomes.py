"""Encoding of outcomes, the results of applied records."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from mlsdm_grpc._gen.mlsdm.internal.v1 import record_pb2 as pb
from mlsdm_grpc.core.model.outcome import (
    ConsolidateOutcome,
    DeleteOutcome,
    EventOutcome,
    LossAccepted,
    Outcome,
    PutItem,
    PutOutcome,
    PutResult,
    Refusal,
    Rejection,
    SemanticsUpgraded,
    SpaceChanged,
    SpaceCreated,
    StreamOutcome,
)
from mlsdm_grpc.core.model.policy import PolicySet
from mlsdm_grpc.core.model.tenant import TenantSet
from mlsdm_grpc.errors import DataLoss
from mlsdm_grpc.journal.codec.new_memories import pairs_from_proto, pairs_to_proto

__all__ = ["outcome_from_proto", "outcome_to_proto", "write_outcome"]


_RESOURCES: Final[dict[str, type[PolicySet | TenantSet]]] = {
    "policy_set": PolicySet,
    "tenant_set": TenantSet,
}


def outcome_to_proto(outcome: Outcome) -> pb.Outcome:
    """Return the encoded form of an outcome."""
    message = pb.Outcome()
    write_outcome(outcome, message)
    return message


def write_outcome(outcome: Outcome, message: pb.Outcome) -> None:
    """Write an outcome into ``message``, which must be empty."""
    message.revision = outcome.revision
    if isinstance(outcome, PutOutcome):
        _write_put(outcome, message.put)
    elif isinstance(outcome, EventOutcome):
        _write_event(outcome, message.event)
    elif isinstance(outcome, StreamOutcome):
        message.stream.acked_sequence = outcome.acked_sequence
        for item in outcome.items:
            entry = message.stream.items.add()
            if item is not None:
                write_outcome(item, entry)
        message.stream.SetInParent()
    elif isinstance(outcome, Refusal):
        message.refusal.reason = outcome.reason
        message.refusal.message = outcome.message
        message.refusal.metadata.extend(pairs_to_proto(outcome.metadata))
        message.refusal.SetInParent()
    else:
        _write_change(outcome, message)


def _write_change(
    outcome: ConsolidateOutcome
    | DeleteOutcome
    | SpaceChanged
    | SpaceCreated
    | PolicySet
    | TenantSet
    | SemanticsUpgraded
    | LossAccepted,
    message: pb.Outcome,
) -> None:
    if isinstance(outcome, ConsolidateOutcome):
        message.consolidated.merged_count = outcome.merged_count
        message.consolidated.purged_count = outcome.purged_count
        message.consolidated.used = outcome.used
        message.consolidated.SetInParent()
    elif isinstance(outcome, DeleteOutcome):
        message.deleted.SetInParent()
    elif isinstance(outcome, SpaceChanged):
        message.space_changed.SetInParent()
    elif isinstance(outcome, SpaceCreated):
        message.space_created.created = outcome.created
        message.space_created.SetInParent()
    elif isinstance(outcome, PolicySet):
        message.policy_set.update_time_ns = outcome.update_time_ns
        message.policy_set.SetInParent()
    elif isinstance(outcome, TenantSet):
        message.tenant_set.update_time_ns = outcome.update_time_ns
        message.tenant_set.SetInParent()
    elif isinstance(outcome, SemanticsUpgraded):
        message.semantics_upgraded.upgraded = outcome.upgraded
        message.semantics_upgraded.SetInParent()
    else:
        message.loss_accepted.SetInParent()


# Fields are assigned one by one: a constructor with keyword arguments takes three times as long.
def _write_put(outcome: PutOutcome, message: pb.PutOutcome) -> None:
    for item in outcome.items:
        entry = message.items.add()
        entry.memory_id = item.memory_id
        entry.result = item.result
        entry.phase = item.phase
        entry.create_time_ns = item.create_time_ns
        entry.expire_time_ns = item.expire_time_ns
        entry.revision = item.revision
        entry.create_revision = item.create_revision
        entry.update_time_ns = item.update_time_ns
        entry.confidence = item.confidence
        entry.pinned = item.pinned
    message.evicted.extend(outcome.evicted)
    message.min_confidence = outcome.min_confidence
    message.SetInParent()


def _write_event(outcome: EventOutcome, message: pb.EventOutcome) -> None:
    message.rejection = outcome.rejection
    message.step = outcome.step
    message.phase = outcome.phase
    message.moral_threshold = outcome.moral_threshold
    message.moral_ema = outcome.moral_ema
    message.threshold_applied = outcome.threshold_applied
    message.used = outcome.used
    message.capacity = outcome.capacity
    message.memory_id = outcome.memory_id
    message.evicted.extend(outcome.evicted)
    message.awake = outcome.awake
    message.result = outcome.result
    message.fell_asleep = outcome.fell_asleep
    message.answer_id = outcome.answer_id
    message.SetInParent()


def outcome_from_proto(message: pb.Outcome) -> Outcome:
    """Return the outcome in ``message``.

    Raises:
        DataLoss: The kind of the outcome is unknown to this version, or wrong for a stream item.
    """
    kind = message.WhichOneof("kind")
    outcome: Outcome
    if kind == "put":
        return _put_outcome_from_proto(message.put, message.revision)
    if kind == "event":
        return _event_outcome_from_proto(message.event, message.revision)
    if kind == "consolidated":
        done = message.consolidated
        outcome = ConsolidateOutcome(done.merged_count, done.purged_count, done.used)
    elif kind == "deleted":
        outcome = DeleteOutcome()
    elif kind == "space_changed":
        outcome = SpaceChanged()
    elif kind == "space_created":
        outcome = SpaceCreated(message.space_created.created)
    elif kind in {"policy_set", "tenant_set"}:
        outcome = _RESOURCES[kind](getattr(message, kind).update_time_ns)
    elif kind == "semantics_upgraded":
        outcome = SemanticsUpgraded(message.semantics_upgraded.upgraded)
    elif kind == "loss_accepted":
        outcome = LossAccepted()
    elif kind == "refusal":
        refusal = message.refusal
        outcome = Refusal(refusal.reason, refusal.message, pairs_from_proto(refusal.metadata))
    elif kind == "stream":
        items = tuple(map(_item_outcome, message.stream.items))
        outcome = StreamOutcome(message.stream.acked_sequence, items)
    else:
        raise DataLoss("An outcome has a kind that this version does not know.")
    return replace(outcome, revision=message.revision)


def _put_outcome_from_proto(message: pb.PutOutcome, revision: int) -> PutOutcome:
    return PutOutcome(
        items=tuple(
            PutItem(
                memory_id=item.memory_id,
                result=PutResult(item.result),
                phase=item.phase,
                create_time_ns=item.create_time_ns,
                expire_time_ns=item.expire_time_ns,
                revision=item.revision,
                create_revision=item.create_revision,
                update_time_ns=item.update_time_ns,
                confidence=item.confidence,
                pinned=item.pinned,
            )
            for item in message.items
        ),
        evicted=tuple(message.evicted),
        min_confidence=message.min_confidence,
        revision=revision,
    )


def _event_outcome_from_proto(message: pb.EventOutcome, revision: int) -> EventOutcome:
    return EventOutcome(
        rejection=Rejection(message.rejection),
        step=message.step,
        phase=message.phase,
        moral_threshold=message.moral_threshold,
        moral_ema=message.moral_ema,
        threshold_applied=message.threshold_applied,
        used=message.used,
        capacity=message.capacity,
        memory_id=message.memory_id,
        evicted=tuple(message.evicted),
        awake=message.awake,
        fell_asleep=message.fell_asleep,
        result=PutResult(message.result),
        answer_id=message.answer_id,
        revision=revision,
    )


def _item_outcome(message: pb.Outcome) -> PutOutcome | EventOutcome | Refusal | None:
    if message.WhichOneof("kind") is None:
        return None
    outcome = outcome_from_proto(message)
    if not isinstance(outcome, PutOutcome | EventOutcome | Refusal):
        raise DataLoss("A stream item has an outcome of a kind that stream items cannot have.")
    return outcome
