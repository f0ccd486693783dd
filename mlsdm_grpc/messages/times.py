"""Conversion between timestamps and Unix nanoseconds."""

from __future__ import annotations

from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

__all__ = ["time_ns", "timestamp"]

_NS: Final = 1_000_000_000


def timestamp(time_ns: int) -> Timestamp:
    """Return Unix nanoseconds as a timestamp message."""
    return Timestamp(seconds=time_ns // _NS, nanos=time_ns % _NS)


def time_ns(stamp: Timestamp) -> int:
    """Return a timestamp message as Unix nanoseconds."""
    return stamp.seconds * _NS + stamp.nanos
