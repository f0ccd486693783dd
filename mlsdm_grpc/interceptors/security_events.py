"""Security events of calls: failures, denials, limits and impersonation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlsdm_grpc.errors import MlsdmError, PermissionDenied, QuotaExceeded, Unauthenticated
from mlsdm_grpc.observability.security_log import SecurityEvent, record_event
from mlsdm_grpc.wire.call import Interceptor

if TYPE_CHECKING:
    from mlsdm_grpc.wire.call import Call

__all__ = ["SecurityEventInterceptor"]


class SecurityEventInterceptor(Interceptor):
    """Interceptor that records calls with security relevance; see :class:`SecurityEvent`."""

    def after(self, call: Call) -> None:
        actor = call.principal.actor
        if actor is not None:
            _record(SecurityEvent.TENANT_IMPERSONATED, call, acting_in=call.principal.tenant)
        error = call.error
        # The authentication records one event for all streams that it ends together.
        if not isinstance(error, MlsdmError) or error is call.cut_error:
            return
        if isinstance(error, Unauthenticated):
            expired = error.reason == "CREDENTIAL_EXPIRED"
            kind = (
                SecurityEvent.CREDENTIAL_EXPIRED if expired else SecurityEvent.AUTHENTICATION_FAILED
            )
            _record(kind, call, cause=error.cause or error.reason, key_id=error.key_id)
        elif isinstance(error, PermissionDenied):
            space = error.metadata.get("space", "")
            _record(
                SecurityEvent.PERMISSION_DENIED,
                call,
                cause=error.metadata.get("permission", ""),
                space=space,
            )
        elif isinstance(error, QuotaExceeded) and error.reason == "RATE_LIMITED":
            _record(SecurityEvent.RATE_LIMITED, call, cause=error.metadata.get("quota_id", ""))


def _record(kind: SecurityEvent, call: Call, **fields: str) -> None:
    principal = call.principal.verified
    known = bool(principal.tenant)
    record_event(
        kind,
        **{
            "principal": principal.name if known else "",
            "tenant": principal.tenant,
            "key_id": principal.key_id,
            "method": call.method.path,
            "address": call.peer,
            "request_id": call.request_id,
            **fields,
        },
    )
