"""Context variables of the current call, for code that does not receive the call itself.

Each call runs in its own task, so values of different calls never mix.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

__all__ = ["QUEUE_WAIT_S", "REQUEST_ID"]

QUEUE_WAIT_S: Final[ContextVar[float]] = ContextVar("queue_wait_s", default=0.0)
"""Total time that the call has waited in queues of workers, journal and models, seconds."""
REQUEST_ID: Final[ContextVar[str]] = ContextVar("request_id", default="")
"""Request id of the call, as written in log lines."""
