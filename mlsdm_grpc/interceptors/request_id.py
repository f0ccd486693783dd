"""Request ids, which identify a call in logs and responses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mlsdm_grpc.governance.detectors.sensitive import find_sensitive
from mlsdm_grpc.observability import current
from mlsdm_grpc.wire.call import Interceptor
from mlsdm_grpc.wire.metadata import REQUEST_ID, is_safe_request_id

if TYPE_CHECKING:
    from mlsdm_grpc.ids import Ids
    from mlsdm_grpc.wire.call import Call

__all__ = ["RequestIdInterceptor"]

# Most ids are UUIDs. Their digits must not count as personal data, such as card numbers.
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")


class RequestIdInterceptor(Interceptor):
    """Interceptor that returns the caller's ``x-request-id`` if it is safe, or creates one."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids

    def before(self, call: Call) -> None:
        given = call.text(REQUEST_ID)
        call.request_id = given if _is_loggable(given) else self._ids.uuid().hex()
        call.trailers[REQUEST_ID] = call.request_id
        current.REQUEST_ID.set(call.request_id)


def _is_loggable(given: str) -> bool:
    """Return True for an id that cannot forge a log line and has no personal data or secret."""
    if _UUID.fullmatch(given):
        return True
    return is_safe_request_id(given) and not find_sensitive(given)
