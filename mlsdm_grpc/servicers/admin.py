"""AdminService: what this server is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mlsdm_grpc import __version__
from mlsdm_grpc._gen.mlsdm.v1 import admin_service_pb2, node_pb2
from mlsdm_grpc.config import AuthMode, ServerSettings, Settings
from mlsdm_grpc.core import semantics
from mlsdm_grpc.journal.records import MAX_RECORD_BYTES
from mlsdm_grpc.llm.embedders import EmbedderInfo
from mlsdm_grpc.wire import limits, responses
from mlsdm_grpc.wire.call import Call

__all__ = ["AdminServicer"]


class AdminServicer:
    """Serves ``mlsdm.v1.AdminService``.

    Args:
        settings: What the server was started with.
        embedder: What turns text into vectors here.
        partition_count: Partitions of the journal.
        methods: Full names of the RPCs that are served, to be had once all are registered.
        now_ns: Wall clock.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        embedder: EmbedderInfo | None,
        partition_count: int,
        methods: Callable[[], Sequence[str]],
        now_ns: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._embedder = embedder
        self._partition_count = partition_count
        self._methods = methods
        self._now_ns = now_ns

    async def GetServerInfo(  # noqa: N802 - the contract's name
        self,
        request: admin_service_pb2.GetServerInfoRequest,  # noqa: ARG002 - has no fields
        call: Call,  # noqa: ARG002 - open to every caller
    ) -> admin_service_pb2.GetServerInfoResponse:
        embedder = self._embedder
        secure = self._settings.security.mode is not AuthMode.DEV
        info = node_pb2.ServerInfo(
            name="mlsdm-grpc",
            version=__version__,
            contract_version="mlsdm.v1",
            semantics_version=semantics.newest(),
            embedder=node_pb2.EmbedderInfo(
                model=embedder.model_id if embedder else "none",
                dimension=embedder.dimension if embedder else 0,
            ),
            partition_count=self._partition_count,
            limits=_limits(self._settings),
            methods=self._methods(),
            auth_mode=node_pb2.AUTH_MODE_SECURE if secure else node_pb2.AUTH_MODE_DEV,
            server_time=responses.timestamp(self._now_ns()),
        )
        return admin_service_pb2.GetServerInfoResponse(info=info)


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
    )
