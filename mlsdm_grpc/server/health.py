"""``grpc.health.v1.Health``: Check, Watch and List (gRFC A90).

Names are ``""`` for the whole server, the full names of the services, and short names for probes:
``liveness``, ``readiness``, ``journal`` and ``llm``.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from grpc_health.v1 import health_pb2

from mlsdm_grpc.wire.call import Call, StatusError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

__all__ = ["JOURNAL", "LIVENESS", "LLM", "OVERALL", "READINESS", "SERVICE", "Health"]

SERVICE: Final = health_pb2.DESCRIPTOR.services_by_name["Health"]
"""Descriptor of the health service."""
OVERALL: Final = ""
LIVENESS: Final = "liveness"
READINESS: Final = "readiness"
JOURNAL: Final = "journal"
LLM: Final = "llm"

_LIST_LIMIT: Final = 100
_NOT_FOUND: Final = 5
_RESOURCE_EXHAUSTED: Final = 8
_SERVING: Final = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING: Final = health_pb2.HealthCheckResponse.NOT_SERVING
_SERVICE_UNKNOWN: Final = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


class Health:
    """Health of the server and its parts. All names but ``liveness`` start as NOT_SERVING."""

    def __init__(self, services: Iterable[str] = ()) -> None:
        """Add the given services to the names of this module."""
        names = (OVERALL, READINESS, JOURNAL, LLM, *services)
        self._draining = False
        self._changed = asyncio.Event()
        self._statuses = {LIVENESS: _SERVING, **dict.fromkeys(names, _NOT_SERVING)}

    @property
    def names(self) -> tuple[str, ...]:
        """All known names."""
        return tuple(self._statuses)

    @property
    def draining(self) -> bool:
        """True after :meth:`drain`."""
        return self._draining

    def serving(self, name: str) -> bool:
        """Return True if a name is known and SERVING."""
        return self._statuses.get(name) == _SERVING

    def set_serving(self, *names: str, serving: bool) -> None:
        """Set the status of names; watchers receive each change that they are fast enough for.

        During a drain, no name becomes SERVING again.
        """
        if serving and self._draining:
            return
        status = _SERVING if serving else _NOT_SERVING
        if all(self._statuses.get(name) == status for name in names):
            return
        self._statuses.update(dict.fromkeys(names, status))
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def drain(self) -> None:
        """Set all names but ``liveness`` to NOT_SERVING permanently."""
        self._draining = True
        self.set_serving(*(name for name in self.names if name != LIVENESS), serving=False)

    async def Check(  # noqa: N802 - the name of the RPC
        self, request: health_pb2.HealthCheckRequest, _call: Call
    ) -> health_pb2.HealthCheckResponse:
        """Return the status of a name; NOT_FOUND if it is unknown."""
        status = self._statuses.get(request.service)
        if status is None:
            raise StatusError(
                _NOT_FOUND, "The service name is unknown; List returns the known names."
            )
        return health_pb2.HealthCheckResponse(status=status)

    async def Watch(  # noqa: N802 - the name of the RPC
        self, request: health_pb2.HealthCheckRequest, _call: Call
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        """Send the status of a name and its changes; SERVICE_UNKNOWN while it is unknown."""
        sent = None
        while True:
            # Taken before the status is read, so that no later change is missed.
            changed = self._changed
            status = self._statuses.get(request.service, _SERVICE_UNKNOWN)
            if status != sent:
                yield health_pb2.HealthCheckResponse(status=status)
                sent = status
            await changed.wait()

    async def List(  # noqa: N802 - the name of the RPC
        self, _request: health_pb2.HealthListRequest, _call: Call
    ) -> health_pb2.HealthListResponse:
        """Return the status of every name; RESOURCE_EXHAUSTED above 100, as in A90."""
        if len(self._statuses) > _LIST_LIMIT:
            raise StatusError(
                _RESOURCE_EXHAUSTED,
                f"There are more than {_LIST_LIMIT} service names; use Check for one of them.",
            )
        return health_pb2.HealthListResponse(
            statuses={
                name: health_pb2.HealthCheckResponse(status=status)
                for name, status in self._statuses.items()
            }
        )
