"""Conversion of errors to statuses, and the log of unexpected errors."""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING, Final

import structlog

from mlsdm_grpc.errors import InternalError, MlsdmError
from mlsdm_grpc.wire.call import Interceptor, RpcStatus, StatusError
from mlsdm_grpc.wire.status import to_status

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import FilteringBoundLogger

    from mlsdm_grpc.wire.call import Call

__all__ = ["CANCELLED", "StatusInterceptor"]

CANCELLED: Final = RpcStatus(1, "The caller cancelled the call.")


class StatusInterceptor(Interceptor):
    """Interceptor that converts ``call.error`` to ``call.status``.

    Inner interceptors may raise. Outer ones see the final status. A ``CancelledError`` always means
    that the peer cancelled, because the transport replaces all other cancellations by an error.
    """

    def __init__(
        self,
        logger: FilteringBoundLogger | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._logger = (logger or structlog.get_logger()).bind(component="status")

    def after(self, call: Call) -> None:
        error = call.error
        if error is None:
            return
        if isinstance(error, asyncio.CancelledError):
            call.status = CANCELLED
            return
        if isinstance(error, StatusError):
            call.status = error.status
            return
        # Only defects are logged with a traceback; the access log has all other errors.
        if not isinstance(error, MlsdmError) or isinstance(error, InternalError):
            self._logger.error(
                "call_failed",
                exc_info=error,
                request_id=call.request_id,
                method=call.method.path,
            )
        left_s = math.inf
        if call.time_remaining_s is not None:
            left_s = call.started_s + call.time_remaining_s - self._clock()
        call.status = to_status(error, call.request_id, left_s=left_s)
