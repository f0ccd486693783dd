"""Access of the engine to spaces: look-up, requests to workers, and writes."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from functools import partial
from typing import Final

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.core.mind.space_view import SpaceView
from mlsdm_grpc.core.model.bodies import (
    DeleteMemory,
    ProcessEvent,
    PutMemories,
    StreamItems,
    UpdateMemory,
)
from mlsdm_grpc.core.model.outcome import Outcome, Refusal
from mlsdm_grpc.core.model.record import RecordBody
from mlsdm_grpc.ids import Ids
from mlsdm_grpc.journal.codec.new_memories import size_bound
from mlsdm_grpc.journal.codec.outcomes import outcome_from_proto
from mlsdm_grpc.journal.codec.records import (
    MAX_RECORD_BYTES,
    encode_record,
    encoded_body,
    encoded_items,
)
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.protection.clock import Clock
from mlsdm_grpc.protection.fair_limiter import FEW, LoopTurns
from mlsdm_grpc.protection.lanes import Before, Lane, Lanes
from mlsdm_grpc.spaces.checks import check_deadline, parameters_of, seen
from mlsdm_grpc.spaces.directory import Directory
from mlsdm_grpc.spaces.record_factory import RecordFactory
from mlsdm_grpc.spaces.space import Space, SpaceStatus
from mlsdm_grpc.spaces.ticket import Ticket
from mlsdm_grpc.spaces.write_pipeline import Applied, WritePipeline, check_record_size
from mlsdm_grpc.workers.frames import placed
from mlsdm_grpc.workers.space_codec import raise_failure, refusal_error, view_from_reply

__all__ = ["Access"]

# Cost of one item of a write at its gate, seconds.
_WRITE_S: Final = 7e-5
# Size above which encoding and sending a record takes milliseconds, bytes.
_LARGE_BYTES: Final = 1_024 * 1_024
# Worker time of each kind of request, or of one slice of it, seconds; measured, accurate to the
# order of magnitude. The time of searches is learned from replies.
_COSTS_S: Final = {
    "get": 3e-5,
    "view": 5e-5,
    "state": 5e-5,
    "reserved": 3e-5,
    "decisions": 5e-5,
    "preview": 1e-4,
    "repair": 1e-3,
    "page": 2e-3,
    "scrub": 2e-3,
    "plan": 5e-3,
    "snapshot": 5e-3,
}


# Kinds of writes that a read-only space refuses.
_CONTENT: Final = PutMemories | ProcessEvent | StreamItems | UpdateMemory | DeleteMemory


class Access:
    """Look-up of spaces, requests to their workers, and writes, scheduled fairly between tenants.

    Args:
        directory: Directory of spaces.
        records: Factory of records.
        writes: Pipeline of writes.
        lanes: Admission of work.
        clock: Clock of the server.
        ids: Generator of ids for writes without an idempotency key.
    """

    def __init__(
        self,
        directory: Directory,
        records: RecordFactory,
        writes: WritePipeline,
        lanes: Lanes,
        *,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self.directory = directory
        self.lanes = lanes
        self.clock = clock
        self.ids = ids
        self.turns = LoopTurns()
        """Fair scheduler of long computations on the event loop."""
        self._records = records
        self._writes = writes

    @property
    def new_spaces_version(self) -> int:
        """Version of the rules of new spaces."""
        return self._records.new_spaces_version

    def version_of(self, key: SpaceKey) -> int:
        """Return the version of the rules of the next write to a space.

        Args:
            key: Key of a loaded space, or of a space without records.
        """
        return self._records.version_of(self.directory.known(key))

    def check_room(self, key: SpaceKey, before: Before, count: int, deadline_s: float) -> None:
        """Raise an error if there is no capacity for a batch now, before its items are processed.

        A batch that would end earlier for another reason (a repeat, a policy, a load of the space)
        is refused too.

        Args:
            key: The space.
            before: ``MIND`` for queries, ``JOURNAL`` for writes.
            count: Number of queries or memories in the batch.
            deadline_s: Event-loop time of the deadline.

        Raises:
            Unavailable: BULKHEAD_FULL.
            DeadlineExceeded: The batch cannot be completed in time.
        """
        self.lanes.bulkhead(Lane.BULK).check(key.tenant)
        space = self.directory.known(key)
        if space is not None:
            each_s = space.query_cost_s if before is Before.MIND else _WRITE_S
            gate = self.lanes.gate(Lane.BULK, before, space.worker)
            gate.check(key.tenant, count * each_s, deadline_s)

    async def reached(self, key: SpaceKey, min_revision: int, deadline_s: float) -> Space:
        """Return an existing space, loaded, after it has reached a revision.

        Raises:
            NotFound: SPACE_NOT_FOUND.
            Unavailable: REVISION_NOT_REACHED.
        """
        space = self.directory.ready(key, min_revision)
        if space is None:
            space = await self.directory.existing(key)
            await space.reach(min_revision, deadline_s)
        return space

    async def state(
        self,
        key: SpaceKey,
        *,
        with_ontology: bool = False,
        min_revision: int,
        deadline_s: float,
    ) -> SpaceView:
        """Return the present state of a space.

        Raises:
            NotFound: SPACE_NOT_FOUND.
            Unavailable: REVISION_NOT_REACHED, BULKHEAD_FULL, WORKER_LOST.
        """
        with self.lanes.inside(Lane.INTERACTIVE, key.tenant):
            space = await self.reached(key, min_revision, deadline_s)
            view = pb.ViewRequest(omit_ontology=not with_ontology)
            reply = await self.ask(space, pb.LinkRequest(view=view), deadline_s=deadline_s)
        return seen(view_from_reply(reply), key)

    async def ask(
        self,
        space: Space,
        request: pb.LinkRequest,
        *,
        lane: Lane = Lane.INTERACTIVE,
        deadline_s: float = math.inf,
        record: bytes = b"",
    ) -> pb.LinkReply:
        """Send a request on a space to its worker and return the reply.

        A large ``record`` is sent after the request.

        Raises:
            MlsdmError: The error in the reply.
            Unavailable: BULKHEAD_FULL or WORKER_LOST.
            DeadlineExceeded: The deadline has passed, or would pass during the wait.
        """
        kind = request.WhichOneof("kind") or ""
        if kind == "search":
            cost_s = space.query_cost_s * len(request.search.queries)
        else:
            cost_s = _COSTS_S[kind]
        gate = self.lanes.gate(lane, Before.MIND, space.worker)
        with space:
            while True:
                # The space was unloaded in the meantime.
                if space.status is not SpaceStatus.HOT:
                    await self.directory.loaded(space)
                await gate.enter(space.key.tenant, cost_s, deadline_s)
                if space.status is SpaceStatus.HOT:
                    break
                # The worker of the space was lost during the wait.
                gate.leave(cost_s)
            try:
                link = space.ready_link()
                request.space_id = space.number
                request.now_ns = self.clock.now_ns()
                request.deadline_ns = 0 if deadline_s == math.inf else int(deadline_s * 1e9)
                replied = link.request(request, record=record, done=partial(gate.leave, cost_s))
            except BaseException:
                gate.leave(cost_s)
                raise
            try:
                reply = await replied
            except asyncio.CancelledError:
                link.cancel(request.call_id)
                raise
        space.heard(reply)
        raise_failure(reply, space.key.space)
        return reply

    async def foresee(self, space: Space, body: RecordBody, ticket: Ticket) -> Outcome | None:
        """Return the outcome that a record would have now; None if it cannot be predicted.

        Raises:
            MlsdmError: The record would be refused.
        """
        encoded = await self._encoded(body)
        record = encode_record(self._records.record(space, body, ticket), encoded)
        if len(record) > _LARGE_BYTES:
            await asyncio.sleep(0)
        inside, behind = placed(record)
        reply = await self.ask(
            space,
            pb.LinkRequest(preview=inside),
            lane=ticket.lane,
            deadline_s=ticket.deadline_s,
            record=behind,
        )
        if reply.outcome.WhichOneof("kind") is None:
            return None
        outcome = outcome_from_proto(reply.outcome)
        if isinstance(outcome, Refusal):
            raise refusal_error(outcome, space.key.space)
        return outcome

    async def check_size(self, body: PutMemories) -> None:
        """Raise an error for a body that is too large for a record, before anything is written.

        The body is encoded only if a cheap upper bound of its size exceeds the limit.

        Raises:
            InvalidInput: REQUEST_TOO_LARGE.
        """
        if sum(map(size_bound, body.memories)) > MAX_RECORD_BYTES:
            await self._encoded(body)

    async def write(self, space: Space, body: RecordBody, ticket: Ticket) -> Applied:
        """Write a record to a space and return its outcome; see :class:`WritePipeline`.

        For a read-only space, a preview comes first. A refused write then leaves no record, and a
        repeat of an earlier write still returns the first result.

        Raises:
            MlsdmError: The state of the space refused the record.
            Unavailable: BULKHEAD_FULL, the journal did not accept the record, or the worker was
                lost.
            DeadlineExceeded: DEADLINE_EXPIRED; nothing was written. OUTCOME_UNKNOWN; the write
                continues.
        """
        if isinstance(body, _CONTENT) and parameters_of(space).read_only:
            await self.foresee(space, body, ticket)
        check_deadline(ticket.deadline_s)
        if not ticket.request_id:
            ticket = ticket.with_id(self.ids.uuid())
        encoded = await self._encoded(body)
        cost_s = _WRITE_S * _items(body)
        # Each worker has its own gate, so that a hanging or loading worker does not block other
        # writes.
        gate = self.lanes.gate(ticket.lane, Before.JOURNAL, space.worker)
        await gate.enter(space.key.tenant, cost_s, ticket.deadline_s)
        try:
            # An append has failed in the meantime.
            if space.head_unknown:
                await self.directory.loaded(space)
            done = partial(gate.leave, cost_s)
            answer = self._writes.submit(space, body, ticket, encoded=encoded, done=done)
            # The record contains these bytes; releasing them here halves the RAM that a large write
            # takes.
            del encoded
        except BaseException:
            gate.leave(cost_s)
            raise
        return await self._writes.outcome(space, answer, ticket)

    async def _encoded(self, body: RecordBody) -> Sequence[bytes]:
        """Return the encoded body of a record with many items; empty for other records."""
        if not isinstance(body, PutMemories | StreamItems) or _items(body) <= FEW:
            return ()
        parts = encoded_body(body, await self.turns.all(encoded_items(body)))
        check_record_size(sum(map(len, parts)))
        return parts


def _items(body: RecordBody) -> int:
    """Return how many writes a record counts as: one for each item, at least one."""
    if isinstance(body, PutMemories):
        return len(body.memories)
    return max(1, len(body.items)) if isinstance(body, StreamItems) else 1
