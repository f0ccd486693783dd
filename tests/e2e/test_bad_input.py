"""Bad input gets a typed error that names every faulty field, and changes nothing."""

import struct

import grpc
import numpy as np
import pytest
from google.protobuf.json_format import ParseDict
from google.rpc import error_details_pb2, status_pb2
from serving import channel, in_process

from mlsdm_grpc._gen.mlsdm.v1 import (
    cognition_service_pb2,
    memory_put_pb2,
    memory_query_pb2,
    memory_service_pb2,
)
from mlsdm_grpc.journal.codec.snapshots import snapshot_bytes
from mlsdm_grpc.protection.lanes import Lane

pytestmark = pytest.mark.anyio

DIMENSION = 16
GOOD = {"floats": {"values": [1.0] + [0.0] * (DIMENSION - 1)}}
MEMORY = "mlsdm.v1.MemoryService"
REQUESTS = {
    "PutMemory": (memory_put_pb2.PutMemoryRequest, memory_put_pb2.PutMemoryResponse),
    "BatchPutMemories": (
        memory_put_pb2.BatchPutMemoriesRequest,
        memory_put_pb2.BatchPutMemoriesResponse,
    ),
    "QueryMemories": (
        memory_query_pb2.QueryMemoriesRequest,
        memory_query_pb2.QueryMemoriesResponse,
    ),
    "BatchQueryMemories": (
        memory_query_pb2.BatchQueryMemoriesRequest,
        memory_query_pb2.BatchQueryMemoriesResponse,
    ),
    "ListMemories": (memory_query_pb2.ListMemoriesRequest, memory_query_pb2.ListMemoriesResponse),
    "GetMemory": (memory_service_pb2.GetMemoryRequest, memory_service_pb2.GetMemoryResponse),
    "UpdateMemory": (
        memory_service_pb2.UpdateMemoryRequest,
        memory_service_pb2.UpdateMemoryResponse,
    ),
    "DeleteMemory": (
        memory_service_pb2.DeleteMemoryRequest,
        memory_service_pb2.DeleteMemoryResponse,
    ),
    "ProcessEvent": (
        cognition_service_pb2.ProcessEventRequest,
        cognition_service_pb2.ProcessEventResponse,
    ),
    "GetState": (cognition_service_pb2.GetStateRequest, cognition_service_pb2.GetStateResponse),
}


@pytest.fixture
async def served():
    """A server with one memory in its default space, and a way to call it."""
    async with in_process() as server, channel(server.listen) as one:

        async def call(method, body):
            request_type, response_type = REQUESTS[method]
            service = (
                "mlsdm.v1.CognitionService" if method in {"ProcessEvent", "GetState"} else MEMORY
            )
            request = ParseDict(body, request_type()) if isinstance(body, dict) else body
            rpc = one.unary_unary(
                f"/{service}/{method}",
                request_serializer=lambda m: m if isinstance(m, bytes) else m.SerializeToString(),
                response_deserializer=response_type.FromString,
            )
            return await rpc(request, timeout=10)

        await call("PutMemory", {"memory": {"embedding": GOOD, "memoryId": "known"}})
        yield server, call


def state_bytes(server):
    """Complete state of every space, and the content of the journal."""
    minds = server.engine.parts.space_workers.link(0).handler.minds
    return {number: snapshot_bytes(mind) for number, mind in minds.items()}


def details(error, kind):
    for key, value in error.trailing_metadata():
        if key == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(value).details:
                if detail.Is(kind.DESCRIPTOR):
                    return kind.FromString(detail.value)
    raise AssertionError(f"no {kind.__name__} in {error}")


def packed(*values, form="<f"):
    return b"".join(struct.pack(form, value) for value in values)


def memory(**fields):
    return memory_put_pb2.PutMemoryRequest(memory=fields)


TEXT = {"text": "x"}
FAULTS = [
    ("PutMemory", {}, ["memory"]),
    ("PutMemory", {"memory": {}}, ["memory"]),
    ("PutMemory", {"memory": TEXT, "space": "Not A Space"}, ["space"]),
    ("PutMemory", {"memory": TEXT, "requestId": "no uuid"}, ["request_id"]),
    ("PutMemory", {"memory": TEXT, "requestId": "g" * 36}, ["request_id"]),
    ("PutMemory", {"memory": {**TEXT, "memoryId": "a b"}}, ["memory.memory_id"]),
    ("PutMemory", {"memory": {**TEXT, "memoryId": "a" * 65}}, ["memory.memory_id"]),
    ("PutMemory", {"memory": {"text": "x" * 8_193}}, ["memory.text"]),
    ("PutMemory", {"memory": {"text": "ü" * 4_097}}, ["memory.text"]),
    ("PutMemory", {"memory": {**TEXT, "metadata": {"k": "v" * 4_096}}}, ["memory.metadata"]),
    ("PutMemory", {"memory": {**TEXT, "labels": ["a b"]}}, ["memory.labels"]),
    ("PutMemory", {"memory": {**TEXT, "labels": [str(i) for i in range(33)]}}, ["memory.labels"]),
    ("PutMemory", {"memory": {**TEXT, "phase": 1.5}}, ["memory.phase"]),
    ("PutMemory", {"memory": {**TEXT, "phase": "NaN"}}, ["memory.phase"]),
    ("PutMemory", {"memory": {**TEXT, "confidence": -0.1}}, ["memory.confidence"]),
    ("PutMemory", {"memory": {**TEXT, "source": 77}}, ["memory.source"]),
    (
        "PutMemory",
        {"memory": {**TEXT, "provenance": {"parentIds": ["a b"]}}},
        ["memory.provenance.parent_ids[0]"],
    ),
    (
        "PutMemory",
        {"memory": {**TEXT, "provenance": {"model": "m" * 129}}},
        ["memory.provenance.model"],
    ),
    (
        "PutMemory",
        {"memory": {**TEXT, "expireTime": "2001-01-01T00:00:00Z"}},
        ["memory.expire_time"],
    ),
    ("PutMemory", memory(embedding={}), ["memory.embedding"]),
    ("PutMemory", memory(embedding={"f32_le": b"123"}), ["memory.embedding"]),
    ("PutMemory", memory(embedding={"f16_le": b"1"}), ["memory.embedding"]),
    ("PutMemory", memory(embedding={"f32_le": packed(*[0.0] * 16)}), ["memory.embedding"]),
    ("PutMemory", memory(embedding={"f32_le": packed(*[1e-30] * 16)}), ["memory.embedding"]),
    (
        "PutMemory",
        memory(embedding={"f32_le": packed(float("nan"), *[1.0] * 15)}),
        ["memory.embedding"],
    ),
    (
        "PutMemory",
        memory(embedding={"f32_le": packed(float("inf"), *[1.0] * 15)}),
        ["memory.embedding"],
    ),
    (
        "PutMemory",
        memory(embedding={"f16_le": packed(float("inf"), *[1.0] * 15, form="<e")}),
        ["memory.embedding"],
    ),
    ("PutMemory", memory(embedding={"f32_le": bytes(4 * 4_097)}), ["memory.embedding"]),
    (
        "PutMemory",
        {"memory": {"memoryId": "?", "phase": 2, "text": "x" * 9_000}, "space": "?"},
        ["space", "memory.phase", "memory.memory_id", "memory.text"],
    ),
    ("BatchPutMemories", {}, ["memories"]),
    ("BatchPutMemories", {"memories": [TEXT] * 1_001}, ["memories"]),
    ("BatchPutMemories", {"memories": [TEXT, {}]}, ["memories[1]"]),
    ("BatchPutMemories", {"space": "BAD!", "memories": [TEXT, {}]}, ["space", "memories[1]"]),
    (
        "BatchPutMemories",
        {"memories": [{**TEXT, "memoryId": "a"}, {**TEXT, "memoryId": "a"}]},
        ["memories[1].memory_id"],
    ),
    ("BatchPutMemories", {"memories": [{}] * 20}, [f"memories[{i}]" for i in range(16)]),
    ("QueryMemories", {}, ["query"]),
    ("QueryMemories", {"text": ""}, ["text"]),
    ("QueryMemories", {"embedding": GOOD, "topK": -1}, ["top_k"]),
    ("QueryMemories", {"embedding": GOOD, "topK": 1_001}, ["top_k"]),
    ("QueryMemories", {"embedding": GOOD, "phaseTolerance": 1.1}, ["phase_tolerance"]),
    ("QueryMemories", {"embedding": GOOD, "minResonance": "Infinity"}, ["min_resonance"]),
    ("QueryMemories", {"embedding": GOOD, "synapticBias": 2}, ["synaptic_bias"]),
    ("QueryMemories", {"embedding": GOOD, "minRevision": -1}, ["min_revision"]),
    ("QueryMemories", {"embedding": GOOD, "labels": [""]}, ["labels"]),
    ("BatchQueryMemories", {"queries": []}, ["queries"]),
    ("BatchQueryMemories", {"queries": [{"text": "a"}] * 129}, ["queries"]),
    ("BatchQueryMemories", {"queries": [{"embedding": GOOD}, {}]}, ["queries[1].query"]),
    ("ListMemories", {"pageSize": -1}, ["page_size"]),
    ("ListMemories", {"pageToken": "garbage"}, ["page_token"]),
    ("ListMemories", {"pageToken": "AAAA"}, ["page_token"]),
    ("GetMemory", {"memoryId": ""}, ["memory_id"]),
    ("DeleteMemory", {"memoryId": "known", "requestId": "1"}, ["request_id"]),
    ("UpdateMemory", {"memoryId": "", "addLabels": ["?"]}, ["memory_id", "add_labels"]),
    (
        "UpdateMemory",
        {"memoryId": "known", "expireTime": "2099-01-01T00:00:00Z", "clearExpireTime": True},
        ["clear_expire_time"],
    ),
    (
        "UpdateMemory",
        {"memoryId": "known", "expireTime": "2001-01-01T00:00:00Z"},
        ["expire_time"],
    ),
    ("ProcessEvent", {}, ["embedding", "moral_value"]),
    ("ProcessEvent", {"embedding": GOOD}, ["moral_value"]),
    ("ProcessEvent", {"embedding": GOOD, "moralValue": 1.1}, ["moral_value"]),
    ("ProcessEvent", {"embedding": GOOD, "moralValue": "NaN"}, ["moral_value"]),
    ("GetState", {"space": "-"}, ["space"]),
]


@pytest.mark.parametrize(("method", "body", "paths"), FAULTS)
async def test_faulty_fields_are_named_and_nothing_changes(served, method, body, paths):
    server, call = served
    before = state_bytes(server)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(method, body)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT, caught.value
    violations = details(caught.value, error_details_pb2.BadRequest).field_violations
    assert [violation.field for violation in violations] == paths
    assert all(violation.description for violation in violations)
    info = details(caught.value, error_details_pb2.ErrorInfo)
    expected = "PAGE_TOKEN_INVALID" if paths == ["page_token"] else "FIELD_INVALID"
    assert (info.reason, info.domain) == (expected, "mlsdm.dev")
    assert state_bytes(server) == before


NOT_FIELDS = [
    ("PutMemory", b"\xff\xff\xff", "INVALID_ARGUMENT", "MESSAGE_MALFORMED"),
    (
        "PutMemory",
        {"memory": {"embedding": {"floats": {"values": [1.0] * 3}}}},
        "FAILED_PRECONDITION",
        "DIMENSION_MISMATCH",
    ),
    (
        "PutMemory",
        {"space": "new", "memory": {"embedding": {"floats": {"values": [1.0] * 3}}}},
        "FAILED_PRECONDITION",
        "DIMENSION_MISMATCH",
    ),
    (
        "QueryMemories",
        {"embedding": {"floats": {"values": [1.0] * 3}}},
        "FAILED_PRECONDITION",
        "DIMENSION_MISMATCH",
    ),
    ("PutMemory", {"memory": TEXT}, "FAILED_PRECONDITION", "EMBEDDER_NOT_CONFIGURED"),
    (
        "QueryMemories",
        {"text": "x", "mode": "QUERY_MODE_VECTOR"},
        "FAILED_PRECONDITION",
        "EMBEDDER_NOT_CONFIGURED",
    ),
    ("QueryMemories", {"space": "nowhere", "text": "x"}, "NOT_FOUND", "SPACE_NOT_FOUND"),
    ("ListMemories", {"space": "nowhere"}, "NOT_FOUND", "SPACE_NOT_FOUND"),
    ("GetState", {"space": "nowhere"}, "NOT_FOUND", "SPACE_NOT_FOUND"),
    ("GetMemory", {"memoryId": "unknown"}, "NOT_FOUND", "MEMORY_NOT_FOUND"),
    (
        "DeleteMemory",
        {"space": "nowhere", "memoryId": "known"},
        "NOT_FOUND",
        "SPACE_NOT_FOUND",
    ),
    (
        "DeleteMemory",
        {"memoryId": "known", "erase": True},
        "UNIMPLEMENTED",
        "NOT_YET_AVAILABLE",
    ),
    (
        "QueryMemories",
        {"embedding": GOOD, "minRevision": 10**6},
        "UNAVAILABLE",
        "REVISION_NOT_REACHED",
    ),
]


@pytest.mark.parametrize(("method", "body", "code", "reason"), NOT_FIELDS)
async def test_other_refusals_change_nothing_either(served, method, body, code, reason):
    server, call = served
    before = state_bytes(server)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(method, body)
    assert caught.value.code().name == code, caught.value
    assert details(caught.value, error_details_pb2.ErrorInfo).reason == reason
    assert state_bytes(server) == before


STATE_REASONS = [
    (
        "PutMemory",
        {"memory": {"embedding": GOOD, "memoryId": "known"}},
        "ALREADY_EXISTS",
        "MEMORY_EXISTS",
    ),
    (
        "PutMemory",
        {
            "memory": {"embedding": GOOD, "memoryId": "known", "etag": '"9"'},
            "allowReplace": True,
        },
        "ABORTED",
        "ETAG_MISMATCH",
    ),
    ("DeleteMemory", {"memoryId": "known", "etag": '"9"'}, "ABORTED", "ETAG_MISMATCH"),
    ("DeleteMemory", {"memoryId": "unknown"}, "NOT_FOUND", "MEMORY_NOT_FOUND"),
    ("UpdateMemory", {"memoryId": "unknown"}, "NOT_FOUND", "MEMORY_NOT_FOUND"),
    ("UpdateMemory", {"memoryId": "known", "etag": '"9"'}, "ABORTED", "ETAG_MISMATCH"),
]


@pytest.mark.parametrize(("method", "body", "code", "reason"), STATE_REASONS)
async def test_what_order_decides_is_a_counted_refusal(served, method, body, code, reason):
    server, call = served
    (before,) = [
        mind.contents for mind in server.engine.parts.space_workers.link(0).handler.minds.values()
    ]
    figures = (len(before.pelm), before.step, before.pelm.next_sequence)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(method, body)
    assert caught.value.code().name == code
    assert details(caught.value, error_details_pb2.ErrorInfo).reason == reason
    assert (len(before.pelm), before.step, before.pelm.next_sequence) == figures


async def test_without_room_for_batches_only_those_are_refused_that_could_be_done(served):
    server, call = served
    bulkhead = server.engine.lanes.bulkhead(Lane.BULK)
    for number in range(bulkhead.permits):
        bulkhead.enter(f"other-{number}")
    many = {"memories": [{"embedding": GOOD}] * 2}
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call("BatchPutMemories", many)
    assert details(caught.value, error_details_pb2.ErrorInfo).reason == "BULKHEAD_FULL"
    with pytest.raises(grpc.aio.AioRpcError) as caught:  # this one would never be taken
        await call("BatchPutMemories", {"memories": [TEXT] * 1_001})
    assert details(caught.value, error_details_pb2.ErrorInfo).reason == "FIELD_INVALID"
    await call("BatchPutMemories", {**many, "validateOnly": True})
    await call("BatchPutMemories", {"memories": [{"embedding": GOOD}]})


async def test_a_message_that_is_too_large_is_refused_by_the_transport(served):
    server, call = served
    before = state_bytes(server)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call("PutMemory", memory(text="x" * (5 * 2**20)))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert state_bytes(server) == before


async def test_an_update_is_seen_and_answers_the_new_etag(served):
    _, call = served
    body = {
        "memoryId": "known",
        "addLabels": ["a"],
        "pinned": True,
        "requestId": "6" * 8 + "-0000-4000-8000-" + "0" * 12,
    }
    updated = await call("UpdateMemory", body)
    assert await call("UpdateMemory", body) == updated
    found = (await call("GetMemory", {"memoryId": "known"})).memory
    assert (list(found.labels), found.pinned) == (["a"], True)
    assert found.etag == updated.memory.etag
    assert updated.revision == found.revision == 3


async def test_page_tokens_are_bound_to_their_list_with_page_token_invalid(served):
    _, call = served
    for i in range(3):
        vector = np.eye(DIMENSION, dtype="<f4")[i + 1]
        await call("PutMemory", memory(embedding={"f32_le": vector.tobytes()}, labels=["a"]))
    page = await call("ListMemories", {"pageSize": 2})
    token = page.next_page_token
    assert token
    rest = await call("ListMemories", {"pageSize": 9, "pageToken": token})
    assert len(page.memories) + len(rest.memories) == 4
    assert not rest.next_page_token
    await call("PutMemory", {"space": "other", "memory": {"embedding": GOOD}})
    for body in ({"pageToken": token, "labels": ["a"]}, {"pageToken": token, "space": "other"}):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call("ListMemories", body)
        info = details(caught.value, error_details_pb2.ErrorInfo)
        assert info.reason == "PAGE_TOKEN_INVALID"
