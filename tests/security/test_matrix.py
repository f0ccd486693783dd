"""Role x method x tenant x space, generated from the descriptors and asked of a real server.

A call counts as let in unless it ends with PERMISSION_DENIED, UNAUTHENTICATED or METADATA_INVALID:
requests are empty but for the space, so that most of them are refused as incomplete afterwards.
"""

from __future__ import annotations

import hashlib
from contextlib import asynccontextmanager
from functools import partial

import grpc.aio
import pytest
from google.protobuf.message_factory import GetMessageClass
from serving import channel, in_process

from mlsdm_grpc._gen.mlsdm.v1 import authz_pb2
from mlsdm_grpc.security.roles import EVERYONE, ROLES, TENANT_WIDE
from mlsdm_grpc.server.build import SERVICES
from mlsdm_grpc.wire.request_space import space_path
from tests.support.any_call import answers, start_call
from tests.support.node import Refusal, refusal

METHODS = [method for service in SERVICES for method in service.methods]
SPACES = {"granted": "inbox", "prefixed": "team-blue", "other": "secret"}
LIMITED = ["inbox", "team-*"]
# Values of ``x-mlsdm-tenant``: none, the caller's own tenant, and another one.
TENANTS = (None, "acme", "other")
# Streams that this version does not serve: it ends them before it reads a message.
UNREAD = {"ImportSpace"}
# A drain ends the server that the other calls need.
HARMFUL = {"Drain"}

pytestmark = pytest.mark.timeout(180)


def _rule(method):
    return method.GetOptions().Extensions[authz_pb2.authz]


def _entry(role, spaces):
    listed = f"spaces = {spaces}\n" if spaces else ""
    digest = hashlib.sha256(_token(role, spaces).encode()).hexdigest()
    return (
        f'[[token]]\nname = "{role}"\ntenant = "acme"\nsha256 = "{digest}"\n'
        f'roles = ["{role}"]\n{listed}'
    )


def _token(role, spaces):
    return f"{role}-{bool(spaces)}-of-the-matrix"


@asynccontextmanager
async def _server(tmp_path):
    tokens = tmp_path / "tokens.toml"
    tokens.write_text("".join(_entry(role, spaces) for role in ROLES for spaces in ([], LIMITED)))
    security = {"mode": "token", "tokens_file": str(tokens)}
    limits = {"enabled": False}
    async with (
        in_process(security=security, limits=limits) as server,
        channel(server.listen) as opened,
    ):
        yield opened


def _request(method, space):
    request = GetMessageClass(method.input_type)()
    path = space_path(method.input_type)
    if path:
        message = request
        for name in path[:-1]:
            message = getattr(message, name)
            message.SetInParent()
        setattr(message, path[-1], space)
    return request


async def _ask(opened, method, space, token, tenant=None):
    """Return the reason and metadata of a refusal by right, or None."""
    request = _request(method, space)
    metadata = [("authorization", f"Bearer {token}")] if token else []
    if tenant is not None:
        metadata.append(("x-mlsdm-tenant", tenant))
    call = start_call(opened, method, request, metadata=metadata, timeout=60)
    try:
        async for _ in answers(call, method, most=1):
            pass
    except grpc.aio.AioRpcError as error:
        refused = Refusal(error)
        if refused.reason in {"PERMISSION_MISSING", "CREDENTIAL_MISSING", "METADATA_INVALID"}:
            return refused.reason, refused.metadata
    return None


def _expected(method, role, space, *, limited, tenant):
    """Return the refusal that the design asks for, or None."""
    rule = _rule(method)
    held = ROLES[role] | EVERYONE
    platform = rule.scope == authz_pb2.SCOPE_PLATFORM
    scope = "platform" if platform else "tenant"
    missing = "PERMISSION_MISSING"
    if tenant is not None:
        if "tenant.impersonate" not in held:
            return missing, {"permission": "tenant.impersonate", "scope": "platform"}
        if platform:
            return "METADATA_INVALID", {"key": "x-mlsdm-tenant"}
    needed = {"permission": rule.permission, "scope": scope}
    if rule.permission not in held or (limited and rule.permission in TENANT_WIDE):
        return missing, needed
    checked = space_path(method.input_type) and method.name not in UNREAD
    if limited and space == SPACES["other"] and checked:
        return missing, {**needed, "space": space}
    return None


@pytest.mark.anyio
@pytest.mark.parametrize("limited", [False, True], ids=["all-spaces", "some-spaces"])
@pytest.mark.parametrize("role", ROLES)
async def test_the_matrix(tmp_path, role, limited):
    asked = 0
    async with _server(tmp_path) as opened:
        token = _token(role, limited)
        for method in METHODS:
            if method.name in HARMFUL and "admin.drain" in ROLES[role]:
                continue
            ask = partial(_ask, opened, method)
            expect = partial(_expected, method, role, limited=limited)
            for space in SPACES.values():
                for tenant in TENANTS:
                    found = await ask(space, token, tenant)
                    wanted = expect(space, tenant=tenant)
                    assert found == wanted, (role, method.name, tenant, space)
                    asked += 1
                missing = await ask(space, "")
                assert missing == ("CREDENTIAL_MISSING", {}), (method.name, space)
    assert asked >= len(SPACES) * len(TENANTS) * (len(METHODS) - 1)


def test_the_matrix_has_methods_of_both_scopes_with_and_without_a_space():
    scopes = {(_rule(method).scope, bool(space_path(method.input_type))) for method in METHODS}
    assert {(authz_pb2.SCOPE_TENANT, True), (authz_pb2.SCOPE_TENANT, False)} < scopes
    assert (authz_pb2.SCOPE_PLATFORM, False) in scopes
    held = set().union(*ROLES.values()) | EVERYONE
    assert {_rule(method).permission for method in METHODS} <= held


@pytest.mark.anyio
async def test_a_space_outside_the_grants_is_refused_whether_it_exists_or_not(tmp_path):
    async with _server(tmp_path) as opened:
        named = {method.name: method for method in METHODS}
        create = named["CreateSpace"]
        get = named["GetSpace"]
        assert await _ask(opened, create, "secret", _token("admin", [])) is None
        seen = [await _ask(opened, get, each, _token("admin", LIMITED)) for each in ("secret", "n")]
        assert [reason for reason, _ in seen] == ["PERMISSION_MISSING"] * 2
        (_, existing), (_, absent) = seen
        assert {**existing, "space": ""} == {**absent, "space": ""}


@pytest.mark.anyio
async def test_a_text_that_names_no_space_is_repeated_nowhere(tmp_path):
    async with _server(tmp_path) as opened:
        get = next(method for method in METHODS if method.name == "GetSpace")
        metadata = [("authorization", f"Bearer {_token('admin', LIMITED)}")]
        secret = "AKIAQZXCANARY1000199"
        call = start_call(opened, get, _request(get, secret), metadata=metadata, timeout=60)
        refused = await refusal(call)
        assert (refused.reason, refused.metadata) == ("FIELD_INVALID", {"field": "space"})
        assert secret not in f"{refused.message} {refused.fields}"
