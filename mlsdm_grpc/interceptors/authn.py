"""Authentication of the caller, before the request is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlsdm_grpc.wire.call import Interceptor

if TYPE_CHECKING:
    from mlsdm_grpc.security.principal import Authenticator
    from mlsdm_grpc.wire.call import Call

__all__ = ["AuthnInterceptor"]


class AuthnInterceptor(Interceptor):
    """Sets ``Call.principal``; open methods stay anonymous."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    def before(self, call: Call) -> None:
        if not call.method.open:
            call.principal = self._authenticator.authenticate(call.metadata, call.repeated)
