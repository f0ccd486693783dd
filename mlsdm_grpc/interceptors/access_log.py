"""One log line a call, without anything of its content."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog

from mlsdm_grpc.wire.call import Interceptor
from mlsdm_grpc.wire.status import CODE_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import FilteringBoundLogger

    from mlsdm_grpc.wire.call import Call

__all__ = ["AccessLogInterceptor"]


class AccessLogInterceptor(Interceptor):
    """Logs every call at info; health and reflection, which machines repeat, at debug."""

    def __init__(
        self,
        logger: FilteringBoundLogger | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Log to ``logger``.

        Args:
            logger: Where to; the configured one when absent.
            clock: The clock that ``Call.started_s`` was read from, seconds.
        """
        self._logger = (logger or structlog.get_logger()).bind(component="access")
        self._clock = clock

    def after(self, call: Call) -> None:
        method = call.method
        write = self._logger.debug if method.open else self._logger.info
        write(
            "call",
            method=method.path,
            code=CODE_NAMES[call.status.code],
            duration_ms=round((self._clock() - call.started_s) * 1_000, 3),
            request_id=call.request_id,
            tenant=call.principal.tenant,
            peer=call.peer,
        )
