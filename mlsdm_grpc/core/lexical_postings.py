"""The postings of all documents of one space, by slot.

New documents wait in a small buffer that every search reads, and become segments
(:mod:`mlsdm_grpc.core.lexical_segment`). Segments of about the same size are merged, so that there
are a logarithmic number of them and a document is copied a logarithmic number of times.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlsdm_grpc.core.lexical_segment import MAX_DOCUMENTS, Int32, Postings, Segment, merge

__all__ = ["Arrays", "PostingStore"]

Arrays: TypeAlias = Mapping[str, NDArray[Any]]

_BUFFERED: Final = 1_024
"""Postings, or documents, that wait for a segment: a search compares each with all its terms."""
_RATIO: Final = 3
"""Two segments are merged unless the older one is more than so many times the newer one."""
_MAX_REMOVED: Final = 0.25
"""A segment of which a larger share was removed is rewritten: bytes stay in proportion."""
_MIN_REMOVED: Final = 64
_BUFFER: Final = 0
_NOWHERE: Final = -1


class PostingStore:
    """Postings by slot; single writer, no locks."""

    def __init__(self) -> None:
        self._segments: dict[int, Segment] = {}
        """By number, oldest first."""
        self._living: dict[int, int] = {}
        """Documents of each segment that were not removed."""
        self._last_number = _BUFFER
        self._keys = array("Q")
        self._documents = array("H")
        self._frequencies = bytearray()
        self._buffered = array("i")
        """Slot of each document of the buffer, -1 once it is removed."""
        self._segment = np.empty(0, np.int32)
        """Of each slot, the number of its segment."""
        self._document = np.empty(0, np.uint16)
        """Of each slot, the number of its document in the segment."""

    def __contains__(self, slot: int) -> bool:
        return 0 <= slot < len(self._segment) and bool(self._segment[slot] != _NOWHERE)

    @property
    def occupied(self) -> NDArray[np.bool_]:
        """(slots,) which slots have a document."""
        return self._segment >= _BUFFER

    @property
    def segment_count(self) -> int:
        """Segments beside the buffer."""
        return len(self._segments)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        buffer = (self._keys, self._documents, self._buffered)
        return (
            sum(len(part) * part.itemsize for part in buffer)
            + len(self._frequencies)
            + self._segment.nbytes
            + self._document.nbytes
            + sum(segment.nbytes for segment in self._segments.values())
        )

    def add(self, slot: int, keys: Sequence[int], frequencies: Sequence[int]) -> None:
        """Enter a document into a slot that has none.

        Args:
            slot: At least 0.
            keys: Different keys of terms.
            frequencies: One for each key, 1..255.

        Cost: amortised 0.3 us for each term.
        """
        if slot >= len(self._segment):
            self.grow(slot + 1)
        document = len(self._buffered)
        self._keys.extend(keys)
        self._documents.extend([document] * len(keys))
        self._frequencies.extend(frequencies)
        self._buffered.append(slot)
        self._segment[slot] = _BUFFER
        self._document[slot] = document
        if len(self._keys) >= _BUFFERED or len(self._buffered) >= _BUFFERED:
            self.flush()

    def remove(self, slot: int) -> None:
        """Forget the document of a slot that has one. Cost: O(1) amortised."""
        number, document = int(self._segment[slot]), int(self._document[slot])
        self._segment[slot] = _NOWHERE
        if number == _BUFFER:
            self._buffered[document] = -1
            return
        segment = self._segments[number]
        segment.slots[document] = -1
        self._living[number] -= 1
        removed = len(segment.slots) - self._living[number]
        if removed > max(_MIN_REMOVED, _MAX_REMOVED * len(segment.slots)):
            self._replace([number])

    def find(self, query: Sequence[Sequence[int]]) -> Postings:
        """Return one posting for each word of a query and slot, by word for each slot.

        Args:
            query: For each word the keys of the terms that stand for it. The term that a document
                has most often counts.

        Cost: O(postings) and about 15 us for each segment.
        """
        keys = np.array([key for word in query for key in word], np.uint64)
        words = np.array([i for i, word in enumerate(query) for _ in word], np.int32)
        segments = self._segments.values()
        parts = [part for one in segments if (part := one.find(keys, words)) is not None]
        if self._keys and len(keys):
            parts.append(self._find_buffered(keys, words))
        found = Postings.joined(parts)
        return found.only(found.slots >= 0)

    def flush(self) -> None:
        """Make a segment of the buffer, and merge those of about the same size."""
        if not self._buffered:
            return
        segment = Segment.of(
            np.frombuffer(self._keys, np.uint64),
            np.frombuffer(self._documents, np.uint16),
            np.frombuffer(self._frequencies, np.uint8),
            np.frombuffer(self._buffered, np.int32),
        )
        self._keys, self._documents = array("Q"), array("H")
        self._frequencies, self._buffered = bytearray(), array("i")
        self._enter(segment)
        while len(self._segments) > 1:
            older, newer = list(self._segments)[-2:]
            sizes = self._living[older], self._living[newer]
            if sizes[0] > _RATIO * sizes[1] or sum(sizes) > MAX_DOCUMENTS:
                break
            self._replace([older, newer])

    def dump(self) -> dict[str, NDArray[Any]]:
        """Return copies of all arrays; removed documents have the slot -1. Cost: O(bytes)."""
        self.flush()
        segments = list(self._segments.values())
        sizes = [[len(one.keys), len(one.documents), len(one.slots)] for one in segments]
        return {
            "sizes": np.array(sizes, np.int64).reshape(-1, 3),
            "keys": _joined([one.keys for one in segments], np.uint64),
            "starts": _joined([one.starts for one in segments], np.uint32),
            "documents": _joined([one.documents for one in segments], np.uint16),
            "frequencies": _joined([one.frequencies for one in segments], np.uint8),
            "slots": _joined([one.slots for one in segments], np.int32),
        }

    def restore(self, arrays: Arrays) -> None:
        """Take over what was dumped into this empty store; arrays are copied. Cost: O(bytes)."""
        terms = postings = documents = 0
        self.grow(int(arrays["slots"].max(initial=-1)) + 1)
        for i, (n_terms, n_postings, n_documents) in enumerate(arrays["sizes"].tolist()):
            segment = Segment(
                arrays["keys"][terms : terms + n_terms].copy(),
                arrays["starts"][terms + i : terms + i + n_terms + 1].copy(),
                arrays["documents"][postings : postings + n_postings].copy(),
                arrays["frequencies"][postings : postings + n_postings].copy(),
                arrays["slots"][documents : documents + n_documents].copy(),
            )
            self._enter(segment)
            terms += n_terms
            postings += n_postings
            documents += n_documents

    def grow(self, slots: int) -> None:
        """Make room for at least so many slots."""
        more = max(slots - len(self._segment), len(self._segment) // 8)
        self._segment = np.append(self._segment, np.full(more, _NOWHERE, np.int32))
        self._document = np.append(self._document, np.zeros(more, np.uint16))

    def _find_buffered(self, keys: NDArray[np.uint64], words: Int32) -> Postings:
        buffered = np.frombuffer(self._keys, np.uint64)
        equal = (keys[:, None] == buffered).ravel().nonzero()[0]
        terms, places = np.divmod(equal, len(buffered))
        documents = np.frombuffer(self._documents, np.uint16)[places]
        slots = np.frombuffer(self._buffered, np.int32)[documents]
        frequencies = np.frombuffer(self._frequencies, np.uint8)[places]
        found = Postings(slots, frequencies, words[terms])
        return found.united() if len(keys) > words[-1] + 1 else found

    def _enter(self, segment: Segment) -> None:
        self._last_number += 1
        self._put(self._last_number, segment)

    def _replace(self, numbers: Sequence[int]) -> None:
        """Merge segments that follow each other; the result has the number of the first."""
        merged = merge([self._segments[number] for number in numbers])
        for number in numbers[1:]:
            del self._segments[number], self._living[number]
        self._put(numbers[0], merged)

    def _put(self, number: int, segment: Segment) -> None:
        """Let a segment be that of its slots."""
        documents = (segment.slots >= 0).nonzero()[0]
        slots = segment.slots[documents]
        self._segments[number] = segment
        self._living[number] = len(documents)
        self._segment[slots] = number
        self._document[slots] = documents


def _joined(parts: Sequence[NDArray[Any]], kind: type[np.generic]) -> NDArray[Any]:
    """Return one array with a copy of all parts."""
    return np.concatenate([np.empty(0, kind), *parts])
