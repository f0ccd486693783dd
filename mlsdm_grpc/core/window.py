"""The window of request ids: what makes a repeated write return its first result.

Part of a space's state, therefore bounded by record time and by count, never by a clock. An entry
holds ids, numbers and results; never text or vectors.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

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

    __slots__ = ("_entries", "_results")

    def __init__(self, entries: Iterable[WindowEntry] = ()) -> None:
        self._entries = OrderedDict((entry.request_id, entry) for entry in entries)
        self._results = sum(entry.results for entry in self)

    def __iter__(self) -> Iterator[WindowEntry]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, request_id: bytes) -> WindowEntry | None:
        """Return what is remembered of ``request_id``."""
        return self._entries.get(request_id)

    def add(self, entry: WindowEntry) -> None:
        """Remember one write and forget what has left the window. Cost: O(1) amortised."""
        entries = self._entries
        entries[entry.request_id] = entry
        self._results += entry.results
        horizon = entry.time_ns - MIN_AGE_NS
        while len(entries) > MIN_ENTRIES:
            oldest = next(iter(entries.values()))
            fits = len(entries) <= MAX_ENTRIES and self._results <= MAX_RESULTS
            if oldest.time_ns >= horizon and fits:
                break
            entries.popitem(last=False)
            self._results -= oldest.results
