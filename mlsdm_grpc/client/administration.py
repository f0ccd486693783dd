"""Client methods that operate a server."""

from __future__ import annotations

from datetime import timedelta

from grpc_health.v1 import health_pb2

from mlsdm_grpc._gen.mlsdm.v1.admin_service_pb2 import DrainRequest, DrainResponse
from mlsdm_grpc.client.arguments import message
from mlsdm_grpc.client.client_base import ClientBase

__all__ = ["Administration"]


class Administration(ClientBase):
    """Client methods for health names and the drain of a server."""

    async def health_names(self, *, timeout_s: float | None = None) -> tuple[str, ...]:
        """Return the service names that :meth:`health` accepts; the empty name is the whole server.

        Args:
            timeout_s: Deadline, seconds; None uses the client's.
        """
        rpc = self._connection.channel.unary_unary(
            "/grpc.health.v1.Health/List",
            request_serializer=health_pb2.HealthListRequest.SerializeToString,
            response_deserializer=health_pb2.HealthListResponse.FromString,
        )
        response = await self._connection.unary(
            rpc, health_pb2.HealthListRequest(), timeout_s=timeout_s
        )
        return tuple(response.statuses)

    async def drain(
        self, reason: str, *, grace: timedelta | None = None, timeout_s: float | None = None
    ) -> DrainResponse:
        """Start the graceful stop of the server; it cannot be undone.

        Args:
            reason: Reason for the audit log, 1 to 256 characters.
            grace: Maximum time for calls in flight, at most one hour; None uses the server's.
            timeout_s: Deadline, seconds; None uses the client's.

        Raises:
            PermissionDenied: The caller may not drain the server.
        """
        request = message(DrainRequest, reason=reason, grace=grace)
        return await self._connection.unary(self._admin.Drain, request, timeout_s=timeout_s)
