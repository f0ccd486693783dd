"""CPU of the hooks that authenticate, authorise and limit a call, in this process."""

from __future__ import annotations

import hashlib
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from mlsdm_grpc.config import LimitSettings
from mlsdm_grpc.interceptors.authn import AuthnInterceptor
from mlsdm_grpc.interceptors.authz import AuthzInterceptor
from mlsdm_grpc.interceptors.impersonation import ImpersonationInterceptor
from mlsdm_grpc.interceptors.peer_limit import PeerLimitInterceptor
from mlsdm_grpc.interceptors.rate_limit import RateLimitInterceptor
from mlsdm_grpc.interceptors.security_events import SecurityEventInterceptor
from mlsdm_grpc.security.authenticator import VerifierChain
from mlsdm_grpc.security.static_keys import StaticKeys
from mlsdm_grpc.wire.call import Call, Method, RpcShape

__all__ = ["hooks_us"]

_CALLS = 2_000
_ROUNDS = 15
_KEY = "mlsdm_benchmark0_" + "k" * 43
_QUERY = Method(
    "mlsdm.v1.MemoryService",
    "QueryMemories",
    RpcShape(False, False),
    read_only=True,
    permission="memory.read",
)


def hooks_us() -> float:
    """Return the CPU of all hooks for one QueryMemories with a static key, microseconds."""
    plenty = LimitSettings(read_per_s=1e9, read_burst=1_000_000_000)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tokens.toml"
        digest = hashlib.sha256(_KEY.encode()).hexdigest()
        file.write_text(f'[[token]]\nname = "bench"\ntenant = "acme"\nsha256 = "{digest}"\n')
        keys = StaticKeys(file, now=lambda: datetime.now(UTC))
    hooks = (
        SecurityEventInterceptor(),
        PeerLimitInterceptor(plenty, enabled=True),
        AuthnInterceptor(VerifierChain([keys])),
        ImpersonationInterceptor(),
        AuthzInterceptor(),
        RateLimitInterceptor(plenty, enabled=True),
    )
    metadata = {"authorization": f"Bearer {_KEY}", "x-request-id": "r", "user-agent": "bench"}

    def spent_us() -> float:
        calls = [Call(_QUERY, metadata, "ipv4:127.0.0.1:5", None, 0.0) for _ in range(_CALLS)]
        began = time.thread_time_ns()
        for call in calls:
            for hook in hooks:
                hook.before(call)
            for hook in hooks:
                hook.after(call)
        return (time.thread_time_ns() - began) / 1_000 / _CALLS

    return median(spent_us() for _ in range(_ROUNDS))


if __name__ == "__main__":
    print(f"{hooks_us():.2f} us")
