"""Acquisition of a data folder: the lock, the files, the tables, and the detection of damage.

Every start performs cheap checks: the heads file and the names of the snapshots are compared with
the last revisions in the database, and the checksums of a remaining write-ahead log are verified.
Their findings decide whether the expensive checks run: the structure of the whole database, and
reading spaces in full. Files that do not fit are copied to ``damaged/`` before anything is written.
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

# Maximum size of a database whose structure is checked after every crash, bytes. A larger one takes
# seconds, so it is checked only if a cheap check fails.
_CHECKED_BYTES: Final = 1024**3
_PROBED_S: Final = 10.0
_READ_BYTES: Final = 16 * 1024 * 1024
_log = structlog.get_logger(__name__)


def read_through(file: int) -> None:
    """Read a whole file that was reported as damaged; blocks.

    Raises:
        OSError: The medium cannot read the file; SQLite reports that as damage too.
    """
    for start in range(0, os.fstat(file).st_size, _READ_BYTES):
        os.pread(file, _READ_BYTES, start)


@dataclass(slots=True)
class OpenDatabase:
    """A data folder owned by this process."""

    lock: int
    folder: int
    """Descriptor of the snapshot folder, kept open so that its inode is not reused."""
    file: int
    """Descriptor of the database; see ``find_stale`` for the time of closing it."""
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
    """Results for the spaces that were read in full, by number."""
    strays: dict[int, list[str]]
    """Names of snapshots that the next snapshot of their space replaces, by number."""
    mark: int | None
    """Draft mark; see :mod:`mlsdm_grpc.journal.sqlite.semantics_mark`."""

    readable_until_s: float = 0.0
    """Monotonic time of the next read test, seconds."""

    def probe(self) -> None:
        """Raise ``OSError`` if the medium cannot read the database; blocks.

        Cost: reading the whole file, at most once in 10 seconds.
        """
        now_s = time.monotonic()
        if now_s >= self.readable_until_s:
            read_through(self.file)
            self.readable_until_s = now_s + _PROBED_S

    def release(self) -> None:
        """Release the folder for other processes; all connections must be closed."""
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
    """Lock a data folder and open or create its files; blocks.

    Args:
        data_dir: The folder.
        factory: Class of the SQLite connections.
        reporter: Reports damage.
        thorough: Read every space in full and check the structure of the database.
        upgrades: Mark the folder with the draft of the newest rules, even if its spaces use older
            rules.

    Raises:
        Unavailable: Another process owns the folder, its format is unknown, or it cannot be used.
        PreconditionFailed: SEMANTICS_UNSUPPORTED; its spaces use a draft that this code does not
            have.
        DataLoss: The database is damaged and cannot be salvaged.
    """
    opening = partial(_take_over, data_dir, factory, reporter, thorough=thorough, upgrades=upgrades)
    try:
        try:
            return opening()
        except sqlite3.Error as error:
            if not store.is_damage(error):
                raise
            # SQLite also reports a page that the medium could not read as damage, so try once more.
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
            f"The data directory cannot be used: {error}.",
            metadata={"data_dir": str(data_dir), "detail": str(error)},
        ) from error


def foreseen_version(data_dir: Path) -> int:
    """Return the version of the rules that new spaces of a folder would get; changes no file.

    Raises:
        PreconditionFailed: See :func:`take_over`.
        OSError: A file cannot be read.
        sqlite3.Error: The database cannot be read, at least not without its write-ahead log.
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
    """One acquisition of a folder; :meth:`run` defines the order of its steps."""

    data_dir: Path
    factory: type[sqlite3.Connection]
    reporter: Reporter
    undo: ExitStack
    thorough: bool
    upgrades: bool
    file: int = -1

    def run(self) -> OpenDatabase:
        # ``parents`` would create the folder itself with the mode of the umask.
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
        # Must precede the salvage of a damaged database.
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

        Closing such a connection does not touch the write-ahead log.
        """
        size = os.fstat(self.file).st_size
        if not size and not evidence.crashed and not evidence.heads.entries:
            return _nothing()
        problem = "" if has_header(self.file) else "It does not begin as a database does."
        if not problem:
            # An error that does not repeat is no damage.
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
        """Return the verified spaces, or the reason why the database must be salvaged."""
        try:
            with closing(schema.connect_to_read(self.data_dir / DATABASE)) as connection:
                if evidence.nothing_kept and schema.is_empty(connection):
                    # The first start was interrupted before any record.
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
        """Copy all readable data into a new database, and use it."""
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
    """Return the result for a new folder."""
    return Reconciled([], Loaded({}, 0, 0, {}, [], semantics.DRAFT))


def _own(path: Path, flags: int) -> int:
    """Open and lock a file against other processes; SQLite uses another kind of lock.

    The database is locked too, because the file ``lock`` may be removed by an operator.
    """
    file = os.open(path, flags | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        raise errors.Unavailable(
            f"Another process owns the data directory {path.parent}."
        ) from None
    except BaseException:
        os.close(file)
        raise
    return file


def _report_wal(evidence: Evidence, result: Reconciled) -> None:
    """Report a write-ahead log that was not read to its end."""
    wal = evidence.wal
    if not wal.detail:
        return
    fields = {"file": WAL, "offset": wal.offset, "detail": wal.detail, "kept": evidence.kept_wal}
    if any(space.damage is not None for space in result.spaces):
        evidence.reporter.report("wal", **fields)
    else:
        _log.warning("journal_tail_dropped", **fields)
