"""High-water marks of streams, which make sure that a repeated item is applied once.

Marks are part of the state of a space. A mark is the sequence of the last acknowledged item of a
stream. There are at most 64 open streams. A new stream replaces the one with the oldest write if
that is older than ten minutes of record time. A record marks a stream as finished when its client
has sent all items. The mark of a finished stream is kept because the last acknowledgement may have
been lost. It is removed after 1,024 other streams have finished.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from mlsdm_grpc.core.mind.request_window import MIN_AGE_NS
from mlsdm_grpc.value_classes import value_class

__all__ = ["MAX_FINISHED", "MAX_STREAMS", "StreamMark", "StreamMarks"]

# Limits of the marks of one space: open streams, and finished ones.
MAX_STREAMS = 64
MAX_FINISHED = 1_024


@value_class
class StreamMark:
    """Progress of one stream."""

    stream_id: str
    sequence: int
    """Last acknowledged item; all items up to it are acknowledged."""
    time_ns: int
    """Record time of the last write, Unix nanoseconds."""
    finished: bool = False
    """True if the client has sent all items."""


class StreamMarks:
    """Marks of a space: open streams, then finished ones, oldest write first."""

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
        """Return the mark of a stream, or None if it is unknown."""
        return self._open.get(stream_id) or self._finished.get(stream_id)

    def has_room(self, time_ns: int) -> bool:
        """Return True if another open stream can be added at this record time."""
        if len(self._open) < MAX_STREAMS:
            return True
        oldest = next(iter(self._open.values()))
        return oldest.time_ns < time_ns - MIN_AGE_NS

    def advance(self, mark: StreamMark) -> None:
        """Store the progress of a stream; at the limit, the oldest mark of its kind is removed."""
        self._open.pop(mark.stream_id, None)
        self._finished.pop(mark.stream_id, None)
        kind, limit = (self._finished, MAX_FINISHED) if mark.finished else (self._open, MAX_STREAMS)
        if len(kind) == limit:
            del kind[next(iter(kind))]
        kind[mark.stream_id] = mark
