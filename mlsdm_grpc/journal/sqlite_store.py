"""What the SQLite file holds, and every statement that reads or changes it.

Plain functions on a connection, called on whichever thread owns that connection. Each checksum
covers the space and the revision beside the payload, so that a record in the wrong place is as
damaged as one with a wrong byte.
"""

from __future__ import annotations

import sqlite3
import struct
import zlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import quote

from mlsdm_grpc import errors
from mlsdm_grpc.journal.damage import Damage
from mlsdm_grpc.journal.files import KEPT, ManifestRow
from mlsdm_grpc.journal.ledger import Claim, Failure, Space
from mlsdm_grpc.journal.protocol import Entry, SpaceKey

__all__ = ["Connect", "SqlBatch", "classify"]

FORMAT_VERSION: Final = 1
READ_RECORDS: Final = 1_000
READ_BYTES: Final = 4 * 1024 * 1024
NEWEST_RECORDS: Final = 16
"""Records among which an intact one is looked for."""
REMOVE_RECORDS: Final = 500
BUSY_MS: Final = 1_000
WAL_KEPT_BYTES: Final = 64 * 1024 * 1024

Connect: TypeAlias = Callable[[], sqlite3.Connection]

_SCHEMA: Final = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
    """CREATE TABLE spaces (
    id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, space TEXT NOT NULL, UNIQUE (tenant, space)
)""",
    """CREATE TABLE records (
    position INTEGER PRIMARY KEY, space_id INTEGER NOT NULL, revision INTEGER NOT NULL,
    checksum INTEGER NOT NULL, payload BLOB NOT NULL
)""",
    "CREATE UNIQUE INDEX records_by_revision ON records (space_id, revision)",
    """CREATE TABLE snapshots (
    space_id INTEGER NOT NULL, revision INTEGER NOT NULL, name TEXT NOT NULL,
    sha256 BLOB NOT NULL, bytes INTEGER NOT NULL, created INTEGER NOT NULL,
    PRIMARY KEY (space_id, revision)
) WITHOUT ROWID""",
)
_LATER: Final = (
    # Revisions whose loss was accepted; readers step over them.
    """CREATE TABLE gaps (
    space_id INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    PRIMARY KEY (space_id, first)
) WITHOUT ROWID""",
    # Damaged spaces that an earlier start has found, checked and named.
    """CREATE TABLE damage (
    space_id INTEGER PRIMARY KEY, first_lost INTEGER NOT NULL, last_lost INTEGER NOT NULL,
    file TEXT NOT NULL, detail TEXT NOT NULL
)""",
)
"""Tables that a folder of an older version lacks; that version ignores them."""

_OWN_NAME: Final = "name = space_id || '-' || revision || '.snap'"
"""Tells rows of the manifest from those that are damaged."""

# One statement takes a whole batch, because Python gives the interpreter lock away at every step
# of a statement and waits for it again: with a busy event loop, executemany commits 30 % less.
_INSERT_RECORDS = """
INSERT INTO records
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
       json_extract(value, '$[3]'),
       substr(?2, json_extract(value, '$[4]'), json_extract(value, '$[5]'))
FROM json_each(?1)
"""

_PLACE = struct.Struct("<qq")


class NotAJournalError(sqlite3.DatabaseError):
    """The database has other tables than a journal."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


@dataclass(slots=True, eq=False)
class SqlBatch:
    """Appends in the form that one statement takes."""

    epoch: int
    claims: list[Claim] = field(default_factory=list)
    records: int = 0
    size: int = 0
    sealed: bool = False
    spaces: list[tuple[int, str, str]] = field(default_factory=list)
    heads: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    """Number, last revision and last position of each space, by number."""
    stamps: list[str] = field(default_factory=list)
    payloads: list[bytes] = field(default_factory=lambda: [b"\0"])
    """Begins with one byte, since SQLite takes an empty blob for NULL."""

    def add(self, space: Space, revision: int, position: int, payloads: Sequence[bytes]) -> None:
        number, offset = space.number, self.size + 2
        stamps = []
        for payload in payloads:
            revision += 1
            position += 1
            size = len(payload)
            crc = checksum(number, revision, payload)
            stamps.append(f"[{position},{number},{revision},{crc},{offset},{size}]")
            offset += size
        if not space.head:
            self.spaces.append((number, *space.key))
        self.heads[number] = number, revision, position
        self.stamps += stamps
        self.payloads += payloads


def checksum(number: int, revision: int, payload: bytes) -> int:
    """Return the CRC-32 of a record and of the place where it belongs."""
    return zlib.crc32(payload, zlib.crc32(_PLACE.pack(number, revision)))


def connector(path: Path, factory: type[sqlite3.Connection]) -> Connect:
    """Return what opens a connection with this journal's settings."""

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


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open a connection that never writes: it does not move the WAL when it is closed."""
    uri = f"file:{quote(str(path.absolute()))}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None)
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}").fetchall()
    return connection


def prepare(connection: sqlite3.Connection) -> None:
    """Create the tables of an empty file."""
    if not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        connection.execute("BEGIN IMMEDIATE")
        for statement in _SCHEMA + _LATER:
            connection.execute(statement)
        connection.execute("INSERT INTO meta VALUES ('format_version', 1), ('position', 0)")
        connection.execute("COMMIT")


def check_format(connection: sqlite3.Connection) -> bool:
    """Return whether all tables are there; some are not in a folder of an older version.

    Raises:
        Unavailable: The format is unknown.
        NotAJournalError: The tables are not those of a journal.
    """
    found = {sql for (sql,) in connection.execute("SELECT sql FROM sqlite_schema") if sql}
    if not is_schema(found):
        raise NotAJournalError("The tables are not those of a journal.")
    rows = connection.execute("SELECT value FROM meta WHERE key = 'format_version'").fetchall()
    if rows != [(FORMAT_VERSION,)]:
        version = str(rows[0][0]) if rows else "none"
        raise errors.Unavailable(
            f"The journal has format {version}; this version reads format {FORMAT_VERSION}.",
            metadata={"format_version": version, "supported": str(FORMAT_VERSION)},
        )
    return found >= set(_LATER)


def is_schema(found: set[str]) -> bool:
    """Return whether these statements, with or without later ones, made a journal."""
    return set(_SCHEMA) <= found <= set(_SCHEMA + _LATER)


def add_later_tables(connection: sqlite3.Connection) -> None:
    """Create the tables that a folder of an older version lacks."""
    found = {sql for (sql,) in connection.execute("SELECT sql FROM sqlite_schema")}
    for statement in _LATER:
        if statement not in found:
            connection.execute(statement)


def check(connection: sqlite3.Connection) -> str:
    """Return what is wrong with the structure of the file; empty if nothing is."""
    problems = [line for (line,) in connection.execute("PRAGMA integrity_check(3)")]
    return "" if problems == ["ok"] else "; ".join(map(str, problems))


def load_spaces(connection: sqlite3.Connection) -> tuple[list[Space], int]:
    """Return every space with its head, and the highest position ever used."""
    rows = connection.execute(
        f"""
        SELECT id, tenant, space, max(
            ifnull((SELECT max(revision) FROM records WHERE space_id = id), 0),
            ifnull((SELECT max(revision) FROM snapshots WHERE space_id = id AND {_OWN_NAME}), 0))
        FROM spaces NOT INDEXED
        """  # noqa: S608 - a constant
    )
    spaces = [Space(SpaceKey(tenant, name), id_, head, head) for id_, tenant, name, head in rows]
    (position,) = connection.execute(
        """
        SELECT max(ifnull((SELECT value FROM meta WHERE key = 'position'), 0),
                   ifnull((SELECT max(position) FROM records), 0))
        """
    ).fetchone()
    return spaces, position


def highest_number(connection: sqlite3.Connection) -> int:
    """Return the highest number of a space that any row has."""
    (number,) = connection.execute(
        """
        SELECT max(ifnull((SELECT max(id) FROM spaces), 0),
                   ifnull((SELECT max(space_id) FROM records), 0),
                   ifnull((SELECT max(space_id) FROM snapshots), 0))
        """
    ).fetchone()
    return int(number)


def last_revision(connection: sqlite3.Connection, number: int) -> int:
    """Return the highest revision that any record of a space has."""
    (revision,) = connection.execute(
        "SELECT ifnull(max(revision), 0) FROM records WHERE space_id = ?", (number,)
    ).fetchone()
    return int(revision)


def load_gaps(connection: sqlite3.Connection) -> dict[int, tuple[tuple[int, int], ...]]:
    """Return the revisions whose loss was accepted, by number of the space."""
    gaps: dict[int, tuple[tuple[int, int], ...]] = {}
    for number, first, last in connection.execute("SELECT * FROM gaps ORDER BY space_id, first"):
        gaps[number] = (*gaps.get(number, ()), (first, last))
    return gaps


def load_damage(connection: sqlite3.Connection) -> dict[int, Damage]:
    """Return the damaged spaces that are known, by number."""
    return {number: Damage(*found) for number, *found in connection.execute("SELECT * FROM damage")}


def replace_damage(connection: sqlite3.Connection, damaged: Iterable[Space]) -> None:
    """Remember which spaces are damaged."""
    connection.execute("DELETE FROM damage")
    for space in damaged:
        if space.damage is not None:
            connection.execute(
                "INSERT INTO damage VALUES (?, ?, ?, ?, ?)",
                (space.number, *astuple(space.damage)),
            )


def replace_space(connection: sqlite3.Connection, space: Space) -> None:
    """Write the row of a space anew."""
    connection.execute(
        "DELETE FROM spaces WHERE id = ? OR (tenant = ? AND space = ?)", (space.number, *space.key)
    )
    connection.execute("INSERT INTO spaces VALUES (?, ?, ?)", (space.number, *space.key))


def accept_loss(
    connection: sqlite3.Connection, space: Space, position: int, revision: int, payload: bytes
) -> None:
    """Write the record that goes on without what is lost of a damaged space.

    Records that cannot be reached any more stay where they are; readers step over them.
    """
    number, damage = space.number, space.damage
    if damage is not None and damage.last_lost >= damage.first_lost:
        connection.execute(
            "INSERT OR REPLACE INTO gaps VALUES (?, ?, ?)",
            (number, damage.first_lost, damage.last_lost),
        )
    connection.execute(
        "INSERT INTO records VALUES (?, ?, ?, ?, ?)",
        (position, number, revision, checksum(number, revision, payload), payload),
    )
    connection.execute("DELETE FROM damage WHERE space_id = ?", (number,))


def insert(connection: sqlite3.Connection, batch: SqlBatch) -> None:
    """Commit a batch."""
    parameters = (f"[{','.join(batch.stamps)}]", b"".join(batch.payloads))
    if not batch.spaces:
        connection.execute(_INSERT_RECORDS, parameters)
        return
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO spaces VALUES (?, ?, ?)", batch.spaces)
    connection.execute(_INSERT_RECORDS, parameters)
    connection.execute("COMMIT")


def read_space(
    connection: sqlite3.Connection, space: Space, after: int, until: int
) -> tuple[list[Entry], int | None]:
    """Return the next records of a space, and the revision that is missing or damaged, if one is.

    The records end before a damaged one.
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
                continue  # what was left there by an accepted loss
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
    """Return the next records of all spaces, and the space and revision of a damaged one."""
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
    """Return the newest record of all spaces that is intact, among the last few."""
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
    """Remove the oldest records of a space, a few at a time; return how many."""
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
    """Return the manifest of a space, newest first."""
    rows = connection.execute(
        f"""
        SELECT revision, name, sha256, bytes FROM snapshots
        WHERE space_id = ? AND {_OWN_NAME} ORDER BY revision DESC
        """,  # noqa: S608 - a constant
        (number,),
    )
    return [ManifestRow(*row) for row in rows.fetchall()]


def list_names(connection: sqlite3.Connection) -> set[str]:
    """Return the names of all snapshot files that count."""
    return {name for (name,) in connection.execute("SELECT name FROM snapshots")}


def insert_snapshot(connection: sqlite3.Connection, number: int, row: ManifestRow) -> list[str]:
    """Add a manifest row and remove those beyond the newest ones; return the removed names."""
    connection.execute(
        "INSERT INTO snapshots VALUES (?, ?, ?, ?, ?, CAST(strftime('%s', 'now') AS INTEGER))",
        (number, *row),
    )
    rows = list_snapshots(connection, number)
    return remove_snapshots(connection, number, rows[KEPT - 1].revision) if rows[KEPT:] else []


def stray_snapshots(connection: sqlite3.Connection) -> list[tuple[int, int, str]]:
    """Return number, revision and name of manifest rows that name another file than their own."""
    return connection.execute(
        f"SELECT space_id, revision, name FROM snapshots WHERE NOT ({_OWN_NAME})"  # noqa: S608 - a constant
    ).fetchall()


def remove_snapshot(connection: sqlite3.Connection, number: int, revision: int) -> None:
    """Remove the manifest row of a snapshot whose file is damaged."""
    connection.execute(
        "DELETE FROM snapshots WHERE space_id = ? AND revision = ?", (number, revision)
    )


def remove_snapshots(connection: sqlite3.Connection, number: int, before: int) -> list[str]:
    """Remove the manifest rows of older snapshots; return their names."""
    old = [row for row in list_snapshots(connection, number) if row.revision < before]
    for row in old:
        connection.execute(
            "DELETE FROM snapshots WHERE space_id = ? AND revision = ?", (number, row.revision)
        )
    return [row.name for row in old]


def checkpoint(connection: sqlite3.Connection) -> None:
    """Move committed frames from the WAL to the file, and bound the WAL under steady load."""
    frames = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1]
    if frames * page_bytes(connection) > WAL_KEPT_BYTES:
        # Commits that went on meanwhile keep the WAL from starting over; this one makes them wait.
        connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()


def truncate(connection: sqlite3.Connection) -> bool:
    """Move every frame and empty the WAL; return whether nobody was in the way."""
    row: tuple[int, int, int] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return row[0] == 0


def page_bytes(connection: sqlite3.Connection) -> int:
    """Return the page size of the file."""
    size: int = connection.execute("PRAGMA page_size").fetchone()[0]
    return size


def vacuum(connection: sqlite3.Connection) -> None:
    """Write the whole file anew; not in a transaction."""
    connection.execute("VACUUM")


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether an error says that the file is not what it was, rather than out of reach."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_IOERR) & 0xFF
    return code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}


def classify(error: sqlite3.Error) -> Failure:
    """Tell a full medium, a passing obstacle and a medium that cannot be trusted apart."""
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
