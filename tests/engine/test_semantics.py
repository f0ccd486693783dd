"""Spaces under older and newer rules: stamped, carried on before a write, refused by older code."""

import asyncio

import pytest
from drive import KEY, event_of, running, ticket, vector

from mlsdm_grpc.core import semantics
from mlsdm_grpc.core.policy import PolicySettings, SetPolicy
from mlsdm_grpc.core.record import NewMemory, UpgradeSemantics, etag_of
from mlsdm_grpc.engine.spaces import TENANT_SPACE
from mlsdm_grpc.errors import PreconditionFailed, Unavailable
from mlsdm_grpc.journal.memory import MemoryJournal
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.journal.records import decode_record

pytestmark = pytest.mark.anyio

RESERVED = SpaceKey("dev", TENANT_SPACE)
OTHER = SpaceKey("dev", "other")


@pytest.fixture
async def old_journal():
    """A journal with a space and a policy that code with version 1 only has written."""
    journal = Journal()
    await journal.open()
    async with running(journal) as driver:
        await driver.put(1)
        await set_policy(driver, 0)
    yield journal
    await journal.close()


class Journal(MemoryJournal):
    """Refuses appends while ``failing`` is set; its new spaces are under version 1 until marked."""

    failing = False
    new_spaces_version = 1

    def append(self, key, payloads, *, expected):
        if not self.failing:
            return super().append(key, payloads, expected=expected)
        future = asyncio.get_running_loop().create_future()
        future.set_exception(Unavailable("no journal"))
        return future


@pytest.fixture
def journal(old_journal):
    """That journal, under code that has a second version."""
    return old_journal


def upgrading(journal):
    """Run an engine that carries spaces to the newest rules."""
    journal.new_spaces_version = semantics.newest()
    return running(journal, space={"upgrade_semantics": True})


async def set_policy(driver, version):
    body = SetPolicy(PolicySettings(base_moral_threshold=0.6), etag_of(version))
    return await driver.engine.policies.set("dev", body, ticket())


async def records(journal, key=KEY, after=0):
    return [
        decode_record(entry.payload)
        async for entries in journal.read(key, after=after)
        for entry in entries
    ]


async def written(journal, key=KEY, after=0):
    """Return version and kind of each record."""
    found = await records(journal, key, after)
    return [(record.semantics_version, type(record.body).__name__) for record in found]


async def version_told(driver, key=KEY):
    deadline_s = asyncio.get_running_loop().time() + 20.0
    space = await driver.engine.catalogue.get(key, min_revision=0, deadline_s=deadline_s)
    state = await driver.state(key)
    assert space.semantics_version == state.semantics_version
    return space.semantics_version


async def test_a_write_to_an_older_space_upgrades_it_first(journal):
    async with upgrading(journal) as driver:
        assert await version_told(driver) == 1
        await driver.query(1)
        assert await journal.head(KEY) == 2
        outcome = await driver.put(2)
        assert outcome.revision == 4
        assert await version_told(driver) == 2
        assert (await driver.query(1, min_revision=4))[0] == ["m1"]
        await driver.put(3)
    expected = [(1, "UpgradeSemantics"), (2, "PutMemories"), (2, "PutMemories")]
    assert await written(journal, after=2) == expected


async def test_writes_that_come_together_upgrade_once(journal):
    async with upgrading(journal) as driver:
        await asyncio.gather(*(driver.put(seed) for seed in range(2, 12)))
        event = event_of(NewMemory("", vector(20)), 0.9)
        await driver.engine.intake.process_event(KEY, event, ticket())
    found = await written(journal, after=2)
    assert found == [
        (1, "UpgradeSemantics"),
        *[(2, "PutMemories")] * 10,
        (2, "ProcessEvent"),
    ]


async def test_policies_are_upgraded_like_spaces(journal):
    async with upgrading(journal) as driver:
        await set_policy(driver, 1)
    assert await written(journal, RESERVED, after=1) == [(1, "UpgradeSemantics"), (2, "SetPolicy")]


async def test_new_spaces_are_under_the_newest_rules(journal):
    async with upgrading(journal) as driver:
        await driver.put(1, key=OTHER)
    assert await written(journal, OTHER) == [(2, "CreateSpace"), (2, "PutMemories")]


async def test_without_upgrades_everything_stays_under_rules_that_older_nodes_have(journal):
    async with running(journal, space={"upgrade_semantics": False}) as driver:
        await driver.put(2)
        await driver.put(1, key=OTHER)
        assert await version_told(driver) == await version_told(driver, OTHER) == 1
    assert await written(journal, after=2) == [(1, "PutMemories")]
    assert await written(journal, OTHER) == [(1, "CreateSpace"), (1, "PutMemories")]


async def test_without_upgrades_a_space_that_was_upgraded_is_written_by_its_rules(journal):
    async with upgrading(journal) as driver:
        await driver.put(2)
    async with running(journal, space={"upgrade_semantics": False}) as driver:
        await driver.put(3)
    assert (await written(journal, after=4))[-1] == (2, "PutMemories")


async def test_of_two_nodes_one_upgrades(journal):
    async with upgrading(journal) as first, upgrading(journal) as second:
        await second.query(1)
        await first.put(2)
        with pytest.raises(Unavailable):
            await second.put(3)
        await second.put(3)
    expected = [(1, "UpgradeSemantics"), (2, "PutMemories"), (2, "PutMemories")]
    assert await written(journal, after=2) == expected
    upgrade = (await records(journal, after=2))[0]
    assert upgrade.body == UpgradeSemantics(2)
    async with upgrading(journal) as driver:
        assert sorted((await driver.query(1, top_k=5))[0]) == ["m1", "m2", "m3"]


async def test_every_node_makes_an_upgrade_under_the_same_request_id(journal, monkeypatch):
    async def upgrade(key):
        async with upgrading(journal) as driver:
            await driver.put(2, key=key)
        return (await records(journal, key, after=2))[0]

    with monkeypatch.context() as patch:
        patch.delitem(semantics.VERSIONS, 2)
        async with upgrading(journal) as driver:
            await driver.put(1, key=OTHER)
    one, other = await upgrade(KEY), await upgrade(OTHER)
    assert one.body == other.body == UpgradeSemantics(2)
    assert one.request_id == other.request_id
    assert one.request_digest == other.request_digest
    assert one.record_id != other.record_id


async def test_an_upgrade_that_the_journal_does_not_take_is_made_later(journal):
    async with upgrading(journal) as driver:
        await driver.query(1)
        journal.failing = True
        with pytest.raises(Unavailable):
            await driver.put(2)
        journal.failing = False
        await driver.put(2)
        assert await version_told(driver) == 2
    assert await written(journal, after=2) == [(1, "UpgradeSemantics"), (2, "PutMemories")]


@pytest.mark.parametrize("snapshots", [True, False])
async def test_older_code_refuses_an_upgraded_space_and_no_other(
    journal, monkeypatch, logs, snapshots
):
    async with upgrading(journal) as driver:
        if not snapshots:
            monkeypatch.setattr(
                driver.engine._upkeep, "snapshot_all", driver.engine._writes.drained
            )
        await driver.put(2)
        revision = (await driver.state()).revision
        chain = (await driver.state()).chain
    with monkeypatch.context() as older:
        older.delitem(semantics.VERSIONS, 2)
        async with upgrading(journal) as driver:
            for call in (driver.put(3), driver.query(1), driver.state()):
                with pytest.raises(PreconditionFailed) as caught:
                    await call
                error = caught.value
                assert error.reason == "SEMANTICS_UNSUPPORTED"
                expected = {"space": "default", "expected": "1", "actual": "2"}
                assert error.metadata == expected
                assert "Version 2" in error.message
                assert "version 1" in error.message
            told = logs.events("space_not_served")[-1]
            assert (told["level"], told["tenant"], told["space"]) == ("error", "dev", "default")
            assert told["detail"] == error.message
            await driver.put(1, key=OTHER)
            page = await driver.engine.catalogue.page(
                "dev", after=0, limit=9, min_revision=0, deadline_s=ticket().deadline_s
            )
            shown = {each.name: each.view and each.view.semantics_version for each in page.spaces}
            assert shown == {"default": None, "other": 1}
    assert await journal.head(KEY) == revision
    async with upgrading(journal) as driver:
        state = await driver.state()
        assert (state.revision, state.chain) == (revision, chain)
        assert sorted((await driver.query(1, top_k=5))[0]) == ["m1", "m2"]
