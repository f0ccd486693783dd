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
from mlsdm_grpc.spaces.quotas import Quotas
from mlsdm_grpc.spaces.tenant_usage import Amounts, UsageBook
from mlsdm_grpc.workers.link import worker_lost

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


def hold_glimpses(driver, monkeypatch):
    """Make the spaces that are read wait for an event; return their names and the event."""
    whole, asked, go = driver.engine.directory.glimpse, [], asyncio.Event()

    async def glimpse(space):
        found = await whole(space)
        asked.append(space.space)
        await go.wait()
        return found

    monkeypatch.setattr(driver.engine.directory, "glimpse", glimpse)
    return asked, go


async def until(holds):
    async with asyncio.timeout(5.0):
        while not holds():  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0.001)


async def test_counting_goes_on_when_its_callers_have_stopped_waiting(monkeypatch):
    async with opened(MemoryJournal()) as journal:
        async with running(journal) as driver:
            for name in "abc":
                await driver.put(1, key=key(name))
        async with running(journal, quotas={"max_capacity": 60_000}) as driver:
            asked, go = hold_glimpses(driver, monkeypatch)
            for _ in range(2):
                with pytest.raises(Unavailable) as caught:
                    await create(driver, "d", within_s=0.1)
                assert caught.value.reason == "SPACE_LOADING"
            go.set()
            await until(lambda: len(asked) == 3)
            with pytest.raises(QuotaExceeded) as caught:
                await create(driver, "d")
            refused(caught, "capacity", 60_000, 60_000)
            assert sorted(asked) == ["a", "b", "c"]


async def test_a_count_in_progress_ends_with_the_engine(monkeypatch):
    async with running() as driver:
        await driver.put(1)
        asked, _ = hold_glimpses(driver, monkeypatch)
        counting = asyncio.create_task(usage(driver))
        await until(lambda: asked)
    with pytest.raises(Unavailable) as caught:
        await counting
    assert caught.value.reason == "SPACE_LOADING"


async def test_a_space_that_cannot_be_read_now_does_not_stop_the_count(driver, monkeypatch):
    for name in "abc":
        await driver.put(1, key=key(name))
    whole, asked = driver.engine.directory.glimpse, []

    async def glimpse(space):
        asked.append(space.space)
        if asked.count("b") == 1 and space.space == "b":
            raise worker_lost()
        return await whole(space)

    monkeypatch.setattr(driver.engine.directory, "glimpse", glimpse)
    with pytest.raises(Unavailable) as caught:
        await usage(driver)
    assert caught.value.reason == "WORKER_LOST"
    assert sorted(asked) == ["a", "b", "c"]
    assert (await usage(driver)).capacity == 60_000
    assert len(asked) == 4


async def test_a_space_with_writes_in_progress_counts_with_its_capacity():
    async with opened(HeldAppends()) as journal, running(journal) as driver:
        creating = asyncio.create_task(create(driver, "a"))
        await journal.let_one_go()
        await creating
        putting = asyncio.create_task(driver.put(1, key=key("a")))
        await until(lambda: not journal.held.empty())
        assert driver.engine.directory.known(key("a")).writes == 1
        assert (await usage(driver)).capacity == 20_000
        await journal.let_one_go()
        await putting


async def test_a_change_that_began_before_the_count_is_noticed():
    async with opened(HeldAppends()) as journal, running(journal) as driver:
        creating = asyncio.create_task(create(driver, "a", 30))
        await journal.let_one_go()
        await creating
        resizing = asyncio.create_task(resize(driver, "a", 70))
        await until(lambda: not journal.held.empty())
        assert (await usage(driver)).capacity == 30
        await journal.let_one_go()
        await resizing
        assert (await usage(driver)).capacity == 70


async def test_a_change_while_a_space_is_read_is_not_overwritten(driver, monkeypatch):
    await create(driver, "a", 30)
    asked, go = hold_glimpses(driver, monkeypatch)
    counting = asyncio.create_task(usage(driver))
    await until(lambda: asked)
    await resize(driver, "a", 70)
    go.set()
    assert (await counting).capacity == 70


async def test_a_first_write_that_its_own_space_leaves_no_room_for_is_stored():
    async with running(quotas={"max_kept_bytes": 100}) as driver:
        await driver.put(1, key=key("a"))
        assert (await driver.state(key("a"))).used == 1
        with pytest.raises(QuotaExceeded):
            await driver.put(2, key=key("a"))


async def test_without_quotas_no_write_waits_for_a_count(driver, monkeypatch):
    await driver.put(1, key=key("a"))
    asked, go = hold_glimpses(driver, monkeypatch)
    counting = asyncio.create_task(usage(driver))
    await until(lambda: asked)
    await create(driver, "b", within_s=1.0)
    go.set()
    assert (await counting).spaces == 2


async def test_a_list_of_tenants_ends_before_one_that_is_not_counted(driver, monkeypatch):
    await driver.put(1, key=key("a", "first"))
    await driver.put(1, key=key("a", "second"))
    whole = driver.engine.directory.glimpse

    async def glimpse(space):
        if space.tenant == "second":
            raise worker_lost()
        return await whole(space)

    monkeypatch.setattr(driver.engine.directory, "glimpse", glimpse)
    page = await driver.engine.tenants.page(after=0, limit=9, deadline_s=later())
    assert [(each.name, each.usage.spaces) for each in page.tenants] == [("first", 1)]
    page = await driver.engine.tenants.page(after=page.after, limit=9, deadline_s=later())
    assert [(each.name, each.usage) for each in page.tenants] == [("second", None)]
    assert page.after == 0


def test_the_book_forgets_the_tenants_used_longest_ago_but_none_in_use():
    book = UsageBook(max_tenants=2)
    first, second = book.of("first"), book.of("second")
    with first.reserving("a", 1, Amounts()):
        assert book.of("third").total == Amounts()
        assert book.known("second") is None
        assert book.known("first") is first
    assert book.of("second") is not second
    assert book.known("first") is None


async def test_puts_of_tenants_without_a_quota_on_bytes_ask_for_none(driver, monkeypatch):
    await driver.put(1)

    async def content_refusal(*_):
        raise AssertionError("asked")

    monkeypatch.setattr(Quotas, "content_refusal", content_refusal)
    await driver.put(2)


async def test_a_check_of_a_change_is_refused_like_the_change():
    async with running(quotas={"max_capacity": 20_000}) as driver:
        await driver.put(1)
        body = UpdateSpace('"99"', SpaceChange(capacity=20_001))
        for attempt in (driver.engine.catalogue.update, driver.engine.catalogue.preview_update):
            with pytest.raises(QuotaExceeded):
                await attempt(KEY, body, ticket())


async def test_a_check_of_a_creation_in_a_loaded_space_without_records_looks_at_the_quota():
    async with running(quotas={"max_spaces": 1}) as driver:
        await create(driver, "a")
        await driver.engine.directory.opened(key("b"))
        with pytest.raises(QuotaExceeded):
            await driver.engine.catalogue.preview_create(key("b"), SpaceChange(), ticket())


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
