"""Retry policy for broken streams: which errors are temporary, delays, and the time limit."""

from __future__ import annotations

import asyncio
from typing import Final

from mlsdm_grpc.client.attempts import OnWait
from mlsdm_grpc.client.failures import unreachable
from mlsdm_grpc.errors import ApiStatusError, DeadlineExceeded, MlsdmError, Unavailable

__all__ = ["Retry"]

_MIN_PAUSE_S: Final = 0.05
_MAX_PAUSE_S: Final = 2.0
# Time limit for a server that was never reached, seconds: most likely it does not run.
_CONNECT_PATIENCE_S: Final = 0.5
# CANCELLED, UNKNOWN, INTERNAL: with UNAVAILABLE the codes that grpc reports for a broken call.
_BROKEN: Final = frozenset({1, 2, 13})


class Retry:
    """Retry policy of one stream.

    Args:
        patience_s: Time without progress after which the stream fails, seconds. For a server that
            was never reached it is at most 0.5 s.
        on_wait: Called before each wait, with the error and the wait in seconds.
    """

    def __init__(self, patience_s: float, on_wait: OnWait) -> None:
        self._patience_s = patience_s
        self._on_wait = on_wait
        self._reached = False
        # Event-loop time of the first failure since the last progress.
        self._since_s: float | None = None

    def went_on(self) -> None:
        """Record progress, which restarts the time limit."""
        self._reached = True
        self._since_s = None

    async def after(self, error: MlsdmError) -> None:
        """Wait until the next attempt may start.

        Raises:
            MlsdmError: ``error`` itself, if it is permanent, or if the wait would exceed the time
                limit.
        """
        now_s = asyncio.get_running_loop().time()
        if self._since_s is None:
            self._since_s = now_s
        failing_s = now_s - self._since_s
        self._reached = self._reached or not unreachable(error)
        patience_s = self._patience_s
        if not self._reached:
            patience_s = min(patience_s, _CONNECT_PATIENCE_S)
        asked_s = error.retry_after_s or 0.0
        # Waiting longer than the time limit would only delay the same error.
        if not _passes(error) or asked_s > patience_s - failing_s:
            raise error
        pause_s = max(asked_s, min(max(failing_s, _MIN_PAUSE_S), _MAX_PAUSE_S))
        self._on_wait(error, pause_s)
        await asyncio.sleep(pause_s)


def _passes(error: MlsdmError) -> bool:
    if isinstance(error, ApiStatusError):
        return error.code in _BROKEN
    return isinstance(error, Unavailable | DeadlineExceeded) or error.reason == "STREAM_IN_USE"
