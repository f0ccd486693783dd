"""Calls without a transport, for tests of single interceptors."""

from __future__ import annotations

from typing import Any

from mlsdm_grpc.wire.call import Call, Method, RpcShape

UNARY = Method("test.v1.PingService", "Unary", RpcShape(False, False))
STREAM = Method("test.v1.PingService", "ServerStream", RpcShape(False, True))
OPEN = Method("grpc.health.v1.Health", "Check", RpcShape(False, False), open=True)


def make_call(
    method: Method = UNARY,
    metadata: dict[str, Any] | None = None,
    *,
    remaining_s: float | None = None,
    started_s: float = 100.0,
) -> Call:
    """Return a call that has just arrived."""
    return Call(method, metadata or {}, "127.0.0.1", remaining_s, started_s)
