"""Request ids, by which logs, answers and people name a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlsdm_grpc.observability import current
from mlsdm_grpc.wire.call import Interceptor
from mlsdm_grpc.wire.metadata import REQUEST_ID, is_safe_request_id

if TYPE_CHECKING:
    from mlsdm_grpc.ids import Ids
    from mlsdm_grpc.wire.call import Call

__all__ = ["RequestIdInterceptor"]


class RequestIdInterceptor(Interceptor):
    """Echoes the caller's ``x-request-id`` if it is safe to log, otherwise creates one."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids

    def before(self, call: Call) -> None:
        given = call.text(REQUEST_ID)
        call.request_id = given if given and is_safe_request_id(given) else self._ids.uuid().hex()
        call.trailers[REQUEST_ID] = call.request_id
        current.REQUEST_ID.set(call.request_id)
