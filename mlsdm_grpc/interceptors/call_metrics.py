"""Metrics of every call, including refused calls and unknown methods."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from mlsdm_grpc.wire.call import Interceptor
from mlsdm_grpc.wire.status import CODE_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlsdm_grpc.observability.calls import CallSeries
    from mlsdm_grpc.observability.metrics import Metrics
    from mlsdm_grpc.wire.call import Call, Method

__all__ = ["MetricsInterceptor"]


class MetricsInterceptor(Interceptor):
    """Interceptor that updates the metrics ``grpc_server_*`` of started and handled calls."""

    def __init__(self, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        """Create the interceptor.

        Args:
            metrics: Metrics of the server.
            clock: Clock of ``Call.started_s``, seconds.
        """
        self._calls = metrics.calls
        self._clock = clock
        self._series: dict[Method, CallSeries] = {}

    def before(self, call: Call) -> None:
        method = call.method
        series = self._series.get(method)
        if series is None:
            labels = (method.shape.name, method.service, method.name)
            series = self._series[method] = self._calls.series(labels, CODE_NAMES)
        series.started += 1

    def after(self, call: Call) -> None:
        self._series[call.method].end(call.status.code, self._clock() - call.started_s)
