"""Tickets: the writer, idempotency key and deadline of a record."""

from __future__ import annotations

import uuid

from mlsdm_grpc.errors import DeadlineExceeded
from mlsdm_grpc.protection.lanes import Lane
from mlsdm_grpc.value_classes import value_class

__all__ = ["Ticket", "outcome_unknown"]


@value_class
class Ticket:
    """The writer, idempotency key and deadline of a record."""

    principal: str
    deadline_s: float
    """Event-loop time."""
    request_id: bytes
    """Idempotency key, 16 bytes; empty if the caller gave none."""
    request_digest: bytes = b""
    """Digest of the canonical request, 32 bytes."""
    windowed: bool = True
    """True if the request window stores the write; False for the preparation of a first write."""
    lane: Lane = Lane.INTERACTIVE

    def with_id(self, request_id: bytes) -> Ticket:
        """Return a copy with another idempotency key, cheaper than :func:`dataclasses.replace`."""
        return Ticket(
            self.principal,
            self.deadline_s,
            request_id,
            self.request_digest,
            self.windowed,
            self.lane,
        )


def outcome_unknown(ticket: Ticket) -> DeadlineExceeded:
    """Return the error for a write without a result in time."""
    return DeadlineExceeded(
        "No answer arrived in time after the write began; repeat it with the same request_id to"
        " get its result.",
        reason="OUTCOME_UNKNOWN",
        metadata={"request_id": str(uuid.UUID(bytes=ticket.request_id))},
    )
