"""The writer of a record, its idempotency key and its deadline."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from mlsdm_grpc.errors import DeadlineExceeded
from mlsdm_grpc.protection.lanes import Lane

__all__ = ["Ticket", "outcome_unknown"]


@dataclass(frozen=True, slots=True)
class Ticket:
    """The writer of a record, its idempotency key and its deadline."""

    principal: str
    deadline_s: float
    """Event-loop time."""
    request_id: bytes
    """16 bytes; empty where the caller gave none."""
    request_digest: bytes = b""
    """32 bytes over the canonical request."""
    windowed: bool = True
    """The request window remembers the write; not so for what comes before a first write."""
    lane: Lane = Lane.INTERACTIVE


def outcome_unknown(ticket: Ticket) -> DeadlineExceeded:
    """Return the error of a write whose answer did not come in time."""
    return DeadlineExceeded(
        "No answer came in time after the write was begun; repeat it with the same request_id to"
        " learn its result.",
        reason="OUTCOME_UNKNOWN",
        metadata={"request_id": str(uuid.UUID(bytes=ticket.request_id))},
    )
