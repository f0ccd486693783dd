"""Metrics of calls by method, as plain numbers, because each call changes several of them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

__all__ = ["CallMetrics", "CallSeries"]

_METHOD: Final = ("grpc_type", "grpc_service", "grpc_method")


class CallSeries:
    """Metrics of one method. Only the event loop may change them.

    Args:
        codes: Names of the status codes; the index is the code.
        bounds: Upper bounds of the latency buckets, seconds, ascending.
    """

    __slots__ = ("_bounds", "codes", "handled", "seconds", "started", "within")

    def __init__(self, codes: Sequence[str], bounds: Sequence[float]) -> None:
        self.codes = codes
        self._bounds = bounds
        self.started = 0
        self.handled = [0] * len(codes)
        self.within = [0] * (len(bounds) + 1)
        self.seconds = 0.0

    def end(self, code: int, seconds: float) -> None:
        """Count the end of a call.

        Args:
            code: gRPC status code.
            seconds: Duration of the call.
        """
        self.handled[code] += 1
        self.within[bisect_left(self._bounds, seconds)] += 1
        self.seconds += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """Return each upper bound with the number of calls up to it."""
        found, total = [], 0
        for bound, count in zip((*map(str, self._bounds), "+Inf"), self.within, strict=True):
            total += count
            found.append((bound, float(total)))
        return found


class CallMetrics(Collector):
    """Collector of ``grpc_server_started_total``, ``_handled_total`` and ``_handling_seconds``.

    Args:
        bounds: Upper bounds of the latency buckets, seconds, ascending.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._series: dict[tuple[str, str, str], CallSeries] = {}

    def series(self, method: tuple[str, str, str], codes: Sequence[str]) -> CallSeries:
        """Return the metrics of a method.

        Args:
            method: Shape, service and name of the method.
            codes: Names of the status codes; the index is the code.
        """
        found = self._series.get(method)
        if found is None:
            found = self._series[method] = CallSeries(codes, self._bounds)
        return found

    def collect(self) -> Iterator[CounterMetricFamily | HistogramMetricFamily]:
        """Yield the metric families for Prometheus."""
        started = CounterMetricFamily("grpc_server_started", "Calls started.", labels=_METHOD)
        handled = CounterMetricFamily(
            "grpc_server_handled",
            "Calls completed, by status code.",
            labels=(*_METHOD, "grpc_code"),
        )
        seconds = HistogramMetricFamily(
            "grpc_server_handling_seconds",
            "Time from the arrival of a call to its completion.",
            labels=_METHOD,
        )
        for method, series in list(self._series.items()):
            started.add_metric(method, series.started)
            for code, count in zip(series.codes, series.handled, strict=True):
                if count:
                    handled.add_metric((*method, code), count)
            seconds.add_metric(method, buckets=series.buckets(), sum_value=series.seconds)
        yield from (started, handled, seconds)
