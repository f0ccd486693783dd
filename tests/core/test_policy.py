"""The policy of a tenant as the state machine of its reserved space keeps it."""

import io

import pytest
from histories import SECOND, policies, record, tenant_settings, vector
from hypothesis import given
from hypothesis import strategies as st

from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.model.bodies import ProcessEvent, PutMemories
from mlsdm_grpc.core.model.new_memory import NewMemory
from mlsdm_grpc.core.model.outcome import Refusal, etag_of
from mlsdm_grpc.core.model.policy import PolicySet, PolicySettings, SetPolicy, StoredPolicy
from mlsdm_grpc.core.model.tenant import SetTenant
from mlsdm_grpc.journal.codec.records import decode_record
from mlsdm_grpc.journal.codec.snapshots import read_snapshot, snapshot_bytes


def policy(revision, base, etag, **changes):
    body = SetPolicy(PolicySettings(base_moral_threshold=base), etag)
    return record(revision, body, incarnation=0, **changes)


def test_a_policy_is_kept_with_its_version_and_time():
    mind = Mind()
    assert mind.apply(policy(1, 0.6, '"0"')) == PolicySet(update_time_ns=SECOND, revision=1)
    assert mind.policy == StoredPolicy(PolicySettings((), 0.6), 1, SECOND)
    assert mind.view() is None, "a reserved space holds no memories"


def test_versions_grow_and_a_stale_etag_is_refused_with_etag_mismatch():
    mind = Mind()
    mind.apply(policy(1, 0.6, '"0"'))
    for etag in ('"0"', "", '"2"', "1"):
        held = mind.policy
        refusal = mind.apply(policy(mind.revision + 1, 0.7, etag))
        assert isinstance(refusal, Refusal)
        assert refusal.reason == "ETAG_MISMATCH"
        assert mind.policy is held
    revision = mind.revision + 1
    assert mind.apply(policy(revision, 0.7, '"1"')).revision == revision
    assert mind.policy.version == revision > 1
    assert mind.policy.settings.base_moral_threshold == 0.7


def test_a_repeat_returns_the_first_version_and_another_body_is_refused_with_request_id_reused():
    mind = Mind()
    request = {"request_id": b"r" * 16, "request_digest": b"d" * 32}
    first = mind.apply(policy(1, 0.6, '"0"', **request))
    mind.apply(policy(2, 0.7, '"1"'))
    assert mind.apply(policy(3, 0.6, '"0"', **request)) == first
    assert mind.policy.version == 2
    other = mind.apply(policy(4, 0.8, '"2"', request_id=b"r" * 16, request_digest=b"e" * 32))
    assert other.reason == "REQUEST_ID_REUSED"
    assert mind.policy.version == 2


def test_the_time_of_a_policy_never_runs_backwards():
    mind = Mind()
    mind.apply(policy(1, 0.6, '"0"', time_ns=9 * SECOND))
    mind.apply(policy(2, 0.7, '"1"', time_ns=3 * SECOND))
    assert mind.policy.update_time_ns == 9 * SECOND


@pytest.mark.parametrize("etag", ['"0"', '"7"'])
def test_a_preview_foretells_and_changes_nothing(etag):
    mind = Mind()
    before = snapshot_bytes(mind)
    foreseen = mind.preview(policy(1, 0.6, etag))
    assert snapshot_bytes(mind) == before
    outcome = mind.apply(policy(1, 0.6, etag))
    assert type(foreseen) is type(outcome)
    assert foreseen.revision == 0


def test_memories_do_not_get_into_a_space_without_contents():
    mind = Mind()
    mind.apply(policy(1, 0.6, '"0"'))
    for body in (
        PutMemories((NewMemory("m", vector(1)),)),
        ProcessEvent(NewMemory("m", vector(1)), 0.9),
    ):
        assert mind.apply(record(mind.revision + 1, body)).reason == "SPACE_NOT_FOUND"
    assert mind.policy.version == 1


@given(st.lists(st.tuples(policies | tenant_settings, st.booleans()), max_size=12), st.data())
def test_replay_and_snapshots_keep_policies_and_settings(steps, data):
    """The history of a reserved space: policies and settings of the tenant, some stale."""
    live, records, states = Mind(), [], []
    for settings, stale in steps:
        is_policy = isinstance(settings, PolicySettings)
        held = live.policy if is_policy else live.tenant
        etag = '"99"' if stale else etag_of(held.version if held else 0)
        body = SetPolicy(settings, etag) if is_policy else SetTenant(settings, etag)
        records.append(record(live.revision + 1, body, incarnation=0))
        live.apply(records[-1])
        states.append(snapshot_bytes(live))
        assert stale or settings == (live.policy if is_policy else live.tenant).settings
    cut = data.draw(st.integers(0, len(records)))
    restored = read_snapshot(io.BytesIO(states[cut - 1] if cut else snapshot_bytes(Mind())))
    again = Mind()
    for each in records:
        again.apply(decode_record(each.raw))
        restored.apply(decode_record(each.raw))
    assert snapshot_bytes(again) == snapshot_bytes(restored) == snapshot_bytes(live)
    assert again.policy == restored.policy == live.policy
    assert again.tenant == restored.tenant == live.tenant
