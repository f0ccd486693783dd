"""Contract of a journal, which is the database: its records, applied in order, give the state.

A journal orders the records of each space and keeps them until snapshots cover them. Payloads are
bytes that it does not interpret. Callers choose the revisions, and each append is conditional on
the last one. All implementations pass the tests in ``tests/contract/test_journal.py``.
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
    """Identity of a space: tenant and name."""

    tenant: str
    space: str


class ListedSpace(NamedTuple):
    """Entry in the list of the spaces of a tenant."""

    ordinal: int
    """Rank of the space among all spaces in the order of their first records, from 1.

    It never changes.
    """
    space: str


class ListedTenant(NamedTuple):
    """Entry in the list of all tenants."""

    ordinal: int
    """Ordinal of the first space of the tenant."""
    tenant: str


@value_class
class Entry:
    """Durable record."""

    key: SpaceKey
    revision: int
    """Number of the record within its space, from 1.

    Numbers are missing only where an operator accepted a loss.
    """
    position: int
    """Number of the record within its partition; ascending, with gaps."""
    payload: bytes


@value_class
class SnapshotRef:
    """Verified snapshot file. It stays readable until two newer ones exist."""

    revision: int
    path: Path
    size: int
    """Size of the file, bytes."""


@value_class
class JournalHealth:
    """Current ability of the journal to accept writes."""

    writable: bool
    reason: str = ""
    """Name of an ``ErrorReason`` if no writes are accepted: JOURNAL_UNAVAILABLE or JOURNAL_FULL."""
    detail: str = ""
    """Sentence for logs and operators."""
    failed: bool = False
    """True if writes stay impossible until the journal is opened again."""


class RevisionConflict(Exception):
    """Error of an append whose expected revision is not the last one of the space.

    No record of the append is written.

    Args:
        expected: Last revision that the caller expected.
        actual: Last revision of the space.
    """

    def __init__(self, expected: int, actual: int) -> None:
        super().__init__(f"expected revision {expected}, found {actual}")
        self.expected = expected
        self.actual = actual


class Journal(Protocol):
    """Ordered, durable log of records, with snapshots, which allow old records to be removed.

    All methods are called on one event loop. Errors of the medium are raised as
    ``errors.Unavailable`` (JOURNAL_UNAVAILABLE or JOURNAL_FULL, with ``retry_after_s``). Missing
    records and records with a wrong checksum are raised as ``errors.DataLoss``.

    Every acknowledged record exists after the next ``open``, or its loss is reported. If ``open``
    finds fewer records of a space than were acknowledged, that space is *damaged*: all methods but
    ``spaces`` raise ``DataLoss`` for it. Other spaces work as usual. Revisions and ordinals are
    never reused. Damaged data are never removed.
    """

    partition_count: int
    """Number of partitions of the log. All records of a space are in one partition."""

    @property
    def new_spaces_version(self) -> int:
        """Semantics version of new spaces; see ``core/model/semantics.py``.

        A durable log is marked with a draft before it contains a record of the newest version.
        Until then, new spaces have the version before the newest one.
        """
        ...

    async def open(self) -> None:
        """Open or create the log, and lock it against other processes.

        Raises:
            Unavailable: Another process owns the log, or it cannot be used.
            PreconditionFailed: SEMANTICS_UNSUPPORTED; the log belongs to another draft of the
                semantics.
        """

    async def close(self) -> None:
        """Complete all appends, then release all resources. Idempotent."""

    def append(
        self, key: SpaceKey, payloads: Sequence[bytes], *, expected: int
    ) -> asyncio.Future[int]:
        """Append records to a space; either all become durable, or none.

        Args:
            key: Space; its first append creates it.
            payloads: Encoded records, at least one. Their revisions start at ``expected + 1``.
            expected: Last revision of the space, 0 for a new one. Pending appends count, so a
                caller need not wait for one append before the next.

        Returns:
            Future with the position of the last record, complete once all are durable. Futures of
            one space complete in the order of their appends. A wrong ``expected`` raises
            ``RevisionConflict``, and all later appends that depend on this one fail too. Cancelling
            the future does not undo the append.
        """
        ...

    def follow(self, partition: int, *, after: int) -> AsyncIterator[Entry]:
        """Yield the durable records of a partition after a position, then new ones, without end."""
        ...

    def read(
        self, key: SpaceKey, *, after: int, until: int | None = None
    ) -> AsyncIterator[Sequence[Entry]]:
        """Yield the records of a space with ``after < revision <= until``, in order.

        A batch has at most 1,000 records and about 4 MiB. A gap whose loss was accepted is skipped;
        the record after it describes the gap.

        Raises:
            DataLoss: A record is missing or has a wrong checksum. All records before it are
                correct.
            Unavailable: Records were trimmed during the read; start again from the snapshot.
        """
        ...

    async def newest(self) -> Entry | None:
        """Return the newest intact durable record of all spaces, or None."""

    async def head(self, key: SpaceKey) -> int:
        """Return the last durable revision of a space, or 0 for a space without records."""
        ...

    def scratch_path(self) -> Path:
        """Return a new path for ``save_snapshot``, in the file system of the snapshots."""
        ...

    async def save_snapshot(
        self, key: SpaceKey, *, revision: int, path: Path, digest: bytes = b""
    ) -> bool:
        """Make the file at ``path`` the newest snapshot of the space, unless one is as new.

        Args:
            key: Space.
            revision: Revision of the state in the file; at most the head.
            path: Complete file from :meth:`scratch_path`; the journal renames or removes it.
            digest: SHA-256 of the written data; empty skips the comparison.

        Returns:
            False if a snapshot of this or a later revision exists.

        Raises:
            DataLoss: The file has another digest, or is empty.
            Unavailable: The revision is above the head, or the file cannot be stored.
        """
        ...

    async def load_snapshot(self, key: SpaceKey) -> SnapshotRef | None:
        """Return the newest snapshot with a correct checksum, or None.

        A damaged snapshot is logged and set aside, and :meth:`trim` no longer counts it.

        Raises:
            Unavailable: A snapshot cannot be read now.
        """
        ...

    async def reject_snapshot(self, key: SpaceKey, snapshot: SnapshotRef, problem: str) -> bool:
        """Set aside a snapshot with a correct checksum and a wrong state.

        Args:
            key: Space.
            snapshot: Result of :meth:`load_snapshot`.
            problem: Sentence for the log.

        Returns:
            True if :meth:`load_snapshot` no longer returns this snapshot.
        """
        ...

    async def trim(self, key: SpaceKey, *, until: int) -> int:
        """Remove the records up to ``until`` that the second newest snapshot covers.

        Returns:
            Number of removed records. The last record of a space is always kept.
        """
        ...

    async def erase(self, key: SpaceKey, *, until: int) -> None:
        """Remove every record up to ``until`` and every older snapshot, so that no copy remains.

        Afterwards no file of the journal contains a byte of the removed data.

        Raises:
            Unavailable: The newest snapshot is older than ``until``, or the log is in use.
            DataLoss: The newest snapshot is damaged.
        """
        ...

    async def spaces(self, tenant: str, *, after: int, limit: int) -> list[ListedSpace]:
        """Return spaces of a tenant in the order of their first records.

        Args:
            tenant: Name of the tenant.
            after: Ordinal of the last space of the previous page; 0 for the first page.
            limit: Maximum number of spaces.

        Returns:
            Spaces with a durable record, including reserved, deleted and damaged ones. A space that
            becomes durable later has a higher ordinal.
        """
        ...

    async def tenants(self, *, after: int, limit: int) -> list[ListedTenant]:
        """Return tenants with a durable record, in the order of their first spaces.

        Args:
            after: Ordinal of the last tenant of the previous page; 0 for the first page.
            limit: Maximum number of tenants.
        """
        ...

    def health(self) -> JournalHealth:
        """Return whether writes can succeed now. Never blocks."""
        ...
