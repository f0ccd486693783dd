"""The window of request ids: what makes a repeated write return its first result.

Part of a space's state, therefore bounded by record time and by count, never by a clock. An entry
holds ids, numbers and results; never text or vectors. Entries are packed: there may be 65,536.
"""

from __future__ import annotations

import enum
import marshal
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, get_args, get_type_hints

from mlsdm_grpc.core.record import Outcome, PutOutcome

__all__ = [
    "MAX_ENTRIES",
    "MAX_RESULTS",
    "MIN_AGE_NS",
    "MIN_ENTRIES",
    "RequestWindow",
    "WindowEntry",
]

MIN_AGE_NS = 10 * 60 * 1_000_000_000
MIN_ENTRIES = 1_024
MAX_ENTRIES = 65_536
MAX_RESULTS = 65_536
_COMPRESS_FROM_BYTES = 1_024


@dataclass(frozen=True, slots=True)
class WindowEntry:
    """What is remembered of one write."""

    request_id: bytes
    request_digest: bytes
    time_ns: int
    outcome: Outcome

    @property
    def results(self) -> int:
        """How many results it holds: one, or one for each memory of a put."""
        return len(self.outcome.items) if isinstance(self.outcome, PutOutcome) else 1


class RequestWindow:
    """The most recent writes of a space, oldest first.

    An entry stays while it is among the newest 1,024, and otherwise for ten minutes of record time
    unless the window then holds more than 65,536 entries or results.
    """

    __slots__ = ("_entries", "_order", "_results")

    def __init__(self, entries: Iterable[WindowEntry] = ()) -> None:
        self._entries: dict[bytes, bytes] = {}
        self._order: deque[tuple[bytes, int, int]] = deque()
        """Request id, record time and number of results of each entry."""
        self._results = 0
        for entry in entries:
            self._append(entry)

    def __iter__(self) -> Iterator[WindowEntry]:
        return (_unpack(id_, self._entries[id_]) for id_, _, _ in self._order)

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, request_id: bytes) -> WindowEntry | None:
        """Return what is remembered of ``request_id``."""
        packed = self._entries.get(request_id)
        return None if packed is None else _unpack(request_id, packed)

    def add(self, entry: WindowEntry) -> None:
        """Remember one write and forget what has left the window. Cost: O(1) amortised."""
        self._append(entry)
        horizon = entry.time_ns - MIN_AGE_NS
        while len(self._order) > MIN_ENTRIES:
            request_id, time_ns, results = self._order[0]
            fits = len(self._order) <= MAX_ENTRIES and self._results <= MAX_RESULTS
            if time_ns >= horizon and fits:
                break
            self._order.popleft()
            del self._entries[request_id]
            self._results -= results

    def _append(self, entry: WindowEntry) -> None:
        self._entries[entry.request_id] = _pack(entry)
        self._order.append((entry.request_id, entry.time_ns, entry.results))
        self._results += entry.results


# Packing: plain tuples instead of objects, compressed when that pays.

_KINDS: tuple[type, ...] = get_args(Outcome)


def _shape(kind: type) -> list[tuple[str, type | None]]:
    """Return the fields of a dataclass with the type that their numbers or items stand for."""
    hints = get_type_hints(kind)
    shape: list[tuple[str, type | None]] = []
    for field in fields(kind):
        hint = hints[field.name]
        inner: list[type] = [
            arg for arg in get_args(hint) if isinstance(arg, type) and is_dataclass(arg)
        ]
        if isinstance(hint, type) and issubclass(hint, enum.IntEnum):
            inner = [hint]
        shape.append((field.name, inner[0] if inner else None))
    return shape


_SHAPES = {kind: _shape(kind) for kind in _KINDS}
_SHAPES |= {
    inner: _shape(inner)
    for shape in tuple(_SHAPES.values())
    for _, inner in shape
    if inner is not None and is_dataclass(inner)
}


def _plain(value: Any) -> tuple[Any, ...]:
    result = []
    for name, inner in _SHAPES[type(value)]:
        part = getattr(value, name)
        if inner is not None:
            part = tuple(map(_plain, part)) if is_dataclass(inner) else int(part)
        result.append(part)
    return tuple(result)


def _object(kind: type, plain: tuple[Any, ...]) -> Any:
    parts = []
    for (_, inner), part in zip(_SHAPES[kind], plain, strict=True):
        if inner is None:
            parts.append(part)
        elif is_dataclass(inner):
            parts.append(tuple(_object(inner, item) for item in part))
        else:
            parts.append(inner(part))
    return kind(*parts)


def _pack(entry: WindowEntry) -> bytes:
    kind = _KINDS.index(type(entry.outcome))
    packed = marshal.dumps((entry.request_digest, entry.time_ns, kind, _plain(entry.outcome)))
    if len(packed) < _COMPRESS_FROM_BYTES:
        return b"\0" + packed
    return b"\1" + zlib.compress(packed, 1)


def _unpack(request_id: bytes, packed: bytes) -> WindowEntry:
    plain = packed[1:] if packed[0] == 0 else zlib.decompress(packed[1:])
    digest, time_ns, kind, outcome = marshal.loads(plain)  # noqa: S302 - dumped here
    return WindowEntry(request_id, digest, time_ns, _object(_KINDS[kind], outcome))
