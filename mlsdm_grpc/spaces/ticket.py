"""Ticket of a record: its writer, idempotency key and deadline."""

from __future__ import annotations

import uuid

from mlsdm_grpc.errors import DeadlineExceeded
from mlsdm_grpc.protection.lanes import Lane
from mlsdm_grpc.value_classes import value_class

__all__ = ["Ticket", "outcome_unknown"]


@value_class
class Ticket:
    """Writer, idempotency key and deadline of a record."""

    principal: str
    deadline_s: float
    """Deadline, event-loop time in seconds."""
    request_id: bytes
    """Idempotency key, 16 bytes; empty if the caller sent none."""
    request_digest: bytes = b""
    """Digest of the canonical request, 32 bytes."""
    windowed: bool = True
    """True to store the outcome in the request window; False for the creation of a space before its
    first write."""
    lane: Lane = Lane.INTERACTIVE

    def with_id(self, request_id: bytes) -> Ticket:
        """Return a copy with another idempotency key; faster than :func:`dataclasses.replace`."""
        return Ticket(
            self.principal,
            self.deadline_s,
            request_id,
            self.request_digest,
            self.windowed,
            self.lane,
        )


def outcome_unknown(ticket: Ticket) -> DeadlineExceeded:
    """Return the error for a write whose outcome is not known by its deadline."""
    return DeadlineExceeded(
        "The deadline passed after the write began; repeat it with the same request_id to get its"
        " result.",
        reason="OUTCOME_UNKNOWN",
        metadata={"request_id": str(uuid.UUID(bytes=ticket.request_id))},
    )
