"""ListDecisions over the real server: pages, filters, refusals, restarts."""

import uuid

import grpc
import pytest
from serving import ServerProcess, channel, connected

from mlsdm_grpc._gen.mlsdm.v1 import admin_service_pb2, admin_service_pb2_grpc, operations_pb2
from mlsdm_grpc.client import MemoryClient

pytestmark = pytest.mark.anyio


async def ask(target, **fields):
    async with channel(target) as opened:
        stub = admin_service_pb2_grpc.AdminServiceStub(opened)
        return await stub.ListDecisions(admin_service_pb2.ListDecisionsRequest(**fields))


async def test_decisions_are_listed_newest_first_by_pages_and_filters():
    async with connected() as (server, client):
        request_id = str(uuid.uuid4())
        put = await client.put("The invoice is due on Friday.", request_id=request_id)
        for value in (0.9, 0.1, 0.8):
            await client.process_event(text="A walk in the park.", moral_value=value)
        whole = await ask(server.listen)
        kinds = [operations_pb2.DecisionKind.Name(each.kind)[14:] for each in whole.decisions]
        assert kinds == ["EVENT", "EVENT", "EVENT", "MEMORY", "SPACE"]
        assert [each.accepted for each in whole.decisions] == [True, False, True, True, True]
        stored = whole.decisions[3]
        assert (stored.memory_id, stored.request_id) == (put.memory.memory_id, request_id)
        assert (stored.principal, stored.revision) == ("dev", put.revision)
        assert not stored.HasField("moral_value")
        refused = whole.decisions[1]
        assert refused.moral_value == pytest.approx(0.1)
        assert refused.moral_threshold == pytest.approx(0.5)
        assert whole.revision == whole.decisions[0].revision
        assert not whole.next_page_token
        found, token = [], ""
        while True:
            page = await ask(server.listen, page_size=2, page_token=token)
            found += page.decisions
            token = page.next_page_token
            if not token:
                break
        assert found == list(whole.decisions)
        only = await ask(server.listen, only_refused=True)
        assert list(only.decisions) == [refused]
        events = await ask(server.listen, kind=operations_pb2.DECISION_KIND_EVENT, page_size=2)
        assert list(events.decisions) == list(whole.decisions[:2])
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await ask(server.listen, page_token=events.next_page_token)
        assert "PAGE_TOKEN_INVALID" in str(caught.value.trailing_metadata())


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"space": "nowhere"}, grpc.StatusCode.NOT_FOUND),
        ({"space": "Bad Name"}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"page_size": -1}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"kind": 77}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"min_revision": 99}, grpc.StatusCode.UNAVAILABLE),
    ],
)
async def test_a_bad_request_is_refused(fields, code):
    async with connected() as (server, client):
        await client.put("The invoice is due on Friday.")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await ask(server.listen, **fields)
        assert caught.value.code() is code


async def test_decisions_survive_a_kill(tmp_path):
    server = ServerProcess(tmp_path)
    try:
        async with MemoryClient(server.listen) as client:
            await client.put("The invoice is due on Friday.")
            await client.process_event(text="A walk in the park.", moral_value=0.9)
        before = await ask(server.listen)
    finally:
        server.kill()
    server = ServerProcess(tmp_path)
    try:
        assert await ask(server.listen) == before
        assert len(before.decisions) == 3
    finally:
        server.terminate()
