"""Conversion between errors and gRPC statuses. One table serves both directions.

Every status contains ``google.rpc.Status`` with ``ErrorInfo``, so that the client raises the class
that the server raised. Details are sent as metadata, which many peers limit to 8 KiB in all. So
every part is cut to a fixed size. Codes are plain integers, because this module imports no
transport.
"""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

from mlsdm_grpc import errors
from mlsdm_grpc._gen.mlsdm.v1 import error_reason_pb2, item_status_pb2
from mlsdm_grpc.units import KIB
from mlsdm_grpc.wire.call import RpcStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "CODES",
    "CODE_NAMES",
    "DOMAIN",
    "INTERNAL_MESSAGE",
    "MAX_DETAILS_BYTES",
    "MAX_VIOLATIONS",
    "from_status",
    "item_status",
    "to_status",
]

DOMAIN: Final = "mlsdm.dev"
"""Domain of every ``ErrorInfo`` of this service."""
MAX_VIOLATIONS: Final = 16
"""Maximum number of violations in one status; further ones are dropped."""
MAX_DETAILS_BYTES: Final = 4 * KIB
"""Maximum size of the serialised status, bytes.

In base64 these are 5.4 KiB, so that other trailers fit within 8 KiB.
"""
INTERNAL_MESSAGE: Final = "An internal error occurred; report the request id to the operator."
"""Message of the status for an unexpected error."""

_MAX_MESSAGE_CHARS: Final = 512
_MAX_TEXT_CHARS: Final = 256
_MAX_KEY_CHARS: Final = 64
_MAX_METADATA_KEYS: Final = 16

CODE_NAMES: Final = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)
"""Names of the gRPC codes; the index is the code."""

CODES: Final[Mapping[type[errors.MlsdmError], int]] = MappingProxyType(
    {
        errors.InvalidInput: 3,
        errors.DeadlineExceeded: 4,
        errors.NotFound: 5,
        errors.AlreadyExists: 6,
        errors.PermissionDenied: 7,
        errors.QuotaExceeded: 8,
        errors.PreconditionFailed: 9,
        errors.Conflict: 10,
        errors.NotYetAvailable: 12,
        errors.InternalError: 13,
        errors.Unavailable: 14,
        errors.DataLoss: 15,
        errors.Unauthenticated: 16,
    }
)
"""gRPC code by class of error. Each code has exactly one class."""

_RESOURCE_KEYS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "space": ("space",),
        "memory": ("space", "memory_id"),
        "backup": ("backup_id",),
    }
)
_READ_DETAILS: Final = (
    error_details_pb2.ErrorInfo,
    error_details_pb2.BadRequest,
    error_details_pb2.RetryInfo,
)
_CLASSES: Final = {code: cls for cls, code in CODES.items()}
_INTERNAL: Final = CODES[errors.InternalError]
_NO_RETRY_MS: Final = -1
# Minimum time before the deadline that a retry needs, milliseconds. With less, it would most likely
# end as DEADLINE_EXCEEDED.
_LEAST_REPEAT_MS: Final = 100


def _clean(text: str, limit: int = _MAX_TEXT_CHARS) -> str:
    """Return a text cut to a limit, with lone surrogates replaced, which Protobuf refuses."""
    return text[:limit].encode("utf-8", "replace").decode()


def to_status(error: BaseException, request_id: str, *, left_s: float = math.inf) -> RpcStatus:
    """Return the status of a call that failed with ``error``.

    Args:
        error: Exception of the call. An exception that is not an ``MlsdmError``, or an
            ``InternalError``, becomes INTERNAL with a fixed message. Its own text never leaves the
            server.
        request_id: Id for ``RequestInfo``.
        left_s: Time until the deadline of the client, seconds. If the delay before a retry is
            longer, the status forbids an automatic retry, which could only exceed the deadline.
    """
    code = next((CODES[cls] for cls in type(error).__mro__ if cls in CODES), _INTERNAL)
    if isinstance(error, errors.MlsdmError) and code != _INTERNAL:
        known = error
    else:
        # The text of an unexpected error may quote the content of a request.
        known = errors.InternalError(INTERNAL_MESSAGE, metadata={"request_id": request_id})
    message = _clean(known.message, _MAX_MESSAGE_CHARS)
    info = error_details_pb2.ErrorInfo(
        reason=_clean(known.reason, _MAX_KEY_CHARS),
        domain=DOMAIN,
        metadata={
            _clean(key, _MAX_KEY_CHARS): _clean(value)
            for key, value in list(known.metadata.items())[:_MAX_METADATA_KEYS]
        },
    )
    details: list[Message] = [error_details_pb2.RequestInfo(request_id=_clean(request_id))]
    wait_ms = _wait_ms(known)
    if wait_ms is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromMilliseconds(wait_ms)
        details.append(retry)
    details.extend(_specific(known, message))
    pushback_ms = _pushback_ms(known, wait_ms, left_s)
    return RpcStatus(code, message, _pack(code, message, info, details), pushback_ms)


def item_status(error: errors.MlsdmError) -> item_status_pb2.ItemStatus:
    """Return the status of a failed item, in a call that continues."""
    code = next(CODES[cls] for cls in type(error).__mro__ if cls in CODES)
    return item_status_pb2.ItemStatus(
        code=code,
        message=_clean(error.message, _MAX_MESSAGE_CHARS),
        reason=error_reason_pb2.ErrorReason.Value(f"ERROR_REASON_{error.reason}"),
        metadata={
            _clean(key, _MAX_KEY_CHARS): _clean(value) for key, value in error.metadata.items()
        },
    )


def _wait_ms(error: errors.MlsdmError) -> int | None:
    after_s = error.retry_after_s
    return None if after_s is None else max(0, round(after_s * 1_000))


def _pushback_ms(error: errors.MlsdmError, wait_ms: int | None, left_s: float) -> int | None:
    """Return the delay before an automatic retry of the gRPC library, milliseconds.

    -1 forbids a retry. None gives no advice.
    """
    if isinstance(error, errors.Unavailable) and error.tried:
        return _NO_RETRY_MS
    if wait_ms is None:
        return _NO_RETRY_MS if isinstance(error, errors.QuotaExceeded) else None
    return wait_ms if wait_ms + _LEAST_REPEAT_MS <= left_s * 1_000 else _NO_RETRY_MS


def _specific(error: errors.MlsdmError, message: str) -> Iterable[Message]:
    """Yield the detail message for the class of the error."""
    subject = _clean(error.metadata.get("quota_id") or error.metadata.get("space", ""))
    match error:
        case errors.InvalidInput(violations=violations) if violations:
            yield error_details_pb2.BadRequest(
                field_violations=[
                    error_details_pb2.BadRequest.FieldViolation(
                        field=_clean(violation.field), description=_clean(violation.description)
                    )
                    for violation in violations[:MAX_VIOLATIONS]
                ]
            )
        case errors.QuotaExceeded():
            quota = error_details_pb2.QuotaFailure.Violation(subject=subject, description=message)
            # Many clients show only the description of the detail.
            yield error_details_pb2.QuotaFailure(violations=[quota])
        case errors.PreconditionFailed():
            failure = error_details_pb2.PreconditionFailure.Violation(
                type=error.reason, subject=subject, description=message
            )
            yield error_details_pb2.PreconditionFailure(violations=[failure])
        case errors.NotFound() | errors.AlreadyExists():
            kind = error.reason.partition("_")[0].lower()
            name = "/".join(error.metadata.get(key, "") for key in _RESOURCE_KEYS.get(kind, ()))
            yield error_details_pb2.ResourceInfo(
                resource_type=kind, resource_name=_clean(name), description=message
            )
        case _:
            pass


def _pack(
    code: int, message: str, info: error_details_pb2.ErrorInfo, details: list[Message]
) -> bytes:
    """Return the serialised status.

    Details that do not fit are dropped. The reason always fits.
    """
    while True:
        status = status_pb2.Status(code=code, message=message)
        for detail in (info, *details):
            status.details.add().Pack(detail)
        data = status.SerializeToString(deterministic=True)
        # Violations are dropped first, because the message contains the first one.
        if len(data) <= MAX_DETAILS_BYTES:
            return data
        last = details[-1] if details else None
        if isinstance(last, error_details_pb2.BadRequest) and len(last.field_violations) > 1:
            del last.field_violations[-1]
        elif info.metadata:
            del info.metadata[max(info.metadata)]
        else:
            details.pop()


def from_status(code: int, message: str, details: bytes) -> errors.MlsdmError:
    """Return the error that the server raised.

    Args:
        code: gRPC status code, 1..16.
        message: Message of the status.
        details: Value of ``grpc-status-details-bin``; empty if absent.

    Returns:
        Error of the class for the code, with reason, metadata, violations and ``retry_after_s``.
        ``ApiStatusError`` for a status from another service or a proxy.
    """
    found = _unpack(details)
    info = found.get(error_details_pb2.ErrorInfo.DESCRIPTOR.full_name)
    cls = _CLASSES.get(code)
    if cls is None or not isinstance(info, error_details_pb2.ErrorInfo) or info.domain != DOMAIN:
        return errors.ApiStatusError(code, message)
    metadata = dict(info.metadata)
    if issubclass(cls, errors.InvalidInput):
        bad = found.get(error_details_pb2.BadRequest.DESCRIPTOR.full_name)
        violations = (
            [errors.FieldViolation(each.field, each.description) for each in bad.field_violations]
            if isinstance(bad, error_details_pb2.BadRequest)
            else []
        )
        return cls(message, violations=violations, reason=info.reason, metadata=metadata)
    retry = found.get(error_details_pb2.RetryInfo.DESCRIPTOR.full_name)
    retry_after_s = (
        retry.retry_delay.ToMilliseconds() / 1_000
        if isinstance(retry, error_details_pb2.RetryInfo)
        else None
    )
    return cls(message, reason=info.reason, metadata=metadata, retry_after_s=retry_after_s)


def error_of_item(status: item_status_pb2.ItemStatus) -> errors.MlsdmError:
    """Return the error of an item, as :func:`item_status` described it."""
    reason = error_reason_pb2.ErrorReason.Name(status.reason).removeprefix("ERROR_REASON_")
    cls = _CLASSES.get(status.code, errors.MlsdmError)
    return cls(status.message, reason=reason, metadata=dict(status.metadata))


def _unpack(details: bytes) -> dict[str, Message]:
    """Return the details that this module reads, by full name; empty for damaged details."""
    found: dict[str, Message] = {}
    try:
        for packed in status_pb2.Status.FromString(details).details:
            for cls in _READ_DETAILS:
                if packed.TypeName() == cls.DESCRIPTOR.full_name:
                    found[cls.DESCRIPTOR.full_name] = cls.FromString(packed.value)
    except DecodeError:
        return {}
    return found
