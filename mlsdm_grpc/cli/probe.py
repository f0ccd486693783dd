"""Fast health check: one unary call over HTTP/2, without the gRPC library.

A container scheduler checks every few seconds, and loading gRPC takes half a second of CPU. This
module handles only the simple case; the full command handles and explains all other cases.
"""

import re
import socket
import struct
import sys
import time
from collections.abc import Sequence

__all__ = ["TIMEOUT_S", "answer", "probe"]

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _SETTINGS = 0, 1, 4
_ACKNOWLEDGE = _END_STREAM = 1
_END_HEADERS = 4
_STREAM = b"\0\0\0\1"
# Status names of ``grpc.health.v1.HealthCheckResponse``.
_STATUSES = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
_SERVICE = re.compile(r"[\w.-]{1,100}", re.ASCII)
_TARGET = re.compile(r"(?P<host>[\w.-]+|\[[0-9A-Fa-f:]+\]):(?P<port>\d{1,5})", re.ASCII)
TIMEOUT_S = 5.0


def probe(arguments: Sequence[str], target: str) -> str | None:
    """Return the status of a server, or None if the full command must handle the request.

    Args:
        arguments: Arguments of ``mlsdm health``; only ``--target`` and ``--service`` are supported.
        target: Default server, HOST:PORT.
    """
    options = {"--service": "", "--target": target}
    pairs = list(arguments)
    while pairs:
        name, equals, value = pairs.pop(0).partition("=")
        if not equals and pairs:
            value = pairs.pop(0)
        if name not in options:
            return None
        options[name] = value
    found, service = _TARGET.fullmatch(options["--target"]), options["--service"]
    if found is None or not (service == "" or _SERVICE.fullmatch(service)):
        return None
    try:
        return _check(options["--target"], found["host"].strip("[]"), int(found["port"]), service)
    except (OSError, ValueError, OverflowError):
        return None


def _check(authority: str, host: str, port: int, service: str) -> str | None:
    deadline_s = time.monotonic() + TIMEOUT_S
    body = service.encode()
    message = bytes((0x0A, len(body))) + body if body else b""
    request = (
        _PREFACE
        + _frame(_SETTINGS, 0, 0, b"")
        + _frame(_HEADERS, _END_HEADERS, 1, _headers(authority))
        + _frame(_DATA, _END_STREAM, 1, struct.pack(">?I", False, len(message)) + message)
    )
    with socket.create_connection((host, port), TIMEOUT_S) as connection:
        connection.sendall(request)
        received = bytearray()
        while True:
            left_s = deadline_s - time.monotonic()
            # The socket timeout restarts with each read; a peer that sends without end would never
            # meet it.
            if left_s <= 0:
                return None
            connection.settimeout(left_s)
            data = connection.recv(16_384)
            if not data:
                return None
            received += data
            while len(received) >= 9:
                length = int.from_bytes(received[:3], "big")
                if len(received) < 9 + length:
                    break
                kind, flags, payload = received[3], received[4], bytes(received[9 : 9 + length])
                ours = received[5:9] == _STREAM
                del received[: 9 + length]
                if kind == _SETTINGS and not flags & _ACKNOWLEDGE:
                    connection.sendall(_frame(_SETTINGS, _ACKNOWLEDGE, 0, b""))
                elif kind == _DATA and ours:
                    return _status(payload)
                elif kind == _HEADERS and ours and flags & _END_STREAM:
                    # A response with headers only means that the call failed.
                    return None


def _status(payload: bytes) -> str | None:
    """Return the status in a response message, whose one field is absent if its value is 0."""
    if payload[:-1] == b"\0\0\0\0\2\x08":
        return _STATUSES.get(payload[-1])
    return _STATUSES[0] if payload == bytes(5) else None


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + struct.pack(">BBI", kind, flags, stream) + payload


def _headers(authority: str) -> bytes:
    """Return header fields as literals outside of the dynamic table (RFC 7541, 6.2.2)."""
    fields = (
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/grpc.health.v1.Health/Check"),
        (":authority", authority),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("user-agent", "mlsdm-health"),
    )
    return b"".join(
        b"\0" + bytes((len(name),)) + name.encode() + bytes((len(value),)) + value.encode()
        for name, value in fields
    )


def answer(status: str) -> int:
    """Print a status and return the exit code of ``mlsdm health``."""
    sys.stdout.write(f"{status}\n")
    return 0 if status == "SERVING" else 1
