"""Deadlines of calls."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mlsdm_grpc.errors import DeadlineExceeded
from mlsdm_grpc.wire.call import Interceptor

if TYPE_CHECKING:
    from mlsdm_grpc.config import ServerSettings
    from mlsdm_grpc.wire.call import Call

__all__ = ["DeadlineInterceptor"]


class DeadlineInterceptor(Interceptor):
    """Interceptor that sets ``Call.deadline_s`` and refuses calls whose deadline has passed.

    A unary call without a deadline gets the default one, and a deadline beyond the maximum is
    shortened. For streams, the server sets no deadline.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self._default_s = settings.default_deadline_s
        self._max_s = settings.max_deadline_s

    def before(self, call: Call) -> None:
        remaining_s = call.time_remaining_s
        if remaining_s is not None and remaining_s <= 0:
            raise DeadlineExceeded(
                "The deadline passed before the call began.", metadata={"needed_ms": "1"}
            )
        shape = call.method.shape
        if shape.client_streaming or shape.server_streaming:
            limit_s = math.inf if remaining_s is None else remaining_s
        else:
            limit_s = min(self._default_s if remaining_s is None else remaining_s, self._max_s)
        call.deadline_s = call.started_s + limit_s
