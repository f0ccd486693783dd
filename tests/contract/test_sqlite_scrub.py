"""Erasure reaches the copies of rows that SQLite leaves between the rows of its pages."""

import asyncio
import random
import sqlite3
from contextlib import aclosing

import anyio
import pytest

from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.journal.sqlite import scrub
from mlsdm_grpc.journal.sqlite.sqlite_journal import SqliteJournal

pytestmark = pytest.mark.anyio

PAGE = 4_096
CANARY = b"canary-of-an-erased-row!"
A = SpaceKey("tenant", "a")


def unallocated(page):
    """Return the range of a page that has neither cell pointers nor cells."""
    cells = int.from_bytes(page[3:5])
    return 8 + 2 * cells, int.from_bytes(page[5:7])


def soil(path):
    """Put a canary between the rows of every page of the records that has room for it."""
    connection = sqlite3.connect(path)
    roots = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'spaces'")
    spaces = PAGE * (roots.fetchone()[0] - 1)  # rows never leave that table, so no copies either
    connection.close()
    data = bytearray(path.read_bytes())
    soiled = 0
    for start in range(PAGE, len(data), PAGE):
        if start == spaces:
            continue
        page = data[start : start + PAGE]
        low, high = unallocated(page)
        if page[0] == 13 and page[3:5] != b"\0\0" and high - low >= 2 * len(CANARY):
            middle = start + high - len(CANARY) - 8
            data[middle : middle + len(CANARY)] = CANARY
            soiled += 1
    path.write_bytes(data)
    return soiled


def check(path):
    connection = sqlite3.connect(path)
    problems = connection.execute("PRAGMA integrity_check").fetchall()
    connection.close()
    return problems == [("ok",)]


async def holds(path, needle):
    """Return True if a file contains a text.

    Another process reads it, to keep the locks of this one.
    """
    done = await anyio.run_process(["grep", "-c", "-a", "-F", needle, str(path)], check=False)
    return done.returncode == 0


async def prepared(tmp_path, sizes):
    """Return the payloads of a journal whose pages are soiled; the first two are not needed."""
    journal = SqliteJournal(tmp_path)
    await journal.open()
    payloads = [random.Random(i).randbytes(size) for i, size in enumerate(sizes)]
    await journal.append(A, payloads, expected=0)
    for revision in (1, 2):
        path = journal.scratch_path()
        await anyio.Path(path).write_bytes(b"state")
        await journal.save_snapshot(A, revision=revision, path=path)
    await journal.close()
    assert await asyncio.to_thread(soil, tmp_path / "journal.sqlite3") > 0
    return payloads


async def erase(tmp_path):
    """Erase two records; return the remaining data after an inspection of the open files."""
    journal = SqliteJournal(tmp_path)
    await journal.open()
    assert await holds(tmp_path / "journal.sqlite3", CANARY)
    await journal.erase(A, until=2)
    for name in ("journal.sqlite3", "journal.sqlite3-wal"):
        assert not await holds(tmp_path / name, CANARY)
    left = [entry.payload async for batch in journal.read(A, after=2) for entry in batch]
    await journal.close()
    assert await asyncio.to_thread(check, tmp_path / "journal.sqlite3")
    return left


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param([100] * 500, id="many rows a page"),
        pytest.param([1_600] * 60, id="two rows a page"),
        pytest.param([2_500] * 60, id="one row a page"),
        pytest.param([7_000] * 60, id="rows with overflow pages"),
        pytest.param([20, 120, 127, 128, 129, 1_000, 3_900, 4_030, 4_070, 9_000] * 20, id="mixed"),
    ],
)
async def test_what_lies_between_rows_is_overwritten(tmp_path, sizes, monkeypatch):
    monkeypatch.setattr("mlsdm_grpc.journal.sqlite.store.vacuum", None)  # it is not needed
    payloads = await prepared(tmp_path, sizes)
    assert await erase(tmp_path) == payloads[2:]


async def test_pages_that_stay_stale_are_left_to_vacuum(tmp_path, monkeypatch):
    monkeypatch.setattr(scrub, "refill", lambda *_, **__: None)
    payloads = await prepared(tmp_path, [1_600] * 60)
    assert await erase(tmp_path) == payloads[2:]


async def until_last(journal, last):
    """Follow the remaining records to the last revision; only one space has records."""
    async with aclosing(journal.follow(0, after=0)) as entries:
        async for entry in entries:
            yield entry.revision, entry.payload
            if entry.revision == last:
                return


async def test_nothing_erased_is_left_after_a_long_mixed_life(tmp_path):
    """Trims move the rows of other spaces between pages, which is where old copies come from."""
    rng = random.Random(3)
    journal = SqliteJournal(tmp_path)
    await journal.open()
    keys = [SpaceKey("tenant", f"s{i}") for i in range(12)]
    heads = dict.fromkeys(keys, 0)

    def payload(key, revision):
        tag = f"<canary-{key.space}-{revision}>".encode()
        return tag * (random.Random(f"{key}{revision}").choice([2, 15, 60, 120, 260, 500]) // 2)

    async def save(key):
        path = journal.scratch_path()
        await anyio.Path(path).write_bytes(b"state")
        await journal.save_snapshot(key, revision=heads[key], path=path)

    for _ in range(60):
        appended = []
        for key in rng.choices(keys, k=100):
            heads[key] += 1
            record = payload(key, heads[key])
            appended.append(journal.append(key, [record], expected=heads[key] - 1))
        await asyncio.gather(*appended)
        key = rng.choice(keys)
        await save(key)
        await journal.trim(key, until=heads[key])
    for key in keys[:11]:
        await save(key)
        await journal.erase(key, until=heads[key])
    assert await holds(tmp_path / "journal.sqlite3", b"<canary-s11-")
    for key in keys[:11]:
        needle = f"<canary-{key.space}-".encode()
        assert not await holds(tmp_path / "journal.sqlite3", needle)
        assert not await holds(tmp_path / "journal.sqlite3-wal", needle)
    kept = [entry async for entry in until_last(journal, last=heads[keys[11]])]
    assert kept == [(revision, payload(keys[11], revision)) for revision, _ in kept]
    await journal.close()
    assert await asyncio.to_thread(check, tmp_path / "journal.sqlite3")
