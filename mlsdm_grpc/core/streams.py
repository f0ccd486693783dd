"""The marks of streams: what makes an item that is sent again count once.

Part of a space's state. A mark says how far a stream is settled. There are at most 64; a stream
that nothing was written to for ten minutes of record time makes room for a new one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mlsdm_grpc.core.window import MIN_AGE_NS

__all__ = ["MAX_STREAMS", "StreamMark", "StreamMarks"]

MAX_STREAMS = 64


@dataclass(frozen=True, slots=True)
class StreamMark:
    """How far one stream is settled."""

    stream_id: str
    sequence: int
    """Items up to this one are settled."""
    time_ns: int
    """Record time of the last write."""


class StreamMarks:
    """The marks of a space, least recently written first."""

    __slots__ = ("_marks",)

    def __init__(self, marks: Iterable[StreamMark] = ()) -> None:
        self._marks = {mark.stream_id: mark for mark in marks}

    def __iter__(self) -> Iterator[StreamMark]:
        return iter(self._marks.values())

    def get(self, stream_id: str) -> int | None:
        """Return the last settled item of a stream; None if it is not known."""
        mark = self._marks.get(stream_id)
        return None if mark is None else mark.sequence

    def has_room(self, time_ns: int) -> bool:
        """Return whether one more stream may be remembered."""
        if len(self._marks) < MAX_STREAMS:
            return True
        oldest = next(iter(self._marks.values()))
        return oldest.time_ns < time_ns - MIN_AGE_NS

    def advance(self, mark: StreamMark) -> None:
        """Remember how far a stream is; forgets the oldest where there is no room."""
        self._marks.pop(mark.stream_id, None)
        if len(self._marks) == MAX_STREAMS:
            del self._marks[next(iter(self._marks))]
        self._marks[mark.stream_id] = mark
