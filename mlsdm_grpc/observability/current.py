"""What belongs to the call that is being served now, for code that is not told of calls.

Each call runs in a task of its own, so these never mix.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

__all__ = ["QUEUE_WAIT_S", "REQUEST_ID"]

QUEUE_WAIT_S: Final[ContextVar[float]] = ContextVar("queue_wait_s", default=0.0)
"""Seconds that it has waited for its turns so far, at workers, journal and models."""
REQUEST_ID: Final[ContextVar[str]] = ContextVar("request_id", default="")
"""Its request id, as log lines name it."""
