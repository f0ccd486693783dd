"""``grpc.health.v1.Health``: Check and Watch of the standard servicer, and List (gRFC A90).

Names are ``""`` for the whole server, the full names of the services, and short names for probes:
``liveness``, ``readiness``, ``journal`` and ``llm``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import grpc
from grpc_health.v1 import health_pb2
from grpc_health.v1._async import HealthServicer

if TYPE_CHECKING:
    from collections.abc import Iterable

    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]

__all__ = ["JOURNAL", "LIVENESS", "LLM", "OVERALL", "READINESS", "SERVICE", "Health"]

SERVICE: Final = health_pb2.DESCRIPTOR.services_by_name["Health"]
"""Descriptor of the health service."""
OVERALL: Final = ""
LIVENESS: Final = "liveness"
READINESS: Final = "readiness"
JOURNAL: Final = "journal"
LLM: Final = "llm"

_LIST_LIMIT: Final = 100
_SERVING: Final = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING: Final = health_pb2.HealthCheckResponse.NOT_SERVING


class Health(HealthServicer):
    """Health of the server and its parts. All names but ``liveness`` start as NOT_SERVING."""

    def __init__(self, services: Iterable[str] = ()) -> None:
        """Add the given services to the names of this module."""
        super().__init__()
        names = (OVERALL, READINESS, JOURNAL, LLM, *services)
        self._draining = False
        self._server_status = {LIVENESS: _SERVING, **dict.fromkeys(names, _NOT_SERVING)}

    @property
    def names(self) -> tuple[str, ...]:
        """All known names."""
        return tuple(self._server_status)

    @property
    def draining(self) -> bool:
        """True after :meth:`drain`."""
        return self._draining

    def serving(self, name: str) -> bool:
        """Return True if a name is known and SERVING."""
        return self._server_status.get(name) == _SERVING

    async def set_serving(self, *names: str, serving: bool) -> None:
        """Set the status of names. Watchers receive each change.

        During a drain, no name becomes SERVING again.
        """
        if serving and self._draining:
            return
        for name in names:
            await self.set(name, _SERVING if serving else _NOT_SERVING)

    async def drain(self) -> None:
        """Set all names but ``liveness`` to NOT_SERVING permanently."""
        self._draining = True
        await self.set_serving(*(n for n in self.names if n != LIVENESS), serving=False)

    async def List(  # noqa: N802 - the name of the RPC
        self, request: health_pb2.HealthListRequest, context: Context
    ) -> health_pb2.HealthListResponse:
        """Return the status of every name; RESOURCE_EXHAUSTED above 100 names, as in A90."""
        del request
        if len(self._server_status) > _LIST_LIMIT:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "Too many names to list.")
        return health_pb2.HealthListResponse(
            statuses={
                name: health_pb2.HealthCheckResponse(status=status)
                for name, status in self._server_status.items()
            }
        )
