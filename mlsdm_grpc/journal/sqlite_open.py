"""Taking a data directory over: the lock, the files, the tables."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from mlsdm_grpc import errors
from mlsdm_grpc.journal import sqlite_store as store
from mlsdm_grpc.journal.files import sync_directory
from mlsdm_grpc.journal.ledger import Space
from mlsdm_grpc.journal.sqlite_store import Connect
from mlsdm_grpc.journal.sqlite_writer import unreadable

__all__ = ["Opened", "take_over"]


@dataclass(slots=True)
class Opened:
    """A data directory that this process owns."""

    lock: int
    file: int
    """Descriptor of the database; see ``find_stale`` for when it may be closed."""
    connect: Connect
    connection: sqlite3.Connection
    page_bytes: int
    spaces: list[Space]
    position: int
    snapshots: set[str]

    def release(self) -> None:
        """Let another process own the directory; after every connection was closed."""
        os.close(self.file)
        os.close(self.lock)


def take_over(data_dir: Path, factory: type[sqlite3.Connection]) -> Opened:
    """Lock a data directory and open or create what is in it; blocks.

    Raises:
        Unavailable: Somebody else owns it, its format is unknown, or it cannot be used.
        DataLoss: The database is damaged.
    """
    try:
        with ExitStack() as undo:
            opened = _open(data_dir, factory, undo)
            undo.pop_all()
            return opened
    except errors.MlsdmError as error:
        error.metadata["data_dir"] = str(data_dir)
        raise
    except sqlite3.Error as error:
        failed = unreadable(error)
        failed.metadata["data_dir"] = str(data_dir)
        raise failed from error
    except OSError as error:
        raise errors.Unavailable(
            f"The data directory cannot be used: {error}.",
            metadata={"data_dir": str(data_dir), "detail": str(error)},
        ) from error


def _open(data_dir: Path, factory: type[sqlite3.Connection], undo: ExitStack) -> Opened:
    (data_dir / "snapshots").mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    undo.callback(os.close, lock)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise errors.Unavailable(f"Another process owns the data directory {data_dir}.") from None
    path = data_dir / "journal.sqlite3"
    file = os.open(path, os.O_RDONLY | os.O_CREAT, 0o600)
    undo.callback(os.close, file)
    connect = store.connector(path, factory)
    connection = connect()
    undo.callback(connection.close)
    store.prepare(connection)
    sync_directory(data_dir)
    sync_directory(data_dir.parent)
    spaces, position = store.load_spaces(connection)
    return Opened(
        lock=lock,
        file=file,
        connect=connect,
        connection=connection,
        page_bytes=store.page_bytes(connection),
        spaces=spaces,
        position=position,
        snapshots=store.list_names(connection),
    )
