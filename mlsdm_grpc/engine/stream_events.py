"""Parameters of a stream, and the events that its client receives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from mlsdm_grpc.core.model.outcome import EventOutcome, PutOutcome
from mlsdm_grpc.errors import MlsdmError
from mlsdm_grpc.governance.policy.verdict import Verdict
from mlsdm_grpc.journal.protocol import SpaceKey

__all__ = [
    "Flow",
    "Goodbye",
    "OpenedStream",
    "Opening",
    "Result",
    "Settled",
    "StreamEvent",
    "StreamPosition",
]


@dataclass(frozen=True, slots=True)
class StreamPosition:
    """Position in a stream."""

    incarnation: int
    """Incarnation of the space; 0 before the space exists."""
    acked_sequence: int
    """Sequence of the last acknowledged item."""


@dataclass(frozen=True, slots=True)
class Opening:
    """Parameters of a stream."""

    key: SpaceKey
    stream_id: str
    principal: str
    deadline_s: float
    """Deadline of the stream, event-loop time; may be infinite."""
    ending: asyncio.Future[str]
    """Future that is done when the server ends the stream. Its result is the name of an
    ``ErrorReason``, or empty for a stream that reached its maximum age."""
    admit: Callable[[], None]
    """Function that raises ``Unavailable`` SHEDDING or EMERGENCY while the node refuses writes of
    streams."""
    path: str
    """Path of an item, for violations."""
    resume: StreamPosition = StreamPosition(0, 0)
    """Position from which the client resumes the stream."""
    allow_replace: bool = False


@dataclass(frozen=True, slots=True)
class OpenedStream:
    """Event: the stream is open and continues after ``position``."""

    position: StreamPosition
    revision: int
    max_in_flight: int
    """Maximum number of items that the client may send ahead of their acknowledgement."""


@dataclass(frozen=True, slots=True)
class Result:
    """Result of one item."""

    sequence: int
    outcome: PutOutcome | EventOutcome | MlsdmError
    moral_value: float = 0.0
    """Moral value that the decision on an event used."""
    verdicts: tuple[Verdict, ...] = ()
    """Verdicts of enforced and shadow rules that did not allow the text."""
    refused: bool = False
    """True if an enforced rule refused the text."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Event: all items up to ``position`` are acknowledged."""

    position: StreamPosition
    results: tuple[Result, ...]
    """Results of the items since the previous position; an item that another call wrote has none.
    """
    revision: int
    synaptic_norms: tuple[float, ...] = ()
    """Norms of the traces L1, L2 and L3 after the record; empty if no record was written."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Event: the client must send nothing for ``pause_s`` seconds."""

    max_in_flight: int
    """Maximum number of items that the client may send ahead of their acknowledgement."""
    pause_s: float


@dataclass(frozen=True, slots=True)
class Goodbye:
    """Event: the server ends the stream; items after ``position`` were not written."""

    position: StreamPosition
    reason: str
    """Name of an ``ErrorReason``; empty for a stream that reached its maximum age."""


StreamEvent: TypeAlias = OpenedStream | Settled | Flow | Goodbye
