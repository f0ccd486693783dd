"""Conversion of failed grpc calls to the errors that the server raised."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import grpc
import grpc.aio

from mlsdm_grpc import errors
from mlsdm_grpc.client.server_address import OPS_PORT
from mlsdm_grpc.client.values import wrong_type
from mlsdm_grpc.wire.metadata import PUSHBACK, REQUEST_ID, STATUS_DETAILS
from mlsdm_grpc.wire.status import from_status

__all__ = [
    "never_sent",
    "pushback",
    "request_id_of",
    "typed_error",
    "typed_errors",
    "unreachable",
]

_DEADLINE_EXCEEDED: Final = 4
_UNAVAILABLE: Final = 14
# Prefixes of grpc's messages for calls that never had a connection; grpc offers no other sign of
# this case. A call with an unknown message counts as sent, which is the safe assumption.
_NO_CONNECTION: Final = (
    "connections to all backends failing",
    "failed to connect to all addresses",
    "errors resolving",
    "DNS resolution failed",
    "empty address list",
)


def typed_error(
    failure: grpc.aio.AioRpcError, *, target: str, write_id: str = ""
) -> errors.MlsdmError:
    """Return the error that the server raised, or an error for a failure of the transport.

    Args:
        failure: Failure reported by grpc.
        target: Address of the server, for the message of a call without a connection.
        write_id: ``request_id`` of the write; empty for a read. Errors with an unknown outcome have
            it in their metadata.

    Returns:
        Result of :func:`from_status` for a status with details. A status without details becomes:
        DeadlineExceeded if no response arrived in time (OUTCOME_UNKNOWN for a write,
        DEADLINE_EXPIRED for a read); Unavailable without a reason if there was no connection;
        Unavailable if the connection broke (OUTCOME_UNKNOWN for a write, no reason for a read);
        else ApiStatusError.
    """
    code, _ = failure.code().value
    message = failure.details() or ""
    error = from_status(code, message, _trailer(failure, STATUS_DETAILS))
    if not isinstance(error, errors.ApiStatusError):
        if write_id and error.reason == "OUTCOME_UNKNOWN":
            error.metadata.setdefault("request_id", write_id)
        return error
    metadata = {"request_id": write_id} if write_id else {}
    if code == _DEADLINE_EXCEEDED:
        reason = "OUTCOME_UNKNOWN" if write_id else "DEADLINE_EXPIRED"
        return errors.DeadlineExceeded(
            "The deadline passed before an answer arrived.", reason=reason, metadata=metadata
        )
    if code != _UNAVAILABLE:
        return error
    if never_sent(failure):
        return errors.Unavailable(_no_connection(message, target), reason="")
    if not write_id:
        return errors.Unavailable(message, reason="")
    return errors.Unavailable(message, reason="OUTCOME_UNKNOWN", metadata=metadata)


def unreachable(error: errors.MlsdmError) -> bool:
    """Return True if a call failed because there was no connection."""
    return isinstance(error.__cause__, grpc.aio.AioRpcError) and never_sent(error.__cause__)


def _no_connection(details: str, target: str) -> str:
    """Return a message with the likely problem of the connection and a hint on what to check."""
    cause = details.rpartition("last error: ")[2].removeprefix("UNKNOWN: ")
    if "http1" in details or target.endswith(f":{OPS_PORT}"):
        problem = (
            f"{target} is an HTTP port, such as the operations port; gRPC uses 50051 by default"
        )
    elif "SSL" in details or "TLS" in details:
        problem = f"does the server at {target} use TLS, with a certificate of --ca?"
    else:
        problem = f"is `mlsdm serve` running at {target}?"
    return f"No connection: {problem} ({cause})"


def never_sent(failure: grpc.aio.AioRpcError) -> bool:
    """Return True if a call failed because there was no connection."""
    return (failure.details() or "").startswith(_NO_CONNECTION)


def pushback(failure: grpc.aio.AioRpcError) -> float | None:
    """Return the retry delay that the server requests, seconds.

    The result is negative if the server forbids a retry, and None if the server requests nothing.
    """
    value = _trailer(failure, PUSHBACK)
    if not value:
        return None
    return int(value) / 1_000 if value.isdigit() else -1.0


@contextmanager
def typed_errors(target: str) -> Iterator[None]:
    """Convert a grpc failure raised inside, which becomes the cause; see :func:`typed_error`."""
    try:
        yield
    except grpc.aio.AioRpcError as failure:
        raise typed_error(failure, target=target) from failure


def request_id_of(error: errors.MlsdmError) -> str:
    """Return the ``x-request-id`` of the call in the server's log; empty without an answer."""
    if not isinstance(error, BaseException):
        raise wrong_type("error", "an exception", error)
    cause = error.__cause__
    if not isinstance(cause, grpc.aio.AioRpcError):
        return ""
    return _trailer(cause, REQUEST_ID).decode("ascii", "replace")


def _trailer(failure: grpc.aio.AioRpcError, key: str) -> bytes:
    for name, value in failure.trailing_metadata() or ():
        if name == key:
            return value if isinstance(value, bytes) else value.encode()
    return b""
