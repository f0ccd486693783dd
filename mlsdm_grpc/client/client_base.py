"""Common part of the client: connection, stubs and default space."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from mlsdm_grpc._gen.mlsdm.v1.admin_service_pb2 import GetServerInfoRequest, WhoAmIRequest
from mlsdm_grpc._gen.mlsdm.v1.admin_service_pb2_grpc import AdminServiceStub
from mlsdm_grpc._gen.mlsdm.v1.cognition_service_pb2 import GetStateRequest
from mlsdm_grpc._gen.mlsdm.v1.cognition_service_pb2_grpc import CognitionServiceStub
from mlsdm_grpc._gen.mlsdm.v1.generation_service_pb2_grpc import GenerationServiceStub
from mlsdm_grpc._gen.mlsdm.v1.governance_service_pb2_grpc import GovernanceServiceStub
from mlsdm_grpc._gen.mlsdm.v1.identity_pb2 import Identity
from mlsdm_grpc._gen.mlsdm.v1.memory_service_pb2_grpc import MemoryServiceStub
from mlsdm_grpc._gen.mlsdm.v1.node_pb2 import ServerInfo
from mlsdm_grpc._gen.mlsdm.v1.space_service_pb2_grpc import SpaceServiceStub
from mlsdm_grpc._gen.mlsdm.v1.tenant_service_pb2_grpc import TenantServiceStub
from mlsdm_grpc.client.arguments import message
from mlsdm_grpc.client.attempts import OnWait
from mlsdm_grpc.client.connection import DEFAULT_TIMEOUT_S, Connection
from mlsdm_grpc.client.server_address import server_address
from mlsdm_grpc.client.values import credential, tenant_name, timeout, wrong_type
from mlsdm_grpc.errors import PreconditionFailed

__all__ = ["ClientBase"]


class ClientBase:
    """Base class of the client; opens and closes the connection. See :class:`MemoryClient`."""

    def __init__(
        self,
        target: str | None = None,
        *,
        token: str | Callable[[], str] | None = None,
        space: str = "default",
        timeout_s: float = DEFAULT_TIMEOUT_S,
        credentials: grpc.ChannelCredentials | None = None,
        tenant: str | None = None,
        on_wait: OnWait | None = None,
    ) -> None:
        if not isinstance(credentials, grpc.ChannelCredentials | None):
            raise wrong_type("credentials", "grpc.ChannelCredentials", credentials)
        if on_wait is not None and not callable(on_wait):
            raise wrong_type("on_wait", "a function of an error and seconds", on_wait)
        self.space = message(GetStateRequest, space=space).space  # checks the name
        self._target = server_address(target, secure=credentials is not None)
        self._token = token if callable(token) else credential(token)
        self._timeout_s = timeout(timeout_s)
        self._credentials = credentials
        self._tenant = tenant_name(tenant)
        self._on_wait = on_wait
        self._opened: Connection | None = None

    async def __aenter__(self) -> Self:
        self._opened = Connection(
            self._target,
            token=self._token,
            credentials=self._credentials,
            timeout_s=self._timeout_s,
            tenant=self._tenant,
            on_wait=self._on_wait,
        )
        channel = self._opened.channel
        self._memories = MemoryServiceStub(channel)
        self._cognition = CognitionServiceStub(channel)
        self._generation = GenerationServiceStub(channel)
        self._governance = GovernanceServiceStub(channel)
        self._spaces = SpaceServiceStub(channel)
        self._tenants = TenantServiceStub(channel)
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
        connection, self._opened = self._connection, None
        await connection.close()

    async def who_am_i(self, *, timeout_s: float | None = None) -> Identity:
        """Return the identity to which the server maps the token or certificate of this client.

        Args:
            timeout_s: Deadline, seconds; None uses the client's.
        """
        response = await self._connection.unary(
            self._admin.WhoAmI, WhoAmIRequest(), timeout_s=timeout_s
        )
        return response.identity

    async def server_info(self, *, timeout_s: float | None = None) -> ServerInfo:
        """Return name, version, limits and RPCs of the server, from a new call each time.

        Args:
            timeout_s: Deadline, seconds; None uses the client's.
        """
        response = await self._connection.unary(
            self._admin.GetServerInfo, GetServerInfoRequest(), timeout_s=timeout_s
        )
        return response.info

    @property
    def _connection(self) -> Connection:
        if self._opened is None:
            raise PreconditionFailed(
                "The client is not open; use it inside `async with MemoryClient(...) as memory:`.",
                reason="",
            )
        return self._opened

    def _space(self, space: str | None) -> str:
        return self.space if space is None else space
