"""Entries that applied records add to the ring of decisions of their space."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mlsdm_grpc.core.mind.space_state import Contents
from mlsdm_grpc.core.model.bodies import (
    AcceptLoss,
    Consolidate,
    CreateSpace,
    DeleteMemory,
    ProcessEvent,
    PutMemories,
    UpdateMemory,
    UpdateSpace,
)
from mlsdm_grpc.core.model.decisions import DecisionEntry, DecisionKind
from mlsdm_grpc.core.model.outcome import EventOutcome, Outcome, PutOutcome, PutResult, Refusal
from mlsdm_grpc.core.model.record import RecordBody
from mlsdm_grpc.core.model.semantics import Moment

__all__ = ["FIRST_VERSION", "note_decision"]

FIRST_VERSION: Final = 2
"""First version of the rules with a ring of decisions."""
_NOT_STORED: Final = frozenset({PutResult.REFUSED, PutResult.SKIPPED})
_KINDS: Final[Mapping[type, DecisionKind]] = MappingProxyType(
    {
        PutMemories: DecisionKind.MEMORY,
        UpdateMemory: DecisionKind.MEMORY,
        DeleteMemory: DecisionKind.MEMORY,
        CreateSpace: DecisionKind.SPACE,
        UpdateSpace: DecisionKind.SPACE,
        Consolidate: DecisionKind.MAINTENANCE,
        AcceptLoss: DecisionKind.MAINTENANCE,
    }
)


def note_decision(contents: Contents, body: RecordBody, outcome: Outcome, now: Moment) -> None:
    """Add the decision on a record, or on one item of a stream, to the ring of the space.

    A refused record changes nothing and adds no decision.
    """
    kind = _kind(body)
    if now.semantics_version < FIRST_VERSION or kind is None or isinstance(outcome, Refusal):
        return
    memory_id, accepted, value, threshold = "", True, None, None
    if isinstance(outcome, EventOutcome) and isinstance(body, ProcessEvent):
        accepted, memory_id = outcome.accepted, outcome.memory_id
        value, threshold = body.moral_value, outcome.threshold_applied
    elif isinstance(outcome, PutOutcome):
        accepted = any(item.result not in _NOT_STORED for item in outcome.items)
        memory_id = outcome.items[0].memory_id if len(outcome.items) == 1 else ""
    elif isinstance(body, UpdateMemory | DeleteMemory):
        memory_id = body.memory_id
    contents.decisions.add(
        DecisionEntry(
            now.revision,
            now.time_ns,
            kind,
            accepted,
            now.principal,
            now.request_id,
            memory_id,
            value,
            threshold,
        )
    )


def _kind(body: RecordBody) -> DecisionKind | None:
    """Return the kind of the decision on a record; None if the record adds none."""
    if isinstance(body, ProcessEvent):
        return DecisionKind.EVENT if body.answer is None else DecisionKind.GENERATION
    return _KINDS.get(type(body))
