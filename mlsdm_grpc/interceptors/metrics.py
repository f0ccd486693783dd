"""Counts every call, refused ones and unknown methods included."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from mlsdm_grpc.wire.call import Interceptor
from mlsdm_grpc.wire.status import CODE_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client import Counter, Histogram

    from mlsdm_grpc.observability.metrics import Metrics
    from mlsdm_grpc.wire.call import Call, Method

__all__ = ["MetricsInterceptor"]


class _Series:
    """The series of one method: looking labels up costs more than counting."""

    __slots__ = ("_labels", "_metrics", "handled", "seconds", "started")

    def __init__(self, metrics: Metrics, method: Method) -> None:
        self._metrics = metrics
        self._labels = (method.shape.name, method.service, method.name)
        self.started: Counter = metrics.started.labels(*self._labels)
        self.seconds: Histogram = metrics.handling_seconds.labels(*self._labels)
        self.handled: list[Counter | None] = [None] * len(CODE_NAMES)

    def count(self, code: int) -> None:
        series = self.handled[code]
        if series is None:
            series = self._metrics.handled.labels(*self._labels, CODE_NAMES[code])
            self.handled[code] = series
        series.inc()


class MetricsInterceptor(Interceptor):
    """Writes ``grpc_server_started_total``, ``_handled_total`` and ``_handling_seconds``."""

    def __init__(self, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        """Count calls.

        Args:
            metrics: Where the series are.
            clock: The clock that ``Call.started_s`` was read from, seconds.
        """
        self._metrics = metrics
        self._clock = clock
        self._series: dict[Method, _Series] = {}

    def before(self, call: Call) -> None:
        series = self._series.get(call.method)
        if series is None:
            series = self._series[call.method] = _Series(self._metrics, call.method)
        series.started.inc()

    def after(self, call: Call) -> None:
        series = self._series[call.method]
        series.count(call.status.code)
        series.seconds.observe(self._clock() - call.started_s)
