"""The order of the interceptors, as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from mlsdm_grpc.config import LimitSettings
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
    from mlsdm_grpc.config import ServerSettings
    from mlsdm_grpc.ids import Ids
    from mlsdm_grpc.interceptors.admission import AdmissionInterceptor
    from mlsdm_grpc.interceptors.drain import DrainInterceptor
    from mlsdm_grpc.observability.metrics import Metrics
    from mlsdm_grpc.security.authenticator import Authenticator
    from mlsdm_grpc.wire.call import Interceptor

__all__ = ["ORDER", "ChainEntry", "build_chain"]


class ChainEntry(NamedTuple):
    """Position of one interceptor."""

    name: str
    after: tuple[str, ...] = ()
    """Names that must be further out, because this interceptor uses their results."""


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
"""Outermost first. Interceptors that count or log are outside ``status``; those that refuse are
inside."""


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

    Without ``limits``, rates are not limited.
    """
    limited = limits is not None
    limits = limits or LimitSettings()
    built: dict[str, Interceptor] = {
        "request_id": RequestIdInterceptor(ids),
        "metrics": MetricsInterceptor(metrics),
        "access_log": AccessLogInterceptor(),
        "security_events": SecurityEventInterceptor(),
        "status": StatusInterceptor(),
        "queue_wait": QueueWaitInterceptor(),
        "drain": drain,
        "deadline": DeadlineInterceptor(settings),
        "peer_limit": PeerLimitInterceptor(limits, enabled=limited),
        "authn": AuthnInterceptor(authenticator),
        "impersonation": ImpersonationInterceptor(),
        "authz": AuthzInterceptor(),
        "rate_limit": RateLimitInterceptor(limits, enabled=limited),
        "admission": admission,
    }
    return tuple(built[entry.name] for entry in ORDER)
