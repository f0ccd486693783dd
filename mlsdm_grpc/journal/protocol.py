"""The contract of a journal. The log is the database: replaying it gives the state.

A journal orders the records of each space and keeps them until a snapshot covers them. It does not
interpret records: payloads are bytes, and callers choose the revisions, which a conditional append
checks. All implementations pass the same tests, ``tests/contract/test_journal.py``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from mlsdm_grpc.value_classes import value_class

__all__ = [
    "Entry",
    "Journal",
    "JournalHealth",
    "ListedSpace",
    "ListedTenant",
    "RevisionConflict",
    "SnapshotRef",
    "SpaceKey",
]


class SpaceKey(NamedTuple):
    """Name of one space."""

    tenant: str
    space: str


class ListedSpace(NamedTuple):
    """One space in a tenant's list."""

    ordinal: int
    """Position among all spaces by first record, at least 1; never changes."""
    space: str


class ListedTenant(NamedTuple):
    """One tenant in the list of all tenants."""

    ordinal: int
    """Ordinal of its first space."""
    tenant: str


@value_class
class Entry:
    """One durable record."""

    key: SpaceKey
    revision: int
    """Position among the records of its space, from 1. Gaps exist only where an operator accepted a
    loss."""
    position: int
    """Position in its partition; increasing, with gaps."""
    payload: bytes


@value_class
class SnapshotRef:
    """One verified snapshot file; it stays readable until two newer ones exist."""

    revision: int
    path: Path
    size: int
    """Size of the file, bytes."""


@value_class
class JournalHealth:
    """Ability of the journal to take writes."""

    writable: bool
    reason: str = ""
    """Name of an ``ErrorReason`` if it is not writable: JOURNAL_UNAVAILABLE or JOURNAL_FULL."""
    detail: str = ""
    """A sentence for logs and operators."""
    failed: bool = False
    """True if nothing can be written until the journal is opened again."""


class RevisionConflict(Exception):
    """An append whose expected revision is not the last one; nothing was written.

    Args:
        expected: Last revision that the caller expected.
        actual: Last revision of the space.
    """

    def __init__(self, expected: int, actual: int) -> None:
        super().__init__(f"expected revision {expected}, found {actual}")
        self.expected = expected
        self.actual = actual


class Journal(Protocol):
    """An ordered, durable log of records, with snapshots that allow it to be trimmed.

    All methods are called on one event loop. Errors of the medium are raised as
    ``errors.Unavailable`` (JOURNAL_UNAVAILABLE or JOURNAL_FULL, with ``retry_after_s``). Records
    that are missing or fail their checksum are raised as ``errors.DataLoss``.

    Every acknowledged record exists after the next ``open``, or its loss is reported. If ``open``
    finds less of a space than was acknowledged, that space is *damaged*: all methods but ``spaces``
    raise ``DataLoss`` for it, and the other spaces are served. Revisions of a space, and positions
    in the list of spaces, are never reused. Damaged data are never removed.
    """

    partition_count: int
    """Number of partitions of the log; all records of a space are in one partition."""

    @property
    def new_spaces_version(self) -> int:
        """Version of the rules for new spaces; see ``core/model/semantics.py``.

        A durable log uses the version before the newest until the log is marked with the draft of
        the newest. The mark is written before any record of the newest version.
        """
        ...

    async def open(self) -> None:
        """Open or create the log and acquire it; fails while another process owns it.

        Raises:
            PreconditionFailed: SEMANTICS_UNSUPPORTED; the log belongs to another draft of the
                rules.
        """

    async def close(self) -> None:
        """Complete all appends, then release all resources. Idempotent."""

    def append(
        self, key: SpaceKey, payloads: Sequence[bytes], *, expected: int
    ) -> asyncio.Future[int]:
        """Append records to a space; all become durable, or none.

        Args:
            key: The space; its first append creates it.
            payloads: At least one encoded record. They get the revisions from ``expected + 1`` on.
            expected: Last revision of the space, 0 for a new one. Earlier appends that are not
                durable yet count, so callers may pipeline.

        Returns:
            A future with the position of the last record, done once all are durable. Futures of one
            space complete in the order of their appends. The future raises ``RevisionConflict`` if
            ``expected`` is wrong; all later appends that depend on it fail too. Cancelling the
            future does not withdraw the append.
        """
        ...

    def follow(self, partition: int, *, after: int) -> AsyncIterator[Entry]:
        """Yield every durable record of a partition after a position, then new ones without end."""
        ...

    def read(
        self, key: SpaceKey, *, after: int, until: int | None = None
    ) -> AsyncIterator[Sequence[Entry]]:
        """Yield the records of a space with ``after < revision <= until``, in order.

        Batches have at most 1,000 records and about 4 MiB. A wrong checksum or a gap raises
        ``DataLoss``; earlier records are correct. A gap with accepted loss is skipped; the record
        after it describes the gap.
        """
        ...

    async def newest(self) -> Entry | None:
        """Return the newest intact durable record of all spaces, or None."""

    async def head(self, key: SpaceKey) -> int:
        """Return the last durable revision of a space, or 0 without record and snapshot."""
        ...

    def scratch_path(self) -> Path:
        """Return a new file name on the medium of the snapshots, for ``save_snapshot``."""
        ...

    async def save_snapshot(
        self, key: SpaceKey, *, revision: int, path: Path, digest: bytes = b""
    ) -> bool:
        """Make the file at ``path`` the current snapshot of the space if it is newer.

        Args:
            key: The space.
            revision: Revision of the state in the file; at most the head.
            path: Complete file from :meth:`scratch_path`; the journal takes ownership.
            digest: SHA-256 of the written data. A file with another digest raises ``DataLoss``;
                empty skips the check.

        Returns:
            False if a snapshot of this or a later revision exists; the file is removed.
        """
        ...

    async def load_snapshot(self, key: SpaceKey) -> SnapshotRef | None:
        """Return the newest snapshot with a correct checksum, or None.

        A damaged snapshot is set aside, logged, and ignored by :meth:`trim`. A snapshot that cannot
        be read now raises ``Unavailable``.
        """
        ...

    async def reject_snapshot(self, key: SpaceKey, snapshot: SnapshotRef, problem: str) -> bool:
        """Set aside a snapshot whose checksum is correct but whose state is wrong.

        Args:
            key: The space.
            snapshot: Result of :meth:`load_snapshot`.
            problem: A sentence for the log.

        Returns:
            True if :meth:`load_snapshot` no longer returns this snapshot.
        """
        ...

    async def trim(self, key: SpaceKey, *, until: int) -> int:
        """Remove records up to a revision that the second newest snapshot covers.

        Returns:
            Number of records removed. The last record of a space is always kept.
        """
        ...

    async def erase(self, key: SpaceKey, *, until: int) -> None:
        """Remove every record up to ``until`` and every older snapshot, without a trace.

        The newest snapshot must have revision ``until`` or later; otherwise ``Unavailable`` is
        raised. Afterwards no file of the journal contains a byte of the removed data.
        """
        ...

    async def spaces(self, tenant: str, *, after: int, limit: int) -> list[ListedSpace]:
        """Return spaces of a tenant in the order of their first records.

        Args:
            tenant: Name of the tenant.
            after: Ordinal of the last space of the previous page; 0 starts.
            limit: Maximum number of spaces.

        Returns:
            Every space with a durable record, including reserved, deleted and damaged ones. Spaces
            that become durable later follow them.
        """
        ...

    async def tenants(self, *, after: int, limit: int) -> list[ListedTenant]:
        """Return tenants with a durable record in the order of their first spaces.

        Args:
            after: Ordinal of the last tenant of the previous page; 0 starts.
            limit: Maximum number of tenants.
        """
        ...

    def health(self) -> JournalHealth:
        """Return whether writes can succeed now; never blocks."""
        ...
