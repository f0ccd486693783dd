"""Ledger of a journal: it accepts or refuses appends and completes their futures.

Every embedded journal passes its appends to a :class:`Ledger`, so that conflicts, order and
failures are equal in all of them. The ledger knows revisions and futures, but not the storage
medium. It runs on the event loop. It shares only the open batch with a writer thread, which closes
the batch by ``seal``.

Invariant: the ``head`` of a space is its durable revision plus all accepted appends without a
result. Batches complete in the order in which they were opened.
"""

from __future__ import annotations

import asyncio
import bisect
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import attrgetter
from typing import Final, Generic, Protocol, TypeVar

from mlsdm_grpc import errors
from mlsdm_grpc.journal.protocol import (
    JournalHealth,
    ListedSpace,
    RevisionConflict,
    SpaceKey,
)
from mlsdm_grpc.journal.sqlite.damage import Damage, data_loss
from mlsdm_grpc.journal.sqlite.heads import check_name

__all__ = ["AppendBatch", "Failure", "Ledger", "SpaceLedger"]

BATCH_RECORDS: Final = 4_096
BATCH_BYTES: Final = 8 * 1024 * 1024
# Pause between two attempts to write after a failure, seconds.
RETRY_S: Final = 1.0


@dataclass(slots=True, eq=False)
class SpaceLedger:
    """Revisions and pending appends of one space."""

    key: SpaceKey
    number: int = 0
    """Number of the space; 0 until its first append is accepted."""
    head: int = 0
    """Last accepted revision."""
    durable: int = 0
    """Last durable revision."""
    trimmed: int = 0
    """Last revision that a running removal covers.

    A reader that misses such a revision reports a trim, not damage.
    """
    removed: int = 0
    """Last revision that completed removals cover."""
    doomed: dict[int, int] = field(default_factory=dict)
    """Last revision of each refused append without a result yet, with the number of such appends.

    An append that expects one of these revisions depends on a refused append. It is refused too,
    even if it fits the head.
    """
    damage: Damage | None = None
    """Unreadable revisions of the space. A damaged space refuses reads and writes."""
    gaps: tuple[tuple[int, int], ...] = ()
    """Ranges (first, last) of revisions whose loss was accepted, ascending."""

    def following(self, revision: int) -> int:
        """Return the next revision that is not lost."""
        after = revision + 1
        for first, last in self.gaps:
            if first <= after <= last:
                after = last + 1
        return after


@dataclass(slots=True)
class Failure:
    """Failure of the storage medium to write a batch."""

    reason: str
    """JOURNAL_UNAVAILABLE or JOURNAL_FULL."""
    detail: str
    latched: bool
    """True if writes stay impossible until the journal is opened again.

    The medium may then have lost acknowledged data.
    """
    # Time of the failure, on the clock of the ledger.
    at: float = 0.0

    def error(self, *, tried: bool = True) -> errors.Unavailable:
        """Return the error of an append.

        Args:
            tried: True if any byte of the append may have reached the medium.
        """
        metadata = {"detail": self.detail}
        if not (tried and self.latched):
            metadata["written"] = "no"
        return errors.Unavailable(
            "The journal cannot be written.",
            reason=self.reason,
            metadata=metadata,
            retry_after_s=RETRY_S,
        )


@dataclass(slots=True)
class PendingAppend:
    """Append without a result.

    A refused append waits too, so that results keep the order of the appends.
    """

    future: asyncio.Future[int]
    space: SpaceLedger
    tail: int
    position: int
    refusal: Exception | None = None


class AppendBatch(Protocol):
    """Appends that become durable together, in the format of the storage medium."""

    epoch: int
    claims: list[PendingAppend]
    records: int
    size: int
    sealed: bool

    def add(
        self, space: SpaceLedger, revision: int, position: int, payloads: Sequence[bytes]
    ) -> None:
        """Add the records of one append; they follow ``revision`` and ``position``."""


BatchT = TypeVar("BatchT", bound=AppendBatch)


class Ledger(Generic[BatchT]):
    """Revisions, batches and futures of one journal.

    Args:
        begin: Function that makes an empty batch for an epoch and passes it to the writer. The
            writer calls :meth:`seal` before it writes the batch.
        spaces: Durable spaces.
        number: Highest number ever assigned to a space.
        position: Highest position ever assigned to a durable record.
        clock: Returns monotonic seconds.
    """

    def __init__(
        self,
        begin: Callable[[int], BatchT],
        *,
        spaces: Sequence[SpaceLedger] = (),
        number: int = 0,
        position: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.durable = position
        self.closing = False
        self.ended = False
        self._begin = begin
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._spaces: dict[SpaceKey, SpaceLedger] = {}
        self.tenants: dict[str, list[SpaceLedger]] = {}
        """Spaces of each tenant, in the order of their numbers."""
        for space in sorted(spaces, key=attrgetter("number")):
            self._enter(space)
        self._number = number
        self._position = position
        # A failed batch starts a new epoch, because all later batches of the old one depend on it.
        self._epoch = 0
        self._batches: deque[BatchT] = deque()
        self._lock = threading.Lock()
        self._failure: Failure | None = None
        self._news = asyncio.Event()

    def get(self, key: SpaceKey) -> SpaceLedger | None:
        """Return a space with a durable record, or None.

        Raises:
            DataLoss: The space is damaged.
        """
        space = self._spaces.get(key)
        if space is None or not space.durable:
            return None
        if space.damage is not None:
            raise data_loss(key, space.damage)
        return space

    def listed(self, tenant: str, after: int, limit: int) -> list[ListedSpace]:
        """Return at most ``limit`` durable spaces of a tenant with a number above ``after``.

        Damaged spaces are included. The order is that of the numbers.
        """
        spaces = self.tenants.get(tenant, [])
        start = bisect.bisect_right(spaces, after, key=attrgetter("number"))
        durable = (space for space in islice(spaces, start, None) if space.durable)
        return [
            ListedSpace(space.number, space.key.space) for space in islice(durable, max(limit, 0))
        ]

    def append(
        self, key: SpaceKey, payloads: Sequence[bytes], expected: int
    ) -> asyncio.Future[int]:
        """Accept or refuse an append, as :meth:`Journal.append` defines."""
        if not payloads:
            raise errors.InvalidInput("An append needs at least one record.")
        future: asyncio.Future[int] = self._loop.create_future()
        space = self._spaces.get(key)
        if space is None:
            space = SpaceLedger(check_name(key))
        tail = expected + len(payloads)
        if space.damage is not None:
            self._refuse(PendingAppend(future, space, tail, 0, data_loss(key, space.damage)))
            return future
        if self.closing or self._failure is not None:
            refusal = self._unwritable()
            if refusal is not None:
                self._refuse(PendingAppend(future, space, tail, 0, refusal))
                return future
        if expected != space.head or (space.doomed and expected in space.doomed):
            self._refuse(
                PendingAppend(future, space, tail, 0, RevisionConflict(expected, space.head))
            )
            return future
        with self._lock:
            self._accept(future, space, payloads)
        return future

    def seal(self, batch: BatchT) -> None:
        """Close a batch to further appends. The writer thread calls this before it writes."""
        with self._lock:
            batch.sealed = True

    def settle(self, batch: BatchT, failure: Failure | None) -> None:
        """Complete the futures of the oldest batch with its result.

        Runs on the event loop. A failure also undoes all accepted appends that are not durable.
        """
        self._batches.popleft()
        if failure is not None:
            self.note(failure)
            self._rewind(batch.epoch)
        elif self._failure is not None and not self._failure.latched:
            self._failure = None
        for claim in batch.claims:
            if failure is None and claim.refusal is None:
                claim.space.durable = claim.tail
                self.durable = claim.position
            self._resolve(claim, failure)
        self._announce()

    def note(self, failure: Failure) -> None:
        """Save a failure of the medium. Any part of the journal may report one."""
        if self._failure is None or not self._failure.latched:
            failure.at = self._clock()
            self._failure = failure

    def abandon(self, failure: Failure) -> None:
        """Fail all pending appends after the end of the writer."""
        self.note(failure)
        while self._batches:
            self.settle(self._batches[0], failure)

    @property
    def idle(self) -> bool:
        """True if no append is pending."""
        return not self._batches

    @property
    def latched(self) -> bool:
        """True if writes stay impossible until the journal is opened again."""
        return self._failure is not None and self._failure.latched

    async def beyond(self, position: int) -> bool:
        """Wait for a durable record after a position; return False if the journal closes first."""
        while self.durable <= position and not self.ended:
            await self._news.wait()
        return not self.ended

    def end(self) -> None:
        """End the waits of all callers of :meth:`beyond`."""
        self.closing = self.ended = True
        self._announce()

    def health(self) -> JournalHealth:
        """Return whether the journal accepts an append now.

        After a failure that may pass, such as a full medium, it accepts one again each second.
        """
        if self.closing:
            return JournalHealth(False, "JOURNAL_UNAVAILABLE", "The journal is closed.")
        failure = self._failure
        if failure is None or self._unwritable() is None:
            return JournalHealth(writable=True)
        return JournalHealth(False, failure.reason, failure.detail, failure.latched)

    def _rewind(self, epoch: int) -> None:
        if epoch != self._epoch:
            return  # The batch depends on a batch whose failure has been handled.
        self._epoch += 1
        for space in [space for space in self._spaces.values() if space.head != space.durable]:
            space.head = space.durable
            if not space.durable:
                del self._spaces[space.key]
                self.tenants[space.key.tenant].remove(space)

    def _accept(
        self, future: asyncio.Future[int], space: SpaceLedger, payloads: Sequence[bytes]
    ) -> None:
        batch = self._batches[-1] if self._batches else None
        size = sum(map(len, payloads))
        if (
            batch is None
            or batch.sealed
            or batch.epoch != self._epoch
            or batch.records + len(payloads) > BATCH_RECORDS
            or batch.size + size > BATCH_BYTES
        ):
            batch = self._begin(self._epoch)
            self._batches.append(batch)
        if not space.number:
            self._number += 1
            space.number = self._number
            self._enter(space)
        batch.add(space, space.head, self._position, payloads)
        batch.records += len(payloads)
        batch.size += size
        space.head += len(payloads)
        self._position += len(payloads)
        batch.claims.append(PendingAppend(future, space, space.head, self._position))

    def _enter(self, space: SpaceLedger) -> None:
        self._spaces[space.key] = space
        self.tenants.setdefault(space.key.tenant, []).append(space)

    def _refuse(self, claim: PendingAppend) -> None:
        claim.space.doomed[claim.tail] = claim.space.doomed.get(claim.tail, 0) + 1
        if self._batches:  # its result comes after those of earlier appends
            self._batches[-1].claims.append(claim)
        else:
            self._loop.call_soon(self._resolve, claim, None)

    def _resolve(self, claim: PendingAppend, failure: Failure | None) -> None:
        if claim.refusal is not None:
            doomed = claim.space.doomed
            doomed[claim.tail] -= 1
            if not doomed[claim.tail]:
                del doomed[claim.tail]
        if claim.future.done():
            return  # The caller has cancelled the future.
        if claim.refusal is not None:
            claim.future.set_exception(claim.refusal)
        elif failure is not None:
            claim.future.set_exception(failure.error())
        else:
            claim.future.set_result(claim.position)

    def _unwritable(self) -> errors.Unavailable | None:
        if self.closing:
            return errors.Unavailable(
                "The journal is closed.", metadata={"written": "no"}, retry_after_s=RETRY_S
            )
        failure = self._failure
        if failure is None or (not failure.latched and self._clock() - failure.at >= RETRY_S):
            return None
        return failure.error(tried=False)

    def _announce(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
