"""The writer of the journal on disk: batches, failures in the middle of a pipeline, the WAL."""

import asyncio
import sqlite3
import threading
from collections import Counter

import anyio
import pytest
from journal_doubles import journal_of, payloads

from mlsdm_grpc.errors import InvalidInput, Unavailable
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.journal.sqlite import folder_guard

pytestmark = pytest.mark.anyio

A = SpaceKey("tenant", "a")
B = SpaceKey("tenant", "b")


async def read(journal, key=A, after=0):
    return await payloads(journal, key, after)


async def snapshot(journal, revision, key=A):
    path = journal.scratch_path()
    await anyio.Path(path).write_bytes(b"state")
    assert await journal.save_snapshot(key, revision=revision, path=path)


class Gate(sqlite3.Connection):
    """Stops the writer before it inserts; then lets it go on, or raises a fault."""

    reached = threading.Event()
    go_on = threading.Event()
    fault = None

    def execute(self, sql, *parameters):
        if sql.lstrip().startswith("INSERT INTO records"):
            Gate.reached.set()
            assert Gate.go_on.wait(10)
            if Gate.fault is not None:
                raise Gate.fault
        return super().execute(sql, *parameters)


@pytest.fixture
def gate():
    Gate.reached.clear()
    Gate.go_on.set()
    yield Gate
    Gate.go_on.set()
    Gate.fault = None


def full_disk():
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    return error


async def test_a_batch_costs_the_writer_the_same_whatever_its_size(tmp_path, monkeypatch):
    monkeypatch.setattr(folder_guard, "UNCHANGED_S", -10.0)  # as it is a second after the start
    calls = Counter()

    def count(_frame, event, _argument):
        if event in {"call", "c_call"}:
            calls[event] += 1

    threading.setprofile(count)  # for threads that start from here on
    try:
        journal = await journal_of(tmp_path)
    finally:
        threading.setprofile(None)
    await journal.append(A, [b"x"], expected=0)
    writer = journal.parts.writer
    head, costs = 1, []
    for size in (1, 10, 2_000):
        queued = threading.Event()

        def hold(_, queued=queued):
            assert queued.wait(10)
            calls.clear()

        held = asyncio.ensure_future(writer.run(hold, bare=True))
        await asyncio.sleep(0)  # until it is in the queue, so that all appends form one batch
        appends = [journal.append(A, [b"x"], expected=head + i) for i in range(size)]
        queued.set()
        await asyncio.gather(held, *appends)
        head += size
        costs.append(await writer.run(lambda _: sum(calls.values())))
    assert 0 < costs[0] < 90
    assert max(costs) - min(costs) < 10  # what waits for the queue differs by a few
    await journal.close()


async def test_what_queues_behind_a_commit_is_one_batch(tmp_path, gate):
    commits = []
    journal = await journal_of(
        tmp_path, connection_factory=Gate, on_commit=lambda records, _: commits.append(records)
    )
    gate.go_on.clear()
    first = journal.append(A, [b"x"], expected=0)
    assert await asyncio.to_thread(gate.reached.wait, 10)
    rest = [journal.append(A, [b"x"], expected=i) for i in range(1, 1_001)]
    gate.go_on.set()
    await asyncio.gather(first, *rest)
    assert commits == [1, 1_000]
    await journal.close()


async def test_a_failed_commit_fails_what_was_built_on_it_meanwhile(tmp_path, gate):
    now = 0.0
    journal = await journal_of(tmp_path, connection_factory=Gate, clock=lambda: now)
    await journal.append(A, [b"1"], expected=0)
    gate.reached.clear()
    gate.go_on.clear()
    gate.fault = full_disk()
    failed = [journal.append(A, [b"2"], expected=1)]
    assert await asyncio.to_thread(gate.reached.wait, 10)
    # The batch is sealed and about to fail; these go into the next one.
    failed += [journal.append(A, [b"3"], expected=2), journal.append(B, [b"1"], expected=0)]
    gate.go_on.set()
    results = await asyncio.gather(*failed, return_exceptions=True)
    assert [result.reason for result in results] == ["JOURNAL_FULL"] * 3
    assert [result.metadata["written"] for result in results] == ["no"] * 3
    gate.fault = None
    now = 1.0
    assert await journal.head(B) == 0
    await journal.append(A, [b"two"], expected=1)
    await journal.append(B, [b"one"], expected=0)
    assert await read(journal) == [b"1", b"two"]
    assert await read(journal, B) == [b"one"]
    await journal.close()
    journal = await journal_of(tmp_path)
    assert await read(journal) == [b"1", b"two"]
    assert await read(journal, B) == [b"one"]
    await journal.close()


async def test_a_file_that_may_not_grow_heals_when_it_may(tmp_path):
    now = 0.0
    journal = await journal_of(tmp_path, clock=lambda: now)
    await journal.append(A, [b"x" * 1_000], expected=0)

    async def limit(pages):
        await journal.parts.writer.run(
            lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}").fetchall(),
            bare=True,
        )

    await limit(40)
    appended = [journal.append(A, [b"x" * 1_000], expected=1)]
    while (await asyncio.wait(appended[-1:]))[0].pop().exception() is None:
        appended.append(journal.append(A, [b"x" * 1_000], expected=len(appended) + 1))
    head = len(appended)
    assert appended[-1].exception().reason == "JOURNAL_FULL"
    assert journal.health().reason == "JOURNAL_FULL"
    assert len(await read(journal)) == head == await journal.head(A) > 10
    now = 1.0
    assert journal.health().writable
    with pytest.raises(Unavailable):  # the trial fails, so the pause begins anew
        await journal.append(A, [b"x" * 1_000], expected=head)
    now = 1.5
    assert not journal.health().writable
    await limit(1_000_000)
    now = 2.0
    await journal.append(A, [b"x" * 1_000], expected=head)
    assert journal.health().writable
    await journal.close()


class Broken(sqlite3.Connection):
    """Fails every checkpoint, or every insert with something that is no database error."""

    fault = None
    blob_fault = None
    bug = False

    def execute(self, sql, *parameters):
        if Broken.fault is not None and "wal_checkpoint" in sql:
            raise Broken.fault
        if Broken.bug and sql.lstrip().startswith("INSERT INTO records"):
            raise RuntimeError("a bug")
        return super().execute(sql, *parameters)

    def blobopen(self, *place):
        if Broken.blob_fault is not None:
            raise Broken.blob_fault
        return super().blobopen(*place)


@pytest.fixture
def broken():
    yield Broken
    Broken.fault = Broken.blob_fault = None
    Broken.bug = False


async def test_a_full_disk_does_not_keep_the_journal_from_closing(tmp_path, broken):
    journal = await journal_of(tmp_path, connection_factory=Broken)
    await journal.append(A, [b"1"], expected=0)
    broken.fault = full_disk()
    await journal.close()
    journal = await journal_of(tmp_path)
    assert await read(journal) == [b"1"]
    await journal.close()


async def test_a_batch_of_which_a_large_record_cannot_be_written_is_refused_whole(tmp_path, broken):
    journal = await journal_of(tmp_path, connection_factory=Broken)
    large = b"x" * 300_000
    await journal.append(A, [b"1", large], expected=0)
    broken.blob_fault = full_disk()
    appended = await asyncio.gather(
        journal.append(A, [b"3", large], expected=2),
        journal.append(B, [b"1"], expected=0),
        journal.append(A, [b"5"], expected=4),
        return_exceptions=True,
    )
    assert [error.reason for error in appended] == ["JOURNAL_FULL"] * 3
    assert (await read(journal), await read(journal, B)) == ([b"1", large], [])
    broken.blob_fault = None
    await journal.close()
    journal = await journal_of(tmp_path)
    assert await journal.append(A, [large], expected=2)
    assert (await read(journal), await read(journal, B)) == ([b"1", large, large], [])
    await journal.close()


async def test_a_failed_checkpoint_latches_the_journal(tmp_path, broken):
    journal = await journal_of(tmp_path, connection_factory=Broken)
    broken.fault = sqlite3.OperationalError("disk I/O error")
    await journal.append(A, [bytes(2**20)] * 5, expected=0)
    moving = journal.parts.maintenance.moving
    assert moving is not None
    await moving
    assert journal.health().reason == "JOURNAL_UNAVAILABLE"
    with pytest.raises(Unavailable):
        await journal.append(A, [b"x"], expected=5)
    with pytest.raises(Unavailable):
        await journal.parts.writer.run(lambda _: None)
    assert len(await read(journal)) == 5
    await journal.close()


async def test_the_wal_stays_small(tmp_path):
    journal = await journal_of(tmp_path)
    for i in range(64):
        await journal.append(A, [bytes(2**19)], expected=i)
        if journal.parts.maintenance.moving is not None:
            await journal.parts.maintenance.moving
    assert (await anyio.Path(tmp_path / "journal.sqlite3-wal").stat()).st_size < 8 * 2**20
    await journal.close()
    names = {path.name async for path in anyio.Path(tmp_path).iterdir()}
    assert names == {"heads", "journal.sqlite3", "lock", "snapshots"}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_bug_in_the_writer_leaves_nobody_waiting(tmp_path, broken):
    journal = await journal_of(tmp_path, connection_factory=Broken)
    await journal.append(A, [b"1"], expected=0)
    broken.bug = True
    with anyio.fail_after(5):
        with pytest.raises(Unavailable):
            await journal.append(A, [b"2"], expected=1)
        with pytest.raises(Unavailable):
            await journal.append(A, [b"2"], expected=1)
        with pytest.raises(Unavailable):
            await journal.trim(A, until=1) or await journal.parts.writer.run(lambda _: None)
        assert not journal.health().writable
        assert await read(journal) == [b"1"]
        await journal.close()


async def test_positions_are_never_used_twice(tmp_path):
    journal = await journal_of(tmp_path)
    last = await journal.append(A, [b"1", b"2"], expected=0)
    await snapshot(journal, 2)
    await journal.erase(A, until=2)
    await journal.close()
    journal = await journal_of(tmp_path)
    assert await journal.head(A) == 2
    assert await journal.append(A, [b"3"], expected=2) > last
    await journal.close()


async def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    await anyio.Path(tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unavailable) as caught:
        await journal_of(tmp_path / "file")
    assert caught.value.metadata["data_dir"] == str(tmp_path / "file")


async def test_names_that_cannot_be_stored_are_refused(tmp_path):
    journal = await journal_of(tmp_path)
    with pytest.raises(InvalidInput):
        journal.append(SpaceKey("tenant", "\ud800"), [b"x"], expected=0)
    odd = SpaceKey("tenant", "a\0b'\"é")
    await journal.append(odd, [b"x"], expected=0)
    assert [each.space for each in await journal.spaces("tenant", after=0, limit=9)] == [odd.space]
    await journal.close()
    journal = await journal_of(tmp_path)
    assert await journal.head(odd) == 1
    await journal.close()
