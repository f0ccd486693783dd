"""Frames of the link between server and worker, for both ends: no event loop, no threads.

A frame is a message and, for a large record, its bytes behind it, so that they are copied neither
into the message nor out of it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Protocol

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb

__all__ = [
    "APART_BYTES",
    "LENGTHS",
    "MAX_FRAME_BYTES",
    "NO_RECORDS",
    "FrameReader",
    "RequestHandler",
    "encode_frame",
    "handle_some",
    "placed",
]

MAX_FRAME_BYTES = 64 * 1_024 * 1_024
LENGTHS = struct.Struct("<II")
"""Bytes of the message, and of the record behind it."""
APART_BYTES: Final = 256 * 1_024
"""Records above that go behind their message."""


def placed(record: bytes) -> tuple[bytes, bytes]:
    """Return a record as it goes into its message, and as it goes behind that; one is empty."""
    return (b"", record) if len(record) > APART_BYTES else (record, b"")


def encode_frame(message: pb.LinkRequest | pb.LinkReply) -> bytes:
    """Return the frame of a message without a record."""
    body = message.SerializeToString()
    return LENGTHS.pack(len(body), 0) + body


class FrameReader:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield message and record of the frames that ``data`` completes.

        Raises:
            ValueError: A frame is longer than ``MAX_FRAME_BYTES``; the stream is unusable.
        """
        buffer = self._buffer
        buffer += data
        start = 0
        while len(buffer) - start >= LENGTHS.size:
            length, extra = LENGTHS.unpack_from(buffer, start)
            if length + extra > MAX_FRAME_BYTES:
                raise ValueError(f"frame of {length + extra} bytes")
            begin = start + LENGTHS.size
            middle, end = begin + length, begin + length + extra
            if end > len(buffer):
                break
            with memoryview(buffer) as view:
                frame = bytes(view[begin:middle]), bytes(view[middle:end])
            start = end
            if start == len(buffer):  # a large buffer is not kept beside its copy
                buffer.clear()
                start = 0
            yield frame
        del buffer[:start]


NO_RECORDS: Final[Mapping[int, bytes]] = MappingProxyType({})


class RequestHandler(Protocol):
    """Handles the requests that a worker found waiting."""

    @property
    def busy(self) -> bool:
        """Whether there is work left for :meth:`step`."""
        ...

    @property
    def has_idle_work(self) -> bool:
        """True if there is background work, which waits until no request comes for a while."""
        ...

    def begin_idle_work(self) -> None:
        """Start the background work; :meth:`step` continues it."""
        ...

    def handle(
        self, requests: Sequence[pb.LinkRequest], records: Mapping[int, bytes] = NO_RECORDS
    ) -> list[pb.LinkReply]:
        """Take requests and return the replies to those that are done at once.

        Args:
            requests: In the order of their arrival.
            records: What came behind requests, by ``call_id``; such a record is empty in the
                request itself.
        """
        ...

    def step(self) -> list[pb.LinkReply]:
        """Work some milliseconds on what was left, and return the replies to what is done."""
        ...


def handle_some(
    handler: RequestHandler,
    requests: Sequence[pb.LinkRequest],
    records: Mapping[int, bytes] = NO_RECORDS,
) -> list[pb.LinkReply]:
    """Take requests, do a slice of what is left, and return the replies to all that is done."""
    replies = handler.handle(requests, records) if requests else []
    if handler.busy:
        replies += handler.step()
    return replies
