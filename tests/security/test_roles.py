"""The table of roles, compared with the rules of the contract."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlsdm_grpc._gen.mlsdm.v1 import authz_pb2
from mlsdm_grpc.security.principal import ATTEST, IMPERSONATE
from mlsdm_grpc.security.roles import EVERYONE, PERMISSIONS, ROLES, TENANT_WIDE, permissions_of
from mlsdm_grpc.server.build import SERVICES

RULES = [
    (method, method.GetOptions().Extensions[authz_pb2.authz])
    for service in SERVICES
    for method in service.methods
]
TENANT = {rule.permission for _, rule in RULES if rule.scope == authz_pb2.SCOPE_TENANT}
PLATFORM = {rule.permission for _, rule in RULES if rule.scope == authz_pb2.SCOPE_PLATFORM}
READ = {"memory.read", "state.read", "space.read", "policy.read", "info.read"}
WRITE = {"memory.write", "event.write", "generate", "governance.evaluate"}
# Permissions of no RPC of its own: each changes what another RPC does.
OF_NO_RPC = {ATTEST, IMPERSONATE}


def test_a_permission_has_one_scope():
    assert set() == TENANT & PLATFORM


def test_the_roles_are_those_of_the_design():
    assert {
        "reader": READ,
        "writer": READ | WRITE,
        "admin": TENANT - EVERYONE - {"tenant.write"},
        "operator": PLATFORM | {IMPERSONATE, "info.read"} | TENANT & {"tenant.write"},
    } == ROLES


def test_every_permission_of_the_contract_is_known_and_no_other():
    assert PERMISSIONS == TENANT | PLATFORM | OF_NO_RPC | EVERYONE


def test_no_role_may_attest():
    assert all(ATTEST not in permissions for permissions in ROLES.values())


def test_several_roles_add_up():
    assert permissions_of(("reader", "operator")) == ROLES["reader"] | ROLES["operator"] | EVERYONE
    assert permissions_of(()) == EVERYONE
    with pytest.raises(KeyError):
        permissions_of(("root",))


def test_what_changes_a_whole_tenant_names_no_space():
    changing = {
        rule.permission
        for method, rule in RULES
        if rule.permission in TENANT_WIDE and "space" not in method.input_type.fields_by_name
    }
    assert changing == TENANT_WIDE


def test_the_documentation_lists_the_permissions_of_the_roles():
    text = (Path(__file__).parents[2] / "docs/security.md").read_text()
    rows = dict(re.findall(r"(?m)^\| `(\w+)` \| ((?:those of|\w+\.\w+).*) \|$", text))
    found = {}
    for role, cell in rows.items():
        inherited = re.findall(r"those of (\w+)", cell)
        named = set(re.findall(r"\b(?:\w+\.\w+|generate|backup)\b", cell))
        found[role] = named.union(*(found[each] for each in inherited))
    assert found == ROLES
