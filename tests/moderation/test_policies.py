"""Policies behind the engine: order, spaces that follow them, failures, restarts."""

import asyncio
import os
import signal

import anyio
import pytest
from drive import KEY, event_of, running, ticket, vector

from mlsdm_grpc.core.model.new_memory import NewMemory
from mlsdm_grpc.core.model.outcome import etag_of
from mlsdm_grpc.core.model.policy import PolicySettings, SetPolicy
from mlsdm_grpc.errors import Conflict, DataLoss, DeadlineExceeded, InvalidInput, Unavailable
from mlsdm_grpc.governance.policy.rules import Stage
from mlsdm_grpc.journal.memory_journal import MemoryJournal
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.moderation.tenant_policies import Policies
from mlsdm_grpc.spaces.directory import TENANT_SPACE
from mlsdm_grpc.spaces.reserved_spaces import ReservedSpaces

pytestmark = pytest.mark.anyio

RESERVED = SpaceKey("dev", TENANT_SPACE)


def policy(base, version=0):
    return SetPolicy(PolicySettings(base_moral_threshold=base), etag_of(version))


async def get(driver, tenant="dev", min_revision=0, within_s=20.0):
    deadline_s = asyncio.get_running_loop().time() + within_s
    return await driver.engine.policies.get(
        tenant, min_revision=min_revision, deadline_s=deadline_s
    )


async def put(driver, base, version=0, tenant="dev", **fields):
    return await driver.engine.policies.set(tenant, policy(base, version), ticket(**fields))


async def threshold(driver, key):
    return (await driver.state(key)).parameters.moral.base


async def test_a_tenant_without_a_policy_has_the_built_in_one_and_nothing_is_kept(driver):
    view = await get(driver)
    assert (view.policy.version, view.policy.settings, view.revision) == (0, PolicySettings(), 0)
    assert len(driver.engine.directory) == 0
    assert await driver.journal.head(RESERVED) == 0


async def test_a_policy_is_seen_by_the_next_read(driver):
    assert (await put(driver, 0.6)).revision == 1
    view = await get(driver)
    assert view.policy.settings.base_moral_threshold == 0.6
    assert (view.policy.version, view.revision) == (1, 1)
    assert (await get(driver, "somebody-else")).revision == 0


async def test_new_spaces_start_at_the_base_and_old_ones_keep_theirs(driver):
    old, new, other = (SpaceKey("dev", "old"), SpaceKey("dev", "new"), SpaceKey("rival", "new"))
    await driver.put(1, key=old)
    await put(driver, 0.8)
    for key in (old, new, other):
        await driver.put(1, key=key)
    assert [await threshold(driver, key) for key in (old, new, other)] == [0.5, 0.8, 0.5]
    event = event_of(NewMemory("", vector(2)), 0.7)
    accepted = [
        (await driver.engine.intake.process_event(key, event, ticket())).outcome.accepted
        for key in (old, new, SpaceKey("dev", "by-event"), SpaceKey("rival", "by-event"))
    ]
    assert accepted == [True, False, False, True]


async def test_of_two_writers_one_has_to_read_again(driver):
    first, second = await asyncio.gather(put(driver, 0.6), put(driver, 0.7), return_exceptions=True)
    assert first.revision == 1
    assert isinstance(second, Conflict)
    assert (await get(driver)).policy.settings.base_moral_threshold == 0.6


async def test_a_repeated_request_sets_once_with_request_id_reused(driver):
    first = await put(driver, 0.6, request=b"r" * 16)
    await put(driver, 0.7, version=1)
    assert await put(driver, 0.6, request=b"r" * 16) == first
    assert (await get(driver)).policy.settings.base_moral_threshold == 0.7
    with pytest.raises(InvalidInput) as caught:
        await put(driver, 0.9, version=2, request=b"r" * 16, digest=b"d" * 32)
    assert caught.value.reason == "REQUEST_ID_REUSED"


async def test_previews_and_refused_first_policies_write_nothing_with_etag_mismatch(driver):
    foreseen = await driver.engine.policies.preview("dev", policy(0.6), ticket())
    assert foreseen.revision == 0
    for attempt in (driver.engine.policies.preview, driver.engine.policies.set):
        with pytest.raises(Conflict) as caught:
            await attempt("dev", policy(0.6, version=4), ticket())
        assert caught.value.reason == "ETAG_MISMATCH"
    assert await driver.journal.head(RESERVED) == 0
    await put(driver, 0.6)
    assert (await driver.engine.policies.preview("dev", policy(0.7, 1), ticket())).revision == 1
    assert (await get(driver)).policy.settings.base_moral_threshold == 0.6


async def test_expired_deadlines_write_nothing(driver):
    with pytest.raises(DeadlineExceeded):
        await put(driver, 0.6, within_s=-1.0)
    assert await driver.journal.head(RESERVED) == 0


async def test_a_read_waits_for_the_revision_that_it_names(driver):
    async with anyio.create_task_group() as tasks:
        seen = []

        async def read():
            seen.append((await get(driver, min_revision=1)).revision)

        tasks.start_soon(read)
        await anyio.wait_all_tasks_blocked()
        assert not seen
        await put(driver, 0.6)
    assert seen == [1]
    with pytest.raises(Unavailable) as caught:
        await get(driver, min_revision=9, within_s=0.05)
    assert caught.value.reason == "REVISION_NOT_REACHED"


@pytest.mark.parametrize("with_snapshot", [True, False])
async def test_policies_survive_the_engine(with_snapshot):
    journal = MemoryJournal()
    await journal.open()
    async with running(journal) as first:
        await put(first, 0.6)
        await put(first, 0.8, version=1)
        if not with_snapshot:
            for space in first.engine.directory:
                space.snapshot_revision = space.applied
    async with running(journal) as second:
        await second.put(1)
        assert await threshold(second, KEY) == 0.8
        view = await get(second)
        assert (view.policy.version, view.revision) == (2, 2)
        assert second.replayed() == (0 if with_snapshot else 2)
        with pytest.raises(Conflict):
            await put(second, 0.9, version=1)
        assert (await put(second, 0.9, version=2)).revision == 4
    await journal.close()


async def test_a_policy_holds_while_the_worker_that_is_to_change_it_hangs():
    async with running(workers=1, worker_stall_timeout_s=0) as driver:
        await put(driver, 0.6)
        policies, access = driver.engine.policies, driver.engine.parts.access

        async def base(of=policies, within_s=1.0):
            deadline_s = asyncio.get_running_loop().time() + within_s
            return (await of.effective("dev", deadline_s)).base_moral_threshold

        assert await base() == 0.6
        (pid,) = driver.engine.parts.space_workers.pids()
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(DeadlineExceeded) as unknown:
                await put(driver, 0.7, version=1, request=b"r" * 16, within_s=0.3)
            assert unknown.value.reason == "OUTCOME_UNKNOWN"
            assert await base() == 0.6
            with pytest.raises(Unavailable) as unread, anyio.fail_after(1.0):
                await base(Policies(ReservedSpaces(access), now_ns=access.clock.now_ns))
            assert unread.value.reason == "WORKER_LOST"
        finally:
            os.kill(pid, signal.SIGCONT)
        assert (await get(driver, min_revision=2)).policy.settings.base_moral_threshold == 0.7
        assert await base() == 0.7


class DamagedJournal(MemoryJournal):
    """Has lost the records of the reserved space."""

    async def read(self, key, *, after, until=None):
        if key == RESERVED:
            raise DataLoss("A record fails its checksum.")
        async for entries in super().read(key, after=after, until=until):
            yield entries


async def test_a_damaged_policy_keeps_new_spaces_from_starting_under_another():
    journal = DamagedJournal()
    await journal.open()
    await journal.append(RESERVED, [b"lost"], expected=0)
    async with running(journal) as driver:
        with pytest.raises(DataLoss):
            await driver.put(1)
        assert await journal.head(KEY) == 0
        assert KEY not in [space.key for space in driver.engine.directory]
        with pytest.raises(DataLoss):
            await get(driver)
        with pytest.raises(DataLoss):
            await driver.engine.judging.judge(
                "text", Stage.PROMPT, tenant="dev", deadline_s=float("inf")
            )
        await driver.put(1, key=SpaceKey("rival", "default"))
    await journal.close()
