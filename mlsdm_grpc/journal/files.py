"""Snapshot files: written aside, verified, made durable, renamed; a manifest says which count.

Nothing here knows what a snapshot contains. A file whose name no manifest row holds is garbage:
the rename comes before the row, and the row goes before the file.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import itertools
import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from mlsdm_grpc import errors
from mlsdm_grpc.journal.protocol import SnapshotRef

__all__ = ["Manifest", "ManifestRow", "SnapshotFiles"]

KEPT: Final = 2


class ManifestRow(NamedTuple):
    """One snapshot that counts."""

    revision: int
    name: str
    digest: bytes
    size: int


class Manifest(Protocol):
    """Where the rows are kept; changes are as durable as the records."""

    async def snapshots(self, number: int) -> list[ManifestRow]:
        """Return the rows of a space, newest first."""

    async def add_snapshot(self, number: int, row: ManifestRow) -> list[str]:
        """Add a row that is newer than all others; return the names beyond the two newest."""


class SnapshotFiles:
    """The snapshot files of one journal.

    Args:
        directory: Holds nothing but snapshots.
        manifest: Says which of them count.
    """

    def __init__(self, directory: Path, manifest: Manifest) -> None:
        self._directory = directory
        self._manifest = manifest
        self._serial = itertools.count(1)
        self.lock = asyncio.Lock()
        """Held while files and rows change together."""

    def scratch(self) -> Path:
        """Return a name that nothing has used since the directory was swept."""
        return self._directory / f"tmp-{next(self._serial)}"

    async def save(self, number: int, revision: int, path: Path) -> bool:
        """Take a file over as the newest snapshot of a space, unless there is one as new."""
        digest, size = await asyncio.to_thread(_harden, path)
        row = ManifestRow(revision, f"{number}-{revision}.snap", digest, size)
        async with self.lock:
            rows = await self._manifest.snapshots(number)
            if rows and rows[0].revision >= revision:
                await asyncio.to_thread(path.unlink)
                return False
            await asyncio.to_thread(self._rename, path, row.name)
            await self.discard(await self._manifest.add_snapshot(number, row))
        return True

    async def load(self, number: int) -> SnapshotRef | None:
        """Return the newest intact snapshot of a space."""
        rows: list[ManifestRow] = []
        while (found := await self._manifest.snapshots(number)) != rows:
            rows = found  # read again after a failure: newer ones may have displaced these
            for row in rows:
                if await self.intact(row):
                    return SnapshotRef(row.revision, self._directory / row.name, row.size)
        return None

    async def intact(self, row: ManifestRow) -> bool:
        """Return whether a file is what it was when it was saved."""
        return await asyncio.to_thread(_matches, self._directory / row.name, row)

    async def discard(self, names: Collection[str]) -> None:
        """Remove files that have no row any more, durably."""
        if names:
            await asyncio.to_thread(self._unlink, names)

    def sweep(self, keep: Collection[str]) -> None:
        """Remove every file but those with a row; blocks."""
        self._unlink([path.name for path in self._directory.iterdir() if path.name not in keep])

    def _rename(self, path: Path, name: str) -> None:
        with _medium():
            path.rename(self._directory / name)
            sync_directory(self._directory)

    def _unlink(self, names: Iterable[str]) -> None:
        with _medium():
            for name in names:
                (self._directory / name).unlink(missing_ok=True)
            sync_directory(self._directory)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _medium() -> Iterator[None]:
    """Raise what the medium refuses as an error of this service."""
    try:
        yield
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        raise errors.Unavailable(
            "The snapshots cannot be changed.",
            reason="JOURNAL_FULL" if full else "JOURNAL_UNAVAILABLE",
            metadata={"detail": str(error)},
            retry_after_s=1.0,
        ) from error


def _harden(path: Path) -> tuple[bytes, int]:
    if not path.exists() or not path.stat().st_size:
        path.unlink(missing_ok=True)
        raise errors.DataLoss("The snapshot file is empty.", metadata={"name": path.name})
    with _medium(), path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
        os.fsync(file.fileno())
        return digest, os.fstat(file.fileno()).st_size


def _matches(path: Path, row: ManifestRow) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest() == row.digest
    except OSError:
        return False
