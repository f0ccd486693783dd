"""The public contract in the generated descriptors, as callers and servers rely on it."""

from __future__ import annotations

import importlib
import pickle
import pkgutil
import re

import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor, FileDescriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message import Message

from mlsdm_grpc._gen.mlsdm import v1
from mlsdm_grpc._gen.mlsdm.v1 import (
    authz_pb2,
    embedding_pb2,
    error_reason_pb2,
    memory_pb2,
    memory_put_pb2,
    memory_query_pb2,
    memory_service_pb2,
)

MODULE_NAMES = sorted(module.name for module in pkgutil.iter_modules(v1.__path__))
FILES: list[FileDescriptor] = [
    importlib.import_module(f"{v1.__name__}.{name}").DESCRIPTOR
    for name in MODULE_NAMES
    if name.endswith("_pb2")
]
MESSAGES = [message for file in FILES for message in file.message_types_by_name.values()]
ENUMS = [enum for file in FILES for enum in file.enum_types_by_name.values()]
SERVICES = [service for file in FILES for service in file.services_by_name.values()]
METHODS = [method for service in SERVICES for method in service.methods]

RPCS = {
    "MemoryService": (
        "PutMemory BatchPutMemories QueryMemories BatchQueryMemories GetMemory ListMemories "
        "UpdateMemory DeleteMemory IngestMemories ExportMemories"
    ),
    "CognitionService": "ProcessEvent StreamEvents GetState WatchState Consolidate",
    "GenerationService": "Generate StreamGenerate",
    "GovernanceService": "EvaluateContent AnalyzeSpeech RepairSpeech GetPolicy SetPolicy",
    "SpaceService": (
        "CreateSpace GetSpace ListSpaces UpdateSpace DeleteSpace ExportSpace ImportSpace"
    ),
    "TenantService": "GetTenant SetTenant ListTenants",
    "AdminService": (
        "GetServerInfo GetNodeStatus SetNodeMode Drain CreateBackup VerifyBackup GetSloStatus "
        "WhoAmI ListDecisions VerifyJournal SetLogLevel"
    ),
}
READS = re.compile(r"Get|List|Query|BatchQuery|Export|Watch|Evaluate|Analyze|Verify|WhoAmI")
IDEMPOTENT = {
    "IngestMemories", "StreamEvents", "SetPolicy", "SetTenant", "UpdateSpace", "DeleteSpace",
    "CreateBackup",
}  # fmt: skip
STREAMS = {
    "IngestMemories": (True, True),
    "StreamEvents": (True, True),
    "ImportSpace": (True, False),
    "ExportMemories": (False, True),
    "WatchState": (False, True),
    "StreamGenerate": (False, True),
    "ExportSpace": (False, True),
}
SPACE_READS = [
    "QueryMemories", "BatchQueryMemories", "GetMemory", "ListMemories", "ExportMemories",
    "GetState", "WatchState", "GetPolicy", "GetTenant", "GetSpace", "ListSpaces", "ExportSpace",
    "ListDecisions",
]  # fmt: skip
IDEMPOTENT_WRITES = [
    "PutMemory", "BatchPutMemories", "UpdateMemory", "DeleteMemory", "ProcessEvent",
    "Consolidate", "Generate", "StreamGenerate", "SetPolicy", "SetTenant", "CreateSpace",
    "UpdateSpace", "DeleteSpace",
]  # fmt: skip
PERMISSION = re.compile(r"[a-z]+(\.[a-z]+)?")

RELIED_ON = {
    "Embedding": "floats f32_le f16_le",
    "Memory": (
        "memory_id text embedding phase confidence source provenance labels metadata pinned "
        "create_time expire_time revision etag"
    ),
    "Match": "memory resonance components",
    "EventOutcome": (
        "accepted rejection_reason step phase moral_threshold moral_ema synaptic_norms memory_id "
        "used capacity revision"
    ),
    "Verdict": "decision enforcement rule_id score threshold policy_version",
    "SpeechReport": (
        "is_aphasic severity avg_sentence_len function_word_ratio fragment_ratio flags language "
        "abstained"
    ),
    "Usage": "queue_wait",
    "PutMemoryRequest": "space memory request_id allow_replace validate_only",
    "PutMemoryResponse": "memory result verdicts evicted_memory_ids revision",
    "BatchPutMemoriesRequest": "space memories request_id",
    "BatchPutMemoriesResponse": "memories results revision",
    "QueryMemoriesRequest": (
        "space embedding text top_k phase phase_tolerance min_confidence min_resonance labels "
        "include_embedding min_revision phase_weight synaptic_bias"
    ),
    "QueryMemoriesResponse": "matches phase revision",
    "BatchQueryMemoriesRequest": "space queries",
    "BatchQueryMemoriesResponse": "results",
    "ListMemoriesRequest": "space page_size page_token",
    "ListMemoriesResponse": "memories next_page_token",
    "ProcessEventRequest": "space embedding text moral_value request_id",
    "ProcessEventResponse": "outcome",
    "GetStateRequest": "space",
    "GetStateResponse": "state",
    "GenerateRequest": "space prompt moral_value max_tokens top_k remember request_id",
    "GenerateResponse": "text verdicts recalled speech usage",
    "EvaluateContentRequest": "text",
    "EvaluateContentResponse": "moral_value verdicts injection_score findings",
    "AnalyzeSpeechRequest": "text",
    "AnalyzeSpeechResponse": "report",
    "ItemStatus": "code message reason metadata",
}
PRESENCE_MATTERS = {
    "Memory": "phase confidence",
    "QueryMemoriesRequest": "phase phase_tolerance min_confidence min_resonance min_revision",
    "ProcessEventRequest": "moral_value",
    "GenerateRequest": "moral_value top_k remember",
}


def method_id(method: MethodDescriptor) -> str:
    return f"{method.containing_service.name}.{method.name}"


def field_names(message: str) -> set[str]:
    return {field.name for field in message_descriptor(message).fields}


def message_descriptor(name: str):
    return FILES[0].pool.FindMessageTypeByName(f"mlsdm.v1.{name}")


def request_of(rpc: str) -> set[str]:
    return field_names(f"{rpc}Request")


every_method = pytest.mark.parametrize("method", METHODS, ids=method_id)


@pytest.mark.parametrize("name", MODULE_NAMES)
def test_every_generated_module_can_be_imported(name):
    importlib.import_module(f"{v1.__name__}.{name}")


def test_the_contract_has_exactly_these_rpcs():
    found = {service.name: {method.name for method in service.methods} for service in SERVICES}
    assert found == {service: set(rpcs.split()) for service, rpcs in RPCS.items()}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_is_named_after_its_package_and_its_one_service(file):
    assert file.package == "mlsdm.v1"
    assert re.fullmatch(r"mlsdm/v1/[a-z]+(_[a-z]+)*\.proto", file.name)
    stems = [re.sub(r"Service$", "", name).lower() for name in file.services_by_name]
    wanted = [f"mlsdm/v1/{stem}_service.proto" for stem in stems]
    assert wanted == ([file.name] if file.name.endswith("_service.proto") else [])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_says_where_its_stubs_go_in_every_language(file):
    options = file.GetOptions()
    assert options.csharp_namespace == "Mlsdm.V1"
    assert options.go_package == "mlsdm.dev/mlsdm/v1;mlsdmv1"
    assert (options.java_package, options.java_multiple_files) == ("dev.mlsdm.v1", True)
    assert options.php_namespace == "Mlsdm\\V1"
    assert options.ruby_package == "Mlsdm::V1"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_imports_only_google_protobuf_and_the_contract(file):
    for dependency in file.dependencies:
        assert dependency.name.startswith(("google/protobuf/", "mlsdm/v1/"))
        assert dependency.name not in {"google/protobuf/any.proto", "google/protobuf/struct.proto"}


@every_method
def test_an_rpc_has_its_own_request_and_response(method):
    assert method.input_type.full_name == f"mlsdm.v1.{method.name}Request"
    assert method.output_type.full_name == f"mlsdm.v1.{method.name}Response"


@every_method
def test_an_rpc_streams_as_documented(method):
    streams = (method.client_streaming, method.server_streaming)
    assert streams == STREAMS.get(method.name, (False, False))


@every_method
def test_an_rpc_names_its_permission_and_scope(method):
    assert method.GetOptions().HasExtension(authz_pb2.authz)
    rule = method.GetOptions().Extensions[authz_pb2.authz]
    assert PERMISSION.fullmatch(rule.permission)
    assert rule.scope in {authz_pb2.SCOPE_TENANT, authz_pb2.SCOPE_PLATFORM}


@every_method
def test_platform_rpcs_are_those_of_the_operator(method):
    rule = method.GetOptions().Extensions[authz_pb2.authz]
    platform = rule.permission.startswith("admin.") or rule.permission == "backup"
    assert (rule.scope == authz_pb2.SCOPE_PLATFORM) == platform


@every_method
def test_reads_have_no_side_effects_and_keyed_writes_are_idempotent(method):
    wanted = MethodOptions.IDEMPOTENCY_UNKNOWN
    if READS.match(method.name):
        wanted = MethodOptions.NO_SIDE_EFFECTS
    elif method.name in IDEMPOTENT:
        wanted = MethodOptions.IDEMPOTENT
    assert method.GetOptions().idempotency_level == wanted


@pytest.mark.parametrize("rpc", SPACE_READS)
def test_a_read_in_a_space_can_ask_for_a_revision_and_tells_its_own(rpc):
    field = message_descriptor(f"{rpc}Request").fields_by_name["min_revision"]
    assert field.type == FieldDescriptor.TYPE_INT64
    assert field.has_presence
    assert "revision" in field_names(f"{rpc}Response")


@pytest.mark.parametrize("rpc", IDEMPOTENT_WRITES)
def test_a_write_takes_a_request_id(rpc):
    assert "request_id" in request_of(rpc)


@every_method
def test_the_tenant_is_never_in_a_request(method):
    names = {field.name for field in method.input_type.fields}
    assert not {name for name in names if "tenant" in name}


@pytest.mark.parametrize("message", RELIED_ON)
def test_the_fields_that_callers_rely_on_exist(message):
    assert set(RELIED_ON[message].split()) <= field_names(message)


@pytest.mark.parametrize("message", PRESENCE_MATTERS)
def test_scalars_whose_absence_means_something_have_presence(message):
    fields = message_descriptor(message).fields_by_name
    assert all(fields[name].has_presence for name in PRESENCE_MATTERS[message].split())


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.name)
def test_integers_are_signed(message):
    unsigned = {
        FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_UINT64,
        FieldDescriptor.TYPE_FIXED32, FieldDescriptor.TYPE_FIXED64,
    }  # fmt: skip
    assert not [field.name for field in message.fields if field.type in unsigned]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.name)
def test_a_name_tells_its_unit_by_its_type(message):
    for field in message.fields:
        if field.name.endswith(("_count", "_bytes")):
            assert field.type in {FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_INT64}
        if field.name.endswith("_time") and field.message_type is not None:
            known = {"google.protobuf.Timestamp", "google.protobuf.Duration"}
            assert field.message_type.full_name in known
        assert not field.name.endswith(("_ms", "_s", "_seconds"))


@pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: enum.name)
def test_an_enum_begins_with_unspecified_and_has_one_prefix(enum):
    prefix = re.sub(r"(?<!^)(?=[A-Z])", "_", enum.name).upper() + "_"
    assert enum.values_by_number[0].name == f"{prefix}UNSPECIFIED"
    assert all(value.name.startswith(prefix) for value in enum.values)


def test_error_reasons_fit_error_info():
    for name in error_reason_pb2.ErrorReason.keys():  # noqa: SIM118  the wrapper is no mapping
        assert re.fullmatch(r"ERROR_REASON_[A-Z][A-Z0-9_]{1,61}[A-Z0-9]", name)
    assert error_reason_pb2.ERROR_REASON_FIELD_INVALID == 1


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.name)
def test_a_message_survives_pickling(message):
    value = message_factory.GetMessageClass(message)()
    assert type(value).__module__.startswith("mlsdm_grpc._gen.mlsdm.v1.")
    assert pickle.loads(pickle.dumps(value)) == value


def test_a_filled_message_survives_pickling():
    value = put_request()
    copy = pickle.loads(pickle.dumps(value))
    assert type(copy) is memory_put_pb2.PutMemoryRequest
    assert copy == value


def put_request() -> Message:
    return memory_put_pb2.PutMemoryRequest(
        space="s",
        memory=memory_pb2.Memory(
            memory_id="m",
            text="t",
            embedding=embedding_pb2.Embedding(f32_le=b"\0\0\x80?"),
            phase=0.5,
            labels=["l"],
            metadata={"k": "v"},
            pinned=True,
        ),
        request_id="r",
        allow_replace=True,
    )


def test_the_bytes_of_a_put_request_never_change():
    assert put_request().SerializeToString(deterministic=True).hex() == (
        "0a0173"  # 1 space
        "1220"  # 2 memory, 32 bytes
        "0a016d"  # 2.1 memory_id
        "120174"  # 2.2 text
        "1a0612040000803f"  # 2.3 embedding, 2 f32_le
        "250000003f"  # 2.4 phase
        "42016c"  # 2.8 labels
        "4a060a016b120176"  # 2.9 metadata
        "5001"  # 2.10 pinned
        "1a0172"  # 3 request_id
        "2001"  # 4 allow_replace
    )


def test_a_query_has_either_a_vector_or_a_text():
    request = memory_query_pb2.QueryMemoriesRequest(text="t")
    request.embedding.f32_le = b"\0\0\x80?"
    assert request.WhichOneof("query") == "embedding"
    assert not request.text


def test_a_single_query_and_a_query_of_a_batch_have_the_same_fields():
    single = message_descriptor("QueryMemoriesRequest").fields_by_name
    batched = message_descriptor("MemoryQuery").fields_by_name
    assert set(single) - set(batched) == {"space", "min_revision"}
    assert {name: field.number for name, field in batched.items()} == {
        name: single[name].number for name in batched
    }


def test_both_forms_of_generate_take_the_same_fields():
    unary = message_descriptor("GenerateRequest").fields
    stream = message_descriptor("StreamGenerateRequest").fields
    assert [(f.name, f.number, f.type) for f in unary] == [
        (f.name, f.number, f.type) for f in stream
    ]


def test_the_stream_of_a_generation_has_typed_events():
    fields = message_descriptor("StreamGenerateResponse").oneofs_by_name["event"].fields
    assert [field.name for field in fields] == ["recall", "verdict", "token", "usage", "final"]


def test_put_results_have_the_documented_values():
    names = [value.name for value in message_descriptor("PutMemoryResponse").fields_by_name[
        "result"
    ].enum_type.values]  # fmt: skip
    assert names[1:4] == ["PUT_RESULT_CREATED", "PUT_RESULT_REFRESHED", "PUT_RESULT_REFUSED"]


def test_the_service_descriptor_is_reachable_from_its_module():
    service = memory_service_pb2.DESCRIPTOR.services_by_name["MemoryService"]
    assert service.full_name == "mlsdm.v1.MemoryService"
