"""Decisions of a space as its ring keeps them: plain values without content."""

from __future__ import annotations

import enum

from mlsdm_grpc.value_classes import value_class

__all__ = ["DecisionEntry", "DecisionKind"]


class DecisionKind(enum.IntEnum):
    """Kind of step of a decision."""

    EVENT = 1
    MEMORY = 2
    GENERATION = 3
    """A prompt with its answer."""
    SPACE = 4
    MAINTENANCE = 5


@value_class
class DecisionEntry:
    """One decision in the life of a space."""

    revision: int
    """Revision of the record."""
    time_ns: int
    """Time of the record, Unix nanoseconds."""
    kind: DecisionKind
    accepted: bool
    """True if the step was performed."""
    principal: str = ""
    request_id: bytes = b""
    """Idempotency key, 16 bytes; empty if the record has none."""
    memory_id: str = ""
    """Memory of the decision; empty if there is none or more than one."""
    moral_value: float | None = None
    """Effective moral value; None where none was used."""
    moral_threshold: float | None = None
    """Threshold of the moral filter; None where none was used."""
