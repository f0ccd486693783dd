"""Guarantees of the journal on disk: durability, ownership, damage, a full disk."""

import asyncio
import resource
import sqlite3
import subprocess
import sys

import anyio
import pytest
from journal_doubles import journal_of, payloads

from mlsdm_grpc.errors import DataLoss, Unavailable
from mlsdm_grpc.journal.protocol import RevisionConflict, SpaceKey

pytestmark = pytest.mark.anyio

A = SpaceKey("tenant", "a")


async def read(journal, key=A, after=0):
    return await payloads(journal, key, after)


async def test_everything_is_there_after_reopening(tmp_path):
    journal = await journal_of(tmp_path)
    await journal.append(A, [b"1", b"2"], expected=0)
    path = journal.scratch_path()
    await anyio.Path(path).write_bytes(b"state")
    await journal.save_snapshot(A, revision=1, path=path)
    await anyio.Path(journal.scratch_path()).write_bytes(b"left behind")
    await journal.close()
    journal = await journal_of(tmp_path)
    assert await read(journal) == [b"1", b"2"]
    assert await journal.head(A) == 2
    assert (await journal.load_snapshot(A)).revision == 1
    names = [path.name async for path in anyio.Path(tmp_path / "snapshots").iterdir()]
    assert len(names) == 1
    await journal.append(A, [b"3"], expected=2)
    await journal.close()


def begin_a_first_start(folder):
    """Create the state of a start that was killed before it created the tables."""
    connection = sqlite3.connect(folder / "journal.sqlite3")
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("CREATE TABLE unfinished (id INTEGER)")
    connection.rollback()
    connection.close()


async def test_a_first_start_that_was_cut_off_is_begun_anew(tmp_path):
    await asyncio.to_thread(begin_a_first_start, tmp_path)
    journal = await journal_of(tmp_path)
    await journal.append(A, [b"1"], expected=0)
    await journal.close()
    journal = await journal_of(tmp_path)
    assert await read(journal) == [b"1"]
    assert not await anyio.Path(tmp_path / "damaged").exists()
    await journal.close()


async def test_a_data_folder_has_one_owner(tmp_path):
    journal = await journal_of(tmp_path)
    with pytest.raises(Unavailable) as caught:
        await journal_of(tmp_path)
    assert caught.value.metadata["data_dir"] == str(tmp_path)
    await journal.append(A, [b"1"], expected=0)
    await journal.close()
    await (await journal_of(tmp_path)).close()


async def test_an_unknown_format_is_refused(tmp_path):
    await (await journal_of(tmp_path)).close()
    await asyncio.to_thread(change, tmp_path, "UPDATE meta SET value = 99")
    with pytest.raises(Unavailable, match="format 99"):
        await journal_of(tmp_path)


def change(tmp_path, statement, *parameters):
    connection = sqlite3.connect(tmp_path / "journal.sqlite3")
    with connection:
        connection.execute(statement, parameters)
    connection.close()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE records SET payload = CAST('x' AS BLOB) WHERE revision = 3",
        "UPDATE records SET checksum = checksum + 1 WHERE revision = 3",
        "DELETE FROM records WHERE revision = 3",
        "UPDATE records SET revision = 30 WHERE revision = 3",
    ],
)
async def test_damage_is_found_and_named(tmp_path, damage):
    journal = await journal_of(tmp_path)
    await journal.append(A, [str(i).encode() for i in range(1, 6)], expected=0)
    await journal.close()
    await asyncio.to_thread(change, tmp_path, damage)
    journal = await journal_of(tmp_path)
    reader = journal.read(A, after=0)
    assert [entry.payload for entry in await anext(reader)] == [b"1", b"2"]
    with pytest.raises(DataLoss) as caught:
        await anext(reader)
    assert caught.value.metadata["revision"] == "3"
    await journal.close()


@pytest.mark.parametrize(("damaged", "newest"), [("revision = 5", 4), ("revision > 0", None)])
async def test_the_newest_record_is_the_newest_that_is_intact(tmp_path, damaged, newest):
    journal = await journal_of(tmp_path)
    await journal.append(A, [str(i).encode() for i in range(1, 6)], expected=0)
    await journal.close()
    statement = f"UPDATE records SET checksum = checksum + 1 WHERE {damaged}"
    await asyncio.to_thread(change, tmp_path, statement)
    journal = await journal_of(tmp_path)
    entry = await journal.newest()
    assert (entry and entry.revision) == newest
    await journal.close()


async def test_a_file_that_is_no_database_is_damage(tmp_path):
    await anyio.Path(tmp_path / "journal.sqlite3").write_bytes(b"no database" * 100)
    with pytest.raises(DataLoss):
        await journal_of(tmp_path)


async def test_commits_are_shared(tmp_path):
    commits = []
    journal = await journal_of(tmp_path, on_commit=lambda records, _: commits.append(records))
    futures = [journal.append(A, [b"x" * 100], expected=i) for i in range(5_000)]
    await asyncio.gather(*futures)
    assert sum(commits) == 5_000
    assert len(commits) < 50
    await journal.close()


async def test_erased_bytes_are_nowhere_on_disk(tmp_path):
    journal = await journal_of(tmp_path)
    canary = b"canary-7f3a-"
    payloads = [canary + str(i).encode() * 200 for i in range(300)]
    for i, payload in enumerate(payloads):
        await journal.append(A, [payload], expected=i)
    await journal.append(A, [b"kept"], expected=300)
    for revision in (299, 301):
        path = journal.scratch_path()
        await anyio.Path(path).write_bytes(b"state" if revision == 301 else canary)
        await journal.save_snapshot(A, revision=revision, path=path)
    assert await holds(tmp_path, canary)
    await journal.erase(A, until=301)
    assert await holds(tmp_path, canary) == []
    assert await journal.head(A) == 301
    assert (await journal.load_snapshot(A)).revision == 301
    await journal.append(A, [b"more"], expected=301)
    assert await read(journal, after=301) == [b"more"]
    await journal.close()


async def holds(folder, needle):
    return [
        path.name
        async for path in anyio.Path(folder).rglob("*")
        if await path.is_file() and needle in await path.read_bytes()
    ]


class Faulty(sqlite3.Connection):
    """Writer that fails on request."""

    fault = None

    def execute(self, sql, *parameters):
        if Faulty.fault is not None and sql.lstrip().startswith("INSERT INTO records"):
            raise Faulty.fault
        return super().execute(sql, *parameters)


@pytest.fixture
def fault():
    yield Faulty
    Faulty.fault = None


def sqlite_error(message, code):
    error = sqlite3.OperationalError(message)
    error.sqlite_errorcode = code
    return error


async def test_a_failed_write_latches_the_journal(tmp_path, fault):
    journal = await journal_of(tmp_path, connection_factory=Faulty)
    await journal.append(A, [b"1"], expected=0)
    fault.fault = sqlite_error("disk I/O error", sqlite3.SQLITE_IOERR_FSYNC)
    with pytest.raises(Unavailable) as caught:
        await journal.append(A, [b"2"], expected=1)
    assert caught.value.reason == "JOURNAL_UNAVAILABLE"
    assert caught.value.retry_after_s is not None
    fault.fault = None
    with pytest.raises(Unavailable):
        await journal.append(A, [b"2"], expected=1)
    assert not journal.health().writable
    assert await read(journal) == [b"1"]
    await journal.close()
    journal = await journal_of(tmp_path)
    await journal.append(A, [b"2"], expected=1)
    assert await read(journal) == [b"1", b"2"]
    await journal.close()


async def test_a_full_disk_heals_by_itself(tmp_path, fault):
    now = 0.0
    journal = await journal_of(tmp_path, connection_factory=Faulty, clock=lambda: now)
    await journal.append(A, [b"1"], expected=0)
    fault.fault = sqlite_error("database or disk is full", sqlite3.SQLITE_FULL)
    failed = [journal.append(A, [b"2"], expected=1), journal.append(A, [b"3"], expected=2)]
    for future in failed:
        with pytest.raises(Unavailable) as caught:
            await future
        assert caught.value.reason == "JOURNAL_FULL"
    assert journal.health().reason == "JOURNAL_FULL"
    with pytest.raises(Unavailable):
        await journal.append(A, [b"2"], expected=1)
    assert await read(journal) == [b"1"]
    fault.fault = None
    now = 1.5
    with pytest.raises(RevisionConflict):
        await journal.append(A, [b"x"], expected=3)
    await journal.append(A, [b"2"], expected=1)
    assert journal.health().writable
    assert await read(journal) == [b"1", b"2"]
    await journal.close()


_FILL = """
import asyncio, resource, sys
from pathlib import Path
from mlsdm_grpc.errors import Unavailable
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.journal.sqlite.sqlite_journal import SqliteJournal
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

async def main():
    journal = SqliteJournal(Path(sys.argv[1]))
    await journal.open()
    key, head = SpaceKey("tenant", "a"), 0
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, resource.RLIM_INFINITY))
    try:
        while head < 10_000:
            await journal.append(key, [b"x" * 10_000], expected=head)
            head += 1
    except Unavailable as error:
        print(head, error.reason)
    read = 0
    async for entries in journal.read(key, after=0):
        read += len(entries)
    print(read)

asyncio.run(main())
"""


async def test_a_real_write_failure_loses_nothing(tmp_path):
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", _FILL, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=25,
        check=True,
    )
    first, second = done.stdout.splitlines()[-2:]  # what comes before is the log
    head, reason = first.split()
    assert reason in {"JOURNAL_FULL", "JOURNAL_UNAVAILABLE"}
    assert int(head) == int(second) > 10
    journal = await journal_of(tmp_path)
    assert await journal.head(A) in {int(head), int(head) + 1}
    assert len(await read(journal)) == await journal.head(A)
    await journal.append(A, [b"y"], expected=await journal.head(A))
    await journal.close()
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
