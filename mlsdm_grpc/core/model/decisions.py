"""Entries of the ring of decisions of a space: plain values without content."""

from __future__ import annotations

import enum

from mlsdm_grpc.value_classes import value_class

__all__ = ["DecisionEntry", "DecisionKind"]


class DecisionKind(enum.IntEnum):
    """Kind of write on which a decision was made."""

    EVENT = 1
    MEMORY = 2
    GENERATION = 3
    """A prompt with its answer."""
    SPACE = 4
    MAINTENANCE = 5


@value_class
class DecisionEntry:
    """One decision in the history of a space."""

    revision: int
    """Revision of the record."""
    time_ns: int
    """Time of the record, Unix nanoseconds."""
    kind: DecisionKind
    accepted: bool
    """True if the write was performed."""
    principal: str = ""
    request_id: bytes = b""
    """Idempotency key, 16 bytes; empty if the record has none."""
    memory_id: str = ""
    """Id of the memory concerned; empty if there is none or more than one."""
    moral_value: float | None = None
    """Moral value of the event; None for other kinds."""
    moral_threshold: float | None = None
    """Threshold with which the moral value was compared; None for other kinds."""
