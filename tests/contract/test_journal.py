"""Guarantees of every journal; one suite for all implementations."""

import asyncio
from contextlib import aclosing, contextmanager

import anyio
import pytest

from mlsdm_grpc.errors import DataLoss, InvalidInput, Unavailable
from mlsdm_grpc.journal.memory_journal import MemoryJournal
from mlsdm_grpc.journal.protocol import RevisionConflict, SpaceKey
from mlsdm_grpc.journal.sqlite.sqlite_journal import SqliteJournal

pytestmark = pytest.mark.anyio

A = SpaceKey("tenant", "a")
B = SpaceKey("tenant", "b")


@pytest.fixture(params=["memory", "sqlite"])
async def journal(request, tmp_path):
    made = MemoryJournal() if request.param == "memory" else SqliteJournal(tmp_path)
    await made.open()
    yield made
    await made.close()


async def revisions(journal, key, *, after=0, until=None):
    found = []
    async for entries in journal.read(key, after=after, until=until):
        assert entries
        found += [(entry.revision, entry.payload) for entry in entries]
    return found


async def fill(journal, key, count, *, expected=0):
    payloads = [f"{key.space}{expected + i + 1}".encode() for i in range(count)]
    return await journal.append(key, payloads, expected=expected)


async def snapshot(journal, key, revision, content=b"state"):
    path = journal.scratch_path()
    await anyio.Path(path).write_bytes(content)
    return await journal.save_snapshot(key, revision=revision, path=path)


async def test_an_append_is_read_back_in_order(journal):
    first = await journal.append(A, [b"one", b"two"], expected=0)
    second = await journal.append(A, [b"three"], expected=2)
    assert second > first
    assert await revisions(journal, A) == [(1, b"one"), (2, b"two"), (3, b"three")]
    assert await journal.head(A) == 3


async def test_unknown_spaces_are_empty(journal):
    assert await journal.head(A) == 0
    assert await revisions(journal, A) == []
    assert await journal.load_snapshot(A) is None
    assert await journal.trim(A, until=5) == 0


async def test_the_newest_record_is_that_of_any_space(journal):
    assert await journal.newest() is None
    await fill(journal, A, 3)
    await fill(journal, B, 2)
    newest = await journal.newest()
    assert (newest.key, newest.revision, newest.payload) == (B, 2, b"b2")
    await fill(journal, A, 1, expected=3)
    newest = await journal.newest()
    assert (newest.key, newest.revision, newest.payload) == (A, 4, b"a4")


async def test_tenants_are_listed_by_their_first_space(journal):
    assert await journal.tenants(after=0, limit=9) == []
    for tenant, space in (("b", "x"), ("a", "y"), ("b", "z"), ("c", "x")):
        await journal.append(SpaceKey(tenant, space), [b"record"], expected=0)
    whole = await journal.tenants(after=0, limit=9)
    assert [each.tenant for each in whole] == ["b", "a", "c"]
    assert await journal.tenants(after=0, limit=2) == whole[:2]
    assert await journal.tenants(after=whole[1].ordinal, limit=2) == whole[2:]
    assert await journal.tenants(after=whole[2].ordinal, limit=2) == []


async def test_empty_and_binary_payloads_survive(journal):
    payloads = [b"", bytes(range(256)), b"\0" * 10]
    await journal.append(A, payloads, expected=0)
    assert [payload for _, payload in await revisions(journal, A)] == payloads


async def test_large_and_small_payloads_of_one_batch_survive(journal):
    large = [bytes([i]) * (400_000 + i) for i in range(3)]
    waiting = [
        journal.append(A, [b"small", large[0], b"", large[1]], expected=0),
        journal.append(B, [large[2]], expected=0),
        journal.append(A, [b"last"], expected=4),
    ]
    await asyncio.gather(*waiting)
    payloads = [payload for _, payload in await revisions(journal, A)]
    assert payloads == [b"small", large[0], b"", large[1], b"last"]
    assert await revisions(journal, B) == [(1, large[2])]


async def test_an_append_of_nothing_is_refused(journal):
    with pytest.raises(InvalidInput):
        journal.append(A, [], expected=0)


async def test_appends_may_be_pipelined(journal):
    futures = [journal.append(A, [str(i).encode()], expected=i) for i in range(300)]
    done = []
    for i, future in enumerate(futures):
        future.add_done_callback(lambda _, i=i: done.append(i))
    assert not any(future.done() for future in futures)
    positions = await asyncio.gather(*futures)
    await asyncio.sleep(0)
    assert done == list(range(300))
    assert positions == sorted(set(positions))
    assert await journal.head(A) == 300


@pytest.mark.parametrize("expected", [0, 1, 3, 100])
async def test_a_wrong_expectation_writes_nothing(journal, expected):
    await fill(journal, A, 2)
    with pytest.raises(RevisionConflict) as caught:
        await journal.append(A, [b"x"], expected=expected)
    assert (caught.value.expected, caught.value.actual) == (expected, 2)
    assert await journal.head(A) == 2


async def test_a_conflict_takes_what_was_built_on_it_along(journal):
    futures = [
        journal.append(A, [b"1"], expected=0),
        journal.append(A, [b"x"], expected=0),
        journal.append(A, [b"y"], expected=1),
        journal.append(A, [b"z"], expected=2),
    ]
    results = await asyncio.gather(*futures, return_exceptions=True)
    assert isinstance(results[0], int)
    assert all(isinstance(result, RevisionConflict) for result in results[1:])
    assert await revisions(journal, A) == [(1, b"1")]
    await journal.append(A, [b"2"], expected=1)
    assert await journal.head(A) == 2


async def test_spaces_do_not_disturb_each_other(journal):
    other = SpaceKey("other", "a")
    await asyncio.gather(fill(journal, A, 2), fill(journal, B, 3), fill(journal, other, 1))
    assert await revisions(journal, A) == [(1, b"a1"), (2, b"a2")]
    assert await journal.head(B) == 3
    assert await journal.head(other) == 1


async def test_a_cancelled_append_is_not_taken_back(journal):
    future = journal.append(A, [b"1"], expected=0)
    future.cancel()
    await journal.append(A, [b"2"], expected=1)
    assert await revisions(journal, A) == [(1, b"1"), (2, b"2")]


async def test_reads_have_bounds(journal):
    await fill(journal, A, 10)
    assert [r for r, _ in await revisions(journal, A, after=3, until=6)] == [4, 5, 6]
    assert [r for r, _ in await revisions(journal, A, after=9)] == [10]
    assert await revisions(journal, A, after=10) == []
    assert len(await revisions(journal, A, until=99)) == 10


async def test_reads_come_in_bounded_batches(journal):
    for start in range(0, 2_500, 500):
        await fill(journal, A, 500, expected=start)
    sizes = [len(entries) async for entries in journal.read(A, after=0)]
    assert sum(sizes) == 2_500
    assert max(sizes) <= 1_000
    await journal.append(B, [bytes(2**20)] * 3, expected=0)
    await journal.append(B, [bytes(2**20)] * 3, expected=3)
    assert [len(entries) async for entries in journal.read(B, after=0)] == [4, 2]


async def test_followers_see_everything_once_and_in_order(journal):
    await fill(journal, A, 3)
    seen, enough = [], anyio.Event()

    async def follow():
        async with aclosing(journal.follow(0, after=0)) as entries:
            async for entry in entries:
                seen.append((entry.key.space, entry.revision, entry.position))
                if len(seen) == 6:
                    enough.set()
                    return

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(follow)
        await fill(journal, B, 2)
        await fill(journal, A, 1, expected=3)
        with anyio.fail_after(5):
            await enough.wait()
    assert [each[:2] for each in seen] == [
        ("a", 1), ("a", 2), ("a", 3), ("b", 1), ("b", 2), ("a", 4)
    ]  # fmt: skip
    positions = [position for _, _, position in seen]
    assert positions == sorted(set(positions))
    async with aclosing(journal.follow(0, after=positions[3])) as entries:
        assert (await anext(entries)).position == positions[4]


async def test_followers_end_with_the_journal(journal):
    ended = anyio.Event()

    async def follow():
        async with aclosing(journal.follow(0, after=0)) as entries:
            async for _ in entries:
                pass
        ended.set()

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(follow)
            await fill(journal, A, 1)
            await journal.close()
            await ended.wait()


async def test_there_is_one_partition(journal):
    with pytest.raises(InvalidInput):
        await anext(journal.follow(1, after=0))


async def test_spaces_are_listed_by_their_first_records_page_by_page(journal):
    for name in ("c", "a"):
        await fill(journal, SpaceKey("tenant", name), 1)
    await fill(journal, SpaceKey("other", "z"), 1)
    await fill(journal, SpaceKey("tenant", "b"), 1)
    first = await journal.spaces("tenant", after=0, limit=2)
    assert [each.space for each in first] == ["c", "a"]
    await fill(journal, SpaceKey("tenant", "0"), 1)
    await fill(journal, SpaceKey("tenant", "c"), 1, expected=1)
    rest = await journal.spaces("tenant", after=first[-1].ordinal, limit=9)
    assert [each.space for each in rest] == ["b", "0"]
    assert [each.ordinal for each in first + rest] == sorted(
        {each.ordinal for each in first + rest}
    )
    assert await journal.spaces("tenant", after=rest[-1].ordinal, limit=9) == []
    assert await journal.spaces("tenant", after=0, limit=0) == []
    assert await journal.spaces("nobody", after=0, limit=2) == []


async def test_the_newest_snapshot_wins(journal):
    await fill(journal, A, 10)
    assert await snapshot(journal, A, 4, b"four")
    assert not await snapshot(journal, A, 4, b"again")
    assert not await snapshot(journal, A, 3, b"older")
    assert await snapshot(journal, A, 6, b"six")
    found = await journal.load_snapshot(A)
    assert (found.revision, await anyio.Path(found.path).read_bytes()) == (6, b"six")


async def test_a_snapshot_stays_until_two_newer_ones_exist(journal):
    await fill(journal, A, 10)
    await snapshot(journal, A, 1)
    first = (await journal.load_snapshot(A)).path
    await snapshot(journal, A, 2)
    assert await anyio.Path(first).exists()
    await snapshot(journal, A, 3)
    assert not await anyio.Path(first).exists()
    names = [path.name async for path in anyio.Path(first.parent).iterdir()]
    assert len(names) == 2


async def test_a_damaged_snapshot_is_passed_over(journal):
    await fill(journal, A, 10)
    await snapshot(journal, A, 1, b"good")
    await snapshot(journal, A, 2, b"newer")
    newest = anyio.Path((await journal.load_snapshot(A)).path)
    await newest.write_bytes(b"newes")
    assert (await journal.load_snapshot(A)).revision == 1
    assert (await journal.load_snapshot(A)).revision == 1
    assert await journal.trim(A, until=10) == 0  # there is no second newest that is intact
    await snapshot(journal, A, 5, b"newest")
    assert await journal.trim(A, until=10) == 1


async def test_a_missing_snapshot_is_passed_over(journal):
    await fill(journal, A, 10)
    await snapshot(journal, A, 1, b"good")
    await snapshot(journal, A, 2, b"newer")
    await anyio.Path((await journal.load_snapshot(A)).path).unlink()
    assert (await journal.load_snapshot(A)).revision == 1


@contextmanager
def not_reached():
    with pytest.raises(Unavailable) as caught:
        yield
    assert caught.value.reason == "REVISION_NOT_REACHED"
    assert set(caught.value.metadata) == {"expected", "actual"}


async def test_a_snapshot_beyond_the_head_is_refused(journal):
    await fill(journal, A, 1)
    with not_reached():
        await snapshot(journal, A, 2)


async def test_trimming_stops_at_the_second_newest_snapshot(journal):
    await fill(journal, A, 10)
    assert await journal.trim(A, until=10) == 0
    await snapshot(journal, A, 4)
    assert await journal.trim(A, until=10) == 0
    await snapshot(journal, A, 8)
    assert await journal.trim(A, until=2) == 2
    assert await journal.trim(A, until=10) == 2
    assert [r for r, _ in await revisions(journal, A, after=4)] == [5, 6, 7, 8, 9, 10]


async def test_trimming_keeps_the_last_record(journal):
    await fill(journal, A, 3)
    await snapshot(journal, A, 2)
    await snapshot(journal, A, 3)
    await journal.trim(A, until=3)
    await fill(journal, A, 1, expected=3)
    assert await journal.head(A) == 4
    assert (3, b"a3") in await revisions(journal, A, after=2)


async def test_erasing_needs_a_snapshot_behind_the_records(journal):
    await fill(journal, A, 5)
    with not_reached():
        await journal.erase(A, until=3)
    await snapshot(journal, A, 2)
    with not_reached():
        await journal.erase(A, until=3)
    await snapshot(journal, A, 4)
    await journal.erase(A, until=4)
    assert [r for r, _ in await revisions(journal, A, after=4)] == [5]
    assert (await journal.load_snapshot(A)).revision == 4
    assert await journal.head(A) == 5


async def test_erasing_needs_an_intact_snapshot(journal):
    await fill(journal, A, 5)
    await snapshot(journal, A, 3, b"good")
    await snapshot(journal, A, 5, b"newer")
    await anyio.Path((await journal.load_snapshot(A)).path).write_bytes(b"newes")
    with pytest.raises(DataLoss):
        await journal.erase(A, until=5)
    assert len(await revisions(journal, A)) == 5
    assert (await journal.load_snapshot(A)).revision == 3


async def test_a_space_whose_records_are_all_erased_goes_on(journal):
    await fill(journal, A, 5)
    await snapshot(journal, A, 5)
    await journal.erase(A, until=5)
    assert await journal.head(A) == 5
    assert await revisions(journal, A, after=5) == []
    await fill(journal, A, 1, expected=5)
    assert await revisions(journal, A, after=5) == [(6, b"a6")]
    assert [each.space for each in await journal.spaces("tenant", after=0, limit=9)] == ["a"]


async def test_what_is_gone_is_not_passed_over(journal):
    await fill(journal, A, 5)
    await snapshot(journal, A, 5)
    await journal.erase(A, until=5)
    with pytest.raises(DataLoss) as caught:
        await revisions(journal, A)
    assert caught.value.metadata["revision"] == "1"
    await fill(journal, A, 1, expected=5)
    with pytest.raises(DataLoss):
        await revisions(journal, A, after=4)


async def test_records_trimmed_while_they_are_read_are_no_damage(journal):
    for start in range(0, 2_500, 500):
        await fill(journal, A, 500, expected=start)
    async with aclosing(journal.read(A, after=0)) as reader:
        assert len(await anext(reader)) == 1_000
        await snapshot(journal, A, 2_000)
        await snapshot(journal, A, 2_400)
        assert await journal.trim(A, until=2_400) == 2_000
        with pytest.raises(Unavailable) as caught:
            await anext(reader)
    assert caught.value.retry_after_s is not None


async def test_followers_pass_over_what_was_erased(journal):
    await fill(journal, A, 5)
    await snapshot(journal, A, 5)
    await journal.erase(A, until=5)
    async with aclosing(journal.follow(0, after=0)) as entries:
        waiting = asyncio.ensure_future(anext(entries))
        await fill(journal, B, 1)
        with anyio.fail_after(5):
            assert (await waiting).payload == b"b1"


async def test_a_cancelled_follower_leaves_the_others_alone(journal):
    async with aclosing(journal.follow(0, after=0)) as entries:
        other = asyncio.ensure_future(anext(journal.follow(0, after=0)))
        mine = asyncio.ensure_future(anext(entries))
        await asyncio.sleep(0)
        other.cancel()
        await asyncio.wait([other])
        await fill(journal, A, 1)
        with anyio.fail_after(5):
            assert (await mine).revision == 1


async def test_a_conflict_comes_after_the_appends_before_it(journal):
    order = []
    for name, expected in (("first", 0), ("wrong", 7), ("second", 1)):
        future = journal.append(A, [b"x"], expected=expected)
        future.add_done_callback(lambda done, name=name: order.append((name, done.exception())))
        assert not future.done()
    await asyncio.wait([future])
    await asyncio.sleep(0)
    assert [name for name, _ in order] == ["first", "wrong", "second"]
    assert [error is None for _, error in order] == [True, False, True]


async def test_two_saves_of_one_revision_keep_one_intact(journal):
    await fill(journal, A, 1)
    saved = await asyncio.gather(snapshot(journal, A, 1, b"x" * 99), snapshot(journal, A, 1, b"y"))
    assert sorted(saved) == [False, True]
    path = anyio.Path((await journal.load_snapshot(A)).path)
    assert [each.name async for each in path.parent.iterdir()] == [path.name]


async def test_an_empty_snapshot_is_refused(journal):
    await fill(journal, A, 1)
    with pytest.raises(DataLoss):
        await snapshot(journal, A, 1, b"")
    with pytest.raises(DataLoss):
        await journal.save_snapshot(A, revision=1, path=journal.scratch_path())
    assert await journal.load_snapshot(A) is None


async def test_a_medium_that_refuses_a_snapshot_is_unavailable_with_journal_unavailable(journal):
    await fill(journal, A, 1)
    obstacle = anyio.Path(journal.scratch_path()).parent / "1-1.snap"
    await obstacle.mkdir()  # in the way of the rename
    with pytest.raises(Unavailable) as caught:
        await snapshot(journal, A, 1)
    assert caught.value.reason == "JOURNAL_UNAVAILABLE"
    await obstacle.rmdir()
    assert await snapshot(journal, A, 1)


async def test_nothing_works_before_opening(tmp_path):
    for made in (MemoryJournal(), SqliteJournal(tmp_path)):
        assert not made.health().writable
        with pytest.raises(Unavailable):
            made.append(A, [b"x"], expected=0)
        with pytest.raises(Unavailable):
            await made.head(A)
        await made.close()


async def test_closing_finishes_what_was_appended(journal):
    futures = [journal.append(A, [b"x"], expected=i) for i in range(50)]
    await journal.close()
    assert len(await asyncio.gather(*futures)) == 50
    await journal.close()


async def test_after_closing_appends_are_refused_with_journal_unavailable(journal):
    assert journal.health().writable
    await journal.close()
    with pytest.raises(Unavailable):
        await journal.append(A, [b"x"], expected=0)
    assert not journal.health().writable
    assert journal.health().reason == "JOURNAL_UNAVAILABLE"
