"""Heads file: the last acknowledged revision of each space, stored outside the log.

SQLite reads a write-ahead log up to the first damaged frame and ignores the rest without an error.
The heads file shows such a loss, because it has the last revision of each space. It also stores the
number by which the log refers to a space. Numbers are never reused.

The writer thread writes an entry after the commit and before the acknowledgement, so the file is
never ahead of the log. An entry has two copies of the head, which are written alternately: after an
incomplete write, the other copy is still valid. The file is synced every second and at the end, not
at each commit. After a power failure, an entry may therefore be one second old, while the log is
complete.

Layout: a page of 4,096 bytes with a magic number and, if the folder has a draft mark, the draft and
its CRC-32. Then 256 bytes for each number from 1: CRC-32, two lengths, tenant and space, and at the
end two copies of position, revision and CRC-32.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from mlsdm_grpc import errors
from mlsdm_grpc.journal.protocol import SpaceKey

__all__ = ["MAX_NAME_BYTES", "Head", "Heads", "HeadsFault", "check_name", "draft_in"]

_MAGIC: Final = b"MLSDMH\x00\x01"
_PAGE: Final = 4_096
_SLOT: Final = 256
_NAME: Final = struct.Struct("<IHH")
_HEAD: Final = struct.Struct("<qq")
_CRC: Final = struct.Struct("<I")
_PLACE: Final = struct.Struct("<q")
_DRAFT: Final = struct.Struct("<II")
_COPY_BYTES: Final = 24
_COPIES_AT: Final = _SLOT - 2 * _COPY_BYTES
_FIRST_COPY: Final = _PAGE - _SLOT + _COPIES_AT
MAX_NAME_BYTES: Final = _COPIES_AT - _NAME.size
"""Maximum length of tenant and space together, bytes of UTF-8. A request allows 126 characters."""
# The file grows by this number of slots at a time, which is 64 KiB.
_GROW_SLOTS: Final = 256
# Maximum distance between the first and the last entry that one system call writes, bytes.
_JOIN_BYTES: Final = 64 * 1_024


class Head(NamedTuple):
    """Entry of one space in the heads file."""

    number: int
    key: SpaceKey
    revision: int
    position: int


class HeadsFault(NamedTuple):
    """Unreadable entry of the heads file, or an unreadable copy in an entry."""

    number: int
    """Number of the space; 0 for the file as a whole."""
    offset: int
    detail: str


class Heads:
    """Open heads file of one journal. A second thread may call only :meth:`sync`.

    Args:
        path: Path of the file, which is created if absent.

    Raises:
        OSError: The file cannot be opened, extended or read.
    """

    def __init__(self, path: Path) -> None:
        self.created = not path.exists()
        """True if the file did not exist before."""
        self.file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self.faults: list[HeadsFault] = []
        """Unreadable entries. :meth:`restore` writes them again."""
        self.draft: int | None = None
        """Draft mark of the folder, or None if it is absent or unreadable.

        See :mod:`mlsdm_grpc.journal.sqlite.semantics_mark`.
        """
        # Copy of the head, 0 or 1, that the next write replaces, by number of the space.
        self._turns = bytearray()
        self._slots = 0
        self._dirty = False
        try:
            self.entries = {head.number: head for head in self._read()}
            """Entries at the time of opening, by number."""
        except BaseException:
            os.close(self.file)
            raise

    def reserve(self, number: int) -> None:
        """Allocate the entry of a number in the file.

        It is called before a commit, so that a full medium is found in time.
        """
        if number <= self._slots:
            return
        slots = -(-number // _GROW_SLOTS) * _GROW_SLOTS
        size = _PAGE + slots * _SLOT
        os.posix_fallocate(self.file, 0, size)
        _write(self.file, _MAGIC, 0)
        os.fsync(self.file)
        self._slots = slots
        self._turns.extend(bytes(slots + 1 - len(self._turns)))

    def put(
        self, heads: Iterable[tuple[int, int, int]], names: Iterable[tuple[int, str, str]] = ()
    ) -> None:
        """Write heads, without a sync.

        Args:
            heads: Number, revision and position of each changed space.
            names: Number, tenant and name of each new space.
        """
        turns = self._turns
        parts = []
        for number, revision, position in heads:
            turn = turns[number]
            turns[number] = turn ^ 1
            offset = _FIRST_COPY + number * _SLOT + turn * _COPY_BYTES
            parts.append((offset, _copy(number, revision, position)))
        parts += [(_start(number), _name(number, *key)) for number, *key in names]
        self._dirty = True
        if len(parts) > 1:
            parts.sort()
        for run in _runs(parts):
            start = run[0][0]
            if len(run) == 1:
                _write(self.file, run[0][1], start)
                continue
            end = max(offset + len(data) for offset, data in run)
            block = bytearray(os.pread(self.file, end - start, start))
            for offset, data in run:
                block[offset - start : offset - start + len(data)] = data
            _write(self.file, bytes(block), start)
        # A concurrent sync may have cleared the flag before these writes.
        self._dirty = True

    def put_draft(self, draft: int) -> None:
        """Write the draft mark of the folder, and sync it."""
        self.draft = draft
        _write(self.file, self._first_page(), 0)
        os.fsync(self.file)

    def restore(self, heads: Sequence[Head]) -> None:
        """Write complete entries with both copies, cut off an incomplete last slot, and sync."""
        _write(self.file, self._first_page(), 0)
        os.ftruncate(self.file, _PAGE + self._slots * _SLOT)
        self._dirty = True
        if heads:
            self.reserve(max(head.number for head in heads))
        for head in heads:
            _write(self.file, _name(head.number, *head.key), _start(head.number))
            self.put([(head.number, head.revision, head.position)])
            self.put([(head.number, head.revision, head.position)])
            self.entries[head.number] = head
        self.faults = []
        self.sync()

    def blank(self, number: int) -> HeadsFault:
        """Return the fault for a missing entry."""
        return HeadsFault(number, _start(number), "The entry of the space is blank or missing.")

    def sync(self) -> None:
        """Make all writes durable."""
        if self._dirty:
            self._dirty = False
            os.fsync(self.file)

    def close(self) -> None:
        os.close(self.file)

    def _first_page(self) -> bytes:
        mark = b"" if self.draft is None else _mark(self.draft)
        return (_MAGIC + mark).ljust(_PAGE, b"\0")

    def _read(self) -> Iterator[Head]:
        size = os.fstat(self.file).st_size
        self._slots = max(0, size - _PAGE) // _SLOT
        self._turns = bytearray(self._slots + 1)
        self.draft = draft_in(os.pread(self.file, _PAGE, 0))
        if size and os.pread(self.file, len(_MAGIC), 0) != _MAGIC:
            self.faults.append(
                HeadsFault(0, 0, "The file does not start with the magic bytes of a heads file.")
            )
        if size not in {0, len(_MAGIC)} and (size % _SLOT or size < _PAGE):
            self.faults.append(HeadsFault(0, size, f"The file is truncated at {size} bytes."))
        for first in range(1, self._slots + 1, _GROW_SLOTS):
            count = min(_GROW_SLOTS, self._slots + 1 - first)
            block = os.pread(self.file, count * _SLOT, _start(first))
            for i in range(count):
                slot = block[i * _SLOT : (i + 1) * _SLOT]
                if any(slot):
                    yield from self._parse(first + i, slot)

    def _parse(self, number: int, slot: bytes) -> Iterator[Head]:
        key = _parse_name(number, slot)
        copies = [_parse_copy(number, slot, turn) for turn in (0, 1)]
        if key is None or copies == [None, None]:
            self.faults.append(
                HeadsFault(number, _start(number), "The entry of the space is damaged.")
            )
            return
        blank = [not any(_raw(slot, turn)) for turn in (0, 1)]
        if any(copy is None and not empty for copy, empty in zip(copies, blank, strict=True)):
            detail = "One of the two copies of the head is damaged; the other copy is used."
            self.faults.append(HeadsFault(number, _start(number), detail))
        newest = max((0, 1), key=lambda turn: copies[turn] or (-1, -1))
        self._turns[number] = newest ^ 1
        revision, position = copies[newest] or (0, 0)
        yield Head(number, key, revision, position)


def draft_in(page: bytes) -> int | None:
    """Return the draft in the first page of a heads file, or None if absent or damaged."""
    raw = page[len(_MAGIC) : len(_MAGIC) + _DRAFT.size]
    if len(raw) < _DRAFT.size:
        return None
    draft: int = _DRAFT.unpack(raw)[0]
    return draft if raw == _mark(draft) else None


def check_name(key: SpaceKey) -> SpaceKey:
    """Return the key if its names can be stored.

    Raises:
        InvalidInput: The names are too long, or not valid Unicode.
    """
    try:
        size = len("".join(key).encode())
    except UnicodeEncodeError:
        raise errors.InvalidInput(
            "The name of the tenant or the space is not valid Unicode."
        ) from None
    if size > MAX_NAME_BYTES:
        raise errors.InvalidInput(
            f"The names of a tenant and a space take {size} bytes together; at most"
            f" {MAX_NAME_BYTES} are allowed.",
            metadata={"bytes": str(size), "limit": str(MAX_NAME_BYTES)},
        )
    return key


def _mark(draft: int) -> bytes:
    return _DRAFT.pack(draft, zlib.crc32(draft.to_bytes(4, "little")))


def _start(number: int) -> int:
    return _PAGE + (number - 1) * _SLOT


def _copy(number: int, revision: int, position: int) -> bytes:
    """Return a copy of a head. Its checksum covers the number, so it is invalid in another slot."""
    body = _HEAD.pack(position, revision)
    return body + _CRC.pack(zlib.crc32(body, number))


def _name(number: int, tenant: str, space: str) -> bytes:
    first, second = tenant.encode(), space.encode()
    lengths = struct.pack("<HH", len(first), len(second))
    crc = zlib.crc32(lengths + first + second, zlib.crc32(_PLACE.pack(number)))
    return struct.pack("<I", crc) + lengths + first + second


def _parse_name(number: int, slot: bytes) -> SpaceKey | None:
    _, first, second = _NAME.unpack_from(slot)
    body = slot[_NAME.size : _NAME.size + first + second]
    try:
        key = SpaceKey(body[:first].decode(), body[first:].decode())
    except UnicodeDecodeError:
        return None
    whole = _NAME.size + first + second <= _COPIES_AT
    return key if whole and _name(number, *key) == slot[: _NAME.size + len(body)] else None


def _raw(slot: bytes, turn: int) -> bytes:
    start = _COPIES_AT + turn * _COPY_BYTES
    return slot[start : start + _HEAD.size + _CRC.size]


def _parse_copy(number: int, slot: bytes, turn: int) -> tuple[int, int] | None:
    raw = _raw(slot, turn)
    position, revision = _HEAD.unpack_from(raw)
    return (revision, position) if raw == _copy(number, revision, position) else None


def _runs(parts: list[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    """Yield sorted parts in groups; one call writes a group."""
    run = parts[:1]
    for part in parts[1:]:
        if part[0] - run[0][0] > _JOIN_BYTES:
            yield run
            run = []
        run.append(part)
    if run:
        yield run


def _write(file: int, data: bytes, offset: int) -> None:
    """Write all bytes. Raises ``OSError`` after a short write."""
    written = os.pwrite(file, data, offset)
    if written != len(data):
        raise OSError(f"Only {written} of {len(data)} bytes were written at offset {offset}.")
