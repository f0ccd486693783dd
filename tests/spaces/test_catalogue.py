"""Spaces: creation, change and list; and the fields that the writer sets from their parameters."""

import asyncio

import pytest
from drive import DIMENSION, KEY, event_of, running, ticket, vector

from mlsdm_grpc.core.model.bodies import DeleteMemory, PutMemories, SpaceChange, UpdateSpace
from mlsdm_grpc.core.model.new_memory import NewMemory, Vector
from mlsdm_grpc.core.model.parameters import OntologyCategory
from mlsdm_grpc.core.store.kernel import inverse_norm
from mlsdm_grpc.errors import (
    AlreadyExists,
    Conflict,
    DataLoss,
    InvalidInput,
    NotFound,
    PreconditionFailed,
    Unavailable,
)
from mlsdm_grpc.journal.memory_journal import MemoryJournal
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.moderation import candidates
from mlsdm_grpc.spaces import catalogue

pytestmark = pytest.mark.anyio

SECOND = 1_000_000_000
MODEL = "wordllama-l2-supercat-256"


def later(seconds=20.0):
    return asyncio.get_running_loop().time() + seconds


async def create(driver, name="s", request=b"r" * 16, **given):
    key = SpaceKey("dev", name)
    return await driver.engine.catalogue.create(key, SpaceChange(**given), ticket(request))


async def change(driver, key=KEY, etag="", request=b"u" * 16, **given):
    body = UpdateSpace(etag, SpaceChange(**given))
    return await driver.engine.catalogue.update(key, body, ticket(request))


async def names(driver, page=100, tenant="dev"):
    """All names of a list, and the sizes of its pages."""
    found, after, sizes = [], 0, []
    while True:
        part = await driver.engine.catalogue.page(
            tenant, after=after, limit=page, min_revision=0, deadline_s=later()
        )
        found += [each.name for each in part.spaces]
        sizes.append(len(part.spaces))
        after = part.after
        if not after:
            return found, sizes


async def get(driver, memory_id="m1", key=KEY):
    found, _ = await driver.engine.reads.get(
        key, memory_id, include_embedding=False, min_revision=0, deadline_s=later()
    )
    return found.memory


async def test_a_space_is_created_once_and_a_repeat_tells_so(driver):
    view, revision = await create(driver, capacity=7)
    assert (revision, view.incarnation, view.parameters.capacity) == (1, 1, 7)
    assert view.parameters.dimension == DIMENSION
    again, revision = await create(driver, capacity=7)
    assert (revision, again.incarnation) == (1, 1)
    with pytest.raises(AlreadyExists) as caught:
        await create(driver, request=b"o" * 16)
    assert (caught.value.reason, caught.value.metadata["space"]) == ("SPACE_EXISTS", "s")


async def test_of_two_creators_the_first_wins(driver):
    results = await asyncio.gather(
        *(create(driver, request=bytes([i]) * 16, capacity=i) for i in (1, 2, 3)),
        return_exceptions=True,
    )
    assert [type(each) for each in results] == [tuple, AlreadyExists, AlreadyExists]
    assert results[0][0].parameters.capacity == 1


async def test_a_known_space_refuses_creation_without_a_record(driver):
    await driver.put(1)
    with pytest.raises(AlreadyExists):
        await create(driver, KEY.space)
    assert await driver.journal.head(KEY) == 2


async def test_a_check_of_a_creation_writes_nothing(driver):
    check = driver.engine.catalogue.preview_create
    key = SpaceKey("dev", "s")
    assert (await check(key, SpaceChange(capacity=3), ticket()))[0].capacity == 3
    assert await driver.journal.spaces("dev", after=0, limit=9) == []
    await create(driver)
    with pytest.raises(AlreadyExists):
        await check(key, SpaceChange(), ticket(b"o" * 16))
    assert await driver.journal.head(key) == 1


async def test_a_failed_creation_leaves_nothing_behind():
    journal = MemoryJournal()
    await journal.open()
    async with running(journal) as driver:
        await journal.close()
        with pytest.raises(Unavailable):
            await create(driver)
        assert len(driver.engine.directory) == 0


async def test_the_embedder_and_the_dimension_of_a_new_space_fit_together_with_embedder_mismatch():
    async with running(space={"embedder": "wordllama"}) as driver:
        for given, expected in [
            ({}, (256, MODEL)),
            ({"dimension": 256}, (256, MODEL)),
            ({"dimension": 99}, (99, "")),
            ({"embedder": MODEL}, (256, MODEL)),
            ({"embedder": ""}, (DIMENSION, "")),
            ({"embedder": "", "dimension": 256}, (256, "")),
        ]:
            check = driver.engine.catalogue.preview_create
            parameters, _ = await check(KEY, SpaceChange(**given), ticket())
            assert (parameters.dimension, parameters.embedder) == expected, given
        with pytest.raises(InvalidInput) as caught:
            await create(driver, embedder=MODEL, dimension=9)
        assert caught.value.violations[0].field == "config.dimension"
        with pytest.raises(PreconditionFailed) as refused:
            await create(driver, embedder="other")
        assert refused.value.reason == "EMBEDDER_MISMATCH"


async def test_settings_that_contradict_each_other_are_named(driver):
    for given, field in [
        ({"ontology": (OntologyCategory("x", vector(1, 3)),)}, "config.ontology"),
        ({"moral_ceiling": 0.4}, "config.moral.ceiling"),
    ]:
        with pytest.raises(InvalidInput) as caught:
            await create(driver, **given)
        assert [violation.field for violation in caught.value.violations] == [field]
    view, _ = await create(driver, moral_base=0.85)
    assert view.parameters.moral.ceiling == 0.85


async def test_an_update_is_seen_and_its_etag_decides(driver):
    await driver.put(1)
    view = await driver.engine.catalogue.get(KEY, min_revision=0, deadline_s=later())
    assert view.config_revision == 1
    view, revision = await change(driver, etag='"1"', capacity=5)
    assert (view.parameters.capacity, view.capacity, revision) == (5, 5, 3)
    again, same = await change(driver, etag='"1"', capacity=5)
    assert (same, again.config_revision) == (3, 3)
    with pytest.raises(Conflict):
        await change(driver, etag='"1"', request=b"o" * 16, capacity=6)
    with pytest.raises(PreconditionFailed) as caught:
        await change(driver, request=b"p" * 16, dimension=3)
    assert caught.value.reason == "CONFIG_CONFLICT"
    assert caught.value.metadata["field"] == "config.dimension"
    with pytest.raises(NotFound):
        await change(driver, SpaceKey("dev", "nowhere"))


async def test_a_check_of_an_update_tells_the_result_and_writes_nothing(driver):
    await driver.put(1)
    check = driver.engine.catalogue.preview_update
    view, revision = await check(KEY, UpdateSpace('"1"', SpaceChange(capacity=5)), ticket())
    assert (view.parameters.capacity, revision) == (5, 2)
    for body, error in [
        (UpdateSpace('"9"', SpaceChange(capacity=5)), Conflict),
        (UpdateSpace('"1"', SpaceChange(dimension=5)), PreconditionFailed),
        (UpdateSpace('"1"', SpaceChange(embedder="x")), PreconditionFailed),
    ]:
        with pytest.raises(error):
            await check(KEY, body, ticket())
    assert await driver.journal.head(KEY) == 2


async def test_an_embedder_of_another_dimension_cannot_be_given_to_a_space():
    async with running(space={"embedder": "wordllama"}) as driver:
        await create(driver, dimension=DIMENSION)
        key = SpaceKey("dev", "s")
        with pytest.raises(PreconditionFailed) as caught:
            await change(driver, key, embedder=MODEL)
        assert caught.value.reason == "CONFIG_CONFLICT"
        with pytest.raises(PreconditionFailed) as other:
            await change(driver, key, embedder="other")
        assert other.value.reason == "EMBEDDER_MISMATCH"


async def test_a_read_only_space_refuses_writes_without_records_with_space_read_only(driver):
    first = await driver.put(1, request=b"f" * 16)
    await change(driver, read_only=True)
    head = await driver.journal.head(KEY)
    event = event_of(NewMemory("e", vector(3)), 1.0)
    for attempt in (
        driver.put(2),
        driver.engine.intake.delete(KEY, DeleteMemory("m1"), ticket()),
        driver.engine.intake.process_event(KEY, event, ticket()),
        driver.engine.intake.put(
            KEY, PutMemories((NewMemory("x", vector(4)),)), ticket(), paths=[""], validate_only=True
        ),
    ):
        with pytest.raises(PreconditionFailed) as caught:
            await attempt
        assert caught.value.reason == "SPACE_READ_ONLY"
    assert await driver.journal.head(KEY) == head
    assert await driver.query(1) == (["m1"], head)
    assert await driver.put(1, request=b"f" * 16) == first
    await change(driver, request=b"w" * 16, read_only=False)
    await driver.put(2)


async def test_order_decides_where_a_write_meets_a_change(driver):
    await driver.put(1)
    results = await asyncio.gather(
        change(driver, read_only=True), driver.put(2), return_exceptions=True
    )
    assert isinstance(results[1], PreconditionFailed)
    assert results[1].reason == "SPACE_READ_ONLY"
    assert await driver.journal.head(KEY) == 4  # the put was on its way when the change came


async def test_a_change_whose_caller_is_gone_is_known_to_the_next_write(driver):
    await driver.put(1)
    update = asyncio.ensure_future(change(driver, default_ttl_ns=3_600 * SECOND))
    while driver.engine.parts.writes.idle:  # noqa: ASYNC110 - nothing tells of an append
        await asyncio.sleep(0)
    update.cancel()
    await driver.engine.parts.writes.drained()
    outcome = await driver.put(2)
    assert outcome.items[0].expire_time_ns > 0


async def test_memories_without_an_expiry_get_the_default_life(driver):
    hour = 3_600 * SECOND
    await create(driver, KEY.space, default_ttl_ns=hour)
    put = (await driver.put(1)).items[0]
    assert 0 <= put.create_time_ns + hour - put.expire_time_ns < 60 * SECOND
    own = put.expire_time_ns + hour
    assert (await driver.put(2, expire_time_ns=own)).items[0].expire_time_ns == own
    body = PutMemories((NewMemory("x", vector(3)),))
    (foreseen,) = (
        await driver.engine.intake.put(KEY, body, ticket(), paths=[""], validate_only=True)
    ).outcome.items
    assert foreseen.expire_time_ns >= put.expire_time_ns
    event = event_of(NewMemory("e", vector(4)), 1.0)
    await driver.engine.intake.process_event(KEY, event, ticket())
    assert (await get(driver, "e")).expire_time_ns >= put.expire_time_ns
    await change(driver, default_ttl_ns=0)
    assert (await driver.put(5)).items[0].expire_time_ns == 0


def clocked(driver, now_ns):
    driver.engine.clock.now_ns = driver.engine.parts.records.record_ns = lambda: now_ns


async def test_a_clock_that_was_set_back_ends_no_life_at_once(driver):
    clocked(driver, 1_000 * SECOND)
    await create(driver, KEY.space, default_ttl_ns=SECOND)
    clocked(driver, 500 * SECOND)
    assert (await driver.put(1)).items[0].expire_time_ns == 1_001 * SECOND


def unit(index):
    raw = vector(0).raw * 0
    raw[index] = 1
    return Vector(raw, inverse_norm(raw))


async def test_memories_are_labelled_with_their_nearest_category(driver):
    ontology = tuple(OntologyCategory(f"c{i}", unit(i)) for i in range(3))
    await create(driver, KEY.space, ontology=ontology)
    memories = tuple(NewMemory(f"u{i}", unit(i), True, labels=("z",)) for i in range(3))
    await driver.engine.intake.put(KEY, PutMemories(memories), ticket(), paths=["", "", ""])
    for i in range(3):
        assert (await get(driver, f"u{i}")).labels == (f"c{i}", "z")
    await driver.engine.intake.process_event(KEY, event_of(NewMemory("e", unit(2)), 1.0), ticket())
    assert (await get(driver, "e")).labels == ("c2",)
    found, _ = await driver.query(0, labels=("c2",), top_k=9)
    assert sorted(found) == ["e", "u2"]
    await change(driver, ontology=(OntologyCategory("only", unit(0)),))
    await driver.put(9)
    assert (await get(driver, "m9")).labels == ("only",)


async def test_large_comparisons_leave_the_event_loop(driver, monkeypatch):
    monkeypatch.setattr(candidates, "INLINE_PRODUCTS", 0)
    await create(driver, KEY.space, ontology=(OntologyCategory("c", unit(0)),))
    await driver.put(1, 2)
    assert (await get(driver, "m2")).labels == ("c",)


async def test_spaces_are_listed_by_creation_and_pages_lose_none(driver):
    for name in ("c", "a", "_tenant", "b"):
        await driver.put(1, key=SpaceKey("dev", name))
    await driver.put(1, key=SpaceKey("other", "theirs"))
    assert await names(driver) == (["c", "a", "b"], [3])
    assert await names(driver, page=2) == (["c", "a", "b"], [2, 1])
    assert (await names(driver, tenant="other"))[0] == ["theirs"]
    assert await names(driver, tenant="nobody") == ([], [0])
    page = driver.engine.catalogue.page
    first = await page("dev", after=0, limit=1, min_revision=0, deadline_s=later())
    await driver.put(1, key=SpaceKey("dev", "0"))
    rest = await page("dev", after=first.after, limit=9, min_revision=0, deadline_s=later())
    assert [each.name for each in rest.spaces] == ["a", "b", "0"]
    assert rest.after == 0


async def test_a_list_shows_cold_spaces_without_keeping_them():
    journal = MemoryJournal()
    await journal.open()
    async with running(journal) as driver:
        for i, name in enumerate(("a", "b", "c")):
            await driver.put(*range(i + 1), key=SpaceKey("dev", name))
        await change(driver, SpaceKey("dev", "b"), read_only=True)
    async with running(journal) as driver:
        await driver.put(9, key=SpaceKey("dev", "c"))
        page = await driver.engine.catalogue.page(
            "dev", after=0, limit=9, min_revision=0, deadline_s=later()
        )
        figures = [(each.view.used, each.view.revision, each.head) for each in page.spaces]
        assert figures == [(1, 2, 2), (2, 3, 3), (4, 3, 3)]
        assert [each.view.parameters.read_only for each in page.spaces] == [False, True, False]
        assert len(driver.engine.directory) == 1
        assert len(driver.engine.parts.space_workers.link(0).handler.minds) == 1
    await journal.close()


async def test_a_damaged_space_does_not_spoil_the_list(driver, monkeypatch):
    await driver.put(1, key=SpaceKey("dev", "a"))
    await driver.put(1, key=SpaceKey("dev", "b"))
    whole = driver.engine.directory.glimpse

    async def glimpse(key):
        if key.space == "a":
            raise DataLoss("A record fails its checksum.")
        return await whole(key)

    monkeypatch.setattr(driver.engine.directory, "glimpse", glimpse)
    page = await driver.engine.catalogue.page(
        "dev", after=0, limit=9, min_revision=0, deadline_s=later()
    )
    assert [(each.name, each.view is None, each.head) for each in page.spaces] == [
        ("a", True, 2),
        ("b", False, 2),
    ]


async def test_a_page_that_takes_long_is_cut_and_goes_on(driver, monkeypatch):
    for name in ("a", "b", "c"):
        await driver.put(1, key=SpaceKey("dev", name))
    monkeypatch.setattr(catalogue, "PAGE_S", 0.0)
    assert await names(driver) == (["a", "b", "c"], [1, 1, 1])


async def test_a_list_of_a_revision_that_is_not_there_is_refused_with_revision_not_reached(driver):
    with pytest.raises(Unavailable) as caught:
        await driver.engine.catalogue.page(
            "dev", after=0, limit=9, min_revision=1, deadline_s=later()
        )
    assert caught.value.reason == "REVISION_NOT_REACHED"


async def test_changed_settings_survive_a_restart():
    journal = MemoryJournal()
    await journal.open()
    ontology = (OntologyCategory("c", unit(1)),)
    for snapshot_every in (1_000, 1):
        async with running(journal, snapshot_every=snapshot_every) as driver:
            await driver.put(1)
            await change(driver, request=bytes([snapshot_every % 251]) * 16, ontology=ontology)
            before = await driver.engine.catalogue.get(KEY, min_revision=0, deadline_s=later())
        async with running(journal) as driver:
            view = await driver.engine.catalogue.get(KEY, min_revision=0, deadline_s=later())
            assert view.config_revision == before.config_revision
            assert [category.name for category in view.parameters.ontology] == ["c"]
            await driver.put(2)
            assert (await get(driver, "m2")).labels == ("c",)
    await journal.close()


async def test_a_repeat_gives_no_etag_that_would_undo_what_came_since(driver):
    await driver.put(1)
    first, revision = await change(driver, capacity=20)
    await change(driver, request=b"v" * 16, capacity=30)
    again, repeated = await change(driver, capacity=20)
    assert (repeated, again.config_revision) == (revision, first.config_revision)
    assert again.parameters.capacity == 30
    with pytest.raises(Conflict):
        await change(driver, etag=f'"{again.config_revision}"', request=b"w" * 16, capacity=9)
