"""Streams of items: items are read ahead within limits and acknowledged record by record.

Items that arrive while a record is being written form the next record; there are no timers. The
state of the space contains the acknowledged position of each stream
(``core/mind/stream_marks.py``). An item that is sent again, to any node, is therefore applied once.

A permanent error (an invalid item, an id in use) is the result of its item. A temporary error (a
lost worker, a full disk) ends the stream, and the client resumes after the last acknowledged item.
Invariant: an acknowledged item is durable and applied, or has failed permanently.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace

from mlsdm_grpc.config import EngineSettings
from mlsdm_grpc.core.model.bodies import ProcessEvent, PutMemories, StreamItem, StreamItems
from mlsdm_grpc.core.model.new_memory import NewMemory
from mlsdm_grpc.core.model.outcome import EventOutcome, PutOutcome, Refusal, StreamOutcome
from mlsdm_grpc.engine.stream_buffer import Inbox, Item, ItemBatch
from mlsdm_grpc.engine.stream_events import (
    Flow,
    Goodbye,
    OpenedStream,
    Opening,
    Result,
    Settled,
    StreamEvent,
    StreamPosition,
)
from mlsdm_grpc.engine.stream_places import StreamPlaces
from mlsdm_grpc.errors import (
    InvalidInput,
    MlsdmError,
    PreconditionFailed,
    Unavailable,
)
from mlsdm_grpc.governance.policy.effective_policy import EffectivePolicy
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.llm.embedders import EmbedderInfo
from mlsdm_grpc.moderation.candidates import judged_event, judged_value, refused_put, settled
from mlsdm_grpc.moderation.moderator import Judging
from mlsdm_grpc.moderation.preparation import Preparation
from mlsdm_grpc.observability.metrics import Metrics
from mlsdm_grpc.protection.lanes import Bulkhead, Lane
from mlsdm_grpc.spaces.checks import (
    check_embedded,
    embedder_not_configured,
    embedder_unavailable,
    expect,
    parameters_of,
)
from mlsdm_grpc.spaces.creation import FirstWrites
from mlsdm_grpc.spaces.directory import Directory
from mlsdm_grpc.spaces.space import Space
from mlsdm_grpc.spaces.space_client import Access
from mlsdm_grpc.spaces.ticket import Ticket
from mlsdm_grpc.workers.link import worker_lost
from mlsdm_grpc.workers.space_codec import refusal_error

__all__ = ["MAX_PAUSE_S", "Streams"]

# Maximum time to write one record, seconds.
_RECORD_TIMEOUT_S = 30.0
# Maximum sum of the pauses before one record is written, seconds; a longer overload ends the
# stream.
MAX_PAUSE_S = 30.0
# Reasons of errors that are raised before a record is written, so that the write can be repeated.
_BEFORE_RECORD = frozenset({"BULKHEAD_FULL", "EMBEDDER_UNAVAILABLE", "SHEDDING", "EMERGENCY"})


class Streams:
    """All item streams of this node.

    Args:
        access: Access to spaces; the write of a record counts as one call.
        first: First writes, which create spaces.
        judging: Policies of the tenants.
        preparation: Embedding and evaluation of texts.
        embedder: Embedder of this server; None without one.
        settings: Limits of streams.
        metrics: Metrics to update: open streams and sizes of records.
    """

    def __init__(
        self,
        access: Access,
        first: FirstWrites,
        judging: Judging,
        preparation: Preparation,
        embedder: EmbedderInfo | None,
        *,
        settings: EngineSettings,
        metrics: Metrics,
    ) -> None:
        self._access = access
        self._directory = access.directory
        self._first = first
        self._judging = judging
        self._preparation = preparation
        self._vector_bytes = 4 * embedder.dimension if embedder else 0
        self._max_items = settings.max_stream_items
        self._metrics = metrics
        self.permits = Bulkhead("streams", settings.max_streams)
        self.open = StreamPlaces()
        """Leases of the open streams."""
        metrics.streams_open.set_function(lambda: len(self.open))

    async def run(
        self, opening: Opening, batches: AsyncGenerator[ItemBatch]
    ) -> AsyncGenerator[StreamEvent]:
        """Write the items of one stream until the client has sent the last one, and yield events.

        Args:
            opening: Parameters from the first message.
            batches: Batches from the client; closed at the end.

        Raises:
            MlsdmError: Any error that the contract of IngestMemories lists. If the client makes an
                error, the items before it are written first.
        """
        with (
            self.permits.inside(opening.key.tenant),
            self.open.place(opening.key, opening.stream_id) as place,
        ):
            position, revision = await self._begin(opening)
            self.open.take(place)
            yield OpenedStream(position, revision, self._max_items)
            inbox = Inbox(
                opening.stream_id,
                position.acked_sequence,
                max_items=self._max_items,
                vector_bytes=self._vector_bytes,
            )
            reader = asyncio.create_task(inbox.fill(batches))
            reader.add_done_callback(inbox.wake)
            opening.ending.add_done_callback(inbox.wake)
            try:
                events = self._settled(opening, position, inbox, reader)
                async with aclosing(events):
                    async for event in events:
                        yield event
            finally:
                reader.cancel()
                await asyncio.wait([reader])

    async def _settled(
        self, opening: Opening, position: StreamPosition, inbox: Inbox, reader: asyncio.Task[None]
    ) -> AsyncGenerator[StreamEvent]:
        """Write the waiting items record by record, and yield events, until the stream ends."""
        patience_s = MAX_PAUSE_S
        finished = False
        while True:
            while not (inbox or reader.done() or opening.ending.done()):
                await inbox.changed()
            if not inbox and reader.done():
                reader.result()
                if not finished:
                    await self._finish(opening, position)
                return
            if opening.ending.done():
                yield Goodbye(position, opening.ending.result())
                return
            items = inbox.head()
            finished = len(items) == len(inbox) and _sent_all(reader)
            try:
                opening.admit()
                done = await self._settle(opening, position, items, finished=finished)
            except Unavailable as error:
                pause_s = error.retry_after_s or 0.0
                if error.reason not in _BEFORE_RECORD or pause_s > patience_s:
                    raise
                patience_s -= pause_s
                yield Flow(self._max_items, pause_s)
                await asyncio.wait([opening.ending], timeout=pause_s)
                continue
            position, patience_s = done.position, MAX_PAUSE_S
            inbox.settle(position.acked_sequence)
            yield done

    async def _begin(self, opening: Opening) -> tuple[StreamPosition, int]:
        """Return the position at which the stream continues, and the revision of the space."""
        resume = opening.resume
        space = await _existing(self._directory, opening.key)
        if space is None:
            _check_incarnation(opening.key, resume.incarnation, 0)
            return resume, 0
        incarnation = _incarnation(space)
        _check_incarnation(opening.key, resume.incarnation, incarnation)
        acked = resume.acked_sequence
        body = StreamItems(opening.stream_id, acked, acked, ())
        try:
            foreseen = await self._access.foresee(space, body, _ticket(opening))
        except InvalidInput as error:
            raise InvalidInput(
                "The resume token is ahead of the acknowledged position of the stream.",
                reason="STREAM_RESUME_INVALID",
                metadata={"stream_id": opening.stream_id},
            ) from error
        outcome = expect(foreseen, StreamOutcome)
        return StreamPosition(incarnation, outcome.acked_sequence), outcome.revision

    async def _finish(self, opening: Opening, position: StreamPosition) -> None:
        """Mark the stream as finished in the space, after its last item is acknowledged.

        The client has received every acknowledgement, so an error is ignored. The space then keeps
        the position for ten minutes.
        """
        if position.acked_sequence:
            with suppress(MlsdmError):
                opening.admit()
                await self._settle(opening, position, (), finished=True)

    async def _settle(
        self, opening: Opening, position: StreamPosition, items: Sequence[Item], *, finished: bool
    ) -> Settled:
        """Write one record of items; ``finished`` marks the last record of the stream.

        Raises:
            Unavailable: If the reason is one of ``_BEFORE_RECORD``, nothing was written.
            MlsdmError: The stream cannot continue.
        """
        last = items[-1].sequence if items else position.acked_sequence
        with self._access.lanes.inside(Lane.BULK, opening.key.tenant):
            policy = await self._prepare(opening, items)
            existing = await _existing(self._directory, opening.key)
            space = existing or await self._create(opening, items)
            if space is None:
                return Settled(replace(position, acked_sequence=last), _results(items, policy), 0)
            incarnation = _incarnation(space)
            _check_incarnation(opening.key, position.incarnation, incarnation)
            body = StreamItems(
                opening.stream_id,
                position.acked_sequence,
                last,
                await self._record_items(space, items, _ticket(opening) if existing else None),
                opening.allow_replace,
                finished,
            )
            applied = await self._access.write(space, body, _ticket(opening))
        if items:
            self._metrics.stream_record_items.observe(len(items))
        outcome = expect(applied.outcome, StreamOutcome)
        if outcome.acked_sequence < last:
            raise worker_lost()
        ready = [item for item in items if item.outcome is None]
        for item, each in zip(ready, outcome.items, strict=True):
            name = space.key.space
            item.outcome = refusal_error(each, name) if isinstance(each, Refusal) else each
        return Settled(
            StreamPosition(incarnation, outcome.acked_sequence),
            _results(items, policy),
            outcome.revision,
            applied.synaptic_norms,
        )

    async def _prepare(self, opening: Opening, items: Sequence[Item]) -> EffectivePolicy:
        """Embed the texts without a vector, evaluate all texts, and return the effective policy."""
        tenant, deadline_s = opening.key.tenant, _ticket(opening).deadline_s
        if not self._vector_bytes:
            _refuse_bare(items)
        fresh = [item for item in items if item.outcome is None]
        try:
            policy = await self._judging.policy(tenant, deadline_s)
            await self._preparation.prepare([item.candidate for item in fresh], tenant, deadline_s)
        except Unavailable as error:
            if error.reason != "WORKER_LOST":
                raise
            raise embedder_unavailable() from None
        for item in fresh:
            each = item.candidate
            if each.refused and not each.is_event:
                item.outcome = refused_put((each,), 0)
            elif each.bare:
                with item.failing():
                    check_embedded({f"{opening.path}.text": each.memory.vector})
        return policy

    async def _create(self, opening: Opening, items: Sequence[Item]) -> Space | None:
        """Create the space for the first item that it accepts; None if it accepts no item."""
        for item in items:
            if item.outcome is not None:
                continue
            given, body = (item.candidate.given,), _first_body(item, opening)
            with item.failing():
                item.outcome = await self._first.refused(opening.key, given, body)
            if item.outcome is None:
                ticket = _ticket(opening)
                found = await self._first.open_for_write(opening.key, given, body, ticket)
                if isinstance(found, Space):
                    return found
                item.outcome = found
        return None

    async def _record_items(
        self, space: Space, items: Sequence[Item], quota_ticket: Ticket | None
    ) -> tuple[StreamItem, ...]:
        """Return the items that fit the parameters of the space; the others get an error.

        ``quota_ticket`` is used to check the quota on bytes; None if the creation has checked it.
        """
        parameters = parameters_of(space)
        for item in items:
            if item.outcome is None:
                with item.failing():
                    each = item.candidate
                    self._first.check(space.key, parameters, (each.given,), (each.memory,))
        ready = [item for item in items if item.outcome is None]
        if ready and quota_ticket is not None:
            await self._first.check_kept_bytes(space, quota_ticket)
        settled_memories = await settled(
            space,
            tuple(item.candidate.recorded for item in ready),
            version=self._access.version_of(space.key),
            now_ns=self._access.clock.now_ns(),
        )
        return tuple(
            StreamItem(item.sequence, _body(item, memory))
            for item, memory in zip(ready, settled_memories, strict=True)
        )


def _refuse_bare(items: Sequence[Item]) -> None:
    """Set an error for items with a text but no vector, on a server without an embedder."""
    for item in items:
        if item.outcome is None and item.candidate.bare:
            item.outcome = embedder_not_configured()


async def _existing(directory: Directory, key: SpaceKey) -> Space | None:
    if await directory.is_new(key):
        return None
    space = await directory.opened(key)
    return space if await directory.current_view(space) else None


def _first_body(item: Item, opening: Opening) -> PutMemories | ProcessEvent:
    """Return an item as the first write of a space."""
    candidate = item.candidate
    if candidate.is_event:
        return ProcessEvent(candidate.memory, candidate.effective_value)
    return PutMemories((candidate.memory,), opening.allow_replace)


def _body(item: Item, memory: NewMemory) -> NewMemory | ProcessEvent:
    candidate = item.candidate
    return ProcessEvent(memory, candidate.effective_value) if candidate.is_event else memory


def _results(items: Sequence[Item], policy: EffectivePolicy) -> tuple[Result, ...]:
    return tuple(_result(item, item.outcome, policy) for item in items if item.outcome is not None)


def _result(
    item: Item, outcome: PutOutcome | EventOutcome | MlsdmError, policy: EffectivePolicy
) -> Result:
    ready = item.candidate
    found, value = ready.verdicts, ready.effective_value
    if isinstance(outcome, EventOutcome):
        found, value = judged_event(ready, outcome, policy), judged_value(ready, outcome)
    return Result(item.sequence, outcome, value, found, ready.refused)


def _sent_all(reader: asyncio.Task[None]) -> bool:
    """Return True if the client has sent its last message without a protocol error."""
    return reader.done() and not reader.cancelled() and reader.exception() is None


def _ticket(opening: Opening) -> Ticket:
    deadline_s = asyncio.get_running_loop().time() + _RECORD_TIMEOUT_S
    return Ticket(
        opening.principal,
        min(deadline_s, opening.deadline_s),
        request_id=b"",
        windowed=False,
        lane=Lane.BULK,
    )


def _incarnation(space: Space) -> int:
    return space.view.incarnation if space.view else 0


def _check_incarnation(key: SpaceKey, expected: int, actual: int) -> None:
    if expected not in {0, actual}:
        raise PreconditionFailed(
            "The space was deleted and created again since the stream began.",
            reason="INCARNATION_MISMATCH",
            metadata={"space": key.space, "expected": str(expected), "actual": str(actual)},
        )
