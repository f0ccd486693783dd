"""Spaces of older and newer rules: stamps, upgrades before a write, errors of older code."""

import asyncio
from dataclasses import replace

import pytest
from drive import KEY, event_of, running, ticket, vector
from journal_doubles import FailingJournal
from stream_client import ids, memory, opened, told

from mlsdm_grpc.core.mind.compatibility import parts
from mlsdm_grpc.core.model import semantics
from mlsdm_grpc.core.model.bodies import (
    CreateSpace,
    PutMemories,
    SpaceChange,
    UpdateSpace,
    UpgradeSemantics,
)
from mlsdm_grpc.core.model.new_memory import NewMemory
from mlsdm_grpc.core.model.outcome import etag_of
from mlsdm_grpc.core.model.policy import PolicySettings, SetPolicy
from mlsdm_grpc.errors import AlreadyExists, PreconditionFailed, Unavailable
from mlsdm_grpc.journal.codec.records import decode_record
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.moderation.preparation import Preparation
from mlsdm_grpc.spaces.directory import TENANT_SPACE

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


class Journal(FailingJournal):
    """A journal whose new spaces are under version 1 until marked."""

    new_spaces_version = 1


@pytest.fixture
def journal(old_journal):
    """Journal for code that has a second version of the rules."""
    return old_journal


def upgrading(journal):
    """Run an engine that carries spaces to the newest rules."""
    journal.new_spaces_version = semantics.newest()
    return running(journal, space={"upgrade_semantics": True})


async def create(driver, name="s", **given):
    key = SpaceKey("dev", name)
    change = SpaceChange(**given)
    return (await driver.engine.catalogue.create(key, change, ticket(b"c" * 16)))[0]


async def change(driver, key=KEY, **given):
    body = UpdateSpace("", SpaceChange(**given))
    return (await driver.engine.catalogue.update(key, body, ticket(b"u" * 16)))[0]


async def refusal(attempt):
    """Return the error of an attempt without the setting that would allow it."""
    with pytest.raises(PreconditionFailed) as caught:
        await attempt
    error = caught.value
    assert error.reason == "SEMANTICS_UNSUPPORTED"
    assert "space.upgrade_semantics" in error.message
    assert error.metadata["setting"] == "space.upgrade_semantics"
    assert (error.metadata["expected"], error.metadata["actual"]) == ("2", "1")
    assert error.metadata["field"] in error.message
    return error.metadata["space"], error.metadata["field"]


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


def later():
    return asyncio.get_running_loop().time() + 20.0


async def version_told(driver, key=KEY):
    space = await driver.engine.catalogue.get(key, min_revision=0, deadline_s=later())
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


async def test_a_marked_journal_leaves_older_spaces_alone_without_upgrades(journal):
    journal.new_spaces_version = semantics.newest()
    async with running(journal, space={"upgrade_semantics": False}) as driver:
        await driver.put(2)
        await driver.put(1, key=OTHER)
        assert await version_told(driver) == 1
        assert await version_told(driver, OTHER) == 2
    assert await written(journal, after=2) == [(1, "PutMemories")]


async def test_without_upgrades_a_space_that_was_upgraded_is_written_by_its_rules(journal):
    async with upgrading(journal) as driver:
        await driver.put(2)
    async with running(journal, space={"upgrade_semantics": False}) as driver:
        await driver.put(3)
    assert (await written(journal, after=4))[-1] == (2, "PutMemories")


async def test_an_older_space_refuses_to_recall_in_the_band_and_keeps_nothing(journal):
    async with running(journal) as driver:
        head = await journal.head(KEY)
        body = UpdateSpace("", SpaceChange(capacity=7, recall_in_band=True))
        new = SpaceChange(capacity=7, recall_in_band=True)
        catalogue = driver.engine.catalogue
        for attempt, name in [
            (change(driver, capacity=7, recall_in_band=True), "default"),
            (catalogue.preview_update(KEY, body, ticket()), "default"),
            (create(driver, capacity=7, recall_in_band=True), "s"),
            (catalogue.preview_create(SpaceKey("dev", "s"), new, ticket()), "s"),
        ]:
            assert await refusal(attempt) == (name, "config.recall.phase")
        assert await journal.head(KEY) == head
        assert await journal.head(SpaceKey("dev", "s")) == 0
        view = await change(driver, capacity=7, recall_in_band=False)
        assert (view.parameters.capacity, view.parameters.recall_in_band) == (7, False)
        assert (await create(driver, recall_in_band=False)).parameters.recall_in_band is False
    (update,) = await records(journal, after=head)
    assert update.body.change == SpaceChange(capacity=7)


async def test_who_creates_a_space_that_exists_learns_just_that(journal):
    async with running(journal) as driver:
        with pytest.raises(AlreadyExists):
            await create(driver, KEY.space)
    journal.new_spaces_version = semantics.newest()
    async with running(journal) as driver:
        with pytest.raises(AlreadyExists):
            await create(driver, KEY.space, recall_in_band=True)


@pytest.mark.parametrize(("version", "in_band"), [(1, False), (2, True)])
async def test_the_default_of_recall_is_left_out_where_it_cannot_be_kept(version, in_band):
    journal = Journal()
    journal.new_spaces_version = version
    await journal.open()
    async with running(journal, space={"recall_phase": "band"}) as driver:
        await driver.put(1)
        created = await create(driver)
        assert created.parameters.recall_in_band is in_band
        space = await driver.engine.catalogue.get(KEY, min_revision=0, deadline_s=later())
        assert space.parameters.recall_in_band is in_band
        if version == semantics.newest():
            assert not (await create(driver, "t", recall_in_band=False)).parameters.recall_in_band
    await journal.close()


async def test_an_upgrade_lets_through_what_was_refused(journal):
    async with upgrading(journal) as driver:
        view = await change(driver, recall_in_band=True)
        assert view.parameters.recall_in_band
        await driver.put(2, text="text", embedding_model="words")
    expected = [(1, "UpgradeSemantics"), (2, "UpdateSpace"), (2, "PutMemories")]
    assert await written(journal, after=2) == expected
    assert (await records(journal, after=4))[0].body.memories[0].embedding_model == "words"


async def test_an_older_space_refuses_a_memory_with_a_field_that_it_cannot_keep(journal):
    given = {"text": "text", "embedding_model": "words"}
    batch = PutMemories((NewMemory("a", vector(1)), NewMemory("b", vector(2), **given)))
    async with running(journal) as driver:
        head, intake = await journal.head(KEY), driver.engine.intake
        for key in (KEY, OTHER):
            for attempt in (
                driver.put(2, key=key, **given),
                intake.put(key, batch, ticket(), paths=["a", "b"]),
                intake.put(key, batch, ticket(), paths=["a", "b"], validate_only=True),
            ):
                assert await refusal(attempt) == (key.space, "embedding_model")
        assert await journal.head(KEY) == head
        assert await journal.head(OTHER) == 0


async def test_what_the_server_adds_is_left_out_of_an_older_space(journal, monkeypatch):
    """The server says of each text which model made its vector."""
    prepare = Preparation.prepare

    async def adding(self, candidates, tenant, deadline_s):
        await prepare(self, candidates, tenant, deadline_s)
        for each in candidates:
            each.memory = replace(each.memory, embedding_model="words")

    monkeypatch.setattr(Preparation, "prepare", adding)
    event = event_of(NewMemory("e", vector(3)), 0.9)
    newest = SpaceKey("dev", "newest")
    for key, version, expected in [(KEY, 1, ""), (OTHER, 1, ""), (newest, 2, "words")]:
        journal.new_spaces_version = version
        head = await journal.head(key)
        async with running(journal) as driver:
            await driver.put(2, key=key)
            await driver.engine.intake.process_event(key, event, ticket())
            async with opened(driver, key=key) as client:
                client.send(1, memory(5))
                client.half_close()
                await client.rest()
        found = [each.body for each in await records(journal, key, after=head)]
        memories = [m for body in found if not isinstance(body, CreateSpace) for m in parts(body)]
        names = [(m.memory_id, m.embedding_model) for m in memories]
        assert names == [(name, expected) for name in ("m2", "e", "m5")]


async def test_an_item_of_a_stream_that_cannot_be_kept_spoils_no_other(journal):
    for key in (KEY, OTHER):
        async with running(journal) as driver, opened(driver, key=key) as client:
            given = {"text": "text", "embedding_model": "words"}
            client.send(1, memory(11, **given), memory(12), memory(13, **given))
            client.half_close()
            found = told(await client.rest())
            assert found == {1: "SEMANTICS_UNSUPPORTED", 2: "CREATED", 3: "SEMANTICS_UNSUPPORTED"}
            assert set(await ids(driver, key)) - {"m1"} == {"m12"}


async def test_no_record_says_what_its_rules_cannot_keep(journal):
    """A caller that skips the check is stopped by the record factory."""
    async with running(journal) as driver:
        space = await driver.engine.directory.opened(KEY)
        body = PutMemories((NewMemory("m", vector(1), embedding_model="words"),))
        write = driver.engine.parts.access.write(space, body, ticket())
        assert await refusal(write) == ("default", "embedding_model")
        assert space.head == await journal.head(KEY) == 2


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
async def test_older_code_refuses_an_upgraded_space_and_no_other_with_semantics_unsupported(
    journal, monkeypatch, logs, snapshots
):
    async with upgrading(journal) as driver:
        if not snapshots:
            monkeypatch.setattr(
                driver.engine.parts.snapshots, "snapshot_all", driver.engine.parts.writes.drained
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
                assert "semantics version 2" in error.message
                assert "version 1" in error.message
            (told,) = logs.events("space_not_served")  # of three calls
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
