"""Order of the interceptors, as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from mlsdm_grpc.interceptors.access_log import AccessLogInterceptor
from mlsdm_grpc.interceptors.authn import AuthnInterceptor
from mlsdm_grpc.interceptors.authz import AuthzInterceptor
from mlsdm_grpc.interceptors.call_metrics import MetricsInterceptor
from mlsdm_grpc.interceptors.call_status import StatusInterceptor
from mlsdm_grpc.interceptors.deadline import DeadlineInterceptor
from mlsdm_grpc.interceptors.impersonation import ImpersonationInterceptor
from mlsdm_grpc.interceptors.peer_limit import PeerLimitInterceptor
from mlsdm_grpc.interceptors.queue_wait import QueueWaitInterceptor
from mlsdm_grpc.interceptors.rate_limit import RateLimitInterceptor
from mlsdm_grpc.interceptors.request_id import RequestIdInterceptor
from mlsdm_grpc.interceptors.security_events import SecurityEventInterceptor

if TYPE_CHECKING:
    from mlsdm_grpc.config import LimitSettings, ServerSettings
    from mlsdm_grpc.ids import Ids
    from mlsdm_grpc.interceptors.admission import AdmissionInterceptor
    from mlsdm_grpc.interceptors.drain import DrainInterceptor
    from mlsdm_grpc.observability.metrics import Metrics
    from mlsdm_grpc.security.authenticator import Authenticator
    from mlsdm_grpc.wire.call import Interceptor

__all__ = ["ORDER", "ChainEntry", "build_chain"]


class ChainEntry(NamedTuple):
    """Position of one interceptor in the order."""

    name: str
    after: tuple[str, ...] = ()
    """Names of interceptors that must be further out, because this one uses their results."""


ORDER: Final = (
    ChainEntry("request_id"),
    ChainEntry("metrics"),
    ChainEntry("access_log", after=("request_id",)),
    ChainEntry("security_events", after=("request_id",)),
    ChainEntry("status", after=("request_id", "metrics", "access_log")),
    ChainEntry("queue_wait", after=("status",)),
    ChainEntry("drain", after=("status",)),
    ChainEntry("deadline", after=("status",)),
    ChainEntry("peer_limit", after=("status", "drain")),
    ChainEntry("authn", after=("status", "drain", "deadline", "peer_limit")),
    ChainEntry("impersonation", after=("status", "authn")),
    ChainEntry("authz", after=("status", "authn", "impersonation")),
    ChainEntry("rate_limit", after=("status", "authn", "authz")),
    ChainEntry("admission", after=("status", "authn", "authz")),
)
"""Order of the interceptors, outermost first.

Interceptors that count or log are outside ``status``. Interceptors that refuse calls are inside.
"""


def build_chain(
    settings: ServerSettings,
    *,
    ids: Ids,
    metrics: Metrics,
    drain: DrainInterceptor,
    authenticator: Authenticator,
    admission: AdmissionInterceptor,
    limits: LimitSettings | None = None,
) -> tuple[Interceptor, ...]:
    """Return the interceptors of a server in their order.

    Args:
        settings: Settings of the server.
        ids: Source of request ids.
        metrics: Metrics of the server.
        drain: Interceptor that refuses calls during a drain.
        authenticator: Authenticator of calls.
        admission: Interceptor that refuses calls by the mode of the node.
        limits: Rate limits; None for unlimited rates.
    """
    built: dict[str, Interceptor] = {
        "request_id": RequestIdInterceptor(ids),
        "metrics": MetricsInterceptor(metrics),
        "access_log": AccessLogInterceptor(),
        "security_events": SecurityEventInterceptor(),
        "status": StatusInterceptor(),
        "queue_wait": QueueWaitInterceptor(),
        "drain": drain,
        "deadline": DeadlineInterceptor(settings),
        "authn": AuthnInterceptor(authenticator),
        "impersonation": ImpersonationInterceptor(),
        "authz": AuthzInterceptor(),
        "admission": admission,
    }
    if limits is not None:
        built["peer_limit"] = PeerLimitInterceptor(limits)
        built["rate_limit"] = RateLimitInterceptor(limits)
    return tuple(built[entry.name] for entry in ORDER if entry.name in built)
