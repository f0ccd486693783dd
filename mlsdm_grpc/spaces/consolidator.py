"""Consolidation of spaces, on request and automatically when a space falls asleep.

The worker searches for memories of equal content in steps, so that other requests run in between.
All groups that it finds become one record. For a sleep, the request id of the record is derived
from the incarnation of the space and the event that started the sleep. If several writers write
such a record, only the first one has an effect.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import anyio
import anyio.abc
import structlog

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.core.model.bodies import Consolidate, MergeGroup
from mlsdm_grpc.core.model.outcome import ConsolidateOutcome, EventOutcome, Outcome, StreamOutcome
from mlsdm_grpc.errors import MlsdmError
from mlsdm_grpc.ids import Ids
from mlsdm_grpc.journal.codec.record_bodies import group_from_proto, group_to_proto
from mlsdm_grpc.journal.codec.records import MAX_RECORD_BYTES
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.observability.metrics import Metrics
from mlsdm_grpc.protection.lanes import Lane
from mlsdm_grpc.spaces.checks import expect, parameters_of
from mlsdm_grpc.spaces.space import Space
from mlsdm_grpc.spaces.space_client import Access
from mlsdm_grpc.spaces.ticket import Ticket

__all__ = ["MAX_GROUP_BYTES", "Consolidator", "Sleep", "SleepSchedule", "sleep_digest"]

_log = structlog.get_logger(__name__)
# Maximum number of memories that an automatic consolidation compares with all older ones.
_SLEEP_WINDOW = 256
# Deadline of an automatic consolidation, seconds.
_SLEEP_S = 60.0
# Maximum encoded size of the groups in one record, bytes. The other fields need less than 4 KiB.
MAX_GROUP_BYTES = MAX_RECORD_BYTES - 4 * 1_024
_GROUP_OVERHEAD_BYTES = 8


class Sleep(NamedTuple):
    """Event that put a space to sleep, and thus requires a consolidation."""

    key: SpaceKey
    incarnation: int
    step: int


class SleepSchedule:
    """Queue of spaces that fell asleep and wait for consolidation.

    Args:
        interval_s: Minimum time between two automatic consolidations of a space, seconds. After a
            skipped sleep, the next consolidation includes its memories.
        metrics: Metrics to update.
    """

    def __init__(self, *, interval_s: float, metrics: Metrics) -> None:
        self._interval_s = interval_s
        self._memories = metrics.consolidation_memories
        self._sleeps: asyncio.Queue[Sleep] = asyncio.Queue()
        self._busy: set[SpaceKey] = set()
        self.is_open = False
        """True while spaces that fall asleep are queued."""

    def applied(self, space: Space, outcome: Outcome | None) -> None:
        """Count the effects of a consolidation, or queue a space that an event put to sleep."""
        if isinstance(outcome, ConsolidateOutcome):
            self._memories.labels("merged").inc(outcome.merged_count)
            self._memories.labels("purged").inc(outcome.purged_count)
        elif isinstance(outcome, StreamOutcome):
            for item in reversed(outcome.items):
                if isinstance(item, EventOutcome):
                    self.applied(space, item)
        elif isinstance(outcome, EventOutcome) and outcome.fell_asleep and self.is_open:
            now_s = asyncio.get_running_loop().time()
            early = now_s < space.consolidated_s + self._interval_s
            if space.key not in self._busy and not early and space.view is not None:
                space.consolidated_s = now_s
                self._busy.add(space.key)
                sleep = Sleep(space.key, space.view.incarnation, outcome.step)
                self._sleeps.put_nowait(sleep)

    async def next(self) -> Sleep:
        """Wait for the next space; :meth:`done` must be called for it."""
        return await self._sleeps.get()

    @property
    def idle(self) -> bool:
        """True if no space waits for consolidation or is being consolidated."""
        return not self._busy

    def done(self, key: SpaceKey) -> None:
        """Permit a space to be queued again."""
        self._busy.discard(key)


class Consolidator:
    """Consolidation of the spaces of this node.

    Args:
        access: Access to the spaces.
        schedule: Queue of spaces that fell asleep.
        asleep: True to consolidate spaces automatically when they fall asleep.
    """

    def __init__(self, access: Access, schedule: SleepSchedule, *, asleep: bool) -> None:
        self._access = access
        self._schedule = schedule
        self._asleep = asleep
        self._under_way: set[anyio.CancelScope] = set()

    def start(self, tasks: anyio.abc.TaskGroup) -> None:
        """Start consolidating spaces that fall asleep, in tasks of this group."""
        if self._asleep:
            self._schedule.is_open = True
            tasks.start_soon(self._consolidate_for_ever, tasks)

    def stop(self) -> None:
        """Stop automatic consolidation; a record that is already submitted is still written."""
        self._schedule.is_open = False
        for scope in list(self._under_way):
            scope.cancel()

    @property
    def idle(self) -> bool:
        """True if no automatic consolidation is pending."""
        return self._schedule.idle

    async def _consolidate_for_ever(self, tasks: anyio.abc.TaskGroup) -> None:
        while True:
            tasks.start_soon(self.sleep, await self._schedule.next())

    async def consolidate(
        self, key: SpaceKey, ticket: Ticket, *, min_cosine: float | None, validate_only: bool
    ) -> ConsolidateOutcome:
        """Merge the memories of equal content and remove expired ones.

        Args:
            key: The space.
            ticket: Writer, idempotency key and deadline.
            min_cosine: Minimum cosine for merging, in [0.5, 1]; None for that of the space.
            validate_only: True to return the expected effect without writing.

        Raises:
            MlsdmError: Any error that the contract of Consolidate lists.
        """
        with self._access.lanes.inside(Lane.BULK, key.tenant):
            ticket = replace(ticket, lane=Lane.BULK)
            space = await self._access.directory.existing(key)
            parameters = parameters_of(space)
            if parameters.read_only:
                await self._access.foresee(space, Consolidate(()), ticket)
            wanted = pb.PlanRequest(min_cosine=min_cosine)
            body = await self._plan(space, wanted, ticket)
            if min_cosine is not None and min_cosine > parameters.merge_min_cosine:
                body = replace(body, examined_sequence=0)
            if validate_only:
                return expect(await self._access.foresee(space, body, ticket), ConsolidateOutcome)
            applied = await self._access.write(space, body, ticket)
        return expect(applied.outcome, ConsolidateOutcome)

    async def sleep(self, sleep: Sleep) -> None:
        """Consolidate the oldest 256 memories that no consolidation has compared yet."""
        key, incarnation, trigger = sleep
        digest = sleep_digest(incarnation, trigger)
        deadline_s = asyncio.get_running_loop().time() + _SLEEP_S
        ticket = Ticket(
            "", deadline_s, request_id=digest[:16], request_digest=digest, lane=Lane.MAINTENANCE
        )
        try:
            with anyio.CancelScope() as scope:
                self._under_way.add(scope)
                if not self._schedule.is_open:
                    return
                space = await self._access.directory.existing(key)
                if space.view is None or space.view.incarnation != incarnation:
                    return
                if space.view.parameters.read_only:
                    return
                wanted = pb.PlanRequest(unexamined_only=True, window=_SLEEP_WINDOW)
                body = await self._plan(space, wanted, ticket)
                body = replace(body, trigger=trigger, move_traces=True)
                await self._access.write(space, body, ticket)
        except MlsdmError as error:
            _log.warning("consolidation_failed", reason=error.reason, trigger=trigger)
        finally:
            self._under_way.discard(scope)
            self._schedule.done(key)

    async def _plan(self, space: Space, wanted: pb.PlanRequest, ticket: Ticket) -> Consolidate:
        """Request groups to merge from the worker, up to the size of one record."""
        plan = _Plan(self._access.ids)
        examined = None
        while True:
            asked = await self._access.ask(
                space,
                pb.LinkRequest(plan=wanted),
                lane=ticket.lane,
                deadline_s=ticket.deadline_s,
            )
            reply = asked.plan
            examined = reply.last_sequence if examined is None else examined
            if not plan.add(map(group_from_proto, reply.groups)):
                return Consolidate(tuple(plan.groups))
            if not reply.before_sequence:
                return Consolidate(tuple(plan.groups), examined_sequence=examined)
            wanted.before_sequence = reply.before_sequence
            wanted.after_sequence = reply.after_sequence


class _Plan:
    """Groups that share no memory and fit into one record."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self.groups: list[MergeGroup] = []
        self._taken: set[str] = set()
        self._bytes = 0

    def add(self, found: Iterable[MergeGroup]) -> bool:
        """Add groups; return False when the record is full.

        A member that is in an earlier group is skipped. If this is the newest member, the whole
        group is skipped, because the search compared the other members only with it.
        """
        for group in found:
            members = tuple(m for m in group.members if m.memory_id not in self._taken)
            if len(members) < 2 or members[0] != group.members[0]:
                continue
            new = MergeGroup(self._ids.ulid(), members)
            self._bytes += group_to_proto(new).ByteSize() + _GROUP_OVERHEAD_BYTES
            if self._bytes > MAX_GROUP_BYTES:
                return False
            self._taken.update(member.memory_id for member in members)
            self.groups.append(new)
        return True


def sleep_digest(incarnation: int, trigger: int) -> bytes:
    """Return a digest of 32 bytes, equal for all writers that consolidate this sleep."""
    return hashlib.sha256(f"consolidate/{incarnation}/{trigger}".encode()).digest()
