"""AdminService: information about the server, and its operation."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from mlsdm_grpc import __version__
from mlsdm_grpc._gen.mlsdm.v1 import admin_service_pb2, node_pb2, operations_pb2
from mlsdm_grpc.config import AuthMode, ServerSettings, Settings
from mlsdm_grpc.core.model.decisions import DecisionKind
from mlsdm_grpc.journal.codec.records import MAX_RECORD_BYTES
from mlsdm_grpc.llm.embedders import EmbedderInfo
from mlsdm_grpc.messages import limits
from mlsdm_grpc.messages.fields import Fields
from mlsdm_grpc.messages.times import timestamp
from mlsdm_grpc.moderation.text_costs import BATCH_TEXT_BYTES
from mlsdm_grpc.protection.mode_machine import Mode
from mlsdm_grpc.spaces.decisions import DecisionFilter, Decisions
from mlsdm_grpc.wire import requests
from mlsdm_grpc.wire.call import Call
from mlsdm_grpc.wire.decisions import decision_message
from mlsdm_grpc.wire.identity import identity
from mlsdm_grpc.wire.pages import decode_page_token, encode_page_token

__all__ = ["AdminServicer", "NodeControl"]

_FORCED = {
    node_pb2.NODE_MODE_NORMAL: Mode.NORMAL,
    node_pb2.NODE_MODE_SHEDDING: Mode.SHEDDING,
    node_pb2.NODE_MODE_EMERGENCY: Mode.EMERGENCY,
}
_MIN_TTL_S = 1.0
_MAX_TTL_S = 86_400.0
_MAX_GRACE_S = 3_600.0
_audit = structlog.get_logger(component="audit")


class NodeControl(Protocol):
    """Operations on the node."""

    async def status(self) -> node_pb2.NodeStatus:
        """Return the current status of the node."""
        ...

    def force(self, mode: Mode, for_s: float) -> None:
        """Set the mode of the node for a time in seconds, which may be infinite."""
        ...

    def release(self) -> None:
        """Return to the mode that the pressure signals give."""
        ...

    async def drain(self, grace_s: float | None) -> tuple[int, int]:
        """Start to drain the node.

        Args:
            grace_s: Time for calls in flight, seconds; None for the configured time.

        Returns:
            Number of calls in flight, and the latest end of the process, Unix nanoseconds.
        """
        ...


class AdminServicer:
    """Servicer of ``mlsdm.v1.AdminService``.

    Args:
        settings: Settings of the server.
        node: Operations on the node.
        decisions: Reader of the decisions of spaces.
        embedder: Properties of the embedder; None without one.
        partition_count: Number of partitions of the journal.
        semantics_version: Semantics version of new spaces.
        methods: Returns the names of the implemented RPCs, once all services are registered.
        now_ns: Returns the wall clock time, Unix nanoseconds.
    """

    def __init__(
        self,
        settings: Settings,
        node: NodeControl,
        decisions: Decisions,
        *,
        embedder: EmbedderInfo | None,
        partition_count: int,
        semantics_version: int,
        methods: Callable[[], Sequence[str]],
        now_ns: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._node = node
        self._decisions = decisions
        self._embedder = embedder
        self._partition_count = partition_count
        self._semantics_version = semantics_version
        self._methods = methods
        self._now_ns = now_ns

    async def WhoAmI(  # noqa: N802 - the contract's name
        self,
        request: admin_service_pb2.WhoAmIRequest,  # noqa: ARG002 - has no fields
        call: Call,
    ) -> admin_service_pb2.WhoAmIResponse:
        return admin_service_pb2.WhoAmIResponse(identity=identity(call.principal))

    async def ListDecisions(  # noqa: N802 - the contract's name
        self, request: admin_service_pb2.ListDecisionsRequest, call: Call
    ) -> admin_service_pb2.ListDecisionsResponse:
        fields = Fields()
        key = requests.space_key(fields, call, request.space)
        limit = fields.page_size(request.page_size)
        min_revision = fields.min_revision(request.min_revision)
        fields.listed("kind", request.kind, operations_pb2.DecisionKind)
        fields.check()
        filters = (str(request.kind), str(request.only_refused))
        page = await self._decisions.page(
            key,
            DecisionFilter(
                DecisionKind(request.kind) if request.kind else None, request.only_refused
            ),
            before=decode_page_token(request.page_token, key, filters),
            limit=limit,
            min_revision=min_revision,
            deadline_s=call.deadline_s,
        )
        return admin_service_pb2.ListDecisionsResponse(
            decisions=map(decision_message, page.entries),
            next_page_token=encode_page_token(key, filters, page.before) if page.before else "",
            revision=page.revision,
        )

    async def GetServerInfo(  # noqa: N802 - the contract's name
        self,
        request: admin_service_pb2.GetServerInfoRequest,  # noqa: ARG002 - has no fields
        call: Call,
    ) -> admin_service_pb2.GetServerInfoResponse:
        embedder = self._embedder
        secure = self._settings.security.mode is not AuthMode.DEV
        info = node_pb2.ServerInfo(
            name="mlsdm-grpc",
            version=__version__,
            contract_version="mlsdm.v1",
            semantics_version=self._semantics_version,
            embedder=node_pb2.EmbedderInfo(
                model=embedder.model_id if embedder else "none",
                dimension=embedder.dimension if embedder else 0,
            ),
            partition_count=self._partition_count,
            limits=_limits(self._settings),
            methods=self._methods(),
            auth_mode=node_pb2.AUTH_MODE_SECURE if secure else node_pb2.AUTH_MODE_DEV,
            server_time=timestamp(self._now_ns()),
            permissions=sorted(call.principal.permissions),
        )
        return admin_service_pb2.GetServerInfoResponse(info=info)

    async def GetNodeStatus(  # noqa: N802 - the contract's name
        self,
        request: admin_service_pb2.GetNodeStatusRequest,  # noqa: ARG002 - has no fields
        call: Call,  # noqa: ARG002 - the same for every operator
    ) -> admin_service_pb2.GetNodeStatusResponse:
        return admin_service_pb2.GetNodeStatusResponse(status=await self._node.status())

    async def SetNodeMode(  # noqa: N802 - the contract's name
        self, request: admin_service_pb2.SetNodeModeRequest, call: Call
    ) -> admin_service_pb2.SetNodeModeResponse:
        fields = Fields()
        reason = fields.reason(request.reason)
        mode = _mode(fields, request)
        for_s = math.inf
        if request.HasField("ttl"):
            for_s = fields.duration("ttl", request.ttl, low=_MIN_TTL_S, high=_MAX_TTL_S)
        fields.check()
        if mode is None:
            self._node.release()
        else:
            self._node.force(mode, for_s)
        _audit.warning(
            "node_mode_set",
            principal=call.principal.name,
            tenant=call.principal.tenant,
            request_id=call.request_id,
            mode=mode.name if mode else "automatic",
            ttl_s=for_s if mode and for_s < math.inf else None,
            reason=reason,
        )
        return admin_service_pb2.SetNodeModeResponse(status=await self._node.status())

    async def Drain(  # noqa: N802 - the contract's name
        self, request: admin_service_pb2.DrainRequest, call: Call
    ) -> admin_service_pb2.DrainResponse:
        fields = Fields()
        reason = fields.reason(request.reason)
        grace_s = None
        if request.HasField("grace"):
            grace_s = fields.duration("grace", request.grace, low=0.0, high=_MAX_GRACE_S)
        fields.check()
        _audit.warning(
            "node_drained",
            principal=call.principal.name,
            tenant=call.principal.tenant,
            request_id=call.request_id,
            grace_s=grace_s,
            reason=reason,
        )
        in_flight, end_ns = await self._node.drain(grace_s)
        return admin_service_pb2.DrainResponse(
            in_flight_count=in_flight, end_time=timestamp(end_ns)
        )


def _mode(fields: Fields, request: admin_service_pb2.SetNodeModeRequest) -> Mode | None:
    """Return the mode in a request, or None for the mode that the pressure signals give."""
    match request.WhichOneof("choice"):
        case "mode":
            if request.mode not in _FORCED:
                fields.fault("mode", "must be NORMAL, SHEDDING or EMERGENCY")
            return _FORCED.get(request.mode)
        case "automatic":
            if not request.automatic:
                fields.fault("automatic", "must be true")
        case _:
            fields.fault("mode", "is required, or automatic")
    return None


def _limits(settings: Settings) -> node_pb2.Limits:
    server: ServerSettings = settings.server
    return node_pb2.Limits(
        max_request_bytes=server.max_request_bytes,
        max_response_bytes=server.max_response_bytes,
        max_batch_item_count=limits.MAX_BATCH_ITEMS,
        max_stream_batch_count=limits.MAX_STREAM_BATCH,
        max_text_bytes=limits.MAX_TEXT_BYTES,
        max_metadata_bytes=limits.MAX_METADATA_BYTES,
        max_label_count=limits.MAX_LABELS,
        max_top_k=limits.MAX_TOP_K,
        max_batch_query_count=limits.MAX_BATCH_QUERIES,
        max_page_size=limits.MAX_PAGE_SIZE,
        max_dimension=limits.MAX_DIMENSION,
        max_capacity=limits.MAX_CAPACITY,
        default_dimension=settings.space.dimension,
        default_capacity=settings.space.capacity,
        max_stream_count=limits.MAX_STREAMS,
        max_record_bytes=MAX_RECORD_BYTES,
        max_call_metadata_bytes=server.max_metadata_bytes,
        max_token_count=settings.llm.max_tokens_limit,
        max_prompt_bytes=settings.llm.max_prompt_bytes,
        advised_batch_text_bytes=BATCH_TEXT_BYTES,
    )
