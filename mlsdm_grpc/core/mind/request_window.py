"""Window of request ids: a repeated write returns the result of the first one.

The window is part of the state of a space. It is therefore bounded by record time and count, never
by a clock. An entry contains ids, numbers and results, never text or vectors. Entries are packed to
save memory, because there may be 65,536.
"""

from __future__ import annotations

import enum
import marshal
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, is_dataclass
from operator import attrgetter
from typing import Any, get_args, get_type_hints

from mlsdm_grpc.core.model.outcome import Outcome, PutOutcome, StreamOutcome
from mlsdm_grpc.value_classes import value_class

__all__ = [
    "MAX_ENTRIES",
    "MAX_RESULTS",
    "MIN_AGE_NS",
    "MIN_ENTRIES",
    "RequestWindow",
    "WindowEntry",
]

# Limits of the window; see :class:`RequestWindow`. The age is in nanoseconds of record time.
MIN_AGE_NS = 10 * 60 * 1_000_000_000
MIN_ENTRIES = 1_024
MAX_ENTRIES = 65_536
MAX_RESULTS = 65_536
# Size from which a packed entry is compressed, bytes.
_COMPRESS_FROM_BYTES = 1_024


@value_class
class WindowEntry:
    """Recorded result of one write."""

    request_id: bytes
    request_digest: bytes
    time_ns: int
    outcome: Outcome

    @property
    def results(self) -> int:
        """Number of results in the entry: one for each memory of a put, otherwise one."""
        return len(self.outcome.items) if isinstance(self.outcome, PutOutcome) else 1


class RequestWindow:
    """Most recent writes of a space, oldest first.

    The newest 1,024 entries are always kept. Older entries are kept for ten minutes of record time,
    as long as the window has at most 65,536 entries and 65,536 results.
    """

    __slots__ = ("_entries", "_order", "_results")

    def __init__(self, entries: Iterable[WindowEntry] = ()) -> None:
        self._entries: dict[bytes, bytes] = {}
        # Request id, record time and number of results of each entry.
        self._order: deque[tuple[bytes, int, int]] = deque()
        self._results = 0
        for entry in entries:
            self.restore(entry)

    def __iter__(self) -> Iterator[WindowEntry]:
        return (_unpack(id_, self._entries[id_]) for id_, _, _ in self._order)

    def __len__(self) -> int:
        return len(self._entries)

    def copy(self) -> RequestWindow:
        """Return an independent window with the same entries. Cost: O(entries)."""
        copy = RequestWindow()
        copy._entries = self._entries.copy()
        copy._order = self._order.copy()
        copy._results = self._results
        return copy

    def get(self, request_id: bytes) -> WindowEntry | None:
        """Return the entry of ``request_id``, if it is in the window."""
        packed = self._entries.get(request_id)
        return None if packed is None else _unpack(request_id, packed)

    def add(self, entry: WindowEntry) -> None:
        """Add one write and remove the entries that are no longer kept. Cost: O(1) amortised."""
        self.restore(entry)
        horizon = entry.time_ns - MIN_AGE_NS
        while len(self._order) > MIN_ENTRIES:
            request_id, time_ns, results = self._order[0]
            fits = len(self._order) <= MAX_ENTRIES and self._results <= MAX_RESULTS
            if time_ns >= horizon and fits:
                break
            self._order.popleft()
            del self._entries[request_id]
            self._results -= results

    def restore(self, entry: WindowEntry) -> None:
        """Append an entry of a snapshot; entries must come oldest first."""
        self._entries[entry.request_id] = _pack(entry)
        self._order.append((entry.request_id, entry.time_ns, entry.results))
        self._results += entry.results


# Outcomes are packed as plain tuples, and large ones are compressed. Outcomes of streams never
# enter the window, because the mark of a stream detects repeats.

_KINDS: tuple[type, ...] = tuple(kind for kind in get_args(Outcome) if kind is not StreamOutcome)


class _Shape:
    """Conversion between a dataclass and a tuple of plain values."""

    def __init__(self, kind: type) -> None:
        self.kind = kind
        hints = get_type_hints(kind)
        names = [field.name for field in fields(kind)]
        self._values = attrgetter(*names) if len(names) > 1 else _single(names[0])
        self._numbers = [
            (i, hints[name])
            for i, name in enumerate(names)
            if isinstance(hints[name], type) and issubclass(hints[name], enum.IntEnum)
        ]
        self._items = [
            (i, _Shape(arg))
            for i, name in enumerate(names)
            for arg in get_args(hints[name])
            if isinstance(arg, type) and is_dataclass(arg)
        ]

    def plain(self, value: object) -> tuple[Any, ...]:
        parts = self._values(value)
        if not self._numbers and not self._items:
            return parts
        changed = list(parts)
        for i, _ in self._numbers:
            changed[i] = int(parts[i])
        for i, shape in self._items:
            changed[i] = tuple(map(shape.plain, parts[i]))
        return tuple(changed)

    def object(self, plain: tuple[Any, ...]) -> Any:
        parts = list(plain)
        for i, number in self._numbers:
            parts[i] = number(plain[i])
        for i, shape in self._items:
            parts[i] = tuple(map(shape.object, plain[i]))
        return self.kind(*parts)


def _single(name: str) -> Callable[[object], tuple[Any, ...]]:
    return lambda value: (getattr(value, name),)


_SHAPES = [_Shape(kind) for kind in _KINDS]
_NUMBERS = {kind: number for number, kind in enumerate(_KINDS)}


def _pack(entry: WindowEntry) -> bytes:
    kind = _NUMBERS[type(entry.outcome)]
    outcome = _SHAPES[kind].plain(entry.outcome)
    packed = marshal.dumps((entry.request_digest, entry.time_ns, kind, outcome))
    if len(packed) < _COMPRESS_FROM_BYTES:
        return b"\0" + packed
    return b"\1" + zlib.compress(packed, 1)


def _unpack(request_id: bytes, packed: bytes) -> WindowEntry:
    plain = packed[1:] if packed[0] == 0 else zlib.decompress(packed[1:])
    digest, time_ns, kind, outcome = marshal.loads(plain)  # noqa: S302 - dumped here
    return WindowEntry(request_id, digest, time_ns, _SHAPES[kind].object(outcome))
