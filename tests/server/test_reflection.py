from __future__ import annotations

import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha import reflection_pb2

from mlsdm_grpc.server.reflection import ALPHA, V1
from tests.support.ping import SERVICE, serving

pytestmark = pytest.mark.anyio

HEALTH = "grpc.health.v1.Health"


async def _ask(running, name, **request):
    method = running.channel.stream_stream(
        f"/{name}/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    call = method([reflection_pb2.ServerReflectionRequest(**request)])
    (response,) = [each async for each in call]
    return response


@pytest.mark.parametrize("name", [V1, ALPHA])
async def test_list_names_everything_that_is_served(name):
    async with serving() as running:
        response = await _ask(running, name, list_services="*")
        listed = {each.name for each in response.list_services_response.service}
        assert listed == {SERVICE, HEALTH, V1, ALPHA} == set(running.router.services)


@pytest.mark.parametrize("name", [V1, ALPHA])
@pytest.mark.parametrize(
    "symbol",
    [
        HEALTH,
        V1,
        ALPHA,
        "grpc.reflection.v1.ServerReflectionRequest",
        "mlsdm.v1.MemoryService",
    ],
)
async def test_a_symbol_comes_with_files_that_build_on_their_own(name, symbol):
    from mlsdm_grpc._gen.mlsdm.v1 import memory_service_pb2  # noqa: F401 - fills the pool

    async with serving() as running:
        response = await _ask(running, name, file_containing_symbol=symbol)
    files = {
        file.name: file
        for raw in response.file_descriptor_response.file_descriptor_proto
        for file in [FileDescriptorProto.FromString(raw)]
    }
    pool = descriptor_pool.DescriptorPool()

    def add(file):
        for dependency in file.dependency:
            add(files[dependency])
        pool.AddSerializedFile(file.SerializeToString())

    add(next(iter(files.values())))
    assert pool.FindFileContainingSymbol(symbol).name in files


async def test_v1_describes_v1_messages():
    async with serving() as running:
        response = await _ask(running, V1, file_containing_symbol=V1)
    (raw,) = response.file_descriptor_response.file_descriptor_proto
    file = FileDescriptorProto.FromString(raw)
    assert file.package == "grpc.reflection.v1"
    assert "v1alpha" not in str(file.service) + str(file.message_type)


@pytest.mark.parametrize("name", [V1, ALPHA])
async def test_an_unknown_symbol_is_an_answer_not_an_error(name):
    async with serving() as running:
        response = await _ask(running, name, file_containing_symbol="no.such.Thing")
        assert response.error_response.error_code == 5
        assert running.handled("ServerReflectionInfo", "OK", name) == 1
