"""Salvage of a damaged database: all readable rows are copied into a new one.

Writes to a database with a damaged structure are unsafe, because SQLite may overwrite pages of
other tables. Every valid row is therefore copied into a new file, which replaces the old one. The
old file and its write-ahead log are kept in ``damaged/``. Rows are read from two views: the
database with its log, and the database alone, because an earlier checkpoint may have stored rows
that a damaged log has lost. A revision is assigned once, so the views agree in all rows that both
have.

A table is read from its start, from its end, around unreadable pages, and through its index. A
record is valid if its checksum matches. The first page is nearly the same in every journal, so that
of a new journal can replace a damaged one.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from mlsdm_grpc import errors
from mlsdm_grpc.file_sync import sync_directory
from mlsdm_grpc.journal.files import snapshot_name
from mlsdm_grpc.journal.sqlite import schema, store
from mlsdm_grpc.journal.sqlite.damage import DamagedFolder
from mlsdm_grpc.journal.sqlite.semantics_mark import MARK

__all__ = ["DATABASE", "WAL", "Salvaged", "finish_salvage", "has_header", "salvage"]

DATABASE: Final = "journal.sqlite3"
WAL: Final = f"{DATABASE}-wal"
_SHM: Final = f"{DATABASE}-shm"
# Name of a complete new database before it replaces the old one.
_READY: Final = f"{DATABASE}.salvaged"
_PAGE: Final = 4_096
# First bytes of every journal: magic number, page size 4,096, WAL mode, payload fractions.
_HEADER: Final = b"SQLite format 3\0\x10\x00\x02\x02\x00\x40\x20\x20"
# Integer key, columns, and clause that reads through an index, by table.
_TABLES: Final = {
    "spaces": ("id", "id, tenant, space", ""),
    "records": (
        "position",
        "position, space_id, revision, checksum, payload",
        "INDEXED BY records_by_revision WHERE space_id > -1",
    ),
    "snapshots": ("", "space_id, revision, name, sha256, bytes, created", ""),
    "gaps": ("", "space_id, first, last", ""),
    "meta": ("", "key, value", ""),
}
_META_KEYS: Final = (b"position", MARK.encode())
# Number of keys that are tried one by one after an unreadable page.
_SKIP_TRIES: Final = 10_000


class Salvaged(NamedTuple):
    """Numbers of copied rows."""

    spaces: int
    records: int
    snapshots: int


def has_header(file: int) -> bool:
    """Return True if an open file has the header of a journal's database."""
    return os.pread(file, len(_HEADER), 0) == _HEADER


def salvage(data_dir: Path, folder: DamagedFolder, *, named: bool) -> Salvaged:
    """Replace the database by a new one with all its valid rows. Blocks.

    No connection to the database may be open.

    Args:
        data_dir: Data folder.
        folder: Folder that keeps the old database and its log.
        named: True if another file contains the names of spaces.

    Raises:
        DataLoss: The database contains no space, and ``named`` is False.
        OSError: A file cannot be written. About three times the size of the database must be free.
        sqlite3.Error: The new database cannot be written.
    """
    work = data_dir / "salvage"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(mode=0o700)
    target = work / "new.sqlite3"
    with closing(store.connector(target, sqlite3.Connection)()) as new:
        schema.prepare(new)
        new.execute("PRAGMA synchronous = OFF")
        for view in _views(data_dir, work):
            with closing(view):
                _copy(view, new)
        salvaged = Salvaged(*(_count(new, table) for table in ("spaces", "records", "snapshots")))
        new.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    if not salvaged.spaces and not named:
        shutil.rmtree(work)
        raise errors.DataLoss(
            f"{DATABASE} is damaged and contains no readable space. Restore the data folder"
            " from a backup, or move the file away to start with an empty journal.",
            metadata={"file": DATABASE},
        )
    descriptor = os.open(target, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
    for name in (DATABASE, WAL):
        folder.link(name)
    target.rename(data_dir / _READY)
    sync_directory(data_dir)
    finish_salvage(data_dir)
    shutil.rmtree(work, ignore_errors=True)
    return salvaged


def finish_salvage(data_dir: Path) -> bool:
    """Rename a complete new database to its final name; return True if there is one.

    The old log is removed first, because SQLite would apply it to the new database.
    """
    ready = data_dir / _READY
    if not ready.exists():
        return False
    for name in (WAL, _SHM):
        (data_dir / name).unlink(missing_ok=True)
    sync_directory(data_dir)
    ready.rename(data_dir / DATABASE)
    sync_directory(data_dir)
    return True


def _views(data_dir: Path, work: Path) -> Iterator[sqlite3.Connection]:
    """Yield connections to readable copies of the database: with its log, then alone.

    A second copy, with the first page of a new journal, replaces a copy that SQLite cannot open.
    """
    template = work / "template.sqlite3"
    with closing(store.connector(template, sqlite3.Connection)()) as connection:
        schema.prepare(connection)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    first_page = template.read_bytes()[:_PAGE]
    with_log = [True, False] if (data_dir / WAL).exists() else [False]
    for serial, logged in enumerate(with_log):
        for patched in (False, True):
            copy = work / f"view{serial}{int(patched)}.sqlite3"
            shutil.copyfile(data_dir / DATABASE, copy)
            if patched:
                _patch(copy, first_page)
            if logged:
                shutil.copyfile(data_dir / WAL, work / f"{copy.name}-wal")
            connection = sqlite3.connect(copy, isolation_level=None)
            connection.text_factory = bytes
            if _opens(connection):
                yield connection
                break
            connection.close()
            for name in (copy, work / f"{copy.name}-wal", work / f"{copy.name}-shm"):
                name.unlink(missing_ok=True)


def _patch(copy: Path, first_page: bytes) -> None:
    """Overwrite the first page of a copy with that of a new journal."""
    pages = max(copy.stat().st_size, _PAGE) // _PAGE
    page = bytearray(first_page)
    page[28:32] = pages.to_bytes(4)
    page[32:40] = bytes(8)  # number of free pages: none are known
    page[92:96] = page[24:28]  # the stored page count is valid
    with copy.open("r+b") as file:
        file.write(page)


def _opens(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("SELECT count(*) FROM records WHERE position < 0").fetchall()
        found = {sql.decode() for (sql,) in connection.execute(_SCHEMA_TEXTS) if sql}
    except (sqlite3.Error, UnicodeDecodeError):
        return False
    return schema.is_schema(found)


_SCHEMA_TEXTS: Final = "SELECT CAST(sql AS BLOB) FROM sqlite_schema"


def _copy(view: sqlite3.Connection, new: sqlite3.Connection) -> None:
    new.execute("BEGIN")
    for table, (key, columns, by_index) in _TABLES.items():
        places = ", ".join("?" * len(columns.split(", ")))
        insert = f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({places})"  # noqa: S608 - constants
        if table == "meta":
            insert = (
                "INSERT INTO meta VALUES (?, ?)"
                " ON CONFLICT (key) DO UPDATE SET value = max(value, excluded.value)"
            )
        for row in _rows(view, table, key, columns, by_index):
            sound = _sound(table, row)
            if sound is not None:
                new.execute(insert, sound)
    new.execute("COMMIT")


def _rows(
    view: sqlite3.Connection, table: str, key: str, columns: str, by_index: str
) -> Iterator[tuple[Any, ...]]:
    """Yield the readable rows of a table; some rows repeat."""
    select = f"SELECT {columns} FROM {table}"  # noqa: S608 - constants
    if not key:
        yield from _scan(view, select)
        return
    last = None
    for row in _scan(view, f"{select} NOT INDEXED ORDER BY {key}"):
        last = row[0]
        yield row
    lowest = None
    for row in _scan(view, f"{select} NOT INDEXED ORDER BY {key} DESC"):
        lowest = row[0]
        if last is not None and lowest <= last:
            # The scans overlap, so no page between them is unreadable.
            return
        yield row
    yield from _between(view, f"{select} NOT INDEXED WHERE {key}", last or 0, lowest)
    if by_index:
        yield from _scan(view, f"{select} {by_index}")


def _between(
    view: sqlite3.Connection, select: str, last: int, lowest: int | None
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows between two unreadable pages. One key after another is tried."""
    tried = 0
    while tried < _SKIP_TRIES and (lowest is None or last + 1 < lowest):
        last += 1
        tried += 1
        with suppress(sqlite3.Error):
            for row in _scan(view, f"{select} >= {last}"):
                last, tried = row[0], 0
                yield row


def _scan(view: sqlite3.Connection, select: str) -> Iterator[tuple[Any, ...]]:
    with suppress(sqlite3.Error), closing(view.execute(select)) as rows:
        yield from rows


def _sound(table: str, row: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """Return a row in the form for insertion, or None for a damaged row."""
    try:
        if table == "records":
            _, number, revision, crc, payload = row
            fits = isinstance(payload, bytes) and crc == store.checksum(number, revision, payload)
            return row if fits else None
        if table == "spaces":
            return row[0], row[1].decode(), row[2].decode()
        if table == "snapshots":
            number, revision, name, *rest = row
            fits = name.decode() == snapshot_name(number, revision)
            return (number, revision, name.decode(), *rest) if fits else None
        if table == "meta":
            return (row[0].decode(), int(row[1])) if row[0] in _META_KEYS else None
    except (AttributeError, TypeError, ValueError, OverflowError, UnicodeDecodeError):
        return None
    return row


def _count(connection: sqlite3.Connection, table: str) -> int:
    count: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - constants
    return count
