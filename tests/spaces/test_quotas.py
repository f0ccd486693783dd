"""Quotas of tenants: counted, reserved at once, and enforced before anything is written."""

import asyncio

import pytest
from drive import KEY, event_of, running, ticket, vector
from journal_doubles import FailingJournal, HeldAppends, opened

from mlsdm_grpc.core.model.bodies import PutMemories, SpaceChange, UpdateSpace
from mlsdm_grpc.core.model.new_memory import NewMemory
from mlsdm_grpc.core.model.outcome import etag_of
from mlsdm_grpc.core.model.tenant import SetTenant, TenantSettings
from mlsdm_grpc.errors import (
    DataLoss,
    DeadlineExceeded,
    PreconditionFailed,
    QuotaExceeded,
    Unavailable,
)
from mlsdm_grpc.journal.memory_journal import MemoryJournal
from mlsdm_grpc.journal.protocol import SpaceKey

pytestmark = pytest.mark.anyio


def key(name, tenant="dev"):
    return SpaceKey(tenant, name)


def later(within_s=20.0):
    return asyncio.get_running_loop().time() + within_s


async def create(driver, name, capacity=None, tenant="dev", **fields):
    change = SpaceChange(capacity=capacity)
    return await driver.engine.catalogue.create(key(name, tenant), change, ticket(**fields))


async def resize(driver, name, capacity):
    body = UpdateSpace("", SpaceChange(capacity=capacity))
    return await driver.engine.catalogue.update(key(name), body, ticket())


async def usage(driver, tenant="dev"):
    view = await driver.engine.tenants.get(tenant, min_revision=0, deadline_s=later())
    return view.usage


async def set_quotas(driver, tenant="dev", version=0, **quotas):
    body = SetTenant(TenantSettings(**quotas), etag_of(version))
    return await driver.engine.tenants.set(tenant, body, ticket())


def refused(caught, name, limit, actual):
    assert caught.value.reason == "QUOTA_EXCEEDED"
    assert caught.value.retry_after_s is None
    expected = {"quota_id": f"tenant.{name}", "limit": str(limit), "actual": str(actual)}
    assert caught.value.metadata == expected


async def test_without_quotas_nothing_is_counted(driver):
    await driver.put(1)
    await create(driver, "a")
    assert driver.engine.parts.directory.known(key("_tenant")) is None
    found = await usage(driver)
    assert (found.spaces, found.capacity) == (2, 40_000)


async def test_a_space_above_the_quota_is_refused_and_leaves_no_trace():
    async with running(quotas={"max_spaces": 2}) as driver:
        await driver.put(1, key=key("a"))
        await create(driver, "b")
        event = event_of(NewMemory("", vector(2)), 0.9)
        attempts = (
            lambda: create(driver, "c"),
            lambda: driver.put(1, key=key("c")),
            lambda: driver.put(*range(100), key=key("c")),
            lambda: driver.engine.intake.process_event(key("c"), event, ticket()),
        )
        for attempt in attempts:
            with pytest.raises(QuotaExceeded) as caught:
                await attempt()
            refused(caught, "spaces", 2, 2)
        assert await driver.journal.head(key("c")) == 0
        assert len(driver.engine.directory) == 2
        await driver.put(1, key=key("c", "rival"))
        await driver.put(2, key=key("a"))
        found = await usage(driver)
        assert found.spaces == 2


async def test_quotas_hold_under_concurrent_creation():
    quotas = {"max_spaces": 7, "max_capacity": 7 * 20_000}
    async with running(quotas=quotas) as driver:
        async with asyncio.TaskGroup() as tasks:
            made = [tasks.create_task(outcome_of(create(driver, f"s{i}"))) for i in range(20)] + [
                tasks.create_task(outcome_of(driver.put(i, key=key(f"p{i}")))) for i in range(20)
            ]
        results = [each.result() for each in made]
        assert sum(isinstance(each, QuotaExceeded) for each in results) == 33
        names = await driver.journal.spaces("dev", after=0, limit=99)
        assert len(names) == 7
        assert (await usage(driver)).capacity == 7 * 20_000


async def outcome_of(attempt):
    try:
        return await attempt
    except QuotaExceeded as error:
        return error


async def test_two_writers_of_one_new_space_take_one_place():
    async with running(quotas={"max_spaces": 1}) as driver:
        await asyncio.gather(*(driver.put(i) for i in range(9)))
        assert (await usage(driver)).spaces == 1


async def test_capacity_is_reserved_from_the_creation_on():
    async with running(quotas={"max_capacity": 100}, space={"capacity": 40}) as driver:
        await create(driver, "a", 50)
        await driver.put(1, key=key("b"))
        with pytest.raises(QuotaExceeded) as caught:
            await create(driver, "c", 20)
        refused(caught, "capacity", 100, 90)
        with pytest.raises(QuotaExceeded) as caught:
            await resize(driver, "b", 60)
        refused(caught, "capacity", 100, 90)
        assert (await driver.state(key("b"))).parameters.capacity == 40
        await resize(driver, "b", 50)
        await resize(driver, "a", 10)
        await create(driver, "c", 40)
        assert (await usage(driver)).capacity == 100


async def test_concurrent_changes_of_capacity_stay_below_the_quota():
    async with running(quotas={"max_capacity": 100}, space={"capacity": 10}) as driver:
        for i in range(5):
            await driver.put(1, key=key(f"s{i}"))
        await asyncio.gather(*(outcome_of(resize(driver, f"s{i}", 30)) for i in range(5)))
        assert (await usage(driver)).capacity == 90


async def test_a_lower_quota_takes_nothing_away():
    async with running(space={"capacity": 10}) as driver:
        for name in "abc":
            await driver.put(1, key=key(name))
        await set_quotas(driver, max_spaces=1, max_capacity=5)
        await driver.put(2, key=key("c"))
        await resize(driver, "a", 9)
        with pytest.raises(QuotaExceeded) as caught:
            await create(driver, "d")
        refused(caught, "spaces", 1, 3)
        assert await driver.journal.head(key("d")) == 0
        await set_quotas(driver, version=1)
        await create(driver, "d")


async def test_own_quotas_and_defaults_replace_those_of_the_server():
    async with running(quotas={"max_spaces": 1}) as driver:
        done = await set_quotas(driver, max_spaces=0, default_capacity=7)
        assert (done.revision, done.quotas.spaces) == (1, 0)
        await create(driver, "a")
        await driver.put(1, key=key("b"))
        await create(driver, "c", 9)
        capacities = [(await driver.state(key(name))).parameters.capacity for name in "abc"]
        assert capacities == [7, 7, 9]
        await driver.put(1, key=key("a", "rival"))
        with pytest.raises(QuotaExceeded):
            await driver.put(1, key=key("b", "rival"))
        assert (await driver.state(key("a", "rival"))).parameters.capacity == 20_000


async def test_usage_is_counted_anew_after_a_start():
    async with opened(MemoryJournal()) as journal:
        async with running(journal) as driver:
            await create(driver, "a", 30)
            await driver.put(1, 2, 3, key=key("b"))
            before = await usage(driver)
        async with running(journal, quotas={"max_capacity": 20_030}) as driver:
            with pytest.raises(QuotaExceeded) as caught:
                await create(driver, "c", 1)
            refused(caught, "capacity", 20_030, 20_030)
            after = await usage(driver)
            assert (after.spaces, after.capacity) == (before.spaces, before.capacity)
            assert after.kept_bytes == pytest.approx(before.kept_bytes, rel=0.2)
            assert len(driver.engine.directory) == 0, "counting keeps no space in memory"


async def test_content_is_refused_once_the_bytes_are_used_up():
    async with running(quotas={"max_kept_bytes": 1_000_000}, snapshot_every=10_000) as driver:

        async def fill():
            for number in range(1_000):
                await driver.put(number, text="word " * 400, request=number.to_bytes(16))

        with pytest.raises(QuotaExceeded) as caught:
            await fill()
        assert caught.value.metadata["quota_id"] == "tenant.kept_bytes"
        assert 100 < (await driver.state()).used < 1_000
        first = await driver.put(0, text="word " * 400, request=(0).to_bytes(16))
        assert first.items[0].revision == 2, "a repeat returns its first result"
        with pytest.raises(QuotaExceeded):
            await create(driver, "other")
        with pytest.raises(QuotaExceeded):
            await driver.engine.intake.process_event(
                KEY, event_of(NewMemory("", vector(2)), 0.9), ticket()
            )
        await driver.put(1, key=key("a", "rival"))
        await set_quotas(driver, max_kept_bytes=0)
        await driver.put(2_000)


async def test_a_check_without_writing_refuses_too():
    async with running(quotas={"max_spaces": 1, "max_capacity": 50}, space={"capacity": 40}) as d:
        await d.put(1)
        body = PutMemories((NewMemory("m", vector(1)),))
        attempts = (
            d.engine.catalogue.preview_create(key("b"), SpaceChange(), ticket()),
            d.engine.intake.put(key("b"), body, ticket(), paths=[""], validate_only=True),
            d.engine.catalogue.preview_update(
                KEY, UpdateSpace("", SpaceChange(capacity=60)), ticket()
            ),
        )
        for attempt in attempts:
            with pytest.raises(QuotaExceeded):
                await attempt
        await resize(d, "default", 50)


async def test_a_failed_creation_gives_its_place_back():
    async with (
        opened(FailingJournal()) as journal,
        running(journal, quotas={"max_spaces": 2}) as driver,
    ):
        await driver.put(1, key=key("a"))
        journal.failing = True
        for name in ("b", "c"):
            with pytest.raises(Unavailable):
                await driver.put(1, key=key(name))
        journal.failing = False
        assert (await usage(driver)).spaces == 1
        await create(driver, "d")
        with pytest.raises(QuotaExceeded):
            await create(driver, "e")


async def test_a_creation_without_an_answer_keeps_its_place_while_it_may_happen():
    async with (
        opened(HeldAppends()) as journal,
        running(journal, quotas={"max_spaces": 1}) as driver,
    ):
        with pytest.raises(DeadlineExceeded) as unknown:
            await create(driver, "a", within_s=0.1)
        assert unknown.value.reason == "OUTCOME_UNKNOWN"
        with pytest.raises(QuotaExceeded):
            await create(driver, "b")
        assert (await usage(driver)).spaces == 1
        await journal.let_one_go()
        await driver.engine.directory.known(key("a")).reach(1, later())
        assert (await usage(driver)).spaces == 1
        assert (await driver.state(key("a"))).capacity == 20_000


async def test_a_damaged_space_counts_as_a_space(driver, monkeypatch):
    await driver.put(1, key=key("a"))
    await driver.put(1, key=key("b"))
    whole = driver.engine.directory.glimpse

    async def glimpse(asked):
        if asked.space == "a":
            raise DataLoss("A record fails its checksum.")
        return await whole(asked)

    monkeypatch.setattr(driver.engine.directory, "glimpse", glimpse)
    found = await usage(driver)
    assert (found.spaces, found.capacity) == (2, 20_000)


async def test_what_cannot_be_counted_in_time_is_unavailable_and_goes_on(driver, monkeypatch):
    for name in "abc":
        await driver.put(1, key=key(name))
    whole, delay_s = driver.engine.directory.glimpse, 0.1

    async def glimpse(asked):
        await asyncio.sleep(delay_s)
        return await whole(asked)

    monkeypatch.setattr(driver.engine.directory, "glimpse", glimpse)
    with pytest.raises(Unavailable) as caught:
        await driver.engine.tenants.get("dev", min_revision=0, deadline_s=later(0.3))
    assert caught.value.reason == "SPACE_LOADING"
    found = await driver.engine.tenants.get("dev", min_revision=0, deadline_s=later(0.9))
    assert found.usage.spaces == 3


class OldJournal(MemoryJournal):
    """Its new spaces are under version 1 of the rules."""

    new_spaces_version = 1


async def test_settings_need_newer_rules_than_those_of_version_1():
    async with opened(OldJournal()) as journal:
        async with running(journal) as driver:
            with pytest.raises(PreconditionFailed) as caught:
                await set_quotas(driver, max_spaces=1)
            assert caught.value.reason == "SEMANTICS_UNSUPPORTED"
            assert caught.value.metadata["field"] == "tenant"
            assert await journal.head(key("_tenant")) == 0
        async with running(journal, quotas={"max_spaces": 1}) as driver:
            await driver.put(1)
            with pytest.raises(QuotaExceeded):
                await create(driver, "b")
        async with running(journal, space={"upgrade_semantics": True}) as driver:
            assert (await set_quotas(driver, max_spaces=1)).revision == 1
