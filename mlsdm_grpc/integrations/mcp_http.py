"""MCP over streamable HTTP, guarded against other sites, other hosts and callers without a token.

On loopback the names of Host and Origin must be those of this machine, so that no web page reaches
the server through a name of its own.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse

from mlsdm_grpc.config import Address
from mlsdm_grpc.errors import InvalidInput
from mlsdm_grpc.integrations.mcp_tools import bearer

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["MCP_PATH", "guarded_app", "serve_http"]

MCP_PATH: Final = "/mcp"
"""Path of the endpoint."""
_LOOPBACK_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
_EVERY_ADDRESS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not bound
_CLOSE_S: Final = 3


def guarded_app(
    server: MCPServer[Any],
    address: Address,
    *,
    needs_token: bool,
    hosts: Sequence[str] = (),
    origins: Sequence[str] = (),
) -> ASGIApp:
    """Return the application that serves MCP at :data:`MCP_PATH`.

    Args:
        server: Tools to serve.
        address: Address on which it listens.
        needs_token: Refuse requests without a bearer token.
        hosts: Further allowed values of Host, such as ``memory.example.org``.
        origins: Allowed values of Origin besides those of this machine.

    Raises:
        InvalidInput: It listens on every address, and no host is named.
    """
    if address.host in _EVERY_ADDRESS and not hosts:
        raise InvalidInput.of(
            "--allow-host", "must name this server, because it listens everywhere"
        )
    own = _LOOPBACK_NAMES if address.is_loopback else [str(address).rpartition(":")[0]]
    names = [*own, *hosts]
    allowed = TransportSecuritySettings(
        allowed_hosts=[form for name in names for form in (name, f"{name}:*")],
        allowed_origins=[
            *origins,
            *(form for name in _LOOPBACK_NAMES for form in (f"http://{name}", f"http://{name}:*")),
        ],
    )
    # Each request stands alone, so that no session keeps the credential of another caller.
    app = server.streamable_http_app(
        streamable_http_path=MCP_PATH,
        json_response=True,
        stateless_http=True,
        transport_security=allowed,
        host=address.host,
    )
    guarded: ASGIApp = _TokenRequired(app) if needs_token else app
    if not origins:
        return guarded
    # Browsers ask before a call from another page; that request has no token.
    return CORSMiddleware(
        guarded, allow_origins=list(origins), allow_methods=["POST"], allow_headers=["*"]
    )


async def serve_http(
    app: ASGIApp, address: Address, *, on_listen: Callable[[Address], None]
) -> None:
    """Serve an application until a signal.

    Args:
        app: Result of :func:`guarded_app`.
        address: Address; port 0 lets the system choose.
        on_listen: Called with the address once it is open.

    Raises:
        InvalidInput: The address cannot be opened.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        listener = socket.create_server(address, family=family)
    except OSError as error:
        raise InvalidInput.of("--http", f"cannot be opened: {error.strerror}") from None
    with listener:
        on_listen(address._replace(port=listener.getsockname()[1]))
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, timeout_graceful_shutdown=_CLOSE_S
        )
        await uvicorn.Server(config).serve(sockets=[listener])


class _TokenRequired:
    """Middleware that refuses HTTP requests without a bearer token."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_anonymous = scope["type"] == "http" and not bearer(
            Headers(scope=scope).get("authorization", "")
        )
        if is_anonymous:
            refusal = PlainTextResponse(
                "A bearer token is required.", 401, {"www-authenticate": "Bearer"}
            )
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive, send)
