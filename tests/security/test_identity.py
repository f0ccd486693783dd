"""The identity of a caller, as it sees it, and calls in another tenant."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import asynccontextmanager

import pytest
from serving import in_process
from structlog.testing import capture_logs

from mlsdm_grpc.client import MemoryClient
from mlsdm_grpc.errors import InvalidInput, NotFound, PermissionDenied, Unauthenticated
from mlsdm_grpc.security.roles import ROLES

pytestmark = pytest.mark.anyio
FILE_OF_840C8D1 = """
[[token]]
name = "billing-service"
tenant = "acme"
sha256 = "{plain}"
expires = 2037-01-01T00:00:00Z

[[token]]
name = "sre"
tenant = "ops"
sha256 = "{platform}"
criticality = "critical"
platform = true

[[token]]
name = "judge"
tenant = "acme"
sha256 = "{attest}"
attest = true
"""
NEW = """
[[token]]
name = "limited"
tenant = "acme"
id = "limitedkey"
sha256 = "{limited}"
roles = ["writer", "auditor"]
spaces = ["inbox", "team-*"]
"""
POLICY = """
[role.auditor]
permissions = ["audit.read"]
"""


@asynccontextmanager
async def _server(tmp_path):
    names = ("plain", "platform", "attest", "limited")
    hashes = {name: hashlib.sha256(name.encode()).hexdigest() for name in names}
    tokens, policy = tmp_path / "tokens.toml", tmp_path / "policy.toml"
    await asyncio.to_thread(tokens.write_text, (FILE_OF_840C8D1 + NEW).format(**hashes))
    await asyncio.to_thread(policy.write_text, POLICY)
    security = {"mode": "token", "tokens_file": str(tokens), "policy_file": str(policy)}
    async with in_process(security=security) as server:
        yield server


@asynccontextmanager
async def _as(server, token, **options):
    async with MemoryClient(str(server.listen), token=token, **options) as client:
        yield client


async def test_a_tokens_file_of_840c8d1_gives_the_same_rights(tmp_path):
    async with _server(tmp_path) as server:
        async with _as(server, "plain") as client:
            found = await client.who_am_i()
            assert (found.name, found.tenant, found.roles) == ("billing-service", "acme", ["admin"])
            assert set(found.permissions) == ROLES["admin"] | {"identity.read"}
            assert (found.all_spaces, found.max_criticality) == (True, "default")
            assert found.expire_time.ToJsonString() == "2037-01-01T00:00:00Z"
        async with _as(server, "platform") as client:
            found = await client.who_am_i()
            assert (found.roles, found.max_criticality) == (["admin", "operator"], "critical")
            assert set(found.permissions) == ROLES["admin"] | ROLES["operator"] | {"identity.read"}
            assert not found.HasField("expire_time")
        async with _as(server, "attest") as client:
            assert "governance.attest" in (await client.who_am_i()).permissions


async def test_a_limited_caller_sees_its_spaces_only(tmp_path):
    async with _server(tmp_path) as server:
        async with _as(server, "plain") as client:
            for space in ("inbox", "team-blue", "secret", "team"):
                await client.create_space(space)
        async with _as(server, "limited") as client:
            found = await client.who_am_i()
            assert (found.spaces, found.all_spaces) == (["inbox", "team-*"], False)
            assert (found.key_id, found.roles) == ("limitedkey", ["writer", "auditor"])
            assert "audit.read" in found.permissions
            listed = [each.space async for each in client.list_spaces()]
            assert listed == ["inbox", "team-blue"]
            await client.put("A note for the inbox.", space="inbox")
            with pytest.raises(PermissionDenied) as raised:
                await client.put("A note.", space="secret")
            assert raised.value.metadata == {
                "permission": "memory.write",
                "scope": "tenant",
                "space": "secret",
            }
            info = await client.server_info()
            assert list(info.permissions) == list(found.permissions)


async def test_in_dev_mode_everyone_is_dev():
    async with in_process() as server, _as(server, None) as client:
        found = await client.who_am_i()
        assert (found.name, found.tenant, found.key_id) == ("dev", "dev", "")
        assert found.roles == ["admin", "operator"]


async def test_an_operator_acts_in_another_tenant_with_audit_of_both(tmp_path):
    async with _server(tmp_path) as server:
        async with _as(server, "plain") as client:
            await client.put("A note of acme.", memory_id="note")
        with capture_logs() as logs:
            async with _as(server, "platform", tenant="acme") as client:
                assert (await client.get("note")).memory.text == "A note of acme."
                found = await client.who_am_i()
        assert (found.name, found.tenant) == ("sre", "acme")
        assert (found.actor_name, found.actor_tenant) == ("sre", "ops")
        audited = [each for each in logs if each["event"] == "tenant_impersonated"]
        assert len(audited) == 2
        assert {(each["principal"], each["tenant"], each["acting_in"]) for each in audited} == {
            ("sre", "ops", "acme")
        }
        async with _as(server, "platform", tenant="none") as client:
            with pytest.raises(NotFound):
                await client.get("note")
        with pytest.raises(InvalidInput, match="tenant: must match"):
            MemoryClient(str(server.listen), tenant="Acme")
        async with _as(server, "plain", tenant="ops") as client:
            with pytest.raises(PermissionDenied) as denied:
                await client.get("note")
            assert denied.value.metadata["permission"] == "tenant.impersonate"


async def test_the_token_of_a_client_may_come_from_a_function(tmp_path):
    async with _server(tmp_path) as server:
        given = ["plain", "platform", "wrong", "bad\nvalue", "limited"]
        async with _as(server, lambda: given.pop(0)) as client:
            assert (await client.who_am_i()).name == "billing-service"
            assert (await client.who_am_i()).name == "sre"
            with pytest.raises(Unauthenticated):
                await client.who_am_i()
            with pytest.raises(InvalidInput, match="token"):
                await client.who_am_i()
            assert (await client.who_am_i()).name == "limited"
