"""List of the served RPCs; the others answer UNIMPLEMENTED, and their list only shrinks."""

import grpc
import pytest
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2
from serving import channel, in_process

from mlsdm_grpc._gen.mlsdm.v1 import admin_service_pb2, admin_service_pb2_grpc, node_pb2
from mlsdm_grpc.server.build import SERVICES

pytestmark = pytest.mark.anyio

NOT_YET_AVAILABLE = {
    "MemoryService": set(),
    "CognitionService": set(),
    "GenerationService": set(),
    "GovernanceService": set(),
    "TenantService": set(),
    "SpaceService": {
        "DeleteSpace",
        "ExportSpace",
        "ImportSpace",
    },
    "AdminService": {
        "CreateBackup",
        "VerifyBackup",
        "GetSloStatus",
        "VerifyJournal",
        "SetLogLevel",
    },
}


async def test_rpcs_that_come_later_say_so_with_not_yet_available():
    async with in_process() as server, channel(server.listen) as one:
        for service in SERVICES:
            for method in service.methods:
                if method.name not in NOT_YET_AVAILABLE[service.name]:
                    continue
                shape = (
                    ("stream" if method.client_streaming else "unary")
                    + "_"
                    + ("stream" if method.server_streaming else "unary")
                )
                path = f"/{service.full_name}/{method.name}"
                rpc = getattr(one, shape)(
                    path,
                    request_serializer=lambda message: message.SerializeToString(),
                    response_deserializer=GetMessageClass(method.output_type).FromString,
                )
                request = GetMessageClass(method.input_type)()
                call = rpc(iter([request]) if method.client_streaming else request, timeout=10)
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await (call.read() if method.server_streaming else call)
                assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED, path
                status = next(
                    status_pb2.Status.FromString(value)
                    for key, value in caught.value.trailing_metadata()
                    if key == "grpc-status-details-bin"
                )
                info = error_details_pb2.ErrorInfo()
                status.details[0].Unpack(info)
                assert (info.reason, info.metadata["method"]) == ("NOT_YET_AVAILABLE", path)


async def test_server_info_tells_limits_and_what_is_served():
    async with in_process() as server, channel(server.listen) as one:
        stub = admin_service_pb2_grpc.AdminServiceStub(one)
        response = await stub.GetServerInfo(admin_service_pb2.GetServerInfoRequest())
    info = response.info
    everything = {
        f"{service.full_name}/{method.name}" for service in SERVICES for method in service.methods
    }
    later = {
        f"mlsdm.v1.{service}/{method}"
        for service, methods in NOT_YET_AVAILABLE.items()
        for method in methods
    }
    assert set(info.methods) == everything - later
    assert (info.limits.max_batch_item_count, info.limits.max_request_bytes) == (1_000, 4 * 2**20)
    assert info.auth_mode == node_pb2.AUTH_MODE_DEV
    assert (info.name, info.semantics_version) == ("mlsdm-grpc", 2)
    assert info.embedder.dimension == 256
