"""Policies over the real server: set, refused, repeated, isolated, restarted."""

import hashlib
import uuid

import grpc
import pytest
from google.protobuf.json_format import ParseDict
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2
from serving import ServerProcess, channel, connected, in_process

from mlsdm_grpc._gen.mlsdm.v1 import governance_pb2, governance_service_pb2
from mlsdm_grpc.client import MemoryClient, Policy
from mlsdm_grpc.errors import Conflict, InvalidInput, Unauthenticated
from mlsdm_grpc.governance.policy.rules import BUILT_IN_RULES
from mlsdm_grpc.server.build import SERVICES

pytestmark = pytest.mark.anyio

EVENT = [1.0] + [0.0] * 15


@pytest.fixture
async def served():
    async with connected() as (server, client):
        yield server, client


async def test_the_built_in_policy_shows_every_rule_with_its_settings(served):
    _, client = served
    response = await client.get_policy()
    policy = response.policy
    assert response.revision == 0
    assert (policy.policy_version, policy.etag, policy.HasField("update_time")) == (
        "0",
        '"0"',
        False,
    )
    assert [rule.rule_id for rule in policy.rules] == [each.rule_id for each in BUILT_IN_RULES]
    (rule,) = (rule for rule in policy.rules if rule.rule_id == "moral.threshold")
    assert rule.threshold == 0.5
    assert (rule.decision, rule.enforcement, rule.on_error) == (
        governance_pb2.DECISION_REFUSE,
        governance_pb2.ENFORCEMENT_ENFORCE,
        governance_pb2.ON_ERROR_REFUSE,
    )
    assert rule.description
    assert policy.base_moral_threshold == 0.5


async def test_a_policy_is_set_and_new_spaces_follow_it(served):
    _, client = served
    await client.process_event(embedding=EVENT, moral_value=0.6, space="before")
    read = (await client.get_policy()).policy
    done = await client.set_policy(Policy(base_moral_threshold=0.7), etag=read.etag)
    assert (done.revision, done.policy.policy_version) == (1, "1")
    thresholds = {rule.rule_id: rule.threshold for rule in done.policy.rules}
    assert thresholds["moral.threshold"] == 0.7
    assert done.policy.HasField("update_time")
    assert (await client.get_policy(min_revision=1)).policy == done.policy
    for space, accepted in (("before", True), ("after", False)):
        event = await client.process_event(embedding=EVENT, moral_value=0.6, space=space)
        assert event.outcome.accepted is accepted
    state = (await client.state(space="after")).state
    assert state.moral.base_threshold == 0.7


async def test_what_was_read_can_be_set_again_and_an_empty_policy_resets(served):
    _, client = served
    await client.set_policy(Policy(base_moral_threshold=0.7), etag='"0"')
    read = (await client.get_policy()).policy
    again = (await client.set_policy(read)).policy
    assert list(again.rules) == list(read.rules)
    assert (again.policy_version, again.etag) == ("2", '"2"')
    reset = await client.set_policy(Policy(), etag=again.etag)
    assert (reset.policy.base_moral_threshold, reset.policy.policy_version) == (0.5, "3")


async def test_a_stale_etag_is_refused_and_changes_nothing_with_etag_mismatch(served):
    _, client = served
    policy = Policy(base_moral_threshold=0.7)
    await client.set_policy(policy, etag='"0"')
    before = await client.get_policy()
    for validate_only in (True, False):
        with pytest.raises(Conflict) as caught:
            await client.set_policy(
                Policy(base_moral_threshold=0.8),
                etag='"0"',
                validate_only=validate_only,
            )
        assert (caught.value.reason, caught.value.metadata["resource"]) == (
            "ETAG_MISMATCH",
            "policy",
        )
    assert (await client.get_policy()).policy == before.policy


async def test_validate_only_tells_the_policy_and_writes_nothing(served):
    _, client = served
    policy = Policy(base_moral_threshold=0.7)
    foreseen = await client.set_policy(policy, etag='"0"', validate_only=True)
    assert foreseen.revision == 0
    assert (await client.get_policy()).revision == 0
    done = await client.set_policy(policy, etag='"0"')
    assert foreseen.policy.rules == done.policy.rules
    assert foreseen.policy.base_moral_threshold == 0.7
    assert (foreseen.policy.policy_version, foreseen.policy.etag) == ("", "")
    assert (await client.set_policy(policy, etag='"1"', validate_only=True)).revision == 1


async def test_a_repeat_gets_the_first_answer(served):
    _, client = served
    request_id = str(uuid.uuid4())
    policy = Policy(base_moral_threshold=0.7)
    first = await client.set_policy(policy, etag='"0"', request_id=request_id)
    await client.set_policy(Policy(), etag='"1"')
    assert await client.set_policy(policy, etag='"0"', request_id=request_id) == first
    with pytest.raises(InvalidInput) as caught:
        await client.set_policy(policy, etag='"2"', request_id=request_id)
    assert caught.value.reason == "REQUEST_ID_REUSED"
    assert (await client.get_policy()).policy.base_moral_threshold == 0.5


MORAL = {"ruleId": "moral.threshold"}
FAULTS = [
    ({}, ["policy", "etag"]),
    ({"policy": {}}, ["etag"]),
    ({"etag": '"0"'}, ["policy"]),
    ({"requestId": "no uuid"}, ["request_id"]),
    ({"policy": {"baseMoralThreshold": 0.29}}, ["policy.base_moral_threshold"]),
    ({"policy": {"baseMoralThreshold": "NaN"}}, ["policy.base_moral_threshold"]),
    ({"policy": {"rules": [{"ruleId": "no.such"}]}}, ["policy.rules[0].rule_id"]),
    ({"policy": {"rules": [{}]}}, ["policy.rules[0].rule_id"]),
    ({"policy": {"rules": [MORAL, MORAL]}}, ["policy.rules[1].rule_id"]),
    ({"policy": {"rules": [{**MORAL, "threshold": 0.6}]}}, ["policy.rules[0].threshold"]),
    ({"policy": {"rules": [{**MORAL, "decision": 77}]}}, ["policy.rules[0].decision"]),
    (
        {"policy": {"rules": [{**MORAL, "enforcement": "ENFORCEMENT_SHADOW"}]}},
        ["policy.rules[0].enforcement"],
    ),
    (
        {"policy": {"rules": [{**MORAL, "onError": "ON_ERROR_ALLOW"}]}},
        ["policy.rules[0].on_error"],
    ),
    ({"policy": {"rules": [MORAL] * 101}}, ["policy.rules"]),
    (
        {"policy": {"rules": [{"ruleId": "injection.prompt", "decision": "DECISION_REDACT"}]}},
        ["policy.rules[0].decision"],
    ),
    (
        {"policy": {"rules": [{"ruleId": "pii.prompt", "expireTime": "2020-01-01T00:00:00Z"}]}},
        ["policy.rules[0].expire_time"],
    ),
    (
        {"policy": {"rules": [{**MORAL, "expireTime": "2100-01-01T00:00:00Z"}]}},
        ["policy.rules[0].expire_time"],
    ),
]


def violations(error):
    for key, value in error.trailing_metadata():
        if key == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(value).details:
                if detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
                    bad = error_details_pb2.BadRequest.FromString(detail.value)
                    return [violation.field for violation in bad.field_violations]
    raise AssertionError(error)


@pytest.mark.parametrize("validate_only", [False, True])
@pytest.mark.parametrize(("body", "fields"), FAULTS)
async def test_every_faulty_field_is_named(served, body, fields, validate_only):
    server, client = served
    if len(fields) == 1 and fields[0] not in {"etag", "policy"}:
        body = {"etag": '"0"', "policy": {}, **body}
    request = ParseDict(body, governance_service_pb2.SetPolicyRequest())
    request.validate_only = validate_only
    async with channel(server.listen) as one:
        rpc = one.unary_unary(
            "/mlsdm.v1.GovernanceService/SetPolicy",
            request_serializer=lambda message: message.SerializeToString(),
        )
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await rpc(request, timeout=10)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert violations(caught.value) == fields
    assert (await client.get_policy()).revision == 0


async def test_reads_name_faulty_revisions(served):
    _, client = served
    with pytest.raises(InvalidInput) as caught:
        await client.get_policy(min_revision=-1)
    assert caught.value.violations[0].field == "min_revision"


async def test_no_other_rpc_reaches_the_reserved_space(served):
    server, client = served
    await client.set_policy(Policy(base_moral_threshold=0.7), etag='"0"')
    before = await client.get_policy()
    served_methods = set((await client.server_info()).methods)
    tried = set()
    async with channel(server.listen) as one:
        for service in SERVICES:
            for method in service.methods:
                streams = method.client_streaming or method.server_streaming
                name = f"{service.full_name}/{method.name}"
                named = "space" in method.input_type.fields_by_name
                if name not in served_methods or streams or not named:
                    continue
                rpc = one.unary_unary(
                    f"/{name}", request_serializer=lambda message: message.SerializeToString()
                )
                for space in ("_tenant", "_", "_other"):
                    request = GetMessageClass(method.input_type)(space=space)
                    with pytest.raises(grpc.aio.AioRpcError) as caught:
                        await rpc(request, timeout=10)
                    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT, name
                    assert "space" in violations(caught.value), name
                tried.add(method.name)
    assert {"PutMemory", "ListMemories", "ProcessEvent", "GetState"} <= tried
    assert await client.get_policy() == before


async def test_tenants_do_not_see_each_others_policies(tmp_path):
    tokens = tmp_path / "tokens.toml"
    tokens.write_text(
        "".join(
            f'[[token]]\nname = "admin"\ntenant = "{tenant}"\nsha256 = "'
            f'{hashlib.sha256(tenant.encode()).hexdigest()}"\n'
            for tenant in ("acme", "zeta")
        ),
        "utf-8",
    )
    async with in_process(security={"mode": "token", "tokens_file": tokens}) as server:
        target = str(server.listen)
        async with (
            MemoryClient(target, token="acme") as acme,
            MemoryClient(target, token="zeta") as zeta,
            MemoryClient(target) as nobody,
        ):
            await acme.set_policy(Policy(base_moral_threshold=0.9), etag='"0"')
            assert (await zeta.get_policy()).policy.etag == '"0"'
            await zeta.set_policy(Policy(base_moral_threshold=0.4), etag='"0"')
            assert (await acme.get_policy()).policy.base_moral_threshold == 0.9
            for client, accepted in ((acme, False), (zeta, True)):
                event = await client.process_event(embedding=EVENT, moral_value=0.45)
                assert event.outcome.accepted is accepted
            for attempt in (nobody.get_policy(), nobody.set_policy(Policy(), etag='"0"')):
                with pytest.raises(Unauthenticated):
                    await attempt


@pytest.mark.timeout(90)
async def test_a_policy_survives_kills_and_restarts(tmp_path):
    request_id = str(uuid.uuid4())
    policy = Policy(base_moral_threshold=0.7)
    server = ServerProcess(tmp_path)
    async with MemoryClient(server.listen) as client:
        first = await client.set_policy(policy, etag='"0"', request_id=request_id)
    server.kill()
    for stop in (ServerProcess.terminate, ServerProcess.kill):
        server = ServerProcess(tmp_path)
        async with MemoryClient(server.listen) as client:
            assert (await client.get_policy()).policy == first.policy
            assert await client.set_policy(policy, etag='"0"', request_id=request_id) == first
            space = f"after-{stop.__name__}"
            await client.put(embedding=[1.0] + [0.0] * 383, space=space)
            assert (await client.state(space=space)).state.moral.base_threshold == 0.7
        stop(server)
