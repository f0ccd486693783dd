"""Maintenance of an open journal: sync of the heads, checkpoints, removal of records, erasure."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

from mlsdm_grpc import errors
from mlsdm_grpc.journal.ledger import Failure, SpaceLedger
from mlsdm_grpc.journal.sqlite import scrub, store
from mlsdm_grpc.journal.sqlite.opening import OpenDatabase
from mlsdm_grpc.journal.sqlite.writer import ConnectionThread, Writer

__all__ = ["Maintenance"]

# Growth of the WAL that starts a checkpoint, bytes.
CHECKPOINT_BYTES: Final = 4 * 1024 * 1024
REMOVAL_BYTES: Final = 2 * 1024
"""Approximate growth of the WAL for each removed record, bytes."""
# Maximum passes of an erasure. If old copies remain after them, the whole file is rewritten.
SCRUB_ROUNDS: Final = 3
# Pages that one transaction overwrites; appends wait for it.
SCRUB_PAGES: Final = 200
TRUNCATE_TRIES: Final = 10
TEND_S: Final = 1.0
"""Interval between two syncs of the heads file, seconds.

After a power failure the heads may be this much older than the log.
"""


class Maintenance:
    """Background maintenance of the files of one open journal.

    Args:
        opened: Open data folder.
        writer: Thread that changes the database.
        checks: Thread that reads the WAL and runs checkpoints.
        note: Callback for permanent failures of the medium.
    """

    def __init__(
        self,
        opened: OpenDatabase,
        writer: Writer,
        checks: ConnectionThread,
        *,
        note: Callable[[Failure], None],
    ) -> None:
        self._opened = opened
        self._writer = writer
        self._checks = checks
        self._note = note
        self._unmoved = 0
        self.moving: asyncio.Task[None] | None = None
        """Running checkpoint, or None."""
        self._tending: asyncio.Task[None] | None = None
        self._ending = asyncio.Event()

    def start(self) -> None:
        """Start the periodic maintenance."""
        self._tending = asyncio.get_running_loop().create_task(self._tend())

    async def stop(self) -> None:
        """Run the maintenance a last time. The files must still be open."""
        if self._tending is not None:
            self._ending.set()
            await self._tending

    async def _tend(self) -> None:
        """Sync the heads file and check the data folder, every second."""
        while not self._ending.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), TEND_S)
            try:
                await asyncio.to_thread(_look_after, self._opened)
            except OSError as error:
                self._note(Failure("JOURNAL_UNAVAILABLE", str(error), latched=True))
                return

    def grew(self, size: int) -> None:
        """Count growth of the WAL, and start a checkpoint at `CHECKPOINT_BYTES`."""
        self._unmoved += size
        if self._unmoved >= CHECKPOINT_BYTES and self.moving is None:
            self._unmoved = 0
            self.moving = asyncio.get_running_loop().create_task(self._move())

    async def _move(self) -> None:
        """Run a checkpoint. After a temporary failure, growth of the WAL starts another one."""
        try:
            await self._checks.run(store.checkpoint)
        except errors.MlsdmError as error:
            if isinstance(error.__cause__, sqlite3.Error):
                failure = store.classify(error.__cause__)
                if failure.latched:
                    self._note(failure)
        finally:
            self.moving = None

    async def remove(self, space: SpaceLedger, until: int) -> int:
        """Remove records of a space, and return their number.

        Each transaction is small, so that appends run between two of them.
        """
        space.trimmed = max(space.trimmed, until)
        total = 0
        while removed := await self._writer.run(
            partial(store.remove_records, number=space.number, until=until)
        ):
            total += removed
            self.grew(removed * REMOVAL_BYTES)
        space.removed = max(space.removed, until)
        return total

    async def scrub(self) -> None:
        """Erase all copies of removed records from the WAL and from unused space in pages.

        Raises:
            Unavailable: Readers keep the WAL in use.
        """
        size = self._opened.page_bytes
        for _ in range(SCRUB_ROUNDS):
            await self._truncate()
            stale = await self._checks.run(lambda _: scrub.find_stale(self._opened.file, size))
            if not stale:
                return
            for start in range(0, len(stale), SCRUB_PAGES):
                pages = stale[start : start + SCRUB_PAGES]
                await self._writer.run(partial(scrub.refill, pages=pages, page_bytes=size))
        await self._writer.run(store.vacuum, bare=True)
        await self._truncate()

    async def _truncate(self) -> None:
        for _ in range(TRUNCATE_TRIES):
            if await self._checks.run(store.truncate):
                return
        raise errors.Unavailable(
            "The write-ahead log is in use and cannot be truncated.", retry_after_s=1.0
        )


def _look_after(opened: OpenDatabase) -> None:
    opened.heads.sync()
    opened.guard.check()
