"""Draft mark of a data folder: the draft of the newest semantics that its spaces may use.

Different drafts build different states from the same records. So only a server with the draft that
wrote a folder may open it. A folder has no mark while all its spaces use the version before the
newest; its new spaces use that version too. The mark is stored in the table ``meta``, and also in
the file ``heads``, because the database may be damaged.
"""

from __future__ import annotations

import sqlite3
from typing import Final, NoReturn

from mlsdm_grpc import errors
from mlsdm_grpc.core.model import semantics
from mlsdm_grpc.journal.codec.records import version_after

__all__ = ["MARK", "check_draft", "check_mark", "new_spaces_version", "read_mark", "write_mark"]

MARK: Final = "semantics_draft"
"""Key of the mark in the table ``meta``."""
# Maximum size, in bytes, of a record that changes the semantics version. Of a larger record, the
# first bytes suffice to read the version.
_START_BYTES: Final = 256
_CURE: Final = (
    "Start the server version that wrote it, export its spaces, and import them into a new folder;"
    " see docs/operations.md, A folder of another draft."
)


def read_mark(connection: sqlite3.Connection) -> int | None:
    """Return the mark in the database, or None."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (MARK,)).fetchone()
    return row[0] if row is not None and isinstance(row[0], int) else None


def write_mark(connection: sqlite3.Connection, draft: int) -> None:
    """Write the mark into the database, within the transaction of the caller."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (MARK, draft))


def new_spaces_version(mark: int | None) -> int:
    """Return the semantics version of new spaces in a folder with this mark."""
    return semantics.oldest() if mark is None else semantics.newest()


def check_draft(mark: int | None) -> None:
    """Raise ``PreconditionFailed`` for the mark of another draft; see :func:`check_mark`."""
    if mark is not None and mark != semantics.DRAFT:
        _refuse(
            f"The data folder was written under draft {mark} of semantics version"
            f" {semantics.newest()}; this server has draft {semantics.DRAFT}.",
            str(mark),
        )


def check_mark(connection: sqlite3.Connection, mark: int | None) -> None:
    """Check that this server knows the semantics with which the spaces of a folder were written.

    Args:
        connection: Connection to the database.
        mark: Mark of the folder, or None.

    Raises:
        PreconditionFailed: SEMANTICS_UNSUPPORTED; the message describes the remedy.

    Cost: without a mark, one query for the last record of each space.
    """
    check_draft(mark)
    if mark is None and semantics.newest() > semantics.oldest() and _has_newest(connection):
        _refuse(
            f"The data folder has spaces under semantics version {semantics.newest()}, of an"
            " unknown draft.",
            "none",
        )


def _refuse(problem: str, actual: str) -> NoReturn:
    raise errors.PreconditionFailed(
        f"{problem} {_CURE}",
        reason="SEMANTICS_UNSUPPORTED",
        metadata={"expected": str(semantics.DRAFT), "actual": actual},
    )


def _has_newest(connection: sqlite3.Connection) -> bool:
    """Return True if a space has the newest semantics version."""
    rows = connection.execute(
        """
        SELECT substr(payload, 1, ?), length(payload) FROM spaces NOT INDEXED
        CROSS JOIN records ON space_id = spaces.id
        AND revision = (SELECT max(revision) FROM records WHERE space_id = spaces.id)
        """,
        (_START_BYTES,),
    )
    return any(
        isinstance(start, bytes) and version_after(start, size) == semantics.newest()
        for start, size in rows
    )
