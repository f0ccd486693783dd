"""Outcomes: what the state machine answers to a record."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TypeAlias

from mlsdm_grpc.core.model.policy import PolicySet

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
    "etag_of",
]


def etag_of(revision: int) -> str:
    """Return the etag of what last changed at ``revision``: a memory, a policy, parameters."""
    return f'"{revision}"'


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record was counted, and nothing else changed."""

    reason: str
    """Name of an ``ErrorReason``."""
    message: str
    metadata: tuple[tuple[str, str], ...] = ()
    revision: int = 0


class PutResult(enum.IntEnum):
    """What became of one memory of a put."""

    CREATED = 1
    REFRESHED = 2
    REFUSED = 3
    REPLACED = 4
    SKIPPED = 5


@dataclass(frozen=True, slots=True)
class PutItem:
    """Outcome of one memory of a put; content-free, so that the request window may keep it."""

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


@dataclass(frozen=True, slots=True)
class PutOutcome:
    """Outcome of :class:`PutMemories`, in the order of its memories."""

    items: tuple[PutItem, ...]
    evicted: tuple[str, ...] = ()
    """Ids of the memories that left to make room, oldest first."""
    min_confidence: float = 0.0
    """What a memory's confidence had to reach."""
    revision: int = 0


@dataclass(frozen=True, slots=True)
class DeleteOutcome:
    """The memory is gone."""

    revision: int = 0


@dataclass(frozen=True, slots=True)
class SpaceCreated:
    """The space exists; ``created`` says whether this record made it."""

    created: bool
    revision: int = 0


@dataclass(frozen=True, slots=True)
class SpaceChanged:
    """The space has new parameters from ``revision`` on."""

    revision: int = 0


class Rejection(enum.IntEnum):
    """Why an event was not accepted."""

    NONE = 0
    MORAL = 1
    SLEEP = 2


@dataclass(frozen=True, slots=True)
class EventOutcome:
    """Outcome of :class:`ProcessEvent`."""

    rejection: Rejection
    step: int
    phase: float
    """Phase after the step."""
    moral_threshold: float
    """Threshold after the event."""
    moral_ema: float
    """Running average after the event: hostility (vigilant) or acceptance (homeostatic)."""
    threshold_applied: float
    """Threshold that the event was judged by."""
    used: int
    capacity: int
    awake: bool
    """Whether the space is awake after the step."""
    fell_asleep: bool = False
    """Whether it was this step that put the space to sleep."""
    memory_id: str = ""
    result: PutResult = PutResult.REFUSED
    """What became of its memory."""
    evicted: tuple[str, ...] = ()
    revision: int = 0
    answer_id: str = ""
    """Memory of the answer that came with the event, if it was remembered."""

    @property
    def accepted(self) -> bool:
        """Whether the event passed and entered the traces.

        It is remembered too, unless its confidence is below the least that the space keeps.
        """
        return self.rejection is Rejection.NONE


@dataclass(frozen=True, slots=True)
class ConsolidateOutcome:
    """Outcome of :class:`Consolidate`."""

    merged_count: int = 0
    """Memories that became part of others."""
    purged_count: int = 0
    """Expired memories that were forgotten."""
    used: int = 0
    """Memories held afterwards."""
    revision: int = 0


@dataclass(frozen=True, slots=True)
class SemanticsUpgraded:
    """The space is under the version of the rules that was asked for, or a newer one."""

    upgraded: bool
    """Whether it was this record that changed the version."""
    revision: int = 0


@dataclass(frozen=True, slots=True)
class LossAccepted:
    """The space goes on from what was left of it."""

    revision: int = 0


@dataclass(frozen=True, slots=True)
class StreamOutcome:
    """Outcome of :class:`StreamItems`."""

    acked_sequence: int
    """Mark of the stream afterwards: items up to it are settled."""
    items: tuple[PutOutcome | EventOutcome | Refusal | None, ...] = ()
    """In the order of the record; None for an item that was settled before."""
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
    | Refusal
)
