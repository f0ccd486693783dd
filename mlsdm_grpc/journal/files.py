"""Snapshot files and their manifest.

A new file is written under a temporary name, hashed, synced and renamed; then its manifest row is
written. A row is removed before its file. So each row has a file, and ``reconcile`` handles files
without a row at the start. This module does not interpret the content of a snapshot.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import itertools
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from mlsdm_grpc import errors
from mlsdm_grpc.file_sync import sync_directory
from mlsdm_grpc.journal.protocol import SnapshotRef, SpaceKey

__all__ = ["Manifest", "ManifestRow", "SnapshotFiles", "find_problem", "snapshot_name"]

# Number of snapshots kept for each space. The records after the older one are kept too, so it can
# replace a damaged newest one.
KEPT: Final = 2


class ManifestRow(NamedTuple):
    """Manifest row: one valid snapshot."""

    revision: int
    name: str
    digest: bytes
    size: int


class Manifest(Protocol):
    """Storage of the manifest rows. A change is as durable as a record."""

    async def snapshots(self, number: int) -> list[ManifestRow]:
        """Return the rows of a space, newest first."""

    async def add_snapshot(self, number: int, row: ManifestRow) -> list[str]:
        """Add a row newer than all others, and return the names of files beyond the two newest."""

    async def remove_snapshot(self, number: int, revision: int) -> None:
        """Remove the row of a damaged file."""


class SnapshotFiles:
    """Snapshot files of one journal.

    Args:
        directory: Directory that contains only snapshots.
        manifest: Storage of the list of valid snapshots.
        on_damaged: Moves a damaged file elsewhere and reports it. Runs in a thread with space,
            revision, file name and problem.
    """

    def __init__(
        self,
        directory: Path,
        manifest: Manifest,
        *,
        on_damaged: Callable[[SpaceKey, int, str, str], None] = lambda *_: None,
    ) -> None:
        self._directory = directory
        self._manifest = manifest
        self._on_damaged = on_damaged
        self._serial = itertools.count(1)
        self.strays: dict[int, list[str]] = {}
        """Names of files without a row that are older than the rows, by the number of the space.

        The next snapshot of the space removes them.
        """
        self.lock = asyncio.Lock()
        """Held while files and manifest rows change together."""

    def scratch(self) -> Path:
        """Return a temporary path that this process has not used before."""
        return self._directory / f"tmp-{next(self._serial)}"

    async def save(self, number: int, revision: int, path: Path, written: bytes = b"") -> bool:
        """Make a file the newest snapshot of a space.

        Args:
            number: Number of the space.
            revision: Revision of the saved state.
            path: Temporary file; it is renamed or removed.
            written: SHA-256 of the written data; empty skips the comparison.

        Returns:
            False if a snapshot of this or a later revision exists.

        Raises:
            DataLoss: The file is empty, or its digest differs from ``written``.
            Unavailable: The file cannot be changed now.
        """
        digest, size = await asyncio.to_thread(_harden, path)
        if written not in {b"", digest}:
            await asyncio.to_thread(path.unlink, missing_ok=True)
            raise errors.DataLoss(
                "The content of the snapshot file has changed since it was written."
            )
        row = ManifestRow(revision, snapshot_name(number, revision), digest, size)
        async with self.lock:
            rows = await self._manifest.snapshots(number)
            if rows and rows[0].revision >= revision:
                await asyncio.to_thread(path.unlink)
                return False
            await asyncio.to_thread(self._rename, path, row.name)
            displaced = await self._manifest.add_snapshot(number, row)
            await self.discard(displaced + self.strays.pop(number, []))
        return True

    async def load(self, key: SpaceKey, number: int) -> SnapshotRef | None:
        """Return the newest intact snapshot of a space, or None. Damaged ones are set aside.

        Raises:
            Unavailable: A file cannot be read now, which does not mean that it is damaged.
        """
        skipped: set[ManifestRow] = set()
        while True:
            found = await self._manifest.snapshots(number)
            row = next((each for each in found if each not in skipped), None)
            if row is None:
                return None
            problem = await self.problem(row)
            if not problem:
                return SnapshotRef(row.revision, self._directory / row.name, row.size)
            if not await self._set_aside(key, number, row, problem):
                skipped.add(row)

    async def reject(self, key: SpaceKey, number: int, revision: int, problem: str) -> bool:
        """Set aside a snapshot with bad content; return False if the manifest cannot change now."""
        rows = await self._manifest.snapshots(number)
        row = next((row for row in rows if row.revision == revision), None)
        return row is None or await self._set_aside(key, number, row, problem)

    async def problem(self, row: ManifestRow) -> str:
        """Return the reason why a file is not intact, or "" for an intact file.

        Raises:
            Unavailable: The file cannot be read now.
        """
        return await asyncio.to_thread(find_problem, self._directory, row)

    async def _set_aside(self, key: SpaceKey, number: int, row: ManifestRow, problem: str) -> bool:
        """Remove a damaged snapshot from the manifest; return False if that is impossible now.

        The journal refuses the removal while no other snapshot is intact, because older records no
        longer exist.
        """
        async with self.lock:
            if row not in await self._manifest.snapshots(number):
                return True  # A newer snapshot has replaced it meanwhile.
            try:
                await self._manifest.remove_snapshot(number, row.revision)
            except errors.Unavailable:
                return False
            await asyncio.to_thread(self._on_damaged, key, row.revision, row.name, problem)
        return True

    async def discard(self, names: Collection[str]) -> None:
        """Remove files without a manifest row, durably."""
        if names:
            await asyncio.to_thread(self._unlink, names)

    def _rename(self, path: Path, name: str) -> None:
        with _medium():
            path.rename(self._directory / name)
            sync_directory(self._directory)

    def _unlink(self, names: Iterable[str]) -> None:
        with _medium():
            for name in names:
                (self._directory / name).unlink(missing_ok=True)
            sync_directory(self._directory)


@contextmanager
def _medium() -> Iterator[None]:
    """Raise ``Unavailable`` in place of an error of the file system."""
    try:
        yield
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        raise errors.Unavailable(
            "The snapshot file or the manifest of snapshots cannot be changed.",
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


def find_problem(directory: Path, row: ManifestRow) -> str:
    """Return the reason why a snapshot file is not intact, or "" for an intact file. Blocks.

    Raises:
        Unavailable: The file cannot be read now.
    """
    try:
        with (directory / row.name).open("rb") as file:
            if hashlib.file_digest(file, "sha256").digest() == row.digest:
                return ""
    except FileNotFoundError:
        return "The file is missing."
    except OSError as error:
        raise errors.Unavailable(
            f"The snapshot file {row.name} cannot be read: {error.strerror}.",
            metadata={"file": row.name, "detail": str(error)},
            retry_after_s=1.0,
        ) from error
    return "The SHA-256 digest of the file does not match the manifest."


def snapshot_name(number: int, revision: int) -> str:
    """Return the file name of a snapshot."""
    return f"{number}-{revision}.snap"
