"""Failed calls as the errors that the server raised."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import grpc
import grpc.aio

from mlsdm_grpc import errors
from mlsdm_grpc.wire.metadata import REQUEST_ID, STATUS_DETAILS
from mlsdm_grpc.wire.status import from_status

__all__ = ["request_id_of", "typed_error", "typed_errors"]

_DEADLINE_EXCEEDED: Final = 4
_UNAVAILABLE: Final = 14


def typed_error(failure: grpc.aio.AioRpcError, *, write_id: str = "") -> errors.MlsdmError:
    """Return the error that the server raised, or what the transport's own failure amounts to.

    Args:
        failure: As grpc reports it.
        write_id: ``request_id`` of the write, empty for a read. The errors that leave the outcome
            of a write open carry it in their metadata.

    Returns:
        What :func:`from_status` makes of the status. Where the status has no details, a call that
        got no answer in time is DeadlineExceeded (reason OUTCOME_UNKNOWN for a write,
        DEADLINE_EXPIRED for a read), one that got no connection is Unavailable without a reason,
        and any other is ApiStatusError.
    """
    code, _ = failure.code().value
    message = failure.details() or ""
    error = from_status(code, message, _trailer(failure, STATUS_DETAILS))
    if isinstance(error, errors.ApiStatusError):
        metadata = {"request_id": write_id} if write_id else {}
        if code == _DEADLINE_EXCEEDED:
            reason = "OUTCOME_UNKNOWN" if write_id else "DEADLINE_EXPIRED"
            error = errors.DeadlineExceeded(
                "The deadline passed without an answer.", reason=reason, metadata=metadata
            )
        elif code == _UNAVAILABLE:
            error = errors.Unavailable(message, reason="", metadata=metadata)
    return error


@contextmanager
def typed_errors(*, write_id: str = "") -> Iterator[None]:
    """Raise what :func:`typed_error` returns for a failure inside; grpc's error is the cause."""
    try:
        yield
    except grpc.aio.AioRpcError as failure:
        raise typed_error(failure, write_id=write_id) from failure


def request_id_of(error: errors.MlsdmError) -> str:
    """Return the ``x-request-id`` under which the server logged the call; empty if unanswered."""
    cause = error.__cause__
    if not isinstance(cause, grpc.aio.AioRpcError):
        return ""
    return _trailer(cause, REQUEST_ID).decode("ascii", "replace")


def _trailer(failure: grpc.aio.AioRpcError, key: str) -> bytes:
    for name, value in failure.trailing_metadata() or ():
        if name == key:
            return value if isinstance(value, bytes) else value.encode()
    return b""
