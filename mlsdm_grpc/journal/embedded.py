"""Common part of the journals that run inside the server process."""

from __future__ import annotations

import asyncio
import heapq
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from mlsdm_grpc import errors
from mlsdm_grpc.journal.files import SnapshotFiles
from mlsdm_grpc.journal.ledger import Ledger, SpaceLedger
from mlsdm_grpc.journal.protocol import (
    Entry,
    JournalHealth,
    ListedSpace,
    ListedTenant,
    SnapshotRef,
    SpaceKey,
)

__all__ = ["EmbeddedJournal", "damage", "not_reached", "overtaken"]


class _Parts(Protocol):
    ledger: Ledger[Any]
    files: SnapshotFiles


class EmbeddedJournal(ABC):
    """:class:`~mlsdm_grpc.journal.protocol.Journal` with one partition, inside the server process.

    Subclasses provide a ledger, snapshot files, and the reads of stored records.
    """

    partition_count = 1

    @property
    @abstractmethod
    def _live(self) -> _Parts:
        """Ledger and snapshot files of the open journal; raises ``Unavailable`` before ``open``."""

    def append(
        self, key: SpaceKey, payloads: Sequence[bytes], *, expected: int
    ) -> asyncio.Future[int]:
        return self._live.ledger.append(key, payloads, expected)

    async def head(self, key: SpaceKey) -> int:
        space = self._live.ledger.get(key)
        return space.durable if space is not None else 0

    async def follow(self, partition: int, *, after: int) -> AsyncIterator[Entry]:
        if partition != 0:
            raise errors.InvalidInput(
                f"Partition {partition} does not exist; this journal has only partition 0."
            )
        ledger = self._live.ledger
        while await ledger.beyond(after):
            durable = ledger.durable
            entries, damaged = await self._logged(after)
            for entry in entries:
                after = entry.position
                yield entry
            if damaged is not None:
                raise damage(*damaged)
            if not entries:
                # The log has no record between ``after`` and ``durable``: they were trimmed.
                after = durable

    async def read(
        self, key: SpaceKey, *, after: int, until: int | None = None
    ) -> AsyncIterator[Sequence[Entry]]:
        space = self._live.ledger.get(key)
        if space is None:
            return
        removed = space.removed
        while after < (last := space.durable if until is None else min(until, space.durable)):
            if space.following(after) > last:
                # The remaining revisions are lost, and their loss was accepted.
                return
            entries, missing = await self._recorded(space, after, last)
            if entries:
                after = entries[-1].revision
                yield entries
            elif missing is None:
                missing = space.following(after)
            if missing is None:
                continue
            if removed < missing <= max(space.trimmed, space.removed):
                raise overtaken(missing)
            self._report_damage(key, missing)
            raise damage(key, missing)

    @abstractmethod
    async def _logged(self, after: int) -> tuple[Sequence[Entry], tuple[SpaceKey, int] | None]:
        """Return the next log records after a position, and the damaged one that follows them."""

    @abstractmethod
    async def _recorded(
        self, space: SpaceLedger, after: int, until: int
    ) -> tuple[Sequence[Entry], int | None]:
        """Return the next records of a space, and the revision of the damaged one after them."""

    def _report_damage(self, key: SpaceKey, revision: int) -> None:  # noqa: B027 - optional
        """Report a damaged record to operators. Does nothing unless a subclass overrides it."""

    def scratch_path(self) -> Path:
        return self._live.files.scratch()

    async def save_snapshot(
        self, key: SpaceKey, *, revision: int, path: Path, digest: bytes = b""
    ) -> bool:
        parts = self._live
        space = parts.ledger.get(key)
        if space is None or revision > space.durable:
            await asyncio.to_thread(path.unlink, missing_ok=True)
            raise not_reached("The snapshot has a later revision than the space.", revision, space)
        return await parts.files.save(space.number, revision, path, digest)

    async def load_snapshot(self, key: SpaceKey) -> SnapshotRef | None:
        parts = self._live
        space = parts.ledger.get(key)
        return await parts.files.load(key, space.number) if space is not None else None

    async def reject_snapshot(self, key: SpaceKey, snapshot: SnapshotRef, problem: str) -> bool:
        parts = self._live
        space = parts.ledger.get(key)
        if space is None:
            return False
        return await parts.files.reject(key, space.number, snapshot.revision, problem)

    async def spaces(self, tenant: str, *, after: int, limit: int) -> list[ListedSpace]:
        return self._live.ledger.listed(tenant, after, limit)

    async def tenants(self, *, after: int, limit: int) -> list[ListedTenant]:
        firsts = (
            next((space for space in spaces if space.durable), None)
            for spaces in self._live.ledger.tenants.values()
        )
        found = (
            ListedTenant(first.number, first.key.tenant)
            for first in firsts
            if first is not None and first.number > after
        )
        return heapq.nsmallest(max(limit, 0), found)

    def health(self) -> JournalHealth:
        try:
            return self._live.ledger.health()
        except errors.Unavailable as error:
            return JournalHealth(False, "JOURNAL_UNAVAILABLE", error.message)


def not_reached(message: str, revision: int, space: SpaceLedger | None) -> errors.Unavailable:
    """Return the error for a revision that the space has not reached yet."""
    head = space.durable if space is not None else 0
    return errors.Unavailable(
        message,
        reason="REVISION_NOT_REACHED",
        metadata={"expected": str(revision), "actual": str(head)},
    )


def damage(key: SpaceKey, revision: int) -> errors.DataLoss:
    """Return the error for a damaged or missing record."""
    return errors.DataLoss(
        f"Revision {revision} of the space {key.space} is damaged or missing.",
        metadata={"space": key.space, "revision": str(revision)},
    )


def overtaken(revision: int) -> errors.Unavailable:
    """Return the error for a read whose records were trimmed meanwhile. No data is lost."""
    return errors.Unavailable(
        "The records were trimmed during the read; start again from the snapshot.",
        metadata={"revision": str(revision)},
        retry_after_s=0.0,
    )
