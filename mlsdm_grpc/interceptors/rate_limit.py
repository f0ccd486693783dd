"""Rate limits of principals, by kind of call."""

from __future__ import annotations

import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Final

from mlsdm_grpc.errors import RETRY_LATER_S, QuotaExceeded
from mlsdm_grpc.security.token_bucket import TokenBuckets, rate_limited
from mlsdm_grpc.wire.call import Interceptor
from mlsdm_grpc.wire.metadata import RATE_REMAINING
from mlsdm_grpc.wire.method_classes import LimitClass, limit_class

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from mlsdm_grpc.config import LimitSettings
    from mlsdm_grpc.wire.call import Call, Method

__all__ = ["RateLimitInterceptor"]

_PARALLEL: Final = "generate_parallel"


class RateLimitInterceptor(Interceptor):
    """Interceptor that charges each call to its principal and refuses calls above the rate.

    A batch is charged by its items once the request has arrived. A stream is charged by its items
    as they arrive.
    """

    def __init__(
        self, settings: LimitSettings, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Create the interceptor.

        Args:
            settings: Rates and bursts.
            clock: Monotonic clock, seconds.
        """
        rates = {
            LimitClass.READ: (settings.read_per_s, settings.read_burst),
            LimitClass.WRITE: (settings.write_per_s, settings.write_burst),
            LimitClass.BATCH: (settings.batch_items_per_s, settings.batch_burst),
            LimitClass.GENERATE: (settings.generate_per_s, settings.generate_burst),
        }
        self._buckets = {
            kind: TokenBuckets(per_s, burst, max_keys=settings.max_principals, clock=clock)
            for kind, (per_s, burst) in rates.items()
        }
        self._classes: dict[Method, LimitClass | None] = {}
        self._most_parallel = settings.generate_parallel
        self._in_progress: Counter[Hashable] = Counter()

    def before(self, call: Call) -> None:
        if call.method.open:
            return
        method = call.method
        try:
            kind = self._classes[method]
        except KeyError:
            kind = self._classes[method] = limit_class(method)
        if kind is None:
            return
        buckets, key = self._buckets[kind], _key(call)
        if kind is LimitClass.BATCH:
            pace = buckets.charge if method.shape.client_streaming else self._take_items
            call.charge_items = partial(pace, key)
        elif kind is LimitClass.GENERATE:
            self._enter(call, key)
        wait_s = buckets.take(key)
        if wait_s:
            raise _refused(kind, buckets.burst, wait_s)
        call.trailers[RATE_REMAINING] = str(buckets.remaining(key))

    def after(self, call: Call) -> None:
        if call.limited_by is not None:
            self._in_progress[call.limited_by] -= 1
            if not self._in_progress[call.limited_by]:
                del self._in_progress[call.limited_by]

    def _enter(self, call: Call, key: Hashable) -> None:
        """Count a generation in progress, and refuse one above the limit of parallel calls."""
        if self._in_progress[key] >= self._most_parallel:
            raise rate_limited(
                f"The principal has {self._most_parallel} generations in progress; wait for one.",
                limit=self._most_parallel,
                quota_id=_PARALLEL,
                retry_after_s=RETRY_LATER_S,
            )
        self._in_progress[key] += 1
        call.limited_by = key

    def _take_items(self, key: Hashable, items: int) -> float:
        buckets = self._buckets[LimitClass.BATCH]
        wait_s = buckets.take(key, items)
        if wait_s:
            raise _refused(LimitClass.BATCH, buckets.burst, wait_s)
        return 0.0


def _key(call: Call) -> Hashable:
    principal = call.principal.verified
    return principal.tenant, principal.name


def _refused(kind: LimitClass, burst: int, wait_s: float) -> QuotaExceeded:
    message = f"The principal is over its rate of {kind.value} calls; retry later."
    return rate_limited(message, limit=burst, quota_id=kind.value, retry_after_s=wait_s)
