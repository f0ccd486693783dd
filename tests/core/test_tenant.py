"""Quotas and defaults of a tenant as the state machine of its reserved space keeps them."""

from histories import SECOND, record

from mlsdm_grpc.core.mind.compatibility import unkept
from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.model.outcome import Refusal
from mlsdm_grpc.core.model.policy import PolicySettings, SetPolicy
from mlsdm_grpc.core.model.tenant import SetTenant, StoredTenant, TenantSet, TenantSettings
from mlsdm_grpc.journal.codec.snapshots import snapshot_bytes

SOME = TenantSettings(max_spaces=3, max_capacity=0)


def settings(revision, body, **changes):
    return record(revision, body, incarnation=0, **changes)


def test_settings_are_kept_with_their_version_and_time_beside_the_policy():
    mind = Mind()
    mind.apply(settings(1, SetPolicy(PolicySettings(base_moral_threshold=0.6), '"0"')))
    done = mind.apply(settings(2, SetTenant(SOME, '"0"')))
    assert done == TenantSet(update_time_ns=2 * SECOND, revision=2)
    assert mind.tenant == StoredTenant(SOME, 2, 2 * SECOND)
    assert mind.policy.version == 1
    assert mind.view() is None, "a reserved space holds no memories"


def test_a_stale_etag_is_refused_with_etag_mismatch_and_changes_nothing_else():
    mind = Mind()
    mind.apply(settings(1, SetTenant(SOME, '"0"')))
    for etag in ('"0"', "", '"2"', "1"):
        body = SetTenant(TenantSettings(), etag)
        foreseen = mind.preview(settings(mind.revision + 1, body))
        refusal = mind.apply(settings(mind.revision + 1, body))
        for each in (foreseen, refusal):
            assert isinstance(each, Refusal)
            assert (each.reason, dict(each.metadata)) == ("ETAG_MISMATCH", {"resource": "tenant"})
        assert mind.tenant == StoredTenant(SOME, 1, SECOND)


def test_a_repeat_returns_the_first_version():
    mind, request = Mind(), {"request_id": b"r" * 16, "request_digest": b"d" * 32}
    first = mind.apply(settings(1, SetTenant(SOME, '"0"'), **request))
    mind.apply(settings(2, SetTenant(TenantSettings(), '"1"')))
    assert mind.apply(settings(3, SetTenant(SOME, '"0"'), **request)) == first
    assert mind.tenant.version == 2


def test_a_preview_changes_nothing():
    mind = Mind()
    before = snapshot_bytes(mind)
    assert mind.preview(settings(1, SetTenant(SOME, '"0"'))) == TenantSet(0)
    assert snapshot_bytes(mind) == before


def test_a_space_under_version_1_does_not_keep_settings():
    assert unkept(SetTenant(TenantSettings(), '"0"'), 1) is not None
    assert unkept(SetTenant(TenantSettings(), '"0"'), 2) is None
