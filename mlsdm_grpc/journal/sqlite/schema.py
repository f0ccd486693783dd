"""Tables of the SQLite file, and the statements that run while a data folder is opened.

All functions take a connection. The statements of a running journal are in ``store``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import astuple
from pathlib import Path
from typing import Final
from urllib.parse import quote

from mlsdm_grpc import errors
from mlsdm_grpc.journal.ledger import SpaceLedger
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.journal.sqlite.damage import Damage
from mlsdm_grpc.journal.sqlite.store import BUSY_MS, OWN_NAME, checksum

__all__ = ["NotAJournalError"]

FORMAT_VERSION: Final = 1

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
# Tables that folders of older versions lack. Older versions ignore them.
_LATER: Final = (
    # Revisions whose loss was accepted. Readers skip them.
    """CREATE TABLE gaps (
    space_id INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    PRIMARY KEY (space_id, first)
) WITHOUT ROWID""",
    # Damaged spaces that an earlier start found and reported.
    """CREATE TABLE damage (
    space_id INTEGER PRIMARY KEY, first_lost INTEGER NOT NULL, last_lost INTEGER NOT NULL,
    file TEXT NOT NULL, detail TEXT NOT NULL
)""",
)


class NotAJournalError(sqlite3.DatabaseError):
    """Error for a database whose tables are not those of a journal."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open a connection that never writes and does not checkpoint the WAL when it closes."""
    uri = f"file:{quote(str(path.absolute()))}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None)
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}").fetchall()
    return connection


def is_empty(connection: sqlite3.Connection) -> bool:
    """Return True if the file has no tables yet."""
    return not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]


def prepare(connection: sqlite3.Connection) -> None:
    """Create the tables of an empty file."""
    if is_empty(connection):
        connection.execute("BEGIN IMMEDIATE")
        for statement in _SCHEMA + _LATER:
            connection.execute(statement)
        connection.execute("INSERT INTO meta VALUES ('format_version', 1), ('position', 0)")
        connection.execute("COMMIT")


def check_format(connection: sqlite3.Connection) -> bool:
    """Return True if all tables exist; False for a folder of an older version.

    Raises:
        Unavailable: The format is unknown.
        NotAJournalError: The tables are not those of a journal.
    """
    found = {sql for (sql,) in connection.execute("SELECT sql FROM sqlite_schema") if sql}
    if not is_schema(found):
        raise NotAJournalError("The tables of the database are not those of a journal.")
    rows = connection.execute("SELECT value FROM meta WHERE key = 'format_version'").fetchall()
    if rows != [(FORMAT_VERSION,)]:
        version = str(rows[0][0]) if rows else "none"
        raise errors.Unavailable(
            f"The journal has format {version}; this version reads format {FORMAT_VERSION}.",
            metadata={"format_version": version, "supported": str(FORMAT_VERSION)},
        )
    return found >= set(_LATER)


def is_schema(found: set[str]) -> bool:
    """Return True if these statements include all tables of a journal."""
    return set(_SCHEMA) <= found


def add_later_tables(connection: sqlite3.Connection) -> None:
    """Create the tables that a folder of an older version lacks."""
    found = {sql for (sql,) in connection.execute("SELECT sql FROM sqlite_schema")}
    for statement in _LATER:
        if statement not in found:
            connection.execute(statement)


def check(connection: sqlite3.Connection) -> str:
    """Return the structural errors of the file, or ""."""
    problems = [line for (line,) in connection.execute("PRAGMA integrity_check(3)")]
    return "" if problems == ["ok"] else "; ".join(map(str, problems))


def load_spaces(connection: sqlite3.Connection) -> tuple[list[SpaceLedger], int]:
    """Return every space with its last revision, and the highest position ever used."""
    rows = connection.execute(
        f"""
        SELECT id, tenant, space, max(
            ifnull((SELECT max(revision) FROM records WHERE space_id = id), 0),
            ifnull((SELECT max(revision) FROM snapshots WHERE space_id = id AND {OWN_NAME}), 0))
        FROM spaces NOT INDEXED
        """  # noqa: S608 - a constant
    )
    spaces = [
        SpaceLedger(SpaceKey(tenant, name), id_, head, head) for id_, tenant, name, head in rows
    ]
    (position,) = connection.execute(
        """
        SELECT max(ifnull((SELECT value FROM meta WHERE key = 'position'), 0),
                   ifnull((SELECT max(position) FROM records), 0))
        """
    ).fetchone()
    return spaces, position


def highest_number(connection: sqlite3.Connection) -> int:
    """Return the highest number of a space in any row, or 0."""
    (number,) = connection.execute(
        """
        SELECT max(ifnull((SELECT max(id) FROM spaces), 0),
                   ifnull((SELECT max(space_id) FROM records), 0),
                   ifnull((SELECT max(space_id) FROM snapshots), 0))
        """
    ).fetchone()
    return int(number)


def last_revision(connection: sqlite3.Connection, number: int) -> int:
    """Return the highest revision in the records of a space, or 0."""
    (revision,) = connection.execute(
        "SELECT ifnull(max(revision), 0) FROM records WHERE space_id = ?", (number,)
    ).fetchone()
    return int(revision)


def load_gaps(connection: sqlite3.Connection) -> dict[int, tuple[tuple[int, int], ...]]:
    """Return the ranges of revisions with accepted loss, ascending, by number of the space."""
    gaps: dict[int, tuple[tuple[int, int], ...]] = {}
    for number, first, last in connection.execute("SELECT * FROM gaps ORDER BY space_id, first"):
        gaps[number] = (*gaps.get(number, ()), (first, last))
    return gaps


def load_damage(connection: sqlite3.Connection) -> dict[int, Damage]:
    """Return the damage that earlier starts found, by number of the space."""
    return {number: Damage(*found) for number, *found in connection.execute("SELECT * FROM damage")}


def replace_damage(connection: sqlite3.Connection, damaged: Iterable[SpaceLedger]) -> None:
    """Replace the stored damage by that of the given spaces."""
    connection.execute("DELETE FROM damage")
    for space in damaged:
        if space.damage is not None:
            connection.execute(
                "INSERT INTO damage VALUES (?, ?, ?, ?, ?)",
                (space.number, *astuple(space.damage)),
            )


def replace_space(connection: sqlite3.Connection, space: SpaceLedger) -> None:
    """Replace the row of a space."""
    connection.execute(
        "DELETE FROM spaces WHERE id = ? OR (tenant = ? AND space = ?)", (space.number, *space.key)
    )
    connection.execute("INSERT INTO spaces VALUES (?, ?, ?)", (space.number, *space.key))


def accept_loss(
    connection: sqlite3.Connection, space: SpaceLedger, position: int, revision: int, payload: bytes
) -> None:
    """Write the record that continues a damaged space without its lost records.

    Readable records after the first lost one stay in the table. Readers skip them.
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
