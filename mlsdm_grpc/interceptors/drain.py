"""Refusal of new calls during a drain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlsdm_grpc.errors import RETRY_SOON_S, Unavailable
from mlsdm_grpc.wire.call import Interceptor

if TYPE_CHECKING:
    from mlsdm_grpc.wire.call import Call

__all__ = ["DrainInterceptor", "draining"]

# Methods that report the progress of a drain. A second Drain returns the result of the first.
_SERVED: Final = {
    "/mlsdm.v1.AdminService/Drain",
    "/mlsdm.v1.AdminService/GetNodeStatus",
}


def draining() -> Unavailable:
    """Return the error of a call that a draining server refuses, or ends before its write."""
    return Unavailable(
        "The server is stopping; retry later or on another node.",
        reason="DRAINING",
        retry_after_s=RETRY_SOON_S,
    )


class DrainInterceptor(Interceptor):
    """Interceptor that refuses calls during a drain, except open methods and ``_SERVED``."""

    def __init__(self) -> None:
        self.draining = False

    def before(self, call: Call) -> None:
        if self.draining and not call.method.open and call.method.path not in _SERVED:
            raise draining()
