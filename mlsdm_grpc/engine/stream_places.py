"""Leases of streams: one call at a time holds a stream."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from mlsdm_grpc.errors import Conflict
from mlsdm_grpc.journal.protocol import SpaceKey

__all__ = ["StreamPlace", "StreamPlaces"]

# Recommended pause before a client opens a stream in use again, seconds.
_IN_USE_RETRY_S: Final = 1.0


@dataclass(slots=True, eq=False)
class StreamPlace:
    """Lease of a stream, held by one call."""

    key: SpaceKey
    stream_id: str
    is_answered: bool = False
    """True if the call has answered its client that the stream is open."""

    @property
    def name(self) -> tuple[SpaceKey, str]:
        """Space and id of the stream."""
        return self.key, self.stream_id


class StreamPlaces:
    """Table of the streams that calls hold."""

    def __init__(self) -> None:
        self._open: dict[tuple[SpaceKey, str], StreamPlace] = {}

    def __len__(self) -> int:
        return len(self._open)

    @contextmanager
    def place(self, key: SpaceKey, stream_id: str) -> Iterator[StreamPlace]:
        """Return a context that holds the lease of a stream.

        A call that has not yet answered its client loses the lease to a newer call. Its connection
        may be broken without notice, and the newer call may come from the same client. The older
        call then fails in :meth:`take`.

        Raises:
            Conflict: STREAM_IN_USE; a call that has answered its client holds the lease.
        """
        place = StreamPlace(key, stream_id)
        other = self._open.get(place.name)
        if other is not None and other.is_answered:
            raise _in_use(stream_id)
        self._open[place.name] = place
        try:
            yield place
        finally:
            # A newer call may hold the lease now.
            if self._open.get(place.name) is place:
                del self._open[place.name]

    def take(self, place: StreamPlace) -> None:
        """Confirm a lease before the client is answered.

        Raises:
            Conflict: STREAM_IN_USE; a newer call holds the lease.
        """
        if self._open.get(place.name) is not place:
            raise _in_use(place.stream_id)
        place.is_answered = True


def _in_use(stream_id: str) -> Conflict:
    return Conflict(
        "Another call has the stream open; wait until it ends.",
        reason="STREAM_IN_USE",
        metadata={"stream_id": stream_id},
        retry_after_s=_IN_USE_RETRY_S,
    )
