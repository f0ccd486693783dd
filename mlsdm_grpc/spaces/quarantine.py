"""Quarantine of spaces with a record that crashes workers.

A record gets a strike when a worker ends or fails while applying it. Two strikes in a row put the
space in quarantine. The server then serves reads of the state before this record, and refuses
writes. A restart of the server ends the quarantine.

Reading a snapshot takes long, so an external cause that kills workers may hit the same snapshot
several times. Five strikes in a row are therefore needed for a snapshot. A space whose snapshot is
in quarantine refuses all calls.
"""

from __future__ import annotations

import structlog

from mlsdm_grpc.errors import DataLoss
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.observability.security_log import SecurityEvent, record_event
from mlsdm_grpc.workers.progress import LOADING

__all__ = ["Quarantine"]

_log = structlog.get_logger(__name__)
# Number of strikes in a row that put a space in quarantine.
_STRIKES = 2
_STRIKES_OF_A_SNAPSHOT = 5


class Quarantine:
    """Quarantine of one server."""

    def __init__(self) -> None:
        # Last revision with strikes, and their number in a row.
        self._struck: dict[SpaceKey, tuple[int, int]] = {}
        self._barred: dict[SpaceKey, int] = {}

    @property
    def spaces(self) -> dict[SpaceKey, int]:
        """Spaces in quarantine with the first revision that is not applied; a copy."""
        return dict(self._barred)

    def strike(self, key: SpaceKey, revision: int) -> None:
        """Add a strike to a record; ``LOADING`` as revision stands for the snapshot."""
        last, times = self._struck.get(key, (revision, 0))
        times = times + 1 if last == revision else 1
        self._struck[key] = revision, times
        if times < (_STRIKES_OF_A_SNAPSHOT if revision == LOADING else _STRIKES):
            return
        del self._struck[key]
        self._barred[key] = revision
        _log.error("space_quarantined", tenant=key.tenant, space=key.space, revision=revision)
        record_event(SecurityEvent.SPACE_QUARANTINED, tenant=key.tenant, space=key.space)

    def passed(self, key: SpaceKey) -> None:
        """Clear the strikes of a space that was loaded successfully."""
        self._struck.pop(key, None)

    def last_served(self, key: SpaceKey) -> int | None:
        """Return the last revision that may be applied, or None if there is no limit.

        Raises:
            DataLoss: DATA_DAMAGED; the snapshot of the space crashes workers.
        """
        barred = self._barred.get(key)
        if barred == LOADING:
            raise _damaged(key, barred)
        return None if barred is None else barred - 1

    def check_writable(self, key: SpaceKey) -> None:
        """Raise an error if the space is in quarantine.

        Raises:
            DataLoss: DATA_DAMAGED; the space is in quarantine.
        """
        barred = self._barred.get(key)
        if barred is not None:
            raise _damaged(key, barred)


def _damaged(key: SpaceKey, revision: int) -> DataLoss:
    if revision == LOADING:
        message = "The snapshot of the space crashed several workers; the space cannot be read."
    else:
        message = (
            f"Record {revision} of the space cannot be applied; only earlier revisions can be read."
        )
    return DataLoss(
        message,
        metadata={"space": key.space, "revision": str(revision)},
    )
