"""What a journal promises. The log is the database: state is what replaying it gives.

A journal orders the records of each space and keeps them until a snapshot stands behind them. It
does not look into a record: payloads are bytes, and the revisions are the caller's, checked by a
conditional append. One implementation's promise is every implementation's: they pass one suite
of tests, ``tests/contract/test_journal.py``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

__all__ = [
    "Entry",
    "Journal",
    "JournalHealth",
    "ListedSpace",
    "RevisionConflict",
    "SnapshotRef",
    "SpaceKey",
]


class SpaceKey(NamedTuple):
    """Names one space."""

    tenant: str
    space: str


class ListedSpace(NamedTuple):
    """One space of a tenant's list."""

    ordinal: int
    """Place among all spaces by their first record, at least 1; never changes."""
    space: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One durable record."""

    key: SpaceKey
    revision: int
    """Position among the records of its space, from 1; without gaps but those whose loss an
    operator accepted."""
    position: int
    """Position in its partition; grows, may have gaps."""
    payload: bytes


@dataclass(frozen=True, slots=True)
class SnapshotRef:
    """One verified snapshot file; it stays readable until two newer ones exist."""

    revision: int
    path: Path
    size: int
    """Bytes of the file."""


@dataclass(frozen=True, slots=True)
class JournalHealth:
    """Whether the journal takes writes."""

    writable: bool
    reason: str = ""
    """Name of an ``ErrorReason`` when not writable: JOURNAL_UNAVAILABLE or JOURNAL_FULL."""
    detail: str = ""
    """Sentence for logs and operators."""
    failed: bool = False
    """Whether nothing is written until the journal is opened again."""


class RevisionConflict(Exception):
    """The space's last revision is not the expected one; nothing was written.

    Args:
        expected: What the caller took for the last revision.
        actual: What it is.
    """

    def __init__(self, expected: int, actual: int) -> None:
        super().__init__(f"expected revision {expected}, found {actual}")
        self.expected = expected
        self.actual = actual


class Journal(Protocol):
    """An ordered, durable log of records, with snapshots behind which it may be trimmed.

    All methods are called on one event loop. Errors that the medium causes are raised as
    ``errors.Unavailable`` (JOURNAL_UNAVAILABLE or JOURNAL_FULL, with ``retry_after_s``), one that
    only reading meets too; records that fail their checksum or are missing as ``errors.DataLoss``.

    What was acknowledged is there after the next ``open``, or the loss is named: of a *damaged*
    space, of which ``open`` finds less than was acknowledged, everything but ``spaces`` raises
    ``DataLoss``, and all others are served. A revision of a space, and the place of a space in the
    list, are never given to another. Nothing that is damaged is removed.
    """

    partition_count: int
    """Partitions of the log; a space's records are all in one."""

    @property
    def new_spaces_version(self) -> int:
        """Version of the rules that new spaces are under, see ``core/model/semantics.py``.

        Of a log that lasts it is that before the newest until the log is marked with the draft of
        the newest, which is done before any record of it is written.
        """
        ...

    async def open(self) -> None:
        """Open or create the log and take it over; another owner makes this fail.

        Raises:
            PreconditionFailed: SEMANTICS_UNSUPPORTED; the log is of another draft of the rules.
        """

    async def close(self) -> None:
        """Finish what was appended, then release everything. Idempotent."""

    def append(
        self, key: SpaceKey, payloads: Sequence[bytes], *, expected: int
    ) -> asyncio.Future[int]:
        """Append records to a space; all become durable, or none.

        Args:
            key: The space; the first append makes it known.
            payloads: At least one encoded record; they get revisions ``expected + 1`` onwards.
            expected: Last revision of the space, 0 for a new one. Appends that were handed in
                earlier and are not durable yet count, so that callers may pipeline.

        Returns:
            A future with the position of the last record, done once all are durable. Futures of
            one space are done in the order of their appends. It raises ``RevisionConflict`` when
            ``expected`` is wrong, and then all later appends that were built on it do too.
            Cancelling it does not take the append back.
        """
        ...

    def follow(self, partition: int, *, after: int) -> AsyncIterator[Entry]:
        """Yield every durable record of a partition after a position, then new ones for ever."""
        ...

    def read(
        self, key: SpaceKey, *, after: int, until: int | None = None
    ) -> AsyncIterator[Sequence[Entry]]:
        """Yield the records of a space with ``after < revision <= until``, in order.

        They come in batches of at most 1,000 records and about 4 MiB. A checksum that does not
        match, or a gap, raises ``DataLoss``; what came before was right. A gap whose loss an
        operator accepted is stepped over; the record behind it says so.
        """
        ...

    async def newest(self) -> Entry | None:
        """Return the newest durable record of all spaces; None if there is none that is intact."""

    async def head(self, key: SpaceKey) -> int:
        """Return the last durable revision of a space, 0 if it has no record and no snapshot."""
        ...

    def scratch_path(self) -> Path:
        """Return a new file name on the medium of the snapshots, for ``save_snapshot``."""
        ...

    async def save_snapshot(
        self, key: SpaceKey, *, revision: int, path: Path, digest: bytes = b""
    ) -> bool:
        """Make the file at ``path`` the space's current snapshot if it is newer than that.

        Args:
            key: The space.
            revision: Revision of the state in the file; at most the head.
            path: From :meth:`scratch_path`, complete; the journal takes it over.
            digest: SHA-256 of what was written to it. A file that has another one is not taken
                over, which is ``DataLoss``; empty compares nothing.

        Returns:
            False if a snapshot of this or a later revision was there already; the file is gone.
        """
        ...

    async def load_snapshot(self, key: SpaceKey) -> SnapshotRef | None:
        """Return the newest snapshot whose checksum is right, or None if there is none.

        One that is damaged is set aside, named in the log and not counted by :meth:`trim`. One that
        cannot be read now raises ``Unavailable``.
        """
        ...

    async def reject_snapshot(self, key: SpaceKey, snapshot: SnapshotRef, problem: str) -> bool:
        """Set aside a snapshot that has its checksum but not the state that its records gave.

        Args:
            key: The space.
            snapshot: From :meth:`load_snapshot`.
            problem: A sentence for the log.

        Returns:
            Whether :meth:`load_snapshot` returns another one from now on, or none.
        """
        ...

    async def trim(self, key: SpaceKey, *, until: int) -> int:
        """Remove records up to a revision, but none that the second newest snapshot lacks.

        Returns:
            How many records were removed. The last record of a space is always kept.
        """
        ...

    async def erase(self, key: SpaceKey, *, until: int) -> None:
        """Remove every record up to ``until`` and every older snapshot, without a trace.

        The newest snapshot must be of revision ``until`` or later; ``Unavailable``
        otherwise. Afterwards no file of the journal holds a byte of what was removed.
        """
        ...

    async def spaces(self, tenant: str, *, after: int, limit: int) -> list[ListedSpace]:
        """Return spaces of a tenant in the order of their first records.

        Args:
            tenant: Whose.
            after: Ordinal of the last one that the caller has; 0 starts.
            limit: Most spaces to return.

        Returns:
            Every space with a durable record, reserved, deleted and damaged ones too; a space that
            becomes durable later comes after all of them.
        """
        ...

    def health(self) -> JournalHealth:
        """Return whether writes can succeed now; never blocks."""
        ...
