"""Reader of a write-ahead log: it ends where SQLite ends, and reports later frames."""

import os
import random
import shutil
import sqlite3
from contextlib import closing

import pytest

from mlsdm_grpc.journal.sqlite.wal import inspect_wal

ROWS = 60


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """A database with one transaction for each row, all in its log."""
    folder = tmp_path_factory.mktemp("wal")
    database = sqlite3.connect(folder / "db", isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL").fetchall()
    database.execute("PRAGMA wal_autocheckpoint = 0").fetchall()
    database.execute("CREATE TABLE rows (value)")
    for _ in range(ROWS):
        database.execute("INSERT INTO rows VALUES (randomblob(3000))")
    yield folder
    database.close()


def inspected(path):
    file = os.open(path, os.O_RDONLY)
    try:
        return inspect_wal(file)
    finally:
        os.close(file)


def copied(log, tmp_path):
    for name in ("db", "db-wal"):
        shutil.copyfile(log / name, tmp_path / name)
    return tmp_path / "db-wal"


def frames_of_sqlite(wal):
    """Return the number of frames that SQLite finds; SQLite checkpoints them."""
    with closing(sqlite3.connect(wal.with_name("db"))) as database:
        return database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1]


def test_a_sound_log_is_read_to_its_end(log, tmp_path):
    wal = copied(log, tmp_path)
    report = inspected(wal)
    assert report.frames == (wal.stat().st_size - 32) // 4_120
    assert (report.lost, report.unfinished, report.detail) == (0, 0, "")
    assert frames_of_sqlite(wal) == report.frames


@pytest.mark.parametrize("seed", range(20))
def test_it_ends_where_sqlite_ends(log, tmp_path, seed):
    rng = random.Random(seed)
    wal = copied(log, tmp_path)
    data = bytearray(wal.read_bytes())
    offset = rng.randrange(32, len(data))
    data[offset] ^= 1 << rng.randrange(8)
    wal.write_bytes(data)
    report = inspected(wal)
    assert report.offset == 32 + (offset - 32) // 4_120 * 4_120
    salts = 32 + (offset - 32) // 4_120 * 4_120 + 8 <= offset < report.offset + 16
    behind = (len(data) - report.offset) // 4_120
    assert report.lost == behind - salts
    assert bool(report.detail) == bool(report.lost)
    assert frames_of_sqlite(wal) == report.frames


@pytest.mark.parametrize("offset", [0, 5, 9, 17, 25])
def test_a_damaged_header_is_told(log, tmp_path, offset):
    wal = copied(log, tmp_path)
    data = bytearray(wal.read_bytes())
    data[offset] ^= 1
    wal.write_bytes(data)
    assert "header" in inspected(wal).detail
    assert frames_of_sqlite(wal) in {0, -1}


@pytest.mark.parametrize("left", [0, 20, 32, 40, 60, 3_000, 32 + 4_120, 32 + 2 * 4_120 + 200])
def test_a_log_that_is_cut_off(log, tmp_path, left):
    wal = copied(log, tmp_path)
    os.truncate(wal, left)
    report = inspected(wal)
    whole = max(0, left - 32) // 4_120
    assert report.frames <= whole
    rest = (left - 32) % 4_120 if left >= 32 else 0
    assert report.lost == (rest >= 16)
    assert bool(report.detail) == (rest >= 16 or 0 < left < 32)


def test_frames_of_an_older_log_are_no_damage(tmp_path):
    with closing(sqlite3.connect(tmp_path / "db", isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL").fetchall()
        database.execute("PRAGMA wal_autocheckpoint = 0").fetchall()
        database.execute("CREATE TABLE rows (value)")
        for _ in range(20):
            database.execute("INSERT INTO rows VALUES (randomblob(3000))")
        database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        database.execute("INSERT INTO rows VALUES (1)")
        report = inspected(tmp_path / "db-wal")
        assert 0 < report.frames < 10
        assert (report.lost, report.detail) == (0, "")
