"""SQL statements of a running journal.

All functions take a connection and run on the thread that owns it. A checksum covers space,
revision and payload, so a record in a wrong place is detected like one with a wrong byte.
"""

from __future__ import annotations

import sqlite3
import struct
import zlib
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from mlsdm_grpc.journal.files import KEPT, ManifestRow
from mlsdm_grpc.journal.ledger import Failure, PendingAppend, SpaceLedger
from mlsdm_grpc.journal.protocol import Entry, SpaceKey

__all__ = ["Connect", "SqlBatch", "classify"]

READ_RECORDS: Final = 1_000
READ_BYTES: Final = 4 * 1024 * 1024
NEWEST_RECORDS: Final = 16
"""Number of latest records among which :func:`read_newest` searches an intact one."""
# Limits the time of one transaction, because appends wait for it.
REMOVE_RECORDS: Final = 500
BUSY_MS: Final = 1_000
# Size to which SQLite truncates the WAL file, bytes. A larger WAL causes a checkpoint that blocks
# commits.
WAL_KEPT_BYTES: Final = 64 * 1024 * 1024

Connect: TypeAlias = Callable[[], sqlite3.Connection]

# One statement inserts a whole batch. At every step of a statement, Python releases the interpreter
# lock and waits for it again: with a busy event loop, executemany has a 30 % lower throughput.
_INSERT_RECORDS = """
INSERT INTO records
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
       json_extract(value, '$[3]'),
       iif(json_extract(value, '$[4]'),
           substr(?2, json_extract(value, '$[4]'), json_extract(value, '$[5]')),
           zeroblob(json_extract(value, '$[5]')))
FROM json_each(?1)
"""
# Larger payloads are written into their row after its insertion, because the statement would copy
# them three times.
_LARGE_BYTES: Final = 256 * 1024

OWN_NAME: Final = "name = space_id || '-' || revision || '.snap'"
"""Condition that only valid rows of the manifest fulfil."""

_PLACE = struct.Struct("<qq")


@dataclass(slots=True, eq=False)
class SqlBatch:
    """Appends of one commit, in the form of one statement."""

    epoch: int
    claims: list[PendingAppend] = field(default_factory=list)
    records: int = 0
    size: int = 0
    sealed: bool = False
    spaces: list[tuple[int, str, str]] = field(default_factory=list)
    heads: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    """Number, last revision and last position of each changed space, by number."""
    stamps: list[str] = field(default_factory=list)
    payloads: list[bytes] = field(default_factory=lambda: [b"\0"])
    """Payloads after one first byte, because SQLite treats an empty blob as NULL."""
    joined: int = 1
    """Total size of `payloads`, bytes."""
    large: list[tuple[int, bytes]] = field(default_factory=list)
    """Position and payload of the records whose payload is written by a separate statement."""

    def add(
        self, space: SpaceLedger, revision: int, position: int, payloads: Sequence[bytes]
    ) -> None:
        number = space.number
        stamps = []
        for payload in payloads:
            revision += 1
            position += 1
            size = len(payload)
            crc = checksum(number, revision, payload)
            if size > _LARGE_BYTES:
                stamps.append(f"[{position},{number},{revision},{crc},0,{size}]")
                self.large.append((position, payload))
                continue
            stamps.append(f"[{position},{number},{revision},{crc},{self.joined + 1},{size}]")
            self.payloads.append(payload)
            self.joined += size
        if not space.head:
            self.spaces.append((number, *space.key))
        self.heads[number] = number, revision, position
        self.stamps += stamps


def checksum(number: int, revision: int, payload: bytes) -> int:
    """Return the CRC-32 of a payload together with its space and revision."""
    return zlib.crc32(payload, zlib.crc32(_PLACE.pack(number, revision)))


def connector(path: Path, factory: type[sqlite3.Connection]) -> Connect:
    """Return a function that opens connections with the settings of this journal."""

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, factory=factory
        )
        for setting in (
            f"busy_timeout = {BUSY_MS}",
            "journal_mode = WAL",
            "synchronous = FULL",
            "secure_delete = ON",
            "wal_autocheckpoint = 0",
            f"journal_size_limit = {WAL_KEPT_BYTES}",
        ):
            connection.execute(f"PRAGMA {setting}").fetchall()
        return connection

    return connect


def insert(connection: sqlite3.Connection, batch: SqlBatch) -> None:
    """Write and commit a batch."""
    parameters = (f"[{','.join(batch.stamps)}]", b"".join(batch.payloads))
    if not batch.spaces and not batch.large:
        connection.execute(_INSERT_RECORDS, parameters)
        return
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO spaces VALUES (?, ?, ?)", batch.spaces)
    connection.execute(_INSERT_RECORDS, parameters)
    for position, payload in batch.large:
        with connection.blobopen("records", "payload", position) as blob:
            blob.write(payload)
    connection.execute("COMMIT")


def read_space(
    connection: sqlite3.Connection, space: SpaceLedger, after: int, until: int
) -> tuple[list[Entry], int | None]:
    """Return the next records of a space, at most 1,000 and about 4 MiB.

    Returns:
        Records up to the first missing or damaged revision, and that revision, or None.
    """
    entries: list[Entry] = []
    expected, size = space.following(after) - 1, 0
    rows = connection.execute(
        """
        SELECT position, revision, checksum, payload FROM records
        WHERE space_id = ? AND revision > ? AND revision <= ? ORDER BY revision LIMIT ?
        """,
        (space.number, expected, until, READ_RECORDS),
    )
    with closing(rows):
        for position, revision, crc, payload in rows:
            if any(first <= revision <= last for first, last in space.gaps):
                # The loss of this revision was accepted.
                continue
            expected = space.following(expected)
            if revision != expected or crc != checksum(space.number, revision, payload):
                return entries, expected
            entries.append(Entry(space.key, revision, position, payload))
            size += len(payload)
            if size >= READ_BYTES:
                break
    return entries, None


def read_log(
    connection: sqlite3.Connection, after: int
) -> tuple[list[Entry], tuple[SpaceKey, int] | None]:
    """Return the next records of all spaces, at most 1,000 and about 4 MiB.

    Returns:
        Records up to the first damaged one, and its space and revision, or None.
    """
    entries: list[Entry] = []
    size = 0
    rows = connection.execute(
        """
        SELECT position, records.space_id, revision, checksum, payload, tenant, space
        FROM records CROSS JOIN spaces ON id = records.space_id
        WHERE position > ? AND NOT EXISTS (
            SELECT 1 FROM gaps WHERE gaps.space_id = id AND revision BETWEEN first AND last)
        ORDER BY position LIMIT ?
        """,
        (after, READ_RECORDS),
    )
    with closing(rows):
        for position, number, revision, crc, payload, tenant, name in rows:
            key = SpaceKey(tenant, name)
            if crc != checksum(number, revision, payload):
                return entries, (key, revision)
            entries.append(Entry(key, revision, position, payload))
            size += len(payload)
            if size >= READ_BYTES:
                break
    return entries, None


def read_newest(connection: sqlite3.Connection) -> Entry | None:
    """Return the newest intact record of all spaces, or None.

    Only the last 16 records are checked.
    """
    rows = connection.execute(
        """
        SELECT position, space_id, revision, checksum, payload, tenant, space
        FROM records CROSS JOIN spaces ON id = space_id ORDER BY position DESC LIMIT ?
        """,
        (NEWEST_RECORDS,),
    )
    with closing(rows):
        for position, number, revision, crc, payload, tenant, name in rows:
            if crc == checksum(number, revision, payload):
                return Entry(SpaceKey(tenant, name), revision, position, payload)
    return None


def remove_records(connection: sqlite3.Connection, number: int, until: int) -> int:
    """Remove the oldest 500 records of a space up to a revision; return the number removed."""
    connection.execute(
        """
        UPDATE meta SET value = max(value, ifnull((SELECT max(position) FROM records), 0))
        WHERE key = 'position'
        """
    )
    return connection.execute(
        """
        DELETE FROM records WHERE position IN (
            SELECT position FROM records WHERE space_id = ? AND revision <= ?
            ORDER BY revision LIMIT ?)
        """,
        (number, until, REMOVE_RECORDS),
    ).rowcount


def list_snapshots(connection: sqlite3.Connection, number: int) -> list[ManifestRow]:
    """Return the manifest rows of a space, newest first."""
    rows = connection.execute(
        f"""
        SELECT revision, name, sha256, bytes FROM snapshots
        WHERE space_id = ? AND {OWN_NAME} ORDER BY revision DESC
        """,  # noqa: S608 - a constant
        (number,),
    )
    return [ManifestRow(*row) for row in rows.fetchall()]


def list_names(connection: sqlite3.Connection) -> set[str]:
    """Return the file names in all manifest rows."""
    return {name for (name,) in connection.execute("SELECT name FROM snapshots")}


def insert_snapshot(connection: sqlite3.Connection, number: int, row: ManifestRow) -> list[str]:
    """Add a manifest row, remove all but the two newest rows, and return the removed names."""
    connection.execute(
        "INSERT INTO snapshots VALUES (?, ?, ?, ?, ?, CAST(strftime('%s', 'now') AS INTEGER))",
        (number, *row),
    )
    rows = list_snapshots(connection, number)
    return remove_snapshots(connection, number, rows[KEPT - 1].revision) if rows[KEPT:] else []


def stray_snapshots(connection: sqlite3.Connection) -> list[tuple[int, int, str]]:
    """Return number, revision and name of manifest rows with a wrong file name."""
    return connection.execute(
        f"SELECT space_id, revision, name FROM snapshots WHERE NOT ({OWN_NAME})"  # noqa: S608 - a constant
    ).fetchall()


def remove_snapshot(connection: sqlite3.Connection, number: int, revision: int) -> None:
    """Remove the manifest row of one snapshot."""
    connection.execute(
        "DELETE FROM snapshots WHERE space_id = ? AND revision = ?", (number, revision)
    )


def remove_snapshots(connection: sqlite3.Connection, number: int, before: int) -> list[str]:
    """Remove the manifest rows of snapshots before a revision, and return their file names."""
    old = [row for row in list_snapshots(connection, number) if row.revision < before]
    for row in old:
        connection.execute(
            "DELETE FROM snapshots WHERE space_id = ? AND revision = ?", (number, row.revision)
        )
    return [row.name for row in old]


def checkpoint(connection: sqlite3.Connection) -> None:
    """Copy committed frames from the WAL to the database file, and limit the size of the WAL."""
    frames = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1]
    if frames * page_bytes(connection) > WAL_KEPT_BYTES:
        # Under steady load the WAL never restarts, so it grows. This checkpoint blocks commits.
        connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()


def truncate(connection: sqlite3.Connection) -> bool:
    """Copy every frame to the database file and empty the WAL.

    Returns:
        False if another connection prevents it.
    """
    row: tuple[int, int, int] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return row[0] == 0


def page_bytes(connection: sqlite3.Connection) -> int:
    """Return the page size of the database file, bytes."""
    size: int = connection.execute("PRAGMA page_size").fetchone()[0]
    return size


def vacuum(connection: sqlite3.Connection) -> None:
    """Rewrite the whole database file. Must not run in a transaction."""
    connection.execute("VACUUM")


def is_damage(error: sqlite3.Error) -> bool:
    """Return True if an error shows damage and not a temporary failure."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_IOERR) & 0xFF
    return code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}


def classify(error: sqlite3.Error) -> Failure:
    """Return the kind of a failure: full medium, temporary failure, or permanent failure."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_IOERR)
    if code in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE}:
        return Failure("JOURNAL_FULL", str(error), latched=False)
    passing = {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_TOOBIG,
    }
    return Failure("JOURNAL_UNAVAILABLE", str(error), latched=code & 0xFF not in passing)
