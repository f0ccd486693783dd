"""SpaceService over a real server: created, shown, changed, listed; isolated and durable."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import grpc
import numpy as np
import pytest
from node import refusal
from serving import ServerProcess, channel, connected, in_process, remembering

from mlsdm_grpc._gen.mlsdm.v1 import (
    memory_service_pb2_grpc,
    space_pb2,
    space_service_pb2,
    space_service_pb2_grpc,
)
from mlsdm_grpc._gen.mlsdm.v1.memory_query_pb2 import ListMemoriesRequest
from mlsdm_grpc.client import MemoryClient
from mlsdm_grpc.core.model.semantics import newest
from mlsdm_grpc.errors import (
    AlreadyExists,
    Conflict,
    InvalidInput,
    NotFound,
    PreconditionFailed,
)

pytestmark = pytest.mark.anyio

DIMENSION = 16


def unit(index):
    return np.eye(DIMENSION, dtype=np.float32)[index]


def unrevised(space):
    """A space but for its revision, which a repeated write raises as every record does."""
    copied = space_pb2.Space()
    copied.CopyFrom(space)
    copied.ClearField("revision")
    return copied


@pytest.fixture
async def client():
    async with remembering() as each:
        yield each


async def test_a_space_is_created_with_its_settings(client):
    request_id = str(uuid.uuid4())
    settings = {
        "dimension": DIMENSION,
        "capacity": 3,
        "base_threshold": 0.6,
        "wake_step_count": 2,
        "default_ttl": timedelta(hours=1),
        "min_store_confidence": 0.25,
        "ontology": {"technical": 3 * unit(0), "social": unit(1)},
        "moral_policy": "homeostatic",
        "synaptic_scaling": "legacy",
        "recall_phase": "band",
    }
    created = await client.create_space("bot", request_id=request_id, **settings)
    space = created.space
    assert (space.space, space.incarnation, space.revision, created.revision) == ("bot", 1, 1, 1)
    assert space.state == space_pb2.SPACE_STATE_ACTIVE
    assert (space.etag, space.semantics_version, space.partition) == ('"1"', newest(), 0)
    assert (space.memory_count, space.update_time) == (0, space.create_time)
    config = space.config
    assert (config.dimension, config.capacity, config.embedder_model) == (DIMENSION, 3, "none")
    assert (config.moral.base_threshold, config.moral.ceiling) == (0.6, 0.7)
    assert config.moral.policy == space_pb2.MORAL_POLICY_HOMEOSTATIC
    assert config.synaptic.scaling == space_pb2.SYNAPTIC_SCALING_LEGACY
    assert config.recall.phase == space_pb2.RECALL_PHASE_BAND
    assert config.default_ttl.seconds == 3_600
    assert [each.category for each in config.ontology] == ["technical", "social"]
    assert np.array_equal(np.frombuffer(config.ontology[0].embedding.f32_le, "<f4"), unit(0))
    assert (await client.get_space("bot")).space == space
    again = await client.create_space("bot", request_id=request_id, **settings)
    assert again.revision == created.revision
    assert unrevised(again.space) == unrevised(space)
    with pytest.raises(AlreadyExists) as caught:
        await client.create_space("bot")
    assert (caught.value.reason, caught.value.metadata) == ("SPACE_EXISTS", {"space": "bot"})
    with pytest.raises(InvalidInput) as reused:
        await client.create_space("bot", request_id=request_id)
    assert reused.value.reason == "REQUEST_ID_REUSED"


async def test_settings_take_effect(client):
    await client.create_space(
        "bot",
        dimension=DIMENSION,
        capacity=2,
        default_ttl=timedelta(hours=1),
        ontology={"technical": unit(0), "social": unit(1)},
    )
    put = await client.put(embedding=unit(1), memory_id="m", labels=["own"], space="bot")
    hour = timedelta(hours=1)
    assert put.memory.expire_time.ToDatetime(UTC) <= datetime.now(UTC) + hour
    assert put.memory.expire_time.ToDatetime(UTC) > datetime.now(UTC) + hour / 2
    memory = (await client.get("m", space="bot")).memory
    assert list(memory.labels) == ["own", "social"]
    space = (await client.get_space("bot")).space
    updated = await client.update_space("bot", etag=space.etag, read_only=True)
    assert updated.space.state == space_pb2.SPACE_STATE_READ_ONLY
    with pytest.raises(PreconditionFailed) as caught:
        await client.put(embedding=unit(2), space="bot")
    assert (caught.value.reason, caught.value.metadata["space"]) == ("SPACE_READ_ONLY", "bot")
    assert (await client.query(embedding=unit(1), space="bot")).matches[0].memory.memory_id == "m"


async def test_a_space_is_changed_under_its_etag(client):
    await client.put(embedding=unit(0), memory_id="m")
    before = (await client.get_space()).space
    request_id = str(uuid.uuid4())
    change = {"etag": before.etag, "capacity": 9, "wake_step_count": 5, "request_id": request_id}
    after = await client.update_space(**change)
    assert after.revision == after.space.revision == 3
    assert after.space.etag != before.etag
    assert after.space.update_time.ToNanoseconds() > before.update_time.ToNanoseconds()
    assert after.space.create_time == before.create_time
    expected = space_pb2.SpaceConfig()
    expected.CopyFrom(before.config)
    expected.capacity = 9
    expected.rhythm.wake_step_count = 5
    assert after.space.config == expected
    assert (await client.get_space(min_revision=3)).space == after.space
    again = await client.update_space(**change)
    assert again.revision == after.revision
    assert unrevised(again.space) == unrevised(after.space)
    await client.put(embedding=unit(1))
    assert (await client.get_space()).space.etag == after.space.etag
    with pytest.raises(Conflict) as stale:
        await client.update_space(etag=before.etag, capacity=8)
    assert stale.value.reason == "ETAG_MISMATCH"
    for settings, field in [
        ({"dimension": 3}, "config.dimension"),
        ({"capacity": 1}, "config.capacity"),
        ({"embedder_model": "wordllama-l2-supercat-256"}, "config.embedder_model"),
    ]:
        with pytest.raises(PreconditionFailed) as caught:
            await client.update_space(etag=after.space.etag, **settings)
        assert caught.value.reason == "CONFIG_CONFLICT"
        assert caught.value.metadata["field"] == field
    with pytest.raises(PreconditionFailed) as other:
        await client.update_space(etag=after.space.etag, embedder_model="other")
    assert other.value.reason == "EMBEDDER_MISMATCH"
    assert (await client.get_space()).space.config == expected


async def test_checks_write_nothing(client):
    planned = await client.create_space("bot", validate_only=True, capacity=7)
    assert (planned.space.config.capacity, planned.revision) == (7, 0)
    assert planned.space.incarnation == 0
    with pytest.raises(NotFound):
        await client.get_space("bot")
    await client.put(embedding=unit(0))
    before = (await client.get_space()).space
    checked = await client.update_space(etag=before.etag, validate_only=True, capacity=7)
    assert (checked.space.config.capacity, checked.revision) == (7, before.revision)
    assert (await client.get_space()).space == before


async def test_spaces_are_listed_by_creation(client):
    for name in ("c", "a"):
        await client.create_space(name)
    await client.put(embedding=unit(0), space="b")
    found = [space async for space in client.list_spaces(page_size=2)]
    assert [(space.space, space.memory_count) for space in found] == [("c", 0), ("a", 0), ("b", 1)]
    assert found[2] == (await client.get_space("b")).space


async def test_what_is_missing_or_faulty_is_named():
    async with in_process() as server, channel(server.listen) as one:
        stub = space_service_pb2_grpc.SpaceServiceStub(one)
        for rpc, request in [
            (stub.CreateSpace, space_service_pb2.CreateSpaceRequest()),
            (stub.CreateSpace, space_service_pb2.CreateSpaceRequest(space="_tenant")),
            (stub.GetSpace, space_service_pb2.GetSpaceRequest(space="_tenant")),
            (stub.GetSpace, space_service_pb2.GetSpaceRequest(min_revision=-1)),
            (stub.UpdateSpace, space_service_pb2.UpdateSpaceRequest(etag='"1"')),
            (
                stub.UpdateSpace,
                space_service_pb2.UpdateSpaceRequest(config=space_pb2.SpaceConfig()),
            ),
            (stub.ListSpaces, space_service_pb2.ListSpacesRequest(page_size=-1)),
            (stub.ListSpaces, space_service_pb2.ListSpacesRequest(page_token="AAAA")),
        ]:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await rpc(request, timeout=10)
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT, request


async def test_tokens_and_revisions_of_other_lists_are_refused():
    async with connected() as (server, client):
        for name in ("a", "b"):
            await client.put(embedding=unit(0), space=name)
            await client.put(embedding=unit(1), space=name)
        async with channel(server.listen) as one:
            spaces = space_service_pb2_grpc.SpaceServiceStub(one)
            page = await spaces.ListSpaces(space_service_pb2.ListSpacesRequest(page_size=1))
            assert page.next_page_token
            request = space_service_pb2.ListSpacesRequest(min_revision=1)
            refused = await refusal(spaces.ListSpaces(request))
            assert refused.reason == "REVISION_NOT_REACHED"
            memories = memory_service_pb2_grpc.MemoryServiceStub(one)
            request = ListMemoriesRequest(space="a", page_token=page.next_page_token)
            assert (await refusal(memories.ListMemories(request))).reason == "PAGE_TOKEN_INVALID"


async def test_settings_survive_a_kill(tmp_path):
    server = await asyncio.to_thread(ServerProcess, tmp_path)
    try:
        async with MemoryClient(server.listen) as client:
            await client.create_space("bot", dimension=DIMENSION, ontology={"c": unit(0)})
            space = (await client.get_space("bot")).space
            after = await client.update_space("bot", etag=space.etag, capacity=1)
        await asyncio.to_thread(server.kill)
        server = await asyncio.to_thread(ServerProcess, tmp_path)
        async with MemoryClient(server.listen) as client:
            assert [each.space async for each in client.list_spaces()] == ["bot"]
            assert (await client.get_space("bot")).space == after.space
            first = await client.put(embedding=unit(3), space="bot")
            assert list((await client.get(first.memory.memory_id, space="bot")).memory.labels) == [
                "c"
            ]
            second = await client.put(embedding=unit(4), space="bot")
            assert list(second.evicted_memory_ids) == [first.memory.memory_id]
    finally:
        await asyncio.to_thread(server.kill)
