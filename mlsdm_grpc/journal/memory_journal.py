"""Journal in RAM, without durability, for tests and ``--journal memory``."""

from __future__ import annotations

import asyncio
import bisect
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Final

from mlsdm_grpc import errors
from mlsdm_grpc.core.model import semantics
from mlsdm_grpc.journal.embedded import EmbeddedJournal, damage, not_reached
from mlsdm_grpc.journal.files import KEPT, ManifestRow, SnapshotFiles
from mlsdm_grpc.journal.ledger import Ledger, PendingAppend, SpaceLedger
from mlsdm_grpc.journal.protocol import Entry, SpaceKey

__all__ = ["MemoryJournal"]

READ_RECORDS: Final = 1_000
READ_BYTES: Final = 4 * 1024 * 1024


@dataclass(slots=True, eq=False)
class _Batch:
    """Appends of one iteration of the event loop."""

    epoch: int
    claims: list[PendingAppend] = field(default_factory=list)
    records: int = 0
    size: int = 0
    sealed: bool = False
    entries: list[Entry] = field(default_factory=list)

    def add(
        self, space: SpaceLedger, revision: int, position: int, payloads: Sequence[bytes]
    ) -> None:
        self.entries += (
            Entry(space.key, revision + i, position + i, bytes(payload))
            for i, payload in enumerate(payloads, start=1)
        )


class _MemoryManifest:
    """Storage of the manifest rows in RAM."""

    def __init__(self) -> None:
        self.rows: dict[int, list[ManifestRow]] = {}

    async def snapshots(self, number: int) -> list[ManifestRow]:
        return list(self.rows.get(number, ()))

    async def add_snapshot(self, number: int, row: ManifestRow) -> list[str]:
        rows = [row, *self.rows.get(number, ())]
        self.rows[number] = rows[:KEPT]
        return [old.name for old in rows[KEPT:]]

    async def remove_snapshot(self, number: int, revision: int) -> None:
        self.rows[number] = [row for row in self.rows[number] if row.revision != revision]

    def remove_before(self, number: int, revision: int) -> list[str]:
        """Remove the rows of snapshots before a revision, and return their file names."""
        rows = self.rows.get(number, [])
        self.rows[number] = [row for row in rows if row.revision >= revision]
        return [row.name for row in rows if row.revision < revision]


@dataclass(slots=True)
class _MemoryParts:
    """Parts of an open journal."""

    ledger: Ledger[_Batch]
    directory: tempfile.TemporaryDirectory[str]
    manifest: _MemoryManifest
    files: SnapshotFiles
    records: dict[SpaceKey, list[Entry]] = field(default_factory=dict)
    log: list[Entry] = field(default_factory=list)


class MemoryJournal(EmbeddedJournal):
    """:class:`~mlsdm_grpc.journal.protocol.Journal` whose content is lost when it closes.

    Snapshots are files in a temporary directory, which ``close`` removes.
    """

    def __init__(self) -> None:
        self._parts: _MemoryParts | None = None
        self._closed = False

    @property
    def new_spaces_version(self) -> int:
        return semantics.newest()

    async def open(self) -> None:
        parts = self._parts
        if parts is None:
            directory = await asyncio.to_thread(tempfile.TemporaryDirectory)
            manifest = _MemoryManifest()
            files = SnapshotFiles(Path(directory.name), manifest)
            self._parts = _MemoryParts(Ledger(self._begin), directory, manifest, files)

    async def close(self) -> None:
        parts = self._parts
        if parts is None or self._closed:
            return
        self._closed = True
        parts.ledger.closing = True
        await asyncio.sleep(0)  # The event loop commits the open batch in its next iteration.
        parts.ledger.end()
        await asyncio.to_thread(parts.directory.cleanup)

    async def newest(self) -> Entry | None:
        log = self._live.log
        return log[-1] if log else None

    async def trim(self, key: SpaceKey, *, until: int) -> int:
        parts = self._live
        space = parts.ledger.get(key)
        if space is None:
            return 0
        rows = await parts.manifest.snapshots(space.number)
        if len(rows) < KEPT:
            return 0
        return self._remove(parts, space, min(until, rows[KEPT - 1].revision, space.durable - 1))

    async def erase(self, key: SpaceKey, *, until: int) -> None:
        parts = self._live
        space = parts.ledger.get(key)
        if space is None:
            raise not_reached("The space does not exist.", until, space)
        async with parts.files.lock:
            rows = await parts.manifest.snapshots(space.number)
            if not rows or rows[0].revision < until:
                raise not_reached(f"No snapshot has revision {until} or a later one.", until, space)
            if await parts.files.problem(rows[0]):
                raise damage(key, rows[0].revision)
            await parts.files.discard(parts.manifest.remove_before(space.number, until))
        self._remove(parts, space, until)

    @property
    def _live(self) -> _MemoryParts:
        if self._parts is None:
            raise errors.Unavailable("The journal is not open.")
        return self._parts

    def _begin(self, epoch: int) -> _Batch:
        batch = _Batch(epoch)
        asyncio.get_running_loop().call_soon(self._commit, batch)
        return batch

    def _commit(self, batch: _Batch) -> None:
        parts = self._live
        parts.ledger.seal(batch)
        for entry in batch.entries:
            parts.records.setdefault(entry.key, []).append(entry)
        parts.log += batch.entries
        parts.ledger.settle(batch, None)

    async def _logged(self, after: int) -> tuple[Sequence[Entry], None]:
        log = self._live.log
        return log[bisect.bisect_right(log, after, key=attrgetter("position")) :], None

    async def _recorded(
        self, space: SpaceLedger, after: int, until: int
    ) -> tuple[Sequence[Entry], int | None]:
        records = self._live.records.get(space.key, [])
        start = bisect.bisect_right(records, after, key=attrgetter("revision"))
        entries: list[Entry] = []
        size = 0
        for entry in records[start : start + READ_RECORDS]:
            if entry.revision > until or size >= READ_BYTES:
                break
            entries.append(entry)
            size += len(entry.payload)
        if entries and entries[0].revision != after + 1:
            return [], after + 1
        return entries, None

    def _remove(self, parts: _MemoryParts, space: SpaceLedger, until: int) -> int:
        records = parts.records.get(space.key, [])
        kept = [entry for entry in records if entry.revision > until]
        parts.records[space.key] = kept
        parts.log = [e for e in parts.log if e.key != space.key or e.revision > until]
        space.removed = max(space.removed, until)
        return len(records) - len(kept)
