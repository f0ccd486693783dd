"""The marks of streams: what makes an item that is sent again count once.

Part of a space's state. A mark says how far a stream is settled. Of streams that go on there are at
most 64; one that nothing was written to for ten minutes of record time makes room for a new one. A
stream whose client has sent everything is finished by a record and needs none of those places: its
mark is kept only because the last acknowledgement may have been lost on the way, and gives way once
1,024 others have finished after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from mlsdm_grpc.core.mind.request_window import MIN_AGE_NS

__all__ = ["MAX_FINISHED", "MAX_STREAMS", "StreamMark", "StreamMarks"]

MAX_STREAMS = 64
MAX_FINISHED = 1_024


@dataclass(frozen=True, slots=True)
class StreamMark:
    """How far one stream is settled."""

    stream_id: str
    sequence: int
    """Items up to this one are settled."""
    time_ns: int
    """Record time of the last write."""
    finished: bool = False
    """Its client has sent everything."""


class StreamMarks:
    """The marks of a space: streams that go on, then finished ones; the oldest of each first."""

    __slots__ = ("_finished", "_open")

    def __init__(self, marks: Iterable[StreamMark] = ()) -> None:
        self._open: dict[str, StreamMark] = {}
        self._finished: dict[str, StreamMark] = {}
        for mark in marks:
            (self._finished if mark.finished else self._open)[mark.stream_id] = mark

    def __iter__(self) -> Iterator[StreamMark]:
        return chain(self._open.values(), self._finished.values())

    def __len__(self) -> int:
        return len(self._open) + len(self._finished)

    def get(self, stream_id: str) -> StreamMark | None:
        """Return the mark of a stream; None if it is not known."""
        return self._open.get(stream_id) or self._finished.get(stream_id)

    def has_room(self, time_ns: int) -> bool:
        """Return whether one more stream that goes on may be remembered."""
        if len(self._open) < MAX_STREAMS:
            return True
        oldest = next(iter(self._open.values()))
        return oldest.time_ns < time_ns - MIN_AGE_NS

    def advance(self, mark: StreamMark) -> None:
        """Remember how far a stream is; forgets the oldest of its kind where there is no room."""
        self._open.pop(mark.stream_id, None)
        self._finished.pop(mark.stream_id, None)
        kind, limit = (self._finished, MAX_FINISHED) if mark.finished else (self._open, MAX_STREAMS)
        if len(kind) == limit:
            del kind[next(iter(kind))]
        kind[mark.stream_id] = mark
