"""The threads that use SQLite: one writer, and one thread for each further connection."""

from __future__ import annotations

import asyncio
import errno
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from mlsdm_grpc import errors
from mlsdm_grpc.journal.ledger import Failure
from mlsdm_grpc.journal.sqlite.store import Connect, SqlBatch, classify, insert, is_damage

__all__ = ["ConnectionThread", "Writer"]

T = TypeVar("T")


@dataclass(slots=True)
class _Job(Generic[T]):
    """A transaction between two batches."""

    work: Callable[[sqlite3.Connection], T]
    future: asyncio.Future[T]
    bare: bool


class Writer:
    """The only thread that changes the file.

    It takes everything queued in the meantime as one batch, so batches grow with the load and no
    timer is needed. Each batch costs a fixed number of Python operations.

    Args:
        connection: Connection for writing; closed when the thread ends.
        seal: Closes a batch to further appends.
        settle: Called on the loop with the result and duration of each batch.
        reserve: Reserves space for ``confirm``, before a batch is committed.
        confirm: Called after the commit of a batch and before its acknowledgement.
        note: Called on the loop when a transaction outside a batch failed.
        abandon: Called on the loop when the thread ended because of a bug.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        seal: Callable[[SqlBatch], None],
        settle: Callable[[SqlBatch, Failure | None, float], None],
        reserve: Callable[[SqlBatch], None],
        confirm: Callable[[SqlBatch], None],
        note: Callable[[Failure], None],
        abandon: Callable[[Failure], None],
    ) -> None:
        self._connection = connection
        self._seal = seal
        self._settle = settle
        self._reserve = reserve
        self._confirm = confirm
        self._note = note
        self._abandon = abandon
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[SqlBatch | _Job[Any] | None] = SimpleQueue()
        self._jobs: set[asyncio.Future[Any]] = set()
        self._closing = False
        self._latch: Failure | None = None
        self._failed: tuple[int, Failure] | None = None
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def begin(self, epoch: int) -> SqlBatch:
        """Queue an empty batch, which may be filled until it is sealed."""
        batch = SqlBatch(epoch)
        self._queue.put(batch)
        return batch

    async def run(self, work: Callable[[sqlite3.Connection], T], *, bare: bool = False) -> T:
        """Run a function in its own transaction, or in none if ``bare``."""
        if self._closing:
            raise errors.Unavailable("The journal is closed.", retry_after_s=1.0)
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.add(future)
        future.add_done_callback(self._jobs.discard)
        self._queue.put(_Job(work, future, bare))
        return await future

    def latch(self, failure: Failure) -> None:
        """Refuse all further writes."""
        self._latch = failure

    async def stop(self) -> None:
        """Write all queued batches, then end the thread."""
        if not self._closing:
            self._closing = True
            self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        try:
            self._serve(self._connection)
        finally:
            self._connection.close()
            # The queue is empty after an orderly stop; after a crash no caller may wait forever.
            self._loop.call_soon_threadsafe(self._bury)

    def _serve(self, connection: sqlite3.Connection) -> None:
        while (item := self._queue.get()) is not None:
            if isinstance(item, SqlBatch):
                self._seal(item)
                began = time.perf_counter()
                failure = self._write(connection, item)
                seconds = time.perf_counter() - began
                self._loop.call_soon_threadsafe(self._settle, item, failure, seconds)
            else:
                self._perform(connection, item)

    def _write(self, connection: sqlite3.Connection, batch: SqlBatch) -> Failure | None:
        if self._latch is not None:
            return self._latch
        if self._failed is not None and batch.epoch <= self._failed[0]:
            # This batch was accepted on top of a failed one.
            return self._failed[1]
        try:
            self._reserve(batch)
            insert(connection, batch)
        except sqlite3.Error as error:
            failure = self._undo(connection, error)
        except OSError as error:
            failure = unwritable(error)
        else:
            try:
                self._confirm(batch)
            except OSError as error:
                # The records are durable, and the next ``open`` finds them. Here they count as
                # refused, and their revisions are not reused.
                failure = Failure("JOURNAL_UNAVAILABLE", str(error), latched=True)
            else:
                return None
        if failure.latched:
            self._latch = failure
        self._failed = (batch.epoch, failure)
        return failure

    def _perform(self, connection: sqlite3.Connection, job: _Job[T]) -> None:
        failure = self._latch
        if failure is None:
            try:
                if not job.bare:
                    connection.execute("BEGIN IMMEDIATE")
                result = job.work(connection)
                if not job.bare:
                    connection.execute("COMMIT")
            except sqlite3.Error as error:
                failure = self._undo(connection, error)
            else:
                self._loop.call_soon_threadsafe(self._finish, job.future, result)
                return
        self._loop.call_soon_threadsafe(self._fail, job.future, failure)

    def _undo(self, connection: sqlite3.Connection, error: sqlite3.Error) -> Failure:
        failure = classify(error)
        if connection.in_transaction:
            try:
                connection.execute("ROLLBACK")
            except sqlite3.Error:
                failure.latched = True
        if failure.latched:
            self._latch = failure
        return failure

    def _finish(self, future: asyncio.Future[T], result: T) -> None:
        if not future.done():  # else cancelled by its caller
            future.set_result(result)

    def _fail(self, future: asyncio.Future[Any], failure: Failure) -> None:
        self._note(failure)
        if not future.done():
            future.set_exception(failure.error())

    def _bury(self) -> None:
        failure = Failure("JOURNAL_UNAVAILABLE", "The writer thread has ended.", latched=True)
        if not self._closing:
            self._closing = True
            self._abandon(failure)
        for future in self._jobs:
            if not future.done():
                future.set_exception(failure.error())


class ConnectionThread:
    """Additional connection with its own thread.

    Args:
        connect: Opens the connection.
        name: Name of the thread.
        probe: Raises ``OSError`` if the medium cannot read the file.
    """

    def __init__(self, connect: Connect, name: str, probe: Callable[[], None]) -> None:
        self._connect = connect
        self._probe = probe
        self._connection: sqlite3.Connection | None = None
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=f"journal-{name}")
        self._closed = False

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a function with the connection, on the thread.

        Raises:
            DataLoss: The file is no longer a database.
            Unavailable: The file cannot be read now; the cause is a ``sqlite3.Error``.
        """
        if self._closed:
            raise errors.Unavailable("The journal is closed.", retry_after_s=1.0)
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._executor, self._call, work
            )
        except sqlite3.Error as error:
            raise unreadable(error) from error
        except OSError as error:
            raise errors.Unavailable(
                "The journal cannot be read.", metadata={"detail": str(error)}, retry_after_s=1.0
            ) from error

    async def close(self) -> None:
        """Complete running work, close the connection and end the thread. Idempotent."""
        self._closed = True
        await asyncio.to_thread(self._shut)

    def _call(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._connection is None:
            self._connection = self._connect()
        try:
            return work(self._connection)
        except sqlite3.Error as error:
            if not is_damage(error):
                raise
            # SQLite reports a page that the medium could not read as damage too.
            self._probe()
            return work(self._connection)

    def _shut(self) -> None:
        self._executor.shutdown()
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None


def unwritable(error: OSError) -> Failure:
    """Return the failure for a heads file that cannot be extended; JOURNAL_FULL on a full disk."""
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    return Failure("JOURNAL_FULL" if full else "JOURNAL_UNAVAILABLE", str(error), latched=not full)


def unreadable(error: sqlite3.Error) -> errors.MlsdmError:
    """Return the error of a failed read."""
    detail = {"detail": str(error)}
    if is_damage(error):
        return errors.DataLoss("The journal's file is damaged.", metadata=detail)
    return errors.Unavailable("The journal cannot be read.", metadata=detail, retry_after_s=1.0)
