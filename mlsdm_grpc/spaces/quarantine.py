"""Spaces with a record that takes down whatever applies it.

A record is struck when a worker ends, or meets a defect, with that record in hand. Struck twice
with no success between, it puts its space in quarantine: what comes before the record is served,
the record is never applied again by this server, and writes are refused. A restart tries anew.

To read a snapshot takes long, so whatever kills workers from outside may well meet the same one
twice; a snapshot is given up after more strikes in a row than that.
"""

from __future__ import annotations

import structlog

from mlsdm_grpc.errors import DataLoss
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.workers.progress import LOADING

__all__ = ["Quarantine"]

_log = structlog.get_logger(__name__)
_STRIKES = 2
_STRIKES_OF_A_SNAPSHOT = 5


class Quarantine:
    """The quarantine of one server."""

    def __init__(self) -> None:
        self._struck: dict[SpaceKey, tuple[int, int]] = {}
        """What was struck last, and how often in a row."""
        self._barred: dict[SpaceKey, int] = {}

    @property
    def spaces(self) -> dict[SpaceKey, int]:
        """The spaces in quarantine, each with the first revision that is not served; a copy."""
        return dict(self._barred)

    def strike(self, key: SpaceKey, revision: int) -> None:
        """Note that a record, or reading the snapshot (``LOADING``), took its worker down."""
        last, times = self._struck.get(key, (revision, 0))
        times = times + 1 if last == revision else 1
        self._struck[key] = revision, times
        if times < (_STRIKES_OF_A_SNAPSHOT if revision == LOADING else _STRIKES):
            return
        del self._struck[key]
        self._barred[key] = revision
        _log.error("space_quarantined", tenant=key.tenant, space=key.space, revision=revision)

    def passed(self, key: SpaceKey) -> None:
        """Note that a space was brought up to date: what struck it was not its record."""
        self._struck.pop(key, None)

    def last_served(self, key: SpaceKey) -> int | None:
        """Return the last revision that may be applied; None if there is no such limit.

        Raises:
            DataLoss: DATA_DAMAGED; the snapshot of the space takes its worker down.
        """
        barred = self._barred.get(key)
        if barred == LOADING:
            raise _damaged(key, barred)
        return None if barred is None else barred - 1

    def check_writable(self, key: SpaceKey) -> None:
        """Refuse a write to a space that cannot go on.

        Raises:
            DataLoss: DATA_DAMAGED; it is in quarantine.
        """
        barred = self._barred.get(key)
        if barred is not None:
            raise _damaged(key, barred)


def _damaged(key: SpaceKey, revision: int) -> DataLoss:
    return DataLoss(
        "A record of the space cannot be applied; what comes before it can be read.",
        metadata={"space": key.space, "revision": str(revision)},
    )
