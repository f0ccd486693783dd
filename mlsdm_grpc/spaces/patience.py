"""Waiting for a worker: up to a deadline, and only while the worker makes progress.

A stopped or hanging worker process neither replies nor ends, and the supervision of workers reacts
slowly. A call therefore checks itself whether its worker makes progress.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Final, Self

from mlsdm_grpc.errors import RETRY_SOON_S, DeadlineExceeded, MlsdmError, Unavailable
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.protection.concurrency import TimeLimit
from mlsdm_grpc.spaces.registry import SpaceRegistry

__all__ = ["Patience", "hanging", "patience_s", "waiting_for"]

# Share of the time until the deadline that a call waits without progress. It is below a quarter,
# because the call must be answered within a quarter of its deadline.
_SHARE: Final = 0.2
# Limits of the time that a call waits without progress, seconds.
_LEAST_S: Final = 0.1
_MOST_S: Final = 2.0
# Patience with a worker that was hanging shortly before, seconds.
_AGAIN_S: Final = 0.1


def patience_s(deadline_s: float, *, hangs: bool) -> float:
    """Return the time without progress after which a call stops waiting for a worker, seconds.

    Args:
        deadline_s: Event-loop time of the deadline; may be infinite.
        hangs: True if the worker is already known to hang.
    """
    if hangs:
        return _AGAIN_S
    left_s = deadline_s - asyncio.get_running_loop().time()
    return min(max(_SHARE * left_s, _LEAST_S), _MOST_S)


class Patience:
    """Context that ends its body with TimeoutError when progress stops.

    Args:
        goes_on: Function that is called at every check; it returns False to end the body.
        every_s: Interval of the checks, seconds.
        until_s: Event-loop time at which the body ends in any case; None for no limit.
    """

    __slots__ = ("_every_s", "_goes_on", "_limit", "_looks")

    def __init__(
        self, goes_on: Callable[[], bool], *, every_s: float, until_s: float | None = None
    ) -> None:
        self._goes_on = goes_on
        self._every_s = every_s
        self._limit = TimeLimit(until_s)
        self._looks: asyncio.TimerHandle | None = None

    @property
    def is_over(self) -> bool:
        """True if this context has ended its body."""
        return self._limit.is_over

    def __enter__(self) -> Self:
        """Start the checks."""
        self._limit.__enter__()
        self._look_later()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the checks; raise TimeoutError instead of the cancellation that ended the body."""
        if self._looks is not None:
            self._looks.cancel()
        self._limit.__exit__(exc_type, exc, traceback)

    def _look_later(self) -> None:
        self._looks = asyncio.get_running_loop().call_later(self._every_s, self._look)

    def _look(self) -> None:
        if self._limit.is_over:
            return
        if self._goes_on():
            self._look_later()
        else:
            self._limit.end()


@asynccontextmanager
async def waiting_for(
    spaces: SpaceRegistry,
    key: SpaceKey,
    *,
    deadline_s: float,
    until_s: float = math.inf,
    overdue: Callable[[], MlsdmError] | None = None,
) -> AsyncIterator[None]:
    """Wait for the worker of a space in the body of this context, while the worker makes progress.

    Args:
        spaces: Registry of spaces and workers.
        key: The space.
        deadline_s: Event-loop time of the deadline of the call.
        until_s: Event-loop time by which the body must end; infinite if the body has its own limit.
        overdue: Creates an error to raise instead of those below.

    Raises:
        Unavailable: WORKER_LOST; the worker makes no progress.
        DeadlineExceeded: DEADLINE_EXPIRED; ``until_s`` has passed.
    """
    patience = Patience(
        spaces.watched(key),
        every_s=patience_s(deadline_s, hangs=spaces.hangs(key)),
        until_s=None if until_s == math.inf else until_s,
    )
    try:
        with patience:
            yield
    except TimeoutError:
        if not patience.is_over:
            raise
        if overdue is not None:
            raise overdue() from None
        if asyncio.get_running_loop().time() >= until_s:
            raise DeadlineExceeded(
                "The space did not answer before the deadline; nothing was written.",
                reason="DEADLINE_EXPIRED",
            ) from None
        raise hanging(key) from None


def hanging(key: SpaceKey) -> Unavailable:
    """Return the error for a call whose worker hangs."""
    return Unavailable(
        "The worker of the space does not respond; nothing was written. Retry later.",
        reason="WORKER_LOST",
        metadata={"space": key.space},
        retry_after_s=RETRY_SOON_S,
    )
