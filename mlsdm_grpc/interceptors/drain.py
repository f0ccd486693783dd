"""Refusal of new calls while the server drains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlsdm_grpc.errors import RETRY_SOON_S, Unavailable
from mlsdm_grpc.wire.call import Interceptor

if TYPE_CHECKING:
    from mlsdm_grpc.wire.call import Call

__all__ = ["DrainInterceptor", "draining"]

# Methods that report the progress of a drain; a second Drain joins the first.
_SERVED: Final = {
    "/mlsdm.v1.AdminService/Drain",
    "/mlsdm.v1.AdminService/GetNodeStatus",
}


def draining() -> Unavailable:
    """Return the error of a call refused, or cancelled before its write, by a draining server."""
    return Unavailable(
        "The server is stopping; retry later or on another node.",
        reason="DRAINING",
        retry_after_s=RETRY_SOON_S,
    )


class DrainInterceptor(Interceptor):
    """Refuses calls once ``draining`` is set, except open methods and those of ``_SERVED``."""

    def __init__(self) -> None:
        self.draining = False

    def before(self, call: Call) -> None:
        if self.draining and not call.method.open and call.method.path not in _SERVED:
            raise draining()
