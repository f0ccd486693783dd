"""Waiting with patience: up to a time, and only while the worker that is waited for moves.

A worker process that was stopped, or hangs, answers nothing and does not end either, so whoever
cannot wait for the watchdog of the workers has to look whether it makes steps.
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

_SHARE: Final = 0.2
"""Of the time that is left. An answer that a worker keeps from being perfect is there within a
quarter of its deadline; what is left of the quarter is for all that comes behind the wait."""
_LEAST_S: Final = 0.1
_MOST_S: Final = 2.0
_AGAIN_S: Final = 0.1
"""Time for one that hung a moment ago, in case that it goes on just now."""


def patience_s(deadline_s: float, *, hangs: bool) -> float:
    """Return for how long a worker may make no step while a call waits for it, seconds.

    Args:
        deadline_s: Event-loop time by which the call has to be answered; may be infinite.
        hangs: Others have waited for it in vain.
    """
    if hangs:
        return _AGAIN_S
    left_s = deadline_s - asyncio.get_running_loop().time()
    return min(max(_SHARE * left_s, _LEAST_S), _MOST_S)


class Patience:
    """Ends the body of a ``with`` by TimeoutError when patience is over.

    Args:
        goes_on: Called at every look; False ends the wait.
        every_s: Time between two looks, seconds.
        until_s: Event-loop time of the end; None is never.
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
        """Whether it was this that ended the body."""
        return self._limit.is_over

    def __enter__(self) -> Self:
        """Begin to look."""
        self._limit.__enter__()
        self._look_later()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Look no more; raises TimeoutError in place of the cancellation that ended the body."""
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
    """Wait inside for the worker of a space while it moves.

    Args:
        spaces: Know their workers.
        key: The space.
        deadline_s: Event-loop time by which the call has to be answered.
        until_s: The same by which what is inside has to be done; infinite where it knows itself.
        overdue: Makes what is raised when patience is over, in place of what is said below.

    Raises:
        Unavailable: WORKER_LOST; the worker makes no step.
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
                "The memory did not answer in its time; nothing was written.",
                reason="DEADLINE_EXPIRED",
            ) from None
        raise hanging(key) from None


def hanging(key: SpaceKey) -> Unavailable:
    """Return the error of a call that has nothing from a space because its worker hangs."""
    return Unavailable(
        "The worker of this space does not answer; nothing was written.",
        reason="WORKER_LOST",
        metadata={"space": key.space},
        retry_after_s=RETRY_SOON_S,
    )
