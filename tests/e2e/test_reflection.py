"""A client that knows only the address: list, describe, check, put and query."""

import json
import subprocess
from shutil import which

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from serving import ServerProcess

SERVICES = {
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    "mlsdm.v1.AdminService",
    "mlsdm.v1.CognitionService",
    "mlsdm.v1.GenerationService",
    "mlsdm.v1.GovernanceService",
    "mlsdm.v1.MemoryService",
    "mlsdm.v1.SpaceService",
}
PUT = {"memory": {"text": "The meeting is on Tuesday at nine.", "labels": ["topic:calendar"]}}
QUERY = {"text": "when do we meet?", "topK": 1}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    server = ServerProcess(tmp_path_factory.mktemp("data"))
    yield server.listen
    assert server.terminate() == 0


def test_a_python_client_by_reflection_alone(address):
    with grpc.insecure_channel(address) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        pool = DescriptorPool(database)
        assert set(database.get_services()) >= SERVICES

        def call(path, body):
            service, _, name = path.rpartition("/")
            method = pool.FindServiceByName(service).FindMethodByName(name)
            rpc = channel.unary_unary(
                f"/{path}",
                request_serializer=lambda message: message.SerializeToString(),
                response_deserializer=GetMessageClass(method.output_type).FromString,
            )
            request = ParseDict(body, GetMessageClass(method.input_type)(), descriptor_pool=pool)
            return MessageToDict(rpc(request, timeout=10), descriptor_pool=pool)

        assert call("grpc.health.v1.Health/Check", {}) == {"status": "SERVING"}
        put = call("mlsdm.v1.MemoryService/PutMemory", {**PUT, "space": "python"})
        assert put["result"] == "PUT_RESULT_CREATED"
        found = call("mlsdm.v1.MemoryService/QueryMemories", {**QUERY, "space": "python"})
        assert found["matches"][0]["memory"]["text"] == PUT["memory"]["text"]


@pytest.mark.tools
def test_grpcurl_by_reflection_alone(address):
    grpcurl = which("grpcurl")
    assert grpcurl, "`make tools` installs it"

    def run(*arguments, body=None):
        options = ["-d", json.dumps(body)] if body is not None else []
        command = [grpcurl, "-plaintext", *options, address, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert set(run("list").split()) >= SERVICES
    assert "rpc PutMemory ( .mlsdm.v1.PutMemoryRequest )" in run("describe")
    assert "rpc ServerReflectionInfo" in run("describe", "grpc.reflection.v1.ServerReflection")
    assert "string memory_id = 1;" in run("describe", "mlsdm.v1.Memory")
    assert json.loads(run("grpc.health.v1.Health/Check")) == {"status": "SERVING"}
    put = json.loads(run("mlsdm.v1.MemoryService/PutMemory", body={**PUT, "space": "grpcurl"}))
    assert put["result"] == "PUT_RESULT_CREATED"
    query = {**QUERY, "space": "grpcurl"}
    found = json.loads(run("mlsdm.v1.MemoryService/QueryMemories", body=query))
    assert found["matches"][0]["memory"]["text"] == PUT["memory"]["text"]
