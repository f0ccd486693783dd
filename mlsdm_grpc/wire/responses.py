"""Conversion of domain values to messages of the contract."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from google.protobuf.duration_pb2 import Duration

from mlsdm_grpc._gen.mlsdm.v1 import (
    event_pb2,
    governance_pb2,
    memory_pb2,
    memory_put_pb2,
    memory_query_pb2,
    memory_stream_pb2,
)
from mlsdm_grpc.core.model.outcome import EventOutcome, PutItem, PutOutcome, PutResult, Rejection
from mlsdm_grpc.core.model.policy import Decision
from mlsdm_grpc.engine.memory_writes import Put
from mlsdm_grpc.governance.policy.verdict import Verdict, enforced
from mlsdm_grpc.messages.states import rhythm_state
from mlsdm_grpc.messages.stored_memories import memory_message
from mlsdm_grpc.messages.times import timestamp
from mlsdm_grpc.workers.space_codec import StoredMemory

__all__ = [
    "batch_put",
    "duration",
    "event_outcome",
    "page",
    "put_verdicts",
    "stored_memory",
    "verdict",
]

_REJECTIONS = {
    Rejection.NONE: event_pb2.REJECTION_REASON_UNSPECIFIED,
    Rejection.MORAL: event_pb2.REJECTION_REASON_MORAL,
    Rejection.SLEEP: event_pb2.REJECTION_REASON_SLEEPING,
}
_T = TypeVar("_T")
# Put results in one part of a response: about 10 us each.
_STORED_AT_ONCE = 64
# Memories in one part of a response. A complete memory takes about 300 us.
_SHOWN_AT_ONCE = 4
_RULE_CONFIDENCE = "store.min_confidence"


def duration(seconds: float) -> Duration:
    """Return a ``Duration`` message for a time in seconds."""
    message = Duration()
    message.FromNanoseconds(round(seconds * 1e9))
    return message


def stored_memory(item: PutItem) -> memory_pb2.Memory:
    """Return the fields that the server set on a stored memory; empty for a memory not stored."""
    if item.result in {PutResult.REFUSED, PutResult.SKIPPED}:
        return memory_pb2.Memory()
    settled = memory_pb2.Memory(
        memory_id=item.memory_id,
        phase=item.phase,
        confidence=item.confidence,
        pinned=item.pinned,
        expire_time=timestamp(item.expire_time_ns) if item.expire_time_ns else None,
    )
    if item.revision:
        settled.create_time.CopyFrom(timestamp(item.create_time_ns))
        settled.update_time.CopyFrom(timestamp(item.update_time_ns))
        settled.create_revision = item.create_revision
        settled.revision = item.revision
        settled.etag = item.etag
    return settled


def batch_put(done: Put) -> Iterator[bytes]:
    """Yield the serialised parts of a ``BatchPutMemoriesResponse``. Each takes less than 1 ms.

    Joined, the parts are one serialised message.
    """
    outcome = done.outcome
    # A batch with a refused memory stores nothing, so it has no stored memories to report.
    if all(item.result is not PutResult.REFUSED for item in outcome.items):
        for some in _some(outcome.items, _STORED_AT_ONCE):
            part = memory_put_pb2.BatchPutMemoriesResponse(memories=map(stored_memory, some))
            yield part.SerializeToString()
    response = memory_put_pb2.BatchPutMemoriesResponse(
        results=[memory_pb2.PutResult.ValueType(item.result) for item in outcome.items],
        revision=outcome.revision,
        evicted_memory_ids=outcome.evicted,
    )
    yield response.SerializeToString()
    for index, (item, found) in enumerate(zip(outcome.items, done.verdicts, strict=True)):
        if verdicts := put_verdicts(outcome, item, found):
            of_item = memory_put_pb2.ItemVerdicts(index=index, verdicts=verdicts)
            part = memory_put_pb2.BatchPutMemoriesResponse(verdicts=[of_item])
            yield part.SerializeToString()


def page(
    found: Sequence[StoredMemory],
    rest: memory_query_pb2.ListMemoriesResponse | memory_stream_pb2.ExportMemoriesResponse,
) -> Iterator[bytes]:
    """Yield the serialised parts of a page of memories. Each takes less than 1 ms.

    Joined, the parts are one serialised message.

    Args:
        found: Memories of the page.
        rest: Response without the memories.
    """
    for some in _some(found, _SHOWN_AT_ONCE):
        part = type(rest)(memories=[memory_message(each.memory, each.row) for each in some])
        yield part.SerializeToString()
    yield rest.SerializeToString()


def _some(items: Sequence[_T], count: int) -> Iterator[Sequence[_T]]:
    return (items[begin : begin + count] for begin in range(0, len(items), count))


def verdict(found: Verdict) -> governance_pb2.Verdict:
    """Return the verdict of one rule as a message."""
    return governance_pb2.Verdict(
        decision=governance_pb2.Decision.ValueType(found.decision),
        enforcement=governance_pb2.Enforcement.ValueType(found.enforcement),
        rule_id=found.rule_id,
        score=found.score,
        threshold=found.threshold,
        policy_version=found.policy_version,
        stage=governance_pb2.GovernanceStage.ValueType(found.stage),
        on_error_applied=found.on_error_applied,
    )


def put_verdicts(
    outcome: PutOutcome, item: PutItem, found: Sequence[Verdict]
) -> list[governance_pb2.Verdict]:
    """Return the verdicts on one memory of a put, as messages.

    A memory refused for its confidence gets a verdict of ``store.min_confidence``.

    Args:
        outcome: Outcome of the put.
        item: Outcome of the memory.
        found: Verdicts of the rules on its text.
    """
    against = [verdict(each) for each in found]
    by_policy = enforced(found) is Decision.REFUSE
    if item.result is PutResult.REFUSED and not by_policy:
        against.append(
            governance_pb2.Verdict(
                decision=governance_pb2.DECISION_REFUSE,
                enforcement=governance_pb2.ENFORCEMENT_ENFORCE,
                rule_id=_RULE_CONFIDENCE,
                score=item.confidence,
                threshold=outcome.min_confidence,
            )
        )
    return against


def event_outcome(
    outcome: EventOutcome, norms: Sequence[float], moral_value: float, *, refused: bool = False
) -> event_pb2.EventOutcome:
    """Return the outcome of an event as a message.

    Args:
        outcome: Outcome of the event.
        norms: Euclidean norms of the traces L1, L2 and L3.
        moral_value: Moral value with which the event was decided.
        refused: True if an enforced rule refused the text.
    """
    l1, l2, l3 = norms
    reason = _REJECTIONS[outcome.rejection]
    # The moral filter and a rule can both refuse. The rule is the more specific reason.
    if refused and outcome.rejection is Rejection.MORAL:
        reason = event_pb2.REJECTION_REASON_POLICY
    return event_pb2.EventOutcome(
        accepted=outcome.accepted,
        rejection_reason=reason,
        step=outcome.step,
        phase=outcome.phase,
        moral_threshold=outcome.moral_threshold,
        moral_ema=outcome.moral_ema,
        synaptic_norms=event_pb2.SynapticNorms(l1=l1, l2=l2, l3=l3),
        memory_id=outcome.memory_id,
        used=outcome.used,
        capacity=outcome.capacity,
        revision=outcome.revision,
        moral_value=moral_value,
        rhythm_state=rhythm_state(awake=outcome.awake),
        evicted_memory_ids=outcome.evicted,
        result=memory_pb2.PutResult.ValueType(outcome.result),
    )
