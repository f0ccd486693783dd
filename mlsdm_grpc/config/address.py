"""Listening addresses."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

__all__ = ["Address", "is_loopback", "parse_address"]


def is_loopback(host: str) -> bool:
    """Return True for ``localhost`` and for IP addresses that only this machine can reach."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class Address(NamedTuple):
    """A listening address."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """True if only this machine can reach the address."""
        return is_loopback(self.host)


def parse_address(text: str) -> Address:
    """Return the address in ``HOST:PORT`` or ``[IPV6]:PORT``; port 0 lets the system choose.

    Raises:
        ValueError: The text has another form, or the port is not in 0..65535.
    """
    match = re.fullmatch(r"(?:\[([0-9a-fA-F:]+)\]|([^\[\]:\s]+)):(\d{1,5})", text)
    if match is None or int(match[3]) > 65_535:
        raise ValueError(f"expected HOST:PORT or [IPV6]:PORT, got {text!r}")
    return Address(match[1] or match[2], int(match[3]))
