"""Erasure of old row copies that ``secure_delete`` does not clear.

SQLite zeroes a deleted row in place. But when deletions empty a page, its last rows move to a
neighbour, whose unused middle may not be cleared when the page is rebuilt. An old copy of a row can
stay there, where its deletion does not reach it (measured with SQLite 3.40: up to 5 such pages
after 4,000 deletions).

Erasure must therefore find these pages by the file format (https://www.sqlite.org/fileformat2.html,
sections 1.5 and 1.6). SQLite then overwrites the unused bytes itself: a row grows until it fills
its page, then shrinks again and leaves zeros.
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
# Upper bound of the first byte of a two-byte cell pointer in a page of 4,096 bytes.
_POINTER_HIGH: Final = 16
# Size of old free-block headers in the unused part. They contain no data of rows.
_STRUCTURE: Final = 8


class StalePage(NamedTuple):
    """Page with old row copies, identified by the position of one current row."""

    position: int
    row_bytes: int
    """Size of that row, on this page and its overflow pages, bytes."""
    room: int
    """Maximum size of the cell of that row on this page, bytes."""


def find_stale(file: int, page_bytes: int) -> list[StalePage]:
    """Return the pages of the records table that contain bytes of removed rows.

    Args:
        file: Descriptor of the database, after a complete checkpoint. It must be closed after all
            connections, because its close releases the file locks of the process.
        page_bytes: Page size, bytes.
    """
    found = []
    start = 0
    while chunk := os.pread(file, _PAGES_READ * page_bytes, start):
        for offset in range(0, len(chunk), page_bytes):
            if chunk[offset] == _TABLE_LEAF:  # Page 1 begins with a text instead.
                page = chunk[offset : offset + page_bytes]
                if _is_stale(page):
                    found.append(_describe(page))
        start += len(chunk)
    return found


def refill(connection: sqlite3.Connection, pages: list[StalePage], page_bytes: int) -> None:
    """Overwrite the unused part of pages, within the transaction of the caller."""
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
        start += 2  # Pointers to removed cells.
    return len(gap) - start - gap.count(0, start) > _STRUCTURE


def _describe(page: bytes) -> StalePage:
    if page[3:5] == b"\0\0":
        return StalePage(0, 0, 0)  # The page has no row that could grow, so it stays as it is.
    free = len(_gap(page)) + page[7]
    block = int.from_bytes(page[1:3])
    while block:
        free += int.from_bytes(page[block + 2 : block + 4])
        block = int.from_bytes(page[block : block + 2])
    size, offset = read_varint(page, int.from_bytes(page[_HEADER : _HEADER + 2]))
    position, end = read_varint(page, offset)
    return StalePage(position, size, free + end - offset + _cell_bytes(size, len(page)))


def _largest(page: StalePage, payload_bytes: int, page_bytes: int) -> int:
    """Return the size of the longest payload with which the row stays on its page, bytes."""
    other = page.row_bytes - payload_bytes - _varint_bytes(12 + 2 * payload_bytes)
    room = page.room - _varint_bytes(page.position)
    size = page_bytes
    while True:
        row = other + size + _varint_bytes(12 + 2 * size)
        if row <= page_bytes - 35 and _cell_bytes(row, page_bytes) <= room:
            return size
        size -= 1


def _cell_bytes(size: int, page_bytes: int) -> int:
    """Return the size of a record of ``size`` bytes in a page, without its key, bytes."""
    most = page_bytes - 35
    if size <= most:
        return size + _varint_bytes(size)
    least = (page_bytes - 12) * 32 // 255 - 23
    part = least + (size - least) % (page_bytes - 4)
    return (part if part <= most else least) + 4 + _varint_bytes(size)


def _varint_bytes(value: int) -> int:
    return max(1, (value.bit_length() + 6) // 7)
