"""Opening of a data folder: lock, files, tables, and detection of damage.

Every start makes cheap checks. It compares the heads file and the names of the snapshots with the
last revisions in the database, and verifies the checksums of a remaining write-ahead log. Their
result decides about expensive checks: of the structure of the database, and of all records of a
space. Files that contradict others are copied to ``damaged/`` before anything is written.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import quote

import structlog

from mlsdm_grpc import errors
from mlsdm_grpc.core.model import semantics
from mlsdm_grpc.file_sync import sync_directory
from mlsdm_grpc.journal.ledger import SpaceLedger
from mlsdm_grpc.journal.sqlite import schema, store
from mlsdm_grpc.journal.sqlite.damage import Reporter
from mlsdm_grpc.journal.sqlite.evidence import Evidence
from mlsdm_grpc.journal.sqlite.folder_guard import FolderGuard
from mlsdm_grpc.journal.sqlite.heads import Heads, draft_in
from mlsdm_grpc.journal.sqlite.reconcile import (
    Loaded,
    Reconciled,
    adjust,
    find_suspects,
    load,
    reconcile,
    sweep,
)
from mlsdm_grpc.journal.sqlite.salvage import DATABASE, WAL, finish_salvage, has_header, salvage
from mlsdm_grpc.journal.sqlite.semantics_mark import (
    check_draft,
    check_mark,
    new_spaces_version,
    read_mark,
)
from mlsdm_grpc.journal.sqlite.store import Connect
from mlsdm_grpc.journal.sqlite.survey import Survey
from mlsdm_grpc.journal.sqlite.writer import unreadable

__all__ = ["OpenDatabase", "foreseen_version", "take_over"]

# The structure of a database up to this size, in bytes, is checked after every crash. A larger one
# takes seconds, so it is checked only if a cheap check fails.
_CHECKED_BYTES: Final = 1024**3
# Time for which a successful :meth:`OpenDatabase.probe` is valid, seconds.
_PROBED_S: Final = 10.0
_READ_BYTES: Final = 16 * 1024 * 1024
_log = structlog.get_logger(__name__)


def read_through(file: int) -> None:
    """Read a whole file, to distinguish a read error of the medium from damage. Blocks.

    SQLite reports both as damage.

    Raises:
        OSError: The medium cannot read the file.
    """
    for start in range(0, os.fstat(file).st_size, _READ_BYTES):
        os.pread(file, _READ_BYTES, start)


@dataclass(slots=True)
class OpenDatabase:
    """Data folder that this process has locked and opened."""

    lock: int
    folder: int
    """Descriptor of the snapshot folder, kept open so that its inode is not reused."""
    file: int
    """Descriptor of the database. ``find_stale`` describes when it may be closed."""
    connect: Connect
    connection: sqlite3.Connection
    page_bytes: int
    spaces: list[SpaceLedger]
    number: int
    position: int
    heads: Heads
    guard: FolderGuard
    evidence: Evidence
    surveys: dict[int, Survey]
    """Results for the spaces whose records were all read, by number."""
    strays: dict[int, list[str]]
    """Names of snapshot files that the next snapshot of their space replaces, by number."""
    mark: int | None
    """Draft mark; see :mod:`mlsdm_grpc.journal.sqlite.semantics_mark`."""

    readable_until_s: float = 0.0
    """Monotonic time, in seconds, from which :meth:`probe` reads the file again."""

    def probe(self) -> None:
        """Raise ``OSError`` if the medium cannot read the database. Blocks.

        Cost: reads the whole file, at most once in 10 seconds.
        """
        now_s = time.monotonic()
        if now_s >= self.readable_until_s:
            read_through(self.file)
            self.readable_until_s = now_s + _PROBED_S

    def release(self) -> None:
        """Unlock and close the folder. All connections must be closed before."""
        self.heads.close()
        os.close(self.file)
        os.close(self.folder)
        os.close(self.lock)


def take_over(
    data_dir: Path,
    factory: type[sqlite3.Connection],
    reporter: Reporter,
    *,
    thorough: bool = False,
    upgrades: bool = False,
) -> OpenDatabase:
    """Lock a data folder, and open or create its files. Blocks.

    Args:
        data_dir: Data folder.
        factory: Class of the SQLite connections.
        reporter: Reporter of damage.
        thorough: Check the structure of the database and read every space in full.
        upgrades: Mark the folder with the draft of the newest semantics, even if its spaces have an
            older version.

    Raises:
        Unavailable: Another process owns the folder, its format is unknown, or it cannot be used.
        PreconditionFailed: SEMANTICS_UNSUPPORTED; its spaces use a draft that this version does not
            know.
        DataLoss: The database is damaged, and no data can be salvaged.
    """
    opening = partial(_take_over, data_dir, factory, reporter, thorough=thorough, upgrades=upgrades)
    try:
        try:
            return opening()
        except sqlite3.Error as error:
            if not store.is_damage(error):
                raise
            # SQLite also reports a failed read of the medium as damage, so one retry follows.
            return opening()
    except errors.MlsdmError as error:
        error.metadata["data_dir"] = str(data_dir)
        raise
    except sqlite3.Error as error:
        failed = unreadable(error)
        failed.metadata["data_dir"] = str(data_dir)
        raise failed from error
    except OSError as error:
        raise errors.Unavailable(
            f"The data folder {data_dir} cannot be used: {error}.",
            metadata={"data_dir": str(data_dir), "detail": str(error)},
        ) from error


def foreseen_version(data_dir: Path) -> int:
    """Return the semantics version that new spaces in a folder would get. Changes no file.

    Raises:
        PreconditionFailed: See :func:`take_over`.
        OSError: A file cannot be read.
        sqlite3.Error: The database is unreadable, or only readable together with its write-ahead
        log.
    """
    database, heads = data_dir / DATABASE, data_dir / "heads"
    if not database.exists() or not database.stat().st_size:
        return semantics.newest()
    mark = draft_in(heads.read_bytes()) if heads.exists() else None
    uri = f"file:{quote(str(database.absolute()))}?immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        mark = read_mark(connection) if mark is None else mark
        check_mark(connection, mark)
        if mark is None and connection.execute("SELECT 1 FROM spaces").fetchone() is None:
            mark = semantics.DRAFT
    return new_spaces_version(mark)


def _take_over(
    data_dir: Path,
    factory: type[sqlite3.Connection],
    reporter: Reporter,
    *,
    thorough: bool,
    upgrades: bool,
) -> OpenDatabase:
    with ExitStack() as undo:
        opened = _Opening(data_dir, factory, reporter, undo, thorough, upgrades).run()
        undo.pop_all()
        return opened


@dataclass(slots=True)
class _Opening:
    """Opening of one folder. :meth:`run` defines the order of the steps."""

    data_dir: Path
    factory: type[sqlite3.Connection]
    reporter: Reporter
    undo: ExitStack
    thorough: bool
    upgrades: bool
    file: int = -1

    def run(self) -> OpenDatabase:
        # With ``parents``, `mkdir` creates the data folder with the default mode and not with
        # ``mode``.
        for folder in (self.data_dir, self.data_dir / "snapshots"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = _own(self.data_dir / "lock", os.O_RDWR)
        self.undo.callback(os.close, lock)
        folder_file = os.open(self.data_dir / "snapshots", os.O_RDONLY | os.O_DIRECTORY)
        self.undo.callback(os.close, folder_file)
        finish_salvage(self.data_dir)
        self.file = _own(self.data_dir / DATABASE, os.O_RDONLY)
        self.undo.callback(lambda: os.close(self.file))
        heads = Heads(self.data_dir / "heads")
        self.undo.callback(heads.close)
        # An unknown draft must be refused before a damaged database is salvaged.
        check_draft(heads.draft)
        evidence = Evidence(self.data_dir, heads, self.reporter, self.thorough)
        result = self._read(evidence)
        if self.upgrades and result.loaded.mark is None:
            result.loaded.mark = semantics.DRAFT
            _log.info("semantics_draft_recorded", draft=semantics.DRAFT)
        connect = store.connector(self.data_dir / DATABASE, self.factory)
        connection = connect()
        self.undo.callback(connection.close)
        schema.prepare(connection)
        adjust(connection, evidence, result)
        _report_wal(evidence, result)
        strays = sweep(connection, evidence, result.spaces)
        for folder in (self.data_dir, self.data_dir.parent):
            sync_directory(folder)
        numbers = [*heads.entries, *evidence.snapshots.revisions, *evidence.faulty]
        return OpenDatabase(
            lock=lock,
            folder=folder_file,
            file=self.file,
            connect=connect,
            connection=connection,
            page_bytes=store.page_bytes(connection),
            spaces=result.spaces,
            number=max(result.loaded.number, *numbers, 0),
            position=max(result.loaded.position, *(h.position for h in heads.entries.values()), 0),
            heads=heads,
            guard=FolderGuard(self.data_dir, (DATABASE, WAL, "heads", "lock", "snapshots")),
            evidence=evidence,
            surveys=result.surveys,
            strays=strays,
            mark=result.loaded.mark,
        )

    def _read(self, evidence: Evidence) -> Reconciled:
        """Return the verified spaces, read through a connection that cannot write.

        When such a connection is closed, SQLite leaves the write-ahead log unchanged.
        """
        size = os.fstat(self.file).st_size
        if not size and not evidence.crashed and not evidence.heads.entries:
            return _nothing()
        problem = (
            ""
            if has_header(self.file)
            else "The file does not start with the header of an SQLite database."
        )
        if not problem:
            # An error that occurs only once is not damage, so there are two attempts.
            for _ in range(2):
                result, problem = self._attempt(evidence)
                if result is not None:
                    return result
                read_through(self.file)
        self._salvage(evidence, problem)
        evidence.thorough = True
        with closing(schema.connect_to_read(self.data_dir / DATABASE)) as connection:
            loaded = load(connection, evidence)
            return reconcile(connection, evidence, loaded, find_suspects(evidence, loaded))

    def _attempt(self, evidence: Evidence) -> tuple[Reconciled | None, str]:
        """Return the verified spaces, or None and the reason why a salvage is necessary."""
        try:
            with closing(schema.connect_to_read(self.data_dir / DATABASE)) as connection:
                if evidence.nothing_kept and schema.is_empty(connection):
                    # The first start ended before any record was written.
                    return _nothing(), ""
                loaded = load(connection, evidence)
                suspects = find_suspects(evidence, loaded)
                fresh = bool(suspects.keys() - loaded.known.keys())
                if fresh:
                    evidence.keep_wal()
                small = os.fstat(self.file).st_size <= _CHECKED_BYTES
                if fresh or evidence.anomalous or (evidence.crashed and small):
                    problem = schema.check(connection)
                    if problem or (evidence.wal.detail and fresh):
                        return None, problem
                return reconcile(connection, evidence, loaded, suspects), ""
        except sqlite3.Error as error:
            if not store.is_damage(error):
                raise
            return None, str(error)

    def _salvage(self, evidence: Evidence, problem: str) -> None:
        """Copy all readable data into a new database, which replaces the damaged one."""
        evidence.keep_wal()
        if problem:
            self.reporter.report("database", file=DATABASE, detail=problem)
        os.close(self.file)
        try:
            named = bool(evidence.heads.entries)
            salvaged = salvage(self.data_dir, evidence.folder, named=named)
        finally:
            self.file = _own(self.data_dir / DATABASE, os.O_RDONLY)
        _log.warning("journal_salvaged", file=DATABASE, **salvaged._asdict())


def _nothing() -> Reconciled:
    """Return the result for an empty folder."""
    return Reconciled([], Loaded({}, 0, 0, {}, [], semantics.DRAFT))


def _own(path: Path, flags: int) -> int:
    """Open a file and lock it against other processes by ``flock``, which SQLite does not use.

    The database is locked as well as the file ``lock``, which an operator may remove.
    """
    file = os.open(path, flags | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        raise errors.Unavailable(
            f"Another process uses the data folder {path.parent}; stop it, or change"
            " journal.data_dir."
        ) from None
    except BaseException:
        os.close(file)
        raise
    return file


def _report_wal(evidence: Evidence, result: Reconciled) -> None:
    """Report a write-ahead log with frames that were not read."""
    wal = evidence.wal
    if not wal.detail:
        return
    fields = {"file": WAL, "offset": wal.offset, "detail": wal.detail, "kept": evidence.kept_wal}
    if any(space.damage is not None for space in result.spaces):
        evidence.reporter.report("wal", **fields)
    else:
        _log.warning("journal_tail_dropped", **fields)
