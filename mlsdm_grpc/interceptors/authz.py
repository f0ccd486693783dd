"""Authorization: only operators may act on the node, by the rule of each RPC in the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlsdm_grpc.errors import PermissionDenied
from mlsdm_grpc.wire.call import Interceptor

if TYPE_CHECKING:
    from mlsdm_grpc.wire.call import Call

__all__ = ["AuthzInterceptor"]


class AuthzInterceptor(Interceptor):
    """Refuses RPCs of the platform to tenant principals."""

    def before(self, call: Call) -> None:
        if call.method.platform and not call.principal.platform:
            raise PermissionDenied(
                "The RPC operates the node, and the credential has no platform permission.",
                metadata={"permission": call.method.permission, "scope": "platform"},
            )
