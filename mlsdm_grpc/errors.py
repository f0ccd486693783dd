"""The exception tree: one class for each thing that a caller can do about a failure.

An error carries ``reason``, the name of an ``mlsdm.v1.ErrorReason`` value without its prefix, and
``metadata`` with every dynamic part of its message. ``wire/status.py`` is the one table that maps
these classes to gRPC statuses and back, so that a client raises the class that the server raised.
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
"""Time to wait before a repeat where room comes free within milliseconds, seconds."""
RETRY_SOON_S: Final = 0.5
"""The same where a worker is replaced or a space gets ready."""
RETRY_LATER_S: Final = 1.0
"""The same where others have to end what they do, or an upstream has to recover."""


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One thing that is wrong with one field of a request."""

    field: str
    """Path of the field as the request spells it, e.g. ``memory.embedding``."""
    description: str
    """What is wrong and what would be right, without any content of the request."""


class MlsdmError(Exception):
    """Root of everything that this service raises on purpose.

    Args:
        message: A sentence for people; it never contains content of a request.
        reason: UPPER_SNAKE name of the ``ErrorReason``; the class's default when absent.
        metadata: Every dynamic word of the message, as strings.
        retry_after_s: Seconds after which a repeat may help; None when waiting does not help.
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
    """The request itself is wrong; only a changed request can succeed."""

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


def _summary(violations: Sequence[FieldViolation]) -> str:
    """Return the first violation: many clients print nothing but the message."""
    if not violations:
        return "The request is not valid."
    more = f" ({len(violations) - 1} more)" if len(violations) > 1 else ""
    return f"{violations[0].field}: {violations[0].description}{more}"


class Unauthenticated(MlsdmError):
    """No credential, or none that this server accepts."""

    reason = "CREDENTIAL_MISSING"


class PermissionDenied(MlsdmError):
    """The principal is known and may not do this."""

    reason = "PERMISSION_MISSING"


class NotFound(MlsdmError):
    """The space or memory does not exist, or belongs to somebody else."""

    reason = "MEMORY_NOT_FOUND"


class AlreadyExists(MlsdmError):
    """The name is taken."""

    reason = "MEMORY_EXISTS"


class Conflict(MlsdmError):
    """The resource changed since the caller read it: read again, then repeat."""

    reason = "ETAG_MISMATCH"


class PreconditionFailed(MlsdmError):
    """The space's present state refuses this request; change the state first."""

    reason = "DIMENSION_MISMATCH"


class QuotaExceeded(MlsdmError):
    """The caller is over its own rate or quota."""

    reason = "QUOTA_EXCEEDED"


class Unavailable(MlsdmError):
    """This node cannot serve the call now; another node, or a later repeat, may.

    Args:
        message: As for every error, like ``reason``, ``metadata`` and ``retry_after_s``.
        tried: Another service failed after all the tries that this node allows itself. A client
            that repeats the call by itself would multiply those tries, so it is told not to.
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
    """The call cannot finish, or did not finish, before its deadline."""

    reason = "DEADLINE_TOO_SHORT"


class DataLoss(MlsdmError):
    """Damaged data was found; the affected space or memory is not served."""

    reason = "DATA_DAMAGED"


class NotYetAvailable(MlsdmError):
    """The contract names this operation and this version does not serve it yet."""

    reason = "NOT_YET_AVAILABLE"


class InternalError(MlsdmError):
    """A bug in this service. The text is fixed; the details are in the server's log."""

    reason = "INTERNAL"


class ApiStatusError(MlsdmError):
    """A status that did not come from this service, e.g. from a proxy or the transport."""

    reason = ""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def dimension_mismatch(
    expected: int, actual: int, space: str = "", *, is_new: bool = False
) -> PreconditionFailed:
    """Return the error of a vector that does not have the dimension of its space.

    Args:
        expected: Components of the vectors of the space.
        actual: Those of the vector.
        space: Name of the space; empty where it is not known.
        is_new: The space does not exist yet; ``expected`` is what its first write would give it.
    """
    advice = " The space does not exist yet: CreateSpace chooses its dimension." if is_new else ""
    where = {"space": space} if space else {}
    return PreconditionFailed(
        f"The embedding has {actual} components, and those of the space have {expected}.{advice}",
        reason="DIMENSION_MISMATCH",
        metadata={**where, "expected": str(expected), "actual": str(actual)},
    )
