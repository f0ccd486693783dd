"""Exception classes, one for each action that a caller can take after a failure.

An error has a ``reason``, the name of an ``mlsdm.v1.ErrorReason`` value without its prefix, and
``metadata`` with every variable part of its message. ``wire/status.py`` maps these classes to gRPC
statuses and back, so that a client raises the class that the server raised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

__all__ = [
    "RETRY_AT_ONCE_S",
    "RETRY_LATER_S",
    "RETRY_SOON_S",
    "AlreadyExists",
    "ApiStatusError",
    "Conflict",
    "DataLoss",
    "DeadlineExceeded",
    "FieldViolation",
    "InternalError",
    "InvalidInput",
    "MlsdmError",
    "NotFound",
    "NotYetAvailable",
    "PermissionDenied",
    "PreconditionFailed",
    "QuotaExceeded",
    "Unauthenticated",
    "Unavailable",
    "dimension_mismatch",
]

RETRY_AT_ONCE_S: Final = 0.1
"""Retry delay if capacity becomes free within milliseconds, seconds."""
RETRY_SOON_S: Final = 0.5
"""Retry delay while a worker restarts or a space loads, seconds."""
RETRY_LATER_S: Final = 1.0
"""Retry delay while other calls must finish or an upstream must recover, seconds."""


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """A fault of one field of a request."""

    field: str
    """Path of the field as in the request, for example ``memory.embedding``."""
    description: str
    """Rule that the value breaks; never contains the value itself."""


class MlsdmError(Exception):
    """Base class of all errors that this service raises deliberately.

    Args:
        message: A sentence for people. It never contains content of a request.
        reason: Name of the ``ErrorReason``, UPPER_SNAKE; None uses the default of the class.
        metadata: Every variable part of the message, as strings.
        retry_after_s: Delay after which a retry may succeed, seconds; None if waiting does not
            help.
    """

    reason: str = "INTERNAL"

    def __init__(
        self,
        message: str,
        *,
        reason: str | None = None,
        metadata: Mapping[str, str] = MappingProxyType({}),
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        if reason is not None:
            self.reason = reason
        self.metadata = dict(metadata)
        self.retry_after_s = retry_after_s


class InvalidInput(MlsdmError):
    """A request that is itself wrong; only a changed request can succeed."""

    reason = "FIELD_INVALID"

    def __init__(
        self,
        message: str = "",
        *,
        violations: Sequence[FieldViolation] = (),
        reason: str | None = None,
        metadata: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        first = {"field": violations[0].field} if violations else {}
        message = message or _summary(violations)
        super().__init__(message, reason=reason, metadata={**first, **metadata})
        self.violations = tuple(violations)

    @classmethod
    def of(cls, field: str, description: str) -> InvalidInput:
        """Return the error of one field."""
        return cls(violations=[FieldViolation(field, description)])


def _summary(violations: Sequence[FieldViolation]) -> str:
    """Return the first violation, because many clients print only the message."""
    if not violations:
        return "The request is not valid."
    more = f" ({len(violations) - 1} more)" if len(violations) > 1 else ""
    return f"{violations[0].field}: {violations[0].description}{more}"


class Unauthenticated(MlsdmError):
    """A call without a credential, or with one that this server does not accept."""

    reason = "CREDENTIAL_MISSING"
    key_id = ""
    """Id of the credential, if known; only for the log of security events."""
    cause = ""
    """More precise reason for that log; callers do not receive it."""


class PermissionDenied(MlsdmError):
    """A known caller without the permission that the call needs."""

    reason = "PERMISSION_MISSING"


class NotFound(MlsdmError):
    """A space or memory that does not exist, or that belongs to another tenant."""

    reason = "MEMORY_NOT_FOUND"


class AlreadyExists(MlsdmError):
    """A name that is already in use."""

    reason = "MEMORY_EXISTS"


class Conflict(MlsdmError):
    """A resource that changed since the caller read it; read it again, then retry."""

    reason = "ETAG_MISMATCH"


class PreconditionFailed(MlsdmError):
    """A request that the current state of the space does not allow; change the state first."""

    reason = "DIMENSION_MISMATCH"


class QuotaExceeded(MlsdmError):
    """A caller that exceeds its own rate limit or quota."""

    reason = "QUOTA_EXCEEDED"


class Unavailable(MlsdmError):
    """A node that cannot serve the call now; another node or a later retry may succeed.

    Args:
        message: See :class:`MlsdmError`, also for ``reason``, ``metadata`` and ``retry_after_s``.
        tried: Whether this node has already used all its retries of an upstream service. The status
            then asks clients not to retry, because their retries would multiply those of the node.
    """

    reason = "JOURNAL_UNAVAILABLE"

    def __init__(
        self,
        message: str,
        *,
        reason: str | None = None,
        metadata: Mapping[str, str] = MappingProxyType({}),
        retry_after_s: float | None = None,
        tried: bool = False,
    ) -> None:
        super().__init__(message, reason=reason, metadata=metadata, retry_after_s=retry_after_s)
        self.tried = tried


class DeadlineExceeded(MlsdmError):
    """A call that did not end, or cannot end, before its deadline."""

    reason = "DEADLINE_TOO_SHORT"


class DataLoss(MlsdmError):
    """Damaged data; the affected space or memory is not served."""

    reason = "DATA_DAMAGED"


class NotYetAvailable(MlsdmError):
    """An operation of the contract that this version does not support yet."""

    reason = "NOT_YET_AVAILABLE"


class InternalError(MlsdmError):
    """A bug in this service. The message is fixed; the details are in the server's log."""

    reason = "INTERNAL"


class ApiStatusError(MlsdmError):
    """A status from outside this service, for example from a proxy or the transport."""

    reason = ""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def dimension_mismatch(
    expected: int, actual: int, space: str = "", *, is_new: bool = False
) -> PreconditionFailed:
    """Return the error for a vector whose dimension differs from that of its space.

    Args:
        expected: Dimension of the space.
        actual: Dimension of the vector.
        space: Name of the space; empty if it is not known.
        is_new: Whether the space does not exist yet; ``expected`` is then the dimension that the
            first write would give it.
    """
    advice = " The space does not exist yet: CreateSpace chooses its dimension." if is_new else ""
    where = {"space": space} if space else {}
    return PreconditionFailed(
        f"The embedding has {actual} components, and those of the space have {expected}.{advice}",
        reason="DIMENSION_MISMATCH",
        metadata={**where, "expected": str(expected), "actual": str(actual)},
    )
