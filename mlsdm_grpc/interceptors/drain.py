"""Refuses new calls while the server is about to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlsdm_grpc.errors import RETRY_SOON_S, Unavailable
from mlsdm_grpc.wire.call import Interceptor

if TYPE_CHECKING:
    from mlsdm_grpc.wire.call import Call

__all__ = ["DrainInterceptor", "draining"]

_SERVED: Final = {
    "/mlsdm.v1.AdminService/Drain",
    "/mlsdm.v1.AdminService/GetNodeStatus",
}
"""What tells how a drain goes; a second Drain joins the first."""


def draining() -> Unavailable:
    """Return the error of a call that a stopping server refuses, or cuts unwritten."""
    return Unavailable(
        "The server is about to stop; repeat elsewhere, or later.",
        reason="DRAINING",
        retry_after_s=RETRY_SOON_S,
    )


class DrainInterceptor(Interceptor):
    """Refuses calls once ``draining`` is set; open methods and a few more are served to the end."""

    def __init__(self) -> None:
        self.draining = False

    def before(self, call: Call) -> None:
        if self.draining and not call.method.open and call.method.path not in _SERVED:
            raise draining()
