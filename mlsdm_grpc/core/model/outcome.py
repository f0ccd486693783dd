"""Outcomes: results of applying a record to the state."""

from __future__ import annotations

import enum
from dataclasses import replace
from typing import TypeAlias, TypeVar

from mlsdm_grpc.core.model.policy import PolicySet
from mlsdm_grpc.core.model.tenant import TenantSet
from mlsdm_grpc.value_classes import value_class

__all__ = [
    "ConsolidateOutcome",
    "DeleteOutcome",
    "EventOutcome",
    "LossAccepted",
    "Outcome",
    "PutItem",
    "PutOutcome",
    "PutResult",
    "Refusal",
    "Rejection",
    "SemanticsUpgraded",
    "SpaceChanged",
    "SpaceCreated",
    "StreamOutcome",
    "at_revision",
    "etag_of",
]


def etag_of(revision: int) -> str:
    """Return the etag of a resource (memory, policy, parameters) last changed at ``revision``."""
    return f'"{revision}"'


@value_class
class Refusal:
    """Outcome of a refused record; only revision, time and request window of the space change."""

    reason: str
    """Name of an ``ErrorReason``."""
    message: str
    metadata: tuple[tuple[str, str], ...] = ()
    revision: int = 0


class PutResult(enum.IntEnum):
    """Result for one memory of a put."""

    CREATED = 1
    REFRESHED = 2
    REFUSED = 3
    REPLACED = 4
    SKIPPED = 5


@value_class
class PutItem:
    """Outcome for one memory of a put; contains no content, so the request window can keep it."""

    memory_id: str
    result: PutResult
    phase: float = 0.0
    confidence: float = 0.0
    pinned: bool = False
    create_time_ns: int = 0
    create_revision: int = 0
    update_time_ns: int = 0
    expire_time_ns: int = 0
    revision: int = 0
    """Revision at which the memory last changed; 0 if nothing was stored."""

    @property
    def etag(self) -> str:
        """Opaque version of the memory."""
        return etag_of(self.revision)


@value_class
class PutOutcome:
    """Outcome of :class:`PutMemories`; items have the order of its memories."""

    items: tuple[PutItem, ...]
    evicted: tuple[str, ...] = ()
    """Ids of the memories evicted because the space was full, oldest first."""
    min_confidence: float = 0.0
    """Minimum confidence of the space if it refused the batch; otherwise 0."""
    revision: int = 0


@value_class
class DeleteOutcome:
    """Outcome of a deletion that removed the memory."""

    revision: int = 0


@value_class
class SpaceCreated:
    """Outcome of :class:`CreateSpace`; ``created`` is False if the space existed."""

    created: bool
    revision: int = 0


@value_class
class SpaceChanged:
    """Outcome of a change of parameters, which are effective from ``revision`` on."""

    revision: int = 0


class Rejection(enum.IntEnum):
    """Reason why an event was not accepted."""

    NONE = 0
    MORAL = 1
    SLEEP = 2


@value_class
class EventOutcome:
    """Outcome of :class:`ProcessEvent`."""

    rejection: Rejection
    step: int
    """Number of the event in its space, from 1."""
    phase: float
    """Phase after the event."""
    moral_threshold: float
    """Threshold after the event."""
    moral_ema: float
    """Running average after the event: of hostile events (vigilant) or accepted events
    (homeostatic)."""
    threshold_applied: float
    """Threshold with which the event was compared."""
    used: int
    """Number of memories after the event."""
    capacity: int
    awake: bool
    """True if the space is awake after the event."""
    fell_asleep: bool = False
    """True if this event put the space to sleep."""
    memory_id: str = ""
    result: PutResult = PutResult.REFUSED
    """Result of storing the memory of the event."""
    evicted: tuple[str, ...] = ()
    revision: int = 0
    answer_id: str = ""
    """Id of the memory of the answer; empty if no answer was stored."""

    @property
    def accepted(self) -> bool:
        """True if the event passed the filter and changed the traces.

        An accepted event is not stored if its confidence is below the minimum of the space.
        """
        return self.rejection is Rejection.NONE


@value_class
class ConsolidateOutcome:
    """Outcome of :class:`Consolidate`."""

    merged_count: int = 0
    """Number of memories merged, members of all groups."""
    purged_count: int = 0
    """Number of expired memories removed."""
    used: int = 0
    """Number of memories after the consolidation."""
    revision: int = 0


@value_class
class SemanticsUpgraded:
    """Outcome of :class:`UpgradeSemantics`: the space has at least the requested version."""

    upgraded: bool
    """True if this record changed the version."""
    revision: int = 0


@value_class
class LossAccepted:
    """Outcome of :class:`AcceptLoss`: the space continues with the readable records."""

    revision: int = 0


@value_class
class StreamOutcome:
    """Outcome of :class:`StreamItems`."""

    acked_sequence: int
    """High-water mark of the stream after the record: all items up to it are acknowledged."""
    items: tuple[PutOutcome | EventOutcome | Refusal | None, ...] = ()
    """Outcomes in the order of the items; None for an item that an earlier record acknowledged."""
    revision: int = 0


Outcome: TypeAlias = (
    PutOutcome
    | DeleteOutcome
    | EventOutcome
    | ConsolidateOutcome
    | SpaceCreated
    | SpaceChanged
    | PolicySet
    | SemanticsUpgraded
    | LossAccepted
    | StreamOutcome
    | TenantSet
    | Refusal
)
_OutcomeT = TypeVar("_OutcomeT", bound=Outcome)


def at_revision(outcome: _OutcomeT, revision: int) -> _OutcomeT:
    """Return an outcome with the revision of its record."""
    return outcome if outcome.revision == revision else replace(outcome, revision=revision)
