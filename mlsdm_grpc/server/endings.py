"""Errors of calls that the server ends: late, too large, or at its stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlsdm_grpc.errors import DeadlineExceeded, InvalidInput, QuotaExceeded, Unavailable
from mlsdm_grpc.interceptors.drain import draining

if TYPE_CHECKING:
    from mlsdm_grpc.wire.call import Call

__all__ = ["ENTRY_BYTES", "check_size", "cut", "expired", "silent", "too_large"]


ENTRY_BYTES: Final = 32
"""Size that HTTP/2 counts for each metadata entry besides key and value, bytes (RFC 9113)."""


def check_size(size: int, limit: int) -> None:
    """Check the size of the metadata of a call.

    The transport accepts larger metadata until the client has acknowledged its settings.

    Raises:
        QuotaExceeded: The metadata exceed the limit.
    """
    if size > limit:
        raise QuotaExceeded(
            f"The metadata of the call has {size} bytes; at most {limit} are allowed.",
            metadata={"limit": str(limit), "quota_id": "metadata_bytes"},
        )


def _may_have_written(call: Call) -> bool:
    method = call.method  # Health and reflection write nothing, but are not declared read-only.
    return call.begun and not (method.read_only or method.open)


def expired(call: Call) -> DeadlineExceeded:
    """Return the error of a call whose deadline has passed."""
    if not _may_have_written(call):
        return DeadlineExceeded("The deadline passed.", reason="DEADLINE_EXPIRED")
    return DeadlineExceeded(
        "The deadline passed; the call may have taken effect.", reason="OUTCOME_UNKNOWN"
    )


def cut(call: Call) -> Unavailable:
    """Return the error of a call that the stop of the server ends."""
    error = draining()
    if call.endless or not _may_have_written(call):
        return error
    return Unavailable(
        "The server stopped before the call completed; it may have taken effect.",
        reason="OUTCOME_UNKNOWN",
        retry_after_s=error.retry_after_s,
    )


def too_large(size: int, limit: int) -> InvalidInput:
    """Return the error of a request that is too large for its method."""
    return InvalidInput(
        f"The request has {size} bytes; at most {limit} are allowed for this method.",
        reason="REQUEST_TOO_LARGE",
        metadata={"limit": str(limit), "actual": str(size)},
    )


def silent(limit_s: float) -> DeadlineExceeded:
    """Return the error of a call whose first message did not arrive in time."""
    seconds = f"{limit_s:g}"
    return DeadlineExceeded(
        f"The request message did not arrive within {seconds} s; nothing was written. Send it"
        " when the call begins.",
        reason="DEADLINE_EXPIRED",
        metadata={"limit_s": seconds},
    )
