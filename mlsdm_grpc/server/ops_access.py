"""Access control of the operations port: host names, credentials, and response headers."""

from __future__ import annotations

import inspect
import ipaddress
from typing import TYPE_CHECKING, Final

from aiohttp import web

from mlsdm_grpc.errors import MlsdmError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from mlsdm_grpc.security.authenticator import Authenticator

__all__ = ["OpsAccess"]

_OPEN: Final = frozenset({"/livez", "/readyz"})
_PERMISSION: Final = "admin.read"
# Headers of the OWASP Secure Headers Project, for responses that a browser must not render.
_HEADERS: Final = {
    "Cache-Control": "no-store, max-age=0",
    "Content-Security-Policy": "default-src 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "accelerometer=(), camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "Server": "mlsdm",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "deny",
    "X-Permitted-Cross-Domain-Policies": "none",
}
_OVER_TLS: Final = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}


class OpsAccess:
    """Checks of each request to the operations port.

    The Host header must be an IP address, ``localhost`` or a configured name. Otherwise a web page
    could send requests under a name of its own (DNS rebinding). With a guard, all paths but
    ``/livez`` and ``/readyz`` need the permission ``admin.read``.

    Args:
        hosts: Accepted host names in addition to ``localhost``.
        guard: Authenticator of requests; None if they need no credential.
    """

    def __init__(self, hosts: Collection[str] = (), guard: Authenticator | None = None) -> None:
        self._hosts = frozenset({"localhost", *(host.lower() for host in hosts)})
        self._guard = guard

    def install(self, app: web.Application) -> None:
        """Add the checks to an application that has not started."""
        app.middlewares.append(self._middleware())
        app.on_response_prepare.append(_add_headers)

    def _middleware(
        self,
    ) -> Callable[..., Awaitable[web.StreamResponse]]:
        @web.middleware
        async def check(
            request: web.Request,
            handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
        ) -> web.StreamResponse:
            if not self._is_known(request.host):
                return web.json_response(
                    {"error": "The Host header is not allowed; add the host to server.ops_hosts."},
                    status=421,
                )
            if self._guard is not None and request.path not in _OPEN:
                status = await self._status(request, self._guard)
                if status:
                    challenge = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
                    error = f"The request needs a credential with the permission {_PERMISSION}."
                    return web.json_response({"error": error}, status=status, headers=challenge)
            return await handler(request)

        return check

    def _is_known(self, host: str) -> bool:
        name = host.rpartition("]")[0].strip("[") if "]" in host else host.partition(":")[0]
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name.lower() in self._hosts
        return True

    @staticmethod
    async def _status(request: web.Request, guard: Authenticator) -> int:
        """Return 401 or 403 for a request to refuse, and 0 for others."""
        metadata = {key.lower(): value for key, value in request.headers.items()}
        repeated = {key for key in metadata if len(request.headers.getall(key)) > 1}
        try:
            found = guard.authenticate(metadata, repeated)
            principal = await found if inspect.isawaitable(found) else found
        except MlsdmError:
            return 401
        return 0 if _PERMISSION in principal.permissions else 403


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)
    if request.secure:
        response.headers.update(_OVER_TLS)
