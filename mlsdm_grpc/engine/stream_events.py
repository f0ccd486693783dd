"""The opening of a stream, and the events that its client gets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from mlsdm_grpc.core.model.record import EventOutcome, PutOutcome
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
    """The position of a stream."""

    incarnation: int
    """Life of the space; 0 before the space exists."""
    acked_sequence: int
    """Last settled item."""


@dataclass(frozen=True, slots=True)
class Opening:
    """The parameters of a stream."""

    key: SpaceKey
    stream_id: str
    principal: str
    deadline_s: float
    """Event-loop time until which the client listens; may be infinite."""
    ending: asyncio.Future[str]
    """Done when the stream is to end politely; its result is the name of an ``ErrorReason``, or
    empty for a stream that reached its greatest age."""
    admit: Callable[[], None]
    """Raises ``Unavailable`` SHEDDING or EMERGENCY while the node takes no such work."""
    path: str
    """Name of an item in violations."""
    resume: StreamPosition = StreamPosition(0, 0)
    allow_replace: bool = False


@dataclass(frozen=True, slots=True)
class OpenedStream:
    """The stream is open behind this position."""

    position: StreamPosition
    revision: int
    max_in_flight: int
    """Items that the client may have sent and not acknowledged."""


@dataclass(frozen=True, slots=True)
class Result:
    """The result of an item."""

    sequence: int
    outcome: PutOutcome | EventOutcome | MlsdmError
    moral_value: float = 0.0
    """That an event was judged by."""
    verdicts: tuple[Verdict, ...] = ()
    """Of the rules that did not allow something, enforced or in shadow."""
    refused: bool = False
    """An enforced rule refused the text."""


@dataclass(frozen=True, slots=True)
class Settled:
    """All items up to this position are settled."""

    position: StreamPosition
    results: tuple[Result, ...]
    """Of the items since the position before, but for those that were settled elsewhere."""
    revision: int
    synaptic_norms: tuple[float, ...] = ()
    """After events: norms of L1, L2, L3 when the answer was built."""


@dataclass(frozen=True, slots=True)
class Flow:
    """The client should send nothing for a while."""

    max_in_flight: int
    pause_s: float


@dataclass(frozen=True, slots=True)
class Goodbye:
    """The stream ends; nothing behind the position was written."""

    position: StreamPosition
    reason: str
    """Name of an ``ErrorReason``; empty for a stream that reached its greatest age."""


StreamEvent: TypeAlias = OpenedStream | Settled | Flow | Goodbye
