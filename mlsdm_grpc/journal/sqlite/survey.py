"""Search for the best remaining state of one space: a snapshot and the records after it.

The search reads all records and snapshots of the space, which takes time. A start searches spaces
with suspected loss. All spaces are searched after a salvage and by ``mlsdm recover``.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from mlsdm_grpc import errors
from mlsdm_grpc.journal.codec.snapshots import check_snapshot
from mlsdm_grpc.journal.files import ManifestRow, find_problem, snapshot_name
from mlsdm_grpc.journal.ledger import SpaceLedger
from mlsdm_grpc.journal.sqlite import schema, store

__all__ = ["BadSnapshot", "SnapshotFolder", "Survey", "survey", "verified_row"]

_NAME: Final = re.compile(r"([1-9][0-9]{0,17})-([1-9][0-9]{0,17})\.snap")


@dataclass(slots=True)
class SnapshotFolder:
    """Names of the files in a snapshot folder."""

    path: Path
    revisions: dict[int, list[int]] = field(default_factory=dict)
    """Revisions of the snapshot files, newest first, by number of the space."""
    others: list[str] = field(default_factory=list)
    """Names of all other files, which are incomplete snapshots."""

    @classmethod
    def read(cls, path: Path) -> SnapshotFolder:
        """Return the current names in a folder. Blocks."""
        folder = cls(path)
        for each in path.iterdir():
            if (match := _NAME.fullmatch(each.name)) is None:
                folder.others.append(each.name)
            else:
                folder.revisions.setdefault(int(match[1]), []).append(int(match[2]))
        for revisions in folder.revisions.values():
            revisions.sort(reverse=True)
        return folder

    def newest(self, number: int) -> int:
        """Return the revision of the newest snapshot file of a space, or 0."""
        return self.revisions.get(number, [0])[0]


class BadSnapshot(NamedTuple):
    """Unusable snapshot."""

    revision: int
    name: str
    problem: str


@dataclass(slots=True)
class Survey:
    """Readable part of one space."""

    snapshot: int = 0
    """Revision of the newest intact snapshot, or 0."""
    readable: int = 0
    """Last revision of the state from this snapshot and the records after it."""
    newest: int = 0
    """Highest revision in any record or snapshot."""
    adopted: ManifestRow | None = None
    """Manifest row for the newest intact snapshot, if the manifest lacks it."""
    bad: list[BadSnapshot] = field(default_factory=list)
    """Unusable snapshots that are newer than the intact one."""


def survey(connection: sqlite3.Connection, space: SpaceLedger, folder: SnapshotFolder) -> Survey:
    """Read the snapshots and records of a space as far as possible. Blocks.

    Raises:
        Unavailable: A file cannot be read now, which does not mean that it is damaged.
        sqlite3.Error: The database cannot be read.
    """
    found = Survey()
    rows = {row.revision: row for row in store.list_snapshots(connection, space.number)}
    revisions = sorted({*rows, *folder.revisions.get(space.number, ())}, reverse=True)
    for revision in revisions:
        row = rows.get(revision)
        problem = "" if row is None else find_problem(folder.path, row)
        complete = None if problem else verified_row(folder.path, space.number, revision)
        if complete is not None:
            found.snapshot, found.adopted = revision, complete if row is None else None
            break
        problem = problem or "The file is incomplete."
        name = row.name if row is not None else snapshot_name(space.number, revision)
        found.bad.append(BadSnapshot(revision, name, problem))
    found.readable = _last_in_order(connection, space, found.snapshot)
    found.newest = max(
        found.readable, *revisions, schema.last_revision(connection, space.number), 0
    )
    return found


def _last_in_order(connection: sqlite3.Connection, space: SpaceLedger, after: int) -> int:
    limit = 2**63 - 1
    while True:
        entries, damaged = store.read_space(connection, space, after, limit)
        if entries:
            after = entries[-1].revision
        if damaged is not None or not entries:
            return after


def verified_row(directory: Path, number: int, revision: int) -> ManifestRow | None:
    """Return the manifest row for a snapshot file, or None for an incomplete file. Blocks.

    Raises:
        Unavailable: The file cannot be read now.
    """
    name = snapshot_name(number, revision)
    try:
        with (directory / name).open("rb") as file:
            if check_snapshot(file) != revision:
                return None
            size = file.tell()
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").digest()
    except errors.DataLoss:
        return None
    except OSError as error:
        raise errors.Unavailable(
            f"The snapshot file {name} cannot be read: {error.strerror}.",
            metadata={"file": name, "detail": str(error)},
            retry_after_s=1.0,
        ) from error
    return ManifestRow(revision, name, digest, size)
