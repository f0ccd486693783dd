"""Calls of an operator on behalf of another tenant."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from mlsdm_grpc.errors import InvalidInput, PermissionDenied
from mlsdm_grpc.security.identity_entry import TENANT as TENANT_NAME
from mlsdm_grpc.security.principal import IMPERSONATE
from mlsdm_grpc.wire.call import Interceptor
from mlsdm_grpc.wire.metadata import TENANT

if TYPE_CHECKING:
    from mlsdm_grpc.wire.call import Call

__all__ = ["ImpersonationInterceptor"]

_audit = structlog.get_logger(component="audit")


class ImpersonationInterceptor(Interceptor):
    """Interceptor that runs a call in the tenant of its metadata, with the caller's permissions.

    Each such call is written to the audit log with both identities.
    """

    def before(self, call: Call) -> None:
        tenant = call.metadata.get(TENANT)
        if tenant is None or call.method.open:
            return
        principal = call.principal
        if IMPERSONATE not in principal.permissions:
            raise PermissionDenied(
                f"The credential has no permission {IMPERSONATE}.",
                metadata={"permission": IMPERSONATE, "scope": "platform"},
            )
        if (
            not isinstance(tenant, str)
            or TENANT_NAME.fullmatch(tenant) is None
            or TENANT in call.repeated
            or call.method.platform
        ):
            raise InvalidInput(
                f"{TENANT} must be the name of one tenant, on an RPC that acts in a tenant.",
                reason="METADATA_INVALID",
                metadata={"key": TENANT},
            )
        call.principal = replace(principal, tenant=tenant, actor=principal)
        _audit.warning(
            "tenant_impersonated",
            principal=principal.name,
            tenant=principal.tenant,
            acting_in=tenant,
            key_id=principal.key_id,
            method=call.method.path,
            request_id=call.request_id,
        )
