"""Bounded buffer of the items of a stream that are not yet acknowledged."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field

import numpy as np

from mlsdm_grpc.core.model.new_memory import NewMemory, Vector
from mlsdm_grpc.core.model.outcome import EventOutcome, PutOutcome
from mlsdm_grpc.errors import InvalidInput, MlsdmError
from mlsdm_grpc.moderation.candidates import Candidate

__all__ = ["Inbox", "Item", "ItemBatch"]

# Maximum number of items in a record; a worker applies that many in about 10 ms.
_MAX_RECORD_ITEMS = 256
# Maximum size of a record, and of the waiting items, bytes.
_MAX_BYTES = 4 * 1_024 * 1_024
_OVERHEAD_BYTES = 256
_NOTHING = NewMemory("", Vector(np.empty(0, np.float32), 0.0))


@dataclass(frozen=True, slots=True)
class ItemBatch:
    """Items that arrived in one message, before the server adds ids and vectors."""

    first_sequence: int
    candidates: Sequence[Candidate | MlsdmError]
    """Memories or events of the items; the error for an invalid item."""


@dataclass(slots=True, eq=False)
class Item:
    """Item that waits to be written in a record."""

    sequence: int
    candidate: Candidate = field(default_factory=lambda: Candidate(_NOTHING))
    """Memory or event of the item; an empty memory if the item is invalid."""
    outcome: PutOutcome | EventOutcome | MlsdmError | None = None
    """Outcome of the item; None while it is not known."""

    @classmethod
    def of(cls, sequence: int, candidate: Candidate | MlsdmError) -> Item:
        """Return a new item for a candidate or for an error."""
        if isinstance(candidate, MlsdmError):
            return cls(sequence, outcome=candidate)
        return cls(sequence, candidate)

    @contextmanager
    def failing(self) -> Iterator[None]:
        """Return a context that stores an error raised inside it as the outcome of the item."""
        try:
            yield
        except MlsdmError as error:
            self.outcome = error

    def size(self, vector_bytes: int) -> int:
        """Return an upper estimate of the size of the item in a record, bytes."""
        given = self.candidate.given
        pairs = sum(len(key) + len(value) for key, value in given.metadata)
        rest = 4 * (len(given.text) + pairs) + len(given.rest)
        return _OVERHEAD_BYTES + rest + vector_bytes + given.vector.raw.nbytes


class Inbox:
    """Queue of items in order of sequence; reads from the client only while it has capacity.

    Args:
        stream_id: Id of the stream, for errors.
        acked_sequence: Sequence of the last acknowledged item. Items up to it are ignored if the
            client sends them again.
        max_items: Number of waiting items from which no further batch is read.
        vector_bytes: Size of a vector that the server computes, bytes.
    """

    def __init__(
        self, stream_id: str, acked_sequence: int, *, max_items: int, vector_bytes: int
    ) -> None:
        self._stream_id = stream_id
        self._acked = acked_sequence
        self._next = 0
        self._max_items = max_items
        self._vector_bytes = vector_bytes
        self._items: deque[tuple[Item, int]] = deque()
        self._bytes = 0
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._items)

    async def fill(self, batches: AsyncGenerator[ItemBatch]) -> None:
        """Read batches into the queue until the client has sent the last one.

        Raises:
            InvalidInput: STREAM_SEQUENCE_INVALID, or an error raised by ``batches``.
        """
        async with aclosing(batches):
            async for batch in batches:
                self._add(batch)
                self.wake()
                while len(self._items) >= self._max_items or self._bytes >= _MAX_BYTES:
                    await self.changed()

    def head(self) -> list[Item]:
        """Return the items of the next record; they stay queued until they are acknowledged."""
        taken: list[Item] = []
        total = 0
        for item, size in self._items:
            total += size
            # One item may exceed the limit alone; otherwise the stream would never advance.
            if taken and (len(taken) == _MAX_RECORD_ITEMS or total > _MAX_BYTES):
                break
            taken.append(item)
        return taken

    def settle(self, acked_sequence: int) -> None:
        """Remove the items up to ``acked_sequence``."""
        self._acked = acked_sequence
        while self._items and self._items[0][0].sequence <= acked_sequence:
            self._bytes -= self._items.popleft()[1]
        self.wake()

    def wake(self, _: object = None) -> None:
        """Wake all tasks that wait for a change."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def changed(self) -> None:
        """Wait for the next change of the queue."""
        await self._changed.wait()

    def _add(self, batch: ItemBatch) -> None:
        first = batch.first_sequence
        expected = self._next or self._acked + 1
        # A gap would lose items. A repeat is valid only in the first batch, after a resumption.
        if first > expected or (self._next and first != expected):
            raise InvalidInput(
                "The sequence of the stream has a gap or repeats an item.",
                reason="STREAM_SEQUENCE_INVALID",
                metadata={
                    "stream_id": self._stream_id,
                    "expected": str(expected),
                    "actual": str(first),
                },
            )
        self._next = first + len(batch.candidates)
        for sequence, candidate in enumerate(batch.candidates, first):
            # A resumed stream may contain items that are already acknowledged.
            if sequence > self._acked:
                item = Item.of(sequence, candidate)
                size = item.size(self._vector_bytes)
                self._items.append((item, size))
                self._bytes += size
