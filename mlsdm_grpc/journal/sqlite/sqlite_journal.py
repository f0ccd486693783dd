"""SQLite journal of one machine: WAL mode, one writer thread, group commit.

``journal.sqlite3`` contains the records and the manifest, ``snapshots/`` the snapshot files,
``heads`` the last acknowledged revision of each space, and ``damaged/`` unreadable data. One
process owns a data folder, by locks on ``lock`` and on the database. The event loop never calls
SQLite: one thread writes, one reads, and one runs checkpoints. No other code in this process may
open the database file, because its close would release the locks of SQLite.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from mlsdm_grpc import errors
from mlsdm_grpc.journal.embedded import EmbeddedJournal, damage, not_reached
from mlsdm_grpc.journal.files import KEPT, ManifestRow, SnapshotFiles
from mlsdm_grpc.journal.ledger import Failure, Ledger, SpaceLedger
from mlsdm_grpc.journal.protocol import Entry, SpaceKey
from mlsdm_grpc.journal.sqlite import store
from mlsdm_grpc.journal.sqlite.damage import OnDamage, Reporter
from mlsdm_grpc.journal.sqlite.maintenance import Maintenance
from mlsdm_grpc.journal.sqlite.opening import OpenDatabase, take_over
from mlsdm_grpc.journal.sqlite.salvage import DATABASE
from mlsdm_grpc.journal.sqlite.semantics_mark import new_spaces_version
from mlsdm_grpc.journal.sqlite.writer import ConnectionThread, Writer

__all__ = ["SqliteJournal"]

_log = structlog.get_logger(component="journal")
RECORD_BYTES: Final = 64
"""Approximate size of a record in addition to its payload, bytes."""


@dataclass(slots=True)
class SqliteParts:
    """Parts of an open journal."""

    opened: OpenDatabase
    ledger: Ledger[store.SqlBatch]
    writer: Writer
    reader: ConnectionThread
    checks: ConnectionThread
    files: SnapshotFiles
    maintenance: Maintenance


class _SqliteManifest:
    """Storage of the manifest rows, read by the reader thread and changed by the writer thread."""

    def __init__(self, reader: ConnectionThread, writer: Writer) -> None:
        self._reader = reader
        self._writer = writer

    async def snapshots(self, number: int) -> list[ManifestRow]:
        return await self._reader.run(partial(store.list_snapshots, number=number))

    async def add_snapshot(self, number: int, row: ManifestRow) -> list[str]:
        return await self._writer.run(partial(store.insert_snapshot, number=number, row=row))

    async def remove_snapshot(self, number: int, revision: int) -> None:
        await self._writer.run(partial(store.remove_snapshot, number=number, revision=revision))


class SqliteJournal(EmbeddedJournal):
    """:class:`~mlsdm_grpc.journal.protocol.Journal` in one data folder.

    A commit that fails because the medium is full fails its appends with JOURNAL_FULL, and the next
    append after one second is tried. After any other permanent failure nothing is written until
    ``open``: an fsync that failed once may succeed later although data are lost.

    Args:
        data_dir: Data folder, created if absent. One open journal owns it.
        on_commit: Called on the event loop after each commit, with the number of records and the
            duration in seconds.
        on_damage: Called once for each damage with its kind, in any thread.
        upgrades: Allow upgrades of spaces to the newest semantics; ``open`` then writes their draft
            mark.
        connection_factory: Class of the SQLite connections.
        clock: Returns monotonic seconds.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        on_commit: Callable[[int, float], None] | None = None,
        on_damage: OnDamage | None = None,
        upgrades: bool = False,
        connection_factory: type[sqlite3.Connection] = sqlite3.Connection,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._data_dir = data_dir
        self._on_commit = on_commit
        self._on_damage = on_damage
        self._upgrades = upgrades
        self._reporter = Reporter(on_damage)
        self._factory = connection_factory
        self._clock = clock
        self._parts: SqliteParts | None = None
        self._turn = asyncio.Lock()
        self._removal = asyncio.Lock()

    @property
    def new_spaces_version(self) -> int:
        return new_spaces_version(self._live.opened.mark)

    async def open(self) -> None:
        async with self._turn:
            if self._parts is not None and not self._parts.ledger.closing:
                raise errors.Unavailable("The journal is already open.")
            self._reporter = Reporter(self._on_damage)
            began_s = self._clock()
            opened = await asyncio.to_thread(
                take_over, self._data_dir, self._factory, self._reporter, upgrades=self._upgrades
            )
            self._parts = parts = self._assemble(opened)
            parts.writer.start()
            parts.maintenance.start()
            _log.info(
                "journal_opened",
                data_dir=str(self._data_dir),
                spaces=len(opened.spaces),
                position=opened.position,
                clean_stop=not opened.evidence.crashed,
                duration_s=round(self._clock() - began_s, 3),
            )

    async def close(self) -> None:
        async with self._turn:
            parts = self._parts
            if parts is None or parts.ledger.ended:
                return
            parts.ledger.closing = True
            # The guard compares names with open files, so it stops before the files are closed.
            await parts.maintenance.stop()
            await parts.writer.stop()
            parts.ledger.end()
            await parts.reader.close()
            if parts.maintenance.moving is not None:
                await parts.maintenance.moving
            if not parts.ledger.latched:
                # A failure is harmless: the next open reads the same frames from the WAL.
                with suppress(errors.MlsdmError):
                    await parts.checks.run(store.truncate)
            await parts.checks.close()
            # A failure is harmless: the next open updates the heads from the log.
            with suppress(OSError):
                await asyncio.to_thread(parts.opened.heads.sync)
            await asyncio.to_thread(parts.opened.release)

    async def save_snapshot(
        self, key: SpaceKey, *, revision: int, path: Path, digest: bytes = b""
    ) -> bool:
        try:  # A folder that replaced this one must not receive the file.
            await asyncio.to_thread(self._live.opened.guard.check)
        except OSError as error:
            failure = Failure("JOURNAL_UNAVAILABLE", str(error), latched=True)
            self._note(failure)
            raise failure.error() from error
        return await super().save_snapshot(key, revision=revision, path=path, digest=digest)

    async def newest(self) -> Entry | None:
        return await self._live.reader.run(store.read_newest)

    async def _logged(self, after: int) -> tuple[Sequence[Entry], tuple[SpaceKey, int] | None]:
        return await self._live.reader.run(partial(store.read_log, after=after))

    async def _recorded(
        self, space: SpaceLedger, after: int, until: int
    ) -> tuple[Sequence[Entry], int | None]:
        return await self._live.reader.run(
            partial(store.read_space, space=space, after=after, until=until)
        )

    def _report_damage(self, key: SpaceKey, revision: int) -> None:
        self._reporter.report(
            "record",
            tenant=key.tenant,
            space=key.space,
            revision=revision,
            file=DATABASE,
            detail="The record is missing, or its checksum does not match.",
        )

    async def trim(self, key: SpaceKey, *, until: int) -> int:
        parts = self._live
        space = parts.ledger.get(key)
        if space is None:
            return 0
        async with self._removal:
            rows = await parts.reader.run(partial(store.list_snapshots, number=space.number))
            if len(rows) < KEPT:
                return 0
            return await parts.maintenance.remove(
                space, min(until, rows[KEPT - 1].revision, space.durable - 1)
            )

    async def erase(self, key: SpaceKey, *, until: int) -> None:
        parts = self._live
        space = parts.ledger.get(key)
        if space is None:
            raise not_reached("The space does not exist.", until, space)
        async with self._removal:
            async with parts.files.lock:
                rows = await parts.reader.run(partial(store.list_snapshots, number=space.number))
                if not rows or rows[0].revision < until:
                    raise not_reached(
                        f"No snapshot has revision {until} or a later one.", until, space
                    )
                if await parts.files.problem(rows[0]):
                    raise damage(key, rows[0].revision)
                await parts.files.discard(
                    await parts.writer.run(
                        partial(store.remove_snapshots, number=space.number, before=until)
                    )
                )
            await parts.maintenance.remove(space, until)
            await parts.maintenance.scrub()

    @property
    def parts(self) -> SqliteParts:
        """Parts of the open journal."""
        return self._live

    @property
    def _live(self) -> SqliteParts:
        if self._parts is None:
            raise errors.Unavailable("The journal is not open.")
        return self._parts

    def _assemble(self, opened: OpenDatabase) -> SqliteParts:
        writer = Writer(
            opened.connection,
            seal=self._seal,
            settle=self._settle,
            reserve=partial(_reserve, opened),
            confirm=partial(_confirm, opened),
            note=self._note,
            abandon=self._abandon,
        )
        ledger = Ledger(
            writer.begin,
            spaces=opened.spaces,
            number=opened.number,
            position=opened.position,
            clock=self._clock,
        )
        reader = ConnectionThread(opened.connect, "reader", opened.probe)
        files = SnapshotFiles(
            self._data_dir / "snapshots",
            _SqliteManifest(reader, writer),
            on_damaged=partial(self._keep_snapshot, opened),
        )
        files.strays = opened.strays
        checks = ConnectionThread(opened.connect, "checkpoint", opened.probe)
        maintenance = Maintenance(opened, writer, checks, note=self._note)
        return SqliteParts(opened, ledger, writer, reader, checks, files, maintenance)

    def _keep_snapshot(
        self, opened: OpenDatabase, key: SpaceKey, revision: int, name: str, problem: str
    ) -> None:
        """Move a damaged snapshot to ``damaged/`` and report it. Runs in a thread."""
        kept = opened.evidence.folder.move(f"snapshots/{name}")
        self._reporter.report_snapshot(key, revision, name, problem, kept)

    def _seal(self, batch: store.SqlBatch) -> None:
        self._live.ledger.seal(batch)

    def _abandon(self, failure: Failure) -> None:
        self._live.ledger.abandon(failure)

    def _settle(self, batch: store.SqlBatch, failure: Failure | None, seconds: float) -> None:
        self._live.ledger.settle(batch, failure)
        if failure is not None and failure.latched:
            self._reporter.report_failure(failure.detail)
        if failure is None:
            self._live.maintenance.grew(batch.size + RECORD_BYTES * batch.records)
            if self._on_commit is not None:
                self._on_commit(batch.records, seconds)

    def _note(self, failure: Failure) -> None:
        parts = self._live
        parts.ledger.note(failure)
        if failure.latched:
            parts.writer.latch(failure)
            self._reporter.report_failure(failure.detail)


def _reserve(opened: OpenDatabase, batch: store.SqlBatch) -> None:
    """Allocate the entries of new spaces in the heads file."""
    if batch.spaces:
        opened.heads.reserve(batch.spaces[-1][0])


def _confirm(opened: OpenDatabase, batch: store.SqlBatch) -> None:
    """Write the heads of a batch, and check that the names still refer to the open files."""
    opened.heads.put(batch.heads.values(), batch.spaces)
    opened.guard.check()
