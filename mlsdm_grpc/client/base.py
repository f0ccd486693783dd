"""What all parts of the client share: the connection, the stubs and the space."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from mlsdm_grpc._gen.mlsdm.v1.admin_service_pb2 import GetServerInfoRequest
from mlsdm_grpc._gen.mlsdm.v1.admin_service_pb2_grpc import AdminServiceStub
from mlsdm_grpc._gen.mlsdm.v1.cognition_service_pb2_grpc import CognitionServiceStub
from mlsdm_grpc._gen.mlsdm.v1.generation_service_pb2_grpc import GenerationServiceStub
from mlsdm_grpc._gen.mlsdm.v1.governance_service_pb2_grpc import GovernanceServiceStub
from mlsdm_grpc._gen.mlsdm.v1.memory_service_pb2_grpc import MemoryServiceStub
from mlsdm_grpc._gen.mlsdm.v1.node_pb2 import ServerInfo
from mlsdm_grpc._gen.mlsdm.v1.space_service_pb2_grpc import SpaceServiceStub
from mlsdm_grpc.client.connection import DEFAULT_TIMEOUT_S, Connection

__all__ = ["ClientBase"]


class ClientBase:
    """Opens and closes the connection; see :class:`MemoryClient` for the arguments."""

    def __init__(
        self,
        target: str,
        *,
        token: str | None = None,
        space: str = "default",
        timeout_s: float = DEFAULT_TIMEOUT_S,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        self.space = space
        self._target = target
        self._token = token
        self._timeout_s = timeout_s
        self._credentials = credentials

    async def __aenter__(self) -> Self:
        self._connection = Connection(
            self._target,
            token=self._token,
            credentials=self._credentials,
            timeout_s=self._timeout_s,
        )
        channel = self._connection.channel
        self._memories = MemoryServiceStub(channel)
        self._cognition = CognitionServiceStub(channel)
        self._generation = GenerationServiceStub(channel)
        self._governance = GovernanceServiceStub(channel)
        self._spaces = SpaceServiceStub(channel)
        self._admin = AdminServiceStub(channel)
        self._check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=HealthCheckRequest.SerializeToString,
            response_deserializer=HealthCheckResponse.FromString,
        )
        self._watch = channel.unary_stream(
            "/grpc.health.v1.Health/Watch",
            request_serializer=HealthCheckRequest.SerializeToString,
            response_deserializer=HealthCheckResponse.FromString,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._connection.close()

    async def server_info(self, *, timeout_s: float | None = None) -> ServerInfo:
        """Return what the server is, its limits and the RPCs that it offers; asked anew each time.

        Args:
            timeout_s: Deadline, seconds; None is the client's.
        """
        response = await self._connection.unary(
            self._admin.GetServerInfo, GetServerInfoRequest(), timeout_s=timeout_s
        )
        return response.info

    def _space(self, space: str | None) -> str:
        return self.space if space is None else space
