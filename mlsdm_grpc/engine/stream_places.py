"""Leases of streams: one call has a stream at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from mlsdm_grpc.errors import Conflict
from mlsdm_grpc.journal.protocol import SpaceKey

__all__ = ["StreamPlace", "StreamPlaces"]

_IN_USE_RETRY_S: Final = 1.0


@dataclass(slots=True, eq=False)
class StreamPlace:
    """The lease of one call on a stream."""

    key: SpaceKey
    stream_id: str
    is_told: bool = False
    """Its client has been told that the stream is open."""

    @property
    def name(self) -> tuple[SpaceKey, str]:
        """The stream."""
        return self.key, self.stream_id


class StreamPlaces:
    """The streams that calls have open."""

    def __init__(self) -> None:
        self._open: dict[tuple[SpaceKey, str], StreamPlace] = {}

    def __len__(self) -> int:
        return len(self._open)

    @contextmanager
    def place(self, key: SpaceKey, stream_id: str) -> Iterator[StreamPlace]:
        """Keep other calls from the stream.

        A call that its client has not been told anything yet is not in the way: its connection may
        be broken without this server knowing, and the client here again. It finds its place taken.
        """
        place = StreamPlace(key, stream_id)
        other = self._open.get(place.name)
        if other is not None and other.is_told:
            raise _in_use(stream_id)
        self._open[place.name] = place
        try:
            yield place
        finally:
            if self._open.get(place.name) is place:
                del self._open[place.name]

    def take(self, place: StreamPlace) -> None:
        """Hold a place from here on, unless a newer call has it."""
        if self._open.get(place.name) is not place:
            raise _in_use(place.stream_id)
        place.is_told = True


def _in_use(stream_id: str) -> Conflict:
    return Conflict(
        "The stream is open in another call.",
        reason="STREAM_IN_USE",
        metadata={"stream_id": stream_id},
        retry_after_s=_IN_USE_RETRY_S,
    )
