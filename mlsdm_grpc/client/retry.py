"""How a client takes up a broken stream again: which failures pass, how soon, for how long."""

from __future__ import annotations

import asyncio
from typing import Final

from mlsdm_grpc.errors import ApiStatusError, DeadlineExceeded, MlsdmError, Unavailable

__all__ = ["Retry"]

_MIN_PAUSE_S: Final = 0.05
_MAX_PAUSE_S: Final = 2.0
_BROKEN: Final = frozenset({1, 2, 13})
"""CANCELLED, UNKNOWN, INTERNAL: what the transport says of a broken call, besides UNAVAILABLE."""


class Retry:
    """Patience with one stream.

    Args:
        patience_s: How long to try while nothing goes on, seconds.
    """

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._since_s: float | None = None
        """Event-loop time of the first failure since something went on."""

    def went_on(self) -> None:
        """Forget the failures."""
        self._since_s = None

    async def after(self, error: MlsdmError) -> None:
        """Wait until it is time to try again.

        Raises:
            MlsdmError: The error, where it does not pass, was waited out for long enough, or would
                outlast the patience.
        """
        now_s = asyncio.get_running_loop().time()
        if self._since_s is None:
            self._since_s = now_s
        failing_s = now_s - self._since_s
        asked_s = error.retry_after_s or 0.0
        if not _passes(error) or asked_s > self._patience_s - failing_s:
            raise error
        pause_s = min(max(failing_s, _MIN_PAUSE_S), _MAX_PAUSE_S)
        await asyncio.sleep(max(asked_s, pause_s))


def _passes(error: MlsdmError) -> bool:
    if isinstance(error, ApiStatusError):
        return error.code in _BROKEN
    return isinstance(error, Unavailable | DeadlineExceeded) or error.reason == "STREAM_IN_USE"
