"""Authentication of the caller, before the request is received."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlsdm_grpc.security.principal import Principal
from mlsdm_grpc.wire.call import Interceptor

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from mlsdm_grpc.security.authenticator import Authenticator
    from mlsdm_grpc.wire.call import Call

__all__ = ["AuthnInterceptor"]


class AuthnInterceptor(Interceptor):
    """Interceptor that sets ``Call.principal``. Callers of open methods stay anonymous."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticate = authenticator.authenticate

    def before(self, call: Call) -> Awaitable[None] | None:
        if call.method.open:
            return None
        found = self._authenticate(call.metadata, call.repeated, call.peer_identity)
        if isinstance(found, Principal):
            call.principal = found
            return None
        return _later(call, found)


async def _later(call: Call, found: Awaitable[Principal]) -> None:
    call.principal = await found
