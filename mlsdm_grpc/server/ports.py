"""Check that the ports of the server are free, before anything else starts."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import closing
from typing import TYPE_CHECKING

from mlsdm_grpc.errors import FieldViolation, InvalidInput

if TYPE_CHECKING:
    from mlsdm_grpc.config import Address, ServerSettings

__all__ = ["check_ports"]


def check_ports(settings: ServerSettings) -> None:
    """Bind each listening address once and release it. Blocks, so call it in a thread.

    A port in use is found before workers start and the journal opens. Another process may still
    bind the port before the server listens, which then fails too.

    Raises:
        InvalidInput: An address cannot be bound; the violation names its setting.
    """
    for name, address in (
        ("server.listen", settings.listen_address),
        ("server.ops", settings.ops_address),
    ):
        reason = _problem(address) if address.port else ""
        if reason:
            raise InvalidInput(
                f"The address {address} cannot be opened: {reason}.",
                violations=[FieldViolation(name, f"cannot listen on {address}: {reason}")],
                metadata={"address": str(address)},
            )


def _problem(address: Address) -> str:
    """Return the reason why an address cannot be bound, or ""."""
    try:
        found = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except socket.gaierror as error:
        return f"the host is unknown ({error.strerror})"
    reasons = []
    for family, kind, protocol, _, place in found:
        # On a machine without IPv6, names may still resolve to IPv6 addresses.
        try:
            with closing(socket.socket(family, kind, protocol)) as probe:
                # Connections of an earlier server in TIME_WAIT must not block the port.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(place)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return "another process uses the port"
            reasons.append(os.strerror(error.errno or errno.EIO).lower())
    return reasons[0] if len(reasons) == len(found) else ""
