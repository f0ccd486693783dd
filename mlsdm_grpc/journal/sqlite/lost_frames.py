"""Records in the frames of a write-ahead log after its damage.

The heads file has the last revision of each space. If an entry is unreadable, only these frames can
show the revision. SQLite does not read them, but their checksums still form a chain: a frame is
valid if its checksum continues that of the frame before it. Pages in valid frames show records.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from mlsdm_grpc.journal.sqlite.varint import read_varint
from mlsdm_grpc.journal.sqlite.wal import WalReport, lost_frames

__all__ = ["Lost", "read_lost"]

_LEAF: Final = 0x0D
_LEAF_HEADER: Final = 8
_INTEGER_BYTES: Final = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 8: 0, 9: 0}
# Lowest type number of a blob in the header of a record; blobs have even numbers.
_BLOB: Final = 12
# Minimum size of a record in an index page, with any payload.
_LEAST_RECORD_BYTES: Final = 8
# Lower limit of `Lost.distance`.
_LEAST_DISTANCE: Final = 2**20


@dataclass(slots=True)
class Lost:
    """Records found in the frames after the damage of a log.

    The database may contain them too, from an earlier commit.
    """

    frames: int = 0
    """Number of lost frames; 0 for a log that was read to its end."""
    distance: int = 0
    """Upper bound of the number of records in the lost frames.

    At least a million, because the log may also be truncated.
    """
    revisions: dict[int, int] = field(default_factory=dict)
    """Highest revision found for each space, by its number."""
    positions: set[int] = field(default_factory=set)
    ended: bool = False
    """True if the last complete commit in the frames added records."""

    def complete(self, position: int) -> bool:
        """Return True if all records after a position were found."""
        newest = max(self.positions, default=0)
        return self.ended and self.positions.issuperset(range(position + 1, newest + 1))

    def last(self, number: int, durable: int, position: int) -> int:
        """Return an upper bound of the assigned revisions of a space.

        Args:
            number: Number of the space.
            durable: Last revision of the space in the database.
            position: Last position in the database.
        """
        shown = max(durable, self.revisions.get(number, 0))
        return shown if self.complete(position) else shown + self.distance


def read_lost(file: int, report: WalReport) -> Lost:
    """Return the records in the lost frames of an open log. Blocks."""
    if not report.lost:
        return Lost()
    size = os.fstat(file).st_size
    distance = max(_LEAST_DISTANCE, (size - report.offset) // _LEAST_RECORD_BYTES)
    lost = Lost(report.lost, distance)
    before, newest, commit_ended = 0, 0, False
    for page, ends_commit in lost_frames(file, report.offset):
        # The content of this frame is unreadable.
        if page is None:
            before, commit_ended = newest, False
            continue
        for number, revision, position in _records(page):
            lost.revisions[number] = max(revision, lost.revisions.get(number, 0))
            lost.positions.add(position)
            newest = max(newest, position)
        if ends_commit and not commit_ended:
            before, commit_ended = newest, True
    lost.ended = commit_ended and newest > before
    return lost


def _records(page: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield number of the space, revision and position of each record in a page."""
    if page[0] != _LEAF:
        return
    (count,) = struct.unpack_from(">H", page, 3)
    if _LEAF_HEADER + 2 * count > len(page):
        return
    for start in struct.unpack_from(f">{count}H", page, _LEAF_HEADER):
        try:
            row = _record(page, start)
        except IndexError:
            continue
        if row is not None:
            yield row


def _record(page: bytes, start: int) -> tuple[int, int, int] | None:
    _, at = read_varint(page, start)
    position, header = read_varint(page, at)
    header_bytes, at = read_varint(page, header)
    kinds: list[int] = []
    while at < header + header_bytes and len(kinds) < 6:
        kind, at = read_varint(page, at)
        kinds.append(kind)
    match kinds:
        case [0, number, revision, checksum, payload] if payload >= _BLOB and not payload % 2:
            if not {number, revision, checksum} <= _INTEGER_BYTES.keys():
                return None
            first, at = _integer(page, at, number)
            second, _ = _integer(page, at, revision)
            return first, second, position
    return None


def _integer(page: bytes, at: int, kind: int) -> tuple[int, int]:
    if kind in {8, 9}:
        return kind - 8, at
    end = at + _INTEGER_BYTES[kind]
    return int.from_bytes(page[at:end], signed=True), end
