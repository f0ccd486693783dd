"""Context variables of the current call, for code that does not receive the call as an argument.

Each call runs in a task of its own, so calls do not share values.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

__all__ = ["QUEUE_WAIT_S", "REQUEST_ID"]

QUEUE_WAIT_S: Final[ContextVar[float]] = ContextVar("queue_wait_s", default=0.0)
"""Total time that the call has waited in queues for workers, journal and models, seconds."""
REQUEST_ID: Final[ContextVar[str]] = ContextVar("request_id", default="")
"""Request id of the call for log lines."""
