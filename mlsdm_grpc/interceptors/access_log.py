"""Access log: one line for each call, without content of requests and responses."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from mlsdm_grpc.errors import MlsdmError
from mlsdm_grpc.observability.current import QUEUE_WAIT_S
from mlsdm_grpc.observability.logging import write_event
from mlsdm_grpc.wire.call import Interceptor
from mlsdm_grpc.wire.status import CODE_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlsdm_grpc.wire.call import Call

__all__ = ["AccessLogInterceptor"]


class AccessLogInterceptor(Interceptor):
    """Interceptor that logs every call at level info.

    Calls of health and reflection, which machines repeat, have level debug.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Create the interceptor.

        Args:
            clock: Clock of ``Call.started_s``, seconds.
        """
        self._clock = clock

    def after(self, call: Call) -> None:
        method = call.method
        fields = {
            "component": "access",
            "method": method.path,
            "code": CODE_NAMES[call.status.code],
            "duration_ms": round((self._clock() - call.started_s) * 1_000, 3),
            "request_id": call.request_id,
            "tenant": call.principal.tenant,
            "principal": call.principal.verified.name,
            "peer": call.peer,
        }
        if key_id := call.principal.verified.key_id:
            fields["key_id"] = key_id
        if waited_s := QUEUE_WAIT_S.get():
            fields["queue_ms"] = round(waited_s * 1_000, 3)
        # Reasons of exceptions from other packages are not part of the contract.
        if call.status.code and isinstance(call.error, MlsdmError):
            fields["reason"] = call.error.reason
        write_event(logging.DEBUG if method.open else logging.INFO, "call", fields)
