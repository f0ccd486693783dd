"""Finding and overwriting what ``secure_delete`` leaves behind.

SQLite zeroes a deleted row where it lies. But when deletions let a page run empty, its last rows
move to a neighbour, and the page that takes them may be rebuilt without clearing its unallocated
middle: an old copy of a row can stay there, out of reach of the row's own deletion (measured with
SQLite 3.40: up to 5 such pages after 4,000 deletions). Erasure has to find these pages, which
takes the file format (https://www.sqlite.org/fileformat2.html, sections 1.5 and 1.6), and then
lets SQLite overwrite them: a row that is grown to fill its page and put back leaves zeros.
"""

from __future__ import annotations

import os
import sqlite3
from typing import Final, NamedTuple

from mlsdm_grpc.journal.sqlite.varint import read_varint

__all__ = ["StalePage", "find_stale", "refill"]

_TABLE_LEAF: Final = 13
_HEADER: Final = 8
_PAGES_READ: Final = 256
_POINTER_HIGH: Final = 16
"""First byte of a cell pointer is below this in a page of 4,096 bytes."""
_STRUCTURE: Final = 8
"""Bytes of old free-block headers that may stand in the unallocated part; they tell nothing."""


class StalePage(NamedTuple):
    """A page with leftovers, by one row on it."""

    position: int
    row_bytes: int
    """Length of that row's record, on this page and on its overflow pages."""
    room: int
    """How long that row's cell may get on this page."""


def find_stale(file: int, page_bytes: int) -> list[StalePage]:
    """Return the pages of the records that hold more than their rows.

    Args:
        file: Descriptor of the database, every frame of whose WAL has been moved there. It must
            be closed after all connections only: closing it releases the process's file locks.
        page_bytes: The page size.
    """
    found = []
    start = 0
    while chunk := os.pread(file, _PAGES_READ * page_bytes, start):
        for offset in range(0, len(chunk), page_bytes):
            if chunk[offset] == _TABLE_LEAF:  # page 1 begins with a text instead
                page = chunk[offset : offset + page_bytes]
                if _is_stale(page):
                    found.append(_describe(page))
        start += len(chunk)
    return found


def refill(connection: sqlite3.Connection, pages: list[StalePage], page_bytes: int) -> None:
    """Overwrite the unallocated part of pages, in the caller's transaction."""
    for page in pages:
        row = connection.execute(
            "SELECT payload FROM records WHERE position = ?", (page.position,)
        ).fetchone()
        if row is None:
            continue
        size = _largest(page, len(row[0]), page_bytes)
        connection.execute(
            "UPDATE records SET payload = zeroblob(?) WHERE position = ?", (size, page.position)
        )
        connection.execute(
            "UPDATE records SET payload = ? WHERE position = ?", (row[0], page.position)
        )


def _gap(page: bytes) -> bytes:
    cells = int.from_bytes(page[3:5])
    content = int.from_bytes(page[5:7]) or len(page)
    return page[_HEADER + 2 * cells : content]


def _is_stale(page: bytes) -> bool:
    gap = _gap(page)
    start = 0
    while start < len(gap) and gap[start] < _POINTER_HIGH:
        start += 2  # pointers to cells that are gone
    return len(gap) - start - gap.count(0, start) > _STRUCTURE


def _describe(page: bytes) -> StalePage:
    if page[3:5] == b"\0\0":
        return StalePage(0, 0, 0)  # no row that could be grown; it stays stale
    free = len(_gap(page)) + page[7]
    block = int.from_bytes(page[1:3])
    while block:
        free += int.from_bytes(page[block + 2 : block + 4])
        block = int.from_bytes(page[block : block + 2])
    size, offset = read_varint(page, int.from_bytes(page[_HEADER : _HEADER + 2]))
    position, end = read_varint(page, offset)
    return StalePage(position, size, free + end - offset + _cell_bytes(size, len(page)))


def _largest(page: StalePage, payload_bytes: int, page_bytes: int) -> int:
    """Return the length of the longest payload with which the row stays on its page."""
    other = page.row_bytes - payload_bytes - _varint_bytes(12 + 2 * payload_bytes)
    room = page.room - _varint_bytes(page.position)
    size = page_bytes
    while True:
        row = other + size + _varint_bytes(12 + 2 * size)
        if row <= page_bytes - 35 and _cell_bytes(row, page_bytes) <= room:
            return size
        size -= 1


def _cell_bytes(size: int, page_bytes: int) -> int:
    """Return how much of a page a record of ``size`` takes, with its length, without its key."""
    most = page_bytes - 35
    if size <= most:
        return size + _varint_bytes(size)
    least = (page_bytes - 12) * 32 // 255 - 23
    part = least + (size - least) % (page_bytes - 4)
    return (part if part <= most else least) + 4 + _varint_bytes(size)


def _varint_bytes(value: int) -> int:
    return max(1, (value.bit_length() + 6) // 7)
