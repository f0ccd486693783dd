"""Parsing of a server address that a user wrote into a gRPC target."""

from __future__ import annotations

import ipaddress
import os
import re
from typing import Final

from mlsdm_grpc.client.values import invalid, string
from mlsdm_grpc.messages import bounds

__all__ = ["DEFAULT_TARGET", "OPS_PORT", "server_address"]

DEFAULT_PORT: Final = 50_051
DEFAULT_TARGET: Final = f"127.0.0.1:{DEFAULT_PORT}"
"""Address used if neither the caller nor the environment names a server."""
OPS_PORT: Final = 9_464
"""Default port of the operations HTTP server, which does not serve gRPC."""

_VARIABLE: Final = "MLSDM_TARGET"
# Prefixes of grpc's name resolvers; a target with one of them is not changed.
_RESOLVERS: Final = re.compile(r"(?:dns|ipv4|ipv6|unix|unix-abstract|vsock|xds):")
_SCHEME: Final = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>.*)", re.DOTALL)
_WITH_TLS: Final = frozenset({"https", "grpcs"})
_WITHOUT_TLS: Final = frozenset({"http", "grpc", "tcp"})
_ADDRESS: Final = re.compile(
    r"(?P<host>\[[0-9A-Fa-f:.]+(?:%\w+)?\]|[^\s\[\]:/@?#,]+)(?::(?P<port>\d{1,5}))?"
)


def server_address(target: object, *, secure: bool = False) -> str:
    """Return the gRPC target for the address of a server.

    Args:
        target: ``HOST``, ``HOST:PORT`` or ``[IPV6]:PORT``; also with the prefix ``http://``,
            ``https://``, ``grpc://`` or ``grpcs://``; or a target of gRPC's name resolvers such as
            ``dns:///HOST:PORT``. The default port is 50051. None uses the environment variable
            MLSDM_TARGET or, without it, ``127.0.0.1:50051``.
        secure: Whether the connection uses TLS.

    Raises:
        InvalidInput: The value has another form, the port is not in 1..65535, or the scheme
            requires TLS but the connection does not use it.
    """
    if target is None:
        target = os.environ.get(_VARIABLE) or DEFAULT_TARGET
    given = string("target", target, max_bytes=bounds.STRING.limit)
    if not given:
        raise invalid("target", "must not be empty")
    if _RESOLVERS.match(given):
        return given
    rest = _without_scheme(given, secure=secure)
    found = _ADDRESS.fullmatch(rest)
    if found is None:
        return _bare_ipv6(rest)
    port = int(found["port"] or DEFAULT_PORT)
    if not 1 <= port <= 65_535:
        raise invalid("target", f"has the port {port}; a port is from 1 to 65535")
    return f"{found['host']}:{port}"


def _without_scheme(given: str, *, secure: bool) -> str:
    found = _SCHEME.fullmatch(given)
    if found is None:
        return given
    name = found["name"].lower()
    if name in _WITH_TLS and not secure:
        raise invalid(
            "target", f"asks for TLS by {name}://; add --tls, or credentials in Python, or omit it"
        )
    if name not in _WITH_TLS | _WITHOUT_TLS:
        raise invalid("target", f"has the unknown scheme {name}://; must be HOST:PORT")
    return found["rest"].removesuffix("/")


def _bare_ipv6(given: str) -> str:
    try:
        return f"[{ipaddress.IPv6Address(given)}]:{DEFAULT_PORT}"
    except ValueError:
        raise invalid(
            "target", "must be HOST:PORT or [IPV6]:PORT, for example 127.0.0.1:50051"
        ) from None
