"""Report of the time that a call waited in queues to its caller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlsdm_grpc.observability.current import QUEUE_WAIT_S
from mlsdm_grpc.wire.call import Interceptor
from mlsdm_grpc.wire.metadata import QUEUE_WAIT

if TYPE_CHECKING:
    from mlsdm_grpc.wire.call import Call

__all__ = ["QueueWaitInterceptor"]


class QueueWaitInterceptor(Interceptor):
    """Interceptor that sets the trailer ``x-mlsdm-queue-wait-us`` on calls that waited.

    Failed calls have the trailer too.
    """

    def after(self, call: Call) -> None:
        waited_s = QUEUE_WAIT_S.get()
        if waited_s:
            call.trailers[QUEUE_WAIT] = str(round(waited_s * 1_000_000))
