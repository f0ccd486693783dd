"""Tenants over the real server: quotas set by operators, refused calls, lists, restarts."""

import hashlib

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from serving import ServerProcess, channel, connected, in_process

from mlsdm_grpc._gen.mlsdm.v1 import space_service_pb2, space_service_pb2_grpc
from mlsdm_grpc.client import MemoryClient, new_memory
from mlsdm_grpc.errors import (
    Conflict,
    InvalidInput,
    PermissionDenied,
    QuotaExceeded,
    Unauthenticated,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def served():
    async with connected() as (server, client):
        yield server, client


async def test_a_tenant_without_settings_shows_those_of_the_server():
    async with connected(quotas={"max_spaces": 5}) as (_, client):
        await client.put("The invoice is due on Friday.")
        response = await client.get_tenant()
        tenant = response.tenant
        assert (response.revision, tenant.tenant, tenant.etag) == (0, "dev", '"0"')
        assert not tenant.HasField("update_time")
        assert not tenant.quotas.ListFields()
        assert not tenant.defaults.ListFields()
        quotas = tenant.effective_quotas
        assert (quotas.space_count, quotas.capacity, quotas.kept_bytes) == (5, 0, 0)
        assert (tenant.usage.space_count, tenant.usage.capacity) == (1, 20_000)
        assert 10_000 < tenant.usage.kept_bytes < 10_000_000


async def test_quotas_and_defaults_are_set_read_and_reset(served):
    _, client = served
    foreseen = await client.set_tenant(etag='"0"', space_count=3, validate_only=True)
    assert (foreseen.revision, foreseen.tenant.etag) == (0, "")
    assert (await client.get_tenant()).revision == 0
    done = await client.set_tenant(etag='"0"', space_count=3, space_capacity=9)
    assert (done.revision, done.tenant.etag) == (1, '"1"')
    read = (await client.get_tenant(min_revision=1)).tenant
    assert read.quotas == done.tenant.quotas
    assert read.quotas.space_count == read.effective_quotas.space_count == 3
    assert not read.quotas.HasField("capacity")
    assert read.update_time == done.tenant.update_time
    await client.put("The invoice is due on Friday.", space="a")
    assert (await client.get_space("a")).space.config.capacity == 9
    with pytest.raises(Conflict) as caught:
        await client.set_tenant(etag='"0"')
    assert caught.value.metadata["resource"] == "tenant"
    reset = await client.set_tenant(etag='"1"')
    assert not reset.tenant.quotas.ListFields()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"space_count": -1}, "quotas.space_count"),
        ({"capacity": -1}, "quotas.capacity"),
        ({"kept_bytes": -1}, "quotas.kept_bytes"),
        ({"space_capacity": 0}, "defaults.space_capacity"),
        ({"space_capacity": 1_000_001}, "defaults.space_capacity"),
    ],
)
async def test_bad_settings_are_refused(served, given, field):
    _, client = served
    with pytest.raises(InvalidInput) as caught:
        await client.set_tenant(etag='"0"', **given)
    assert [each.field for each in caught.value.violations] == [field]
    assert (await client.get_tenant()).revision == 0


async def test_an_exceeded_quota_has_a_quota_failure_and_no_advice_to_retry():
    async with connected(quotas={"max_spaces": 1}) as (server, client):
        await client.put("The invoice is due on Friday.")
        async with channel(server.listen) as opened:
            spaces = space_service_pb2_grpc.SpaceServiceStub(opened)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await spaces.CreateSpace(space_service_pb2.CreateSpaceRequest(space="b"))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        trailers = dict(caught.value.trailing_metadata())
        details = status_pb2.Status.FromString(trailers["grpc-status-details-bin"]).details
        failure, info = error_details_pb2.QuotaFailure(), error_details_pb2.ErrorInfo()
        assert any(each.Unpack(failure) for each in details)
        assert any(each.Unpack(info) for each in details)
        assert failure.violations[0].subject == "tenant.spaces"
        assert info.reason == "QUOTA_EXCEEDED"
        assert dict(info.metadata) == {"quota_id": "tenant.spaces", "limit": "1", "actual": "1"}
        assert not any(each.Is(error_details_pb2.RetryInfo.DESCRIPTOR) for each in details)
        assert int(trailers["grpc-retry-pushback-ms"]) < 0


async def test_streams_end_when_the_bytes_are_used_up():
    async with connected(quotas={"max_kept_bytes": 60_000}) as (_, client):

        async def fill():
            for number in range(200):
                await ingest(f"{number} " + "word " * 300)

        async def ingest(text):
            return [each async for each in client.ingest([new_memory(text)])]

        with pytest.raises(QuotaExceeded):
            await fill()
        held = (await client.state()).state.memory.used
        with pytest.raises(QuotaExceeded):
            await ingest("One more.")
        assert (await client.state()).state.memory.used == held > 0


async def test_a_stream_stores_its_first_record_in_a_space_that_it_creates():
    async with connected(quotas={"max_kept_bytes": 100}) as (_, client):
        first = [each async for each in client.ingest([new_memory("One.")])]
        assert len(first) == 1
        with pytest.raises(QuotaExceeded):
            _ = [each async for each in client.ingest([new_memory("Two.")])]
        assert (await client.state()).state.memory.used == 1


CALLERS = {
    "owner": 'tenant = "acme"\nroles = ["admin"]\n',
    "reader": 'tenant = "acme"\nroles = ["reader"]\n',
    "root": 'tenant = "ops"\nroles = ["operator"]\n',
    "some": 'tenant = "acme"\nroles = ["admin"]\nspaces = ["a"]\n',
}


async def test_only_operators_change_quotas_and_list_tenants(tmp_path):
    tokens = tmp_path / "tokens.toml"
    tokens.write_text(
        "".join(
            f'[[token]]\nname = "{name}"\nsha256 = "{hashlib.sha256(name.encode()).hexdigest()}"\n'
            + rest
            for name, rest in CALLERS.items()
        ),
        "utf-8",
    )
    async with in_process(security={"mode": "token", "tokens_file": tokens}) as server:
        target = str(server.listen)

        def client(name, **options):
            return MemoryClient(target, token=name, **options)

        async with (
            client("owner") as owner,
            client("reader") as reader,
            client("root") as root,
            client("root", tenant="acme") as acting,
            client("some") as some,
        ):
            await owner.put("The invoice is due on Friday.", space="a")
            with pytest.raises(PermissionDenied) as caught:
                await owner.set_tenant(etag='"0"', space_count=9)
            assert caught.value.metadata == {"permission": "tenant.write", "scope": "tenant"}
            for attempt in (reader.get_tenant(), some.get_tenant(), acting.get_tenant()):
                with pytest.raises(PermissionDenied):
                    await attempt
            with pytest.raises(PermissionDenied) as caught:
                _ = [each async for each in owner.list_tenants()]
            assert caught.value.metadata == {"permission": "admin.read", "scope": "platform"}
            await acting.set_tenant(etag='"0"', space_count=1)
            with pytest.raises(QuotaExceeded):
                await owner.put("The invoice is due on Friday.", space="b")
            assert (await owner.get_tenant()).tenant.quotas.space_count == 1
            listed = [each async for each in root.list_tenants(page_size=1)]
            assert [(each.tenant, each.usage.space_count) for each in listed] == [("acme", 1)]
            assert listed[0].etag == '"1"'
        async with MemoryClient(target) as nobody:
            with pytest.raises(Unauthenticated):
                await nobody.get_tenant()


async def test_tenants_survive_a_restart(tmp_path):
    newest = {"MLSDM_SPACE__UPGRADE_SEMANTICS": "true"}
    server = ServerProcess(tmp_path, environment=newest)
    try:
        async with MemoryClient(server.listen) as client:
            await client.put("The invoice is due on Friday.")
            await client.set_tenant(etag='"0"', space_count=1, space_capacity=50)
    finally:
        server.kill()
    server = ServerProcess(tmp_path, environment=newest)
    try:
        async with MemoryClient(server.listen) as client:
            tenant = (await client.get_tenant()).tenant
            assert (tenant.etag, tenant.quotas.space_count) == ('"1"', 1)
            assert (tenant.usage.space_count, tenant.usage.capacity) == (1, 20_000)
            with pytest.raises(QuotaExceeded):
                await client.create_space("b")
    finally:
        server.terminate()
