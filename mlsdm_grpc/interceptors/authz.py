"""Authorization by the permission that the contract requires for each RPC."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlsdm_grpc.errors import PermissionDenied
from mlsdm_grpc.security.roles import TENANT_WIDE
from mlsdm_grpc.wire.call import Interceptor

if TYPE_CHECKING:
    from mlsdm_grpc.wire.call import Call, Method

__all__ = ["AuthzInterceptor"]


class AuthzInterceptor(Interceptor):
    """Interceptor that refuses RPCs whose permission the principal lacks.

    The space of a request is checked after its receipt, by :mod:`mlsdm_grpc.wire.request_space`.
    """

    def before(self, call: Call) -> None:
        method, principal = call.method, call.principal
        if method.permission not in principal.permissions and method.permission:
            raise PermissionDenied(
                f"The credential has no permission {method.permission}.",
                metadata=_needed(method),
            )
        if principal.spaces is not None and method.permission in TENANT_WIDE:
            raise PermissionDenied(
                "The RPC concerns all spaces of the tenant, and the credential is limited to some.",
                metadata=_needed(method),
            )


def _needed(method: Method) -> dict[str, str]:
    scope = "platform" if method.platform else "tenant"
    return {"permission": method.permission, "scope": scope}
