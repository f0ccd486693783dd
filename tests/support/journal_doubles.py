"""Journals in memory that wait or fail on demand, and helpers that open journals."""

import asyncio
from contextlib import asynccontextmanager

from mlsdm_grpc.errors import Unavailable
from mlsdm_grpc.journal.memory_journal import MemoryJournal
from mlsdm_grpc.journal.sqlite.sqlite_journal import SqliteJournal


@asynccontextmanager
async def opened(journal):
    """Open a journal and close it at the end."""
    await journal.open()
    try:
        yield journal
    finally:
        await journal.close()


def opened_folder(folder, **options):
    """Open the journal of a folder and close it at the end."""
    return opened(SqliteJournal(folder, **options))


async def journal_of(folder, **options):
    """Return the open journal of a folder, which the caller closes."""
    journal = SqliteJournal(folder, **options)
    await journal.open()
    return journal


async def payloads(journal, key, after=0):
    """Return the records of a space."""
    return [entry.payload async for entries in journal.read(key, after=after) for entry in entries]


class FailingJournal(MemoryJournal):
    """Journal that refuses appends while ``failing`` is set, like one whose medium fails."""

    failing = False

    def append(self, key, payloads, *, expected):
        if not self.failing:
            return super().append(key, payloads, expected=expected)
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        error = Unavailable("No medium.", reason="JOURNAL_UNAVAILABLE", retry_after_s=1.0)
        loop.call_soon(future.set_exception, error)
        return future


class HeldAppends(MemoryJournal):
    """Journal that acknowledges appends only when a test releases them."""

    def __init__(self):
        super().__init__()
        self.held = asyncio.Queue()

    def append(self, key, payloads, *, expected):
        done = super().append(key, payloads, expected=expected)
        acknowledged = asyncio.get_running_loop().create_future()
        self.held.put_nowait((done, acknowledged))
        return acknowledged

    async def let_one_go(self):
        done, acknowledged = await self.held.get()
        acknowledged.set_result(await done)


class HeldReads(MemoryJournal):
    """Journal that delays reads of snapshots and records while the event of that name is cleared.

    ``found`` and ``replayed`` list the spaces whose snapshot and records were asked for.
    """

    def __init__(self):
        super().__init__()
        self.snapshots, self.records = asyncio.Event(), asyncio.Event()
        self.snapshots.set()
        self.records.set()
        self.found = []
        self.replayed = []

    async def load_snapshot(self, key):
        await self.snapshots.wait()
        found = await super().load_snapshot(key)
        self.found.append(key)
        return found

    async def read(self, key, *, after, until=None):
        self.replayed.append(key)
        await self.records.wait()
        async for entries in super().read(key, after=after, until=until):
            yield entries
