"""Frames of the link between server and worker, used at both ends; no event loop, no threads.

A frame is a message, followed by the bytes of a large record. A large record is therefore copied
neither into the message nor out of it.
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

MAX_FRAME_BYTES = 72 * 1_024 * 1_024
"""Maximum size of a frame, bytes: the largest request that the settings permit, with vectors for
its texts."""
LENGTHS = struct.Struct("<II")
"""Header of a frame: size of the message and size of the record after it, bytes."""
APART_BYTES: Final = 256 * 1_024
"""Size above which a record follows its message instead of being a field of it, bytes."""


def placed(record: bytes) -> tuple[bytes, bytes]:
    """Return the record to put into the message and the record to send after it; one is empty."""
    return (b"", record) if len(record) > APART_BYTES else (record, b"")


def encode_frame(message: pb.LinkRequest | pb.LinkReply) -> bytes:
    """Return the frame of a message without a record."""
    body = message.SerializeToString()
    return LENGTHS.pack(len(body), 0) + body


class FrameReader:
    """Splitter of a byte stream into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield message and record of each frame that ``data`` completes.

        Raises:
            ValueError: A frame is longer than ``MAX_FRAME_BYTES``; the stream is then unusable.
        """
        buffer = self._buffer
        buffer += data
        start = 0
        while len(buffer) - start >= LENGTHS.size:
            length, extra = LENGTHS.unpack_from(buffer, start)
            # A frame of this size means that the stream is corrupted; the next frame cannot be
            # found.
            if length + extra > MAX_FRAME_BYTES:
                raise ValueError(
                    f"A frame has {length + extra} bytes; at most {MAX_FRAME_BYTES} are allowed."
                )
            begin = start + LENGTHS.size
            middle, end = begin + length, begin + length + extra
            if end > len(buffer):
                break
            with memoryview(buffer) as view:
                frame = bytes(view[begin:middle]), bytes(view[middle:end])
            start = end
            # The buffer is released before the frame is used; otherwise a large frame would exist
            # twice.
            if start == len(buffer):
                buffer.clear()
                start = 0
            yield frame
        del buffer[:start]


NO_RECORDS: Final[Mapping[int, bytes]] = MappingProxyType({})


class RequestHandler(Protocol):
    """Handler of the requests that a worker receives."""

    @property
    def busy(self) -> bool:
        """True if :meth:`step` has work to do."""
        ...

    @property
    def has_idle_work(self) -> bool:
        """True if there is background work, which runs after some time without requests."""
        ...

    def begin_idle_work(self) -> None:
        """Start the background work; :meth:`step` continues it."""
        ...

    def handle(
        self, requests: Sequence[pb.LinkRequest], records: Mapping[int, bytes] = NO_RECORDS
    ) -> list[pb.LinkReply]:
        """Handle requests and return the replies that are ready.

        Args:
            requests: Requests in order of arrival.
            records: Records that followed their requests, by ``call_id``. The record field of such
                a request is empty.
        """
        ...

    def step(self) -> list[pb.LinkReply]:
        """Work for one slice and return the replies that became ready."""
        ...


def handle_some(
    handler: RequestHandler,
    requests: Sequence[pb.LinkRequest],
    records: Mapping[int, bytes] = NO_RECORDS,
) -> list[pb.LinkReply]:
    """Handle requests, work for one slice, and return the replies that are ready."""
    replies = handler.handle(requests, records) if requests else []
    if handler.busy:
        replies += handler.step()
    return replies
