"""Threads that use SQLite: one writer, and one thread for each further connection."""

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
    """Transaction that runs between two batches."""

    work: Callable[[sqlite3.Connection], T]
    future: asyncio.Future[T]
    bare: bool


class Writer:
    """Only thread that changes the database file.

    All appends that arrive while it writes form the next batch, so the size of batches follows the
    load, without a timer. The number of Python operations for a batch does not depend on its size.

    Args:
        connection: Connection for writes, which is closed when the thread ends.
        seal: Closes a batch to further appends.
        settle: Called on the event loop with the result of each batch and its duration in seconds.
        reserve: Called before the commit of a batch; allocates the storage that ``confirm`` needs.
        confirm: Called after the commit of a batch and before its acknowledgement.
        note: Called on the event loop after the failure of a transaction that is not a batch.
        abandon: Called on the event loop after an unexpected end of the thread.
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
        """Queue an empty batch. Appends may be added until the writer closes it."""
        batch = SqlBatch(epoch)
        self._queue.put(batch)
        return batch

    async def run(self, work: Callable[[sqlite3.Connection], T], *, bare: bool = False) -> T:
        """Run a function on the writer thread and return its result.

        Args:
            work: Function of the connection.
            bare: True to run it without a transaction.

        Raises:
            Unavailable: The journal is closed, or the function failed in SQLite.
        """
        if self._closing:
            raise errors.Unavailable("The journal is closed.", retry_after_s=1.0)
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.add(future)
        future.add_done_callback(self._jobs.discard)
        self._queue.put(_Job(work, future, bare))
        return await future

    def latch(self, failure: Failure) -> None:
        """Fail all further writes with this failure."""
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
            # After a graceful stop the queue is empty. After an unexpected end, callers must not
            # wait forever.
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
            # The appends of this batch depend on those of the failed one.
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
                # refused, and their revisions are not used again.
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
        if not future.done():  # The caller may have cancelled the future.
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
    """Additional connection with a thread of its own.

    Args:
        connect: Opens the connection.
        name: Name of the thread.
        probe: Raises ``OSError`` if the medium cannot read the database file.
    """

    def __init__(self, connect: Connect, name: str, probe: Callable[[], None]) -> None:
        self._connect = connect
        self._probe = probe
        self._connection: sqlite3.Connection | None = None
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=f"journal-{name}")
        self._closed = False

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a function of the connection on the thread, and return its result.

        Raises:
            DataLoss: The database file is damaged.
            Unavailable: The file cannot be read now, or the journal is closed.
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
        """Complete the running function, close the connection and end the thread. Idempotent."""
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
            # SQLite also reports a failed read of the medium as damage.
            self._probe()
            return work(self._connection)

    def _shut(self) -> None:
        self._executor.shutdown()
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None


def unwritable(error: OSError) -> Failure:
    """Return the failure for a heads file that cannot be written; JOURNAL_FULL on a full medium."""
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    return Failure("JOURNAL_FULL" if full else "JOURNAL_UNAVAILABLE", str(error), latched=not full)


def unreadable(error: sqlite3.Error) -> errors.MlsdmError:
    """Return the error for a failed read of the database."""
    detail = {"detail": str(error)}
    if is_damage(error):
        return errors.DataLoss(
            "The database file of the journal is damaged; stop the server and run mlsdm recover.",
            metadata=detail,
        )
    return errors.Unavailable("The journal cannot be read.", metadata=detail, retry_after_s=1.0)
