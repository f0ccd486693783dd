"""The engine: what servicers call. Everything is asynchronous and bounded; nothing blocks."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import anyio
import anyio.abc
import structlog
from ulid import ULID

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.config import EngineSettings, SpaceSettings
from mlsdm_grpc.core import semantics
from mlsdm_grpc.core.mind import SpaceView
from mlsdm_grpc.core.record import (
    DeleteMemory,
    DeleteOutcome,
    EventOutcome,
    NewMemory,
    Outcome,
    ProcessEvent,
    PutMemories,
    PutOutcome,
    RecordBody,
    Refusal,
    SpaceParameters,
    UpdateMemory,
    Vector,
)
from mlsdm_grpc.engine.access import Access
from mlsdm_grpc.engine.budget import Budget
from mlsdm_grpc.engine.catalogue import Catalogue, seen
from mlsdm_grpc.engine.checks import (
    check_deadline,
    check_dimensions,
    check_embedded,
    expect,
    join,
    parameters_of,
)
from mlsdm_grpc.engine.codec import (
    Ask,
    Found,
    found_memories,
    refusal_error,
    search_request,
    view_from_reply,
)
from mlsdm_grpc.engine.consolidation import Consolidator
from mlsdm_grpc.engine.drafts import settled
from mlsdm_grpc.engine.first import FirstWrites
from mlsdm_grpc.engine.lanes import Before, Lane, Lanes
from mlsdm_grpc.engine.policies import Policies
from mlsdm_grpc.engine.pool import Loss, Pool, WorkerLimits, WorkerRole
from mlsdm_grpc.engine.quarantine import Quarantine
from mlsdm_grpc.engine.spaces import Directory, Space
from mlsdm_grpc.engine.streams import Streams
from mlsdm_grpc.engine.texts import Texts
from mlsdm_grpc.engine.upkeep import Upkeep
from mlsdm_grpc.engine.vitals import Vitals
from mlsdm_grpc.engine.watches import Watches
from mlsdm_grpc.engine.writes import Ticket, WritePipeline
from mlsdm_grpc.errors import (
    NotFound,
)
from mlsdm_grpc.journal.protocol import Journal, SpaceKey
from mlsdm_grpc.llm.embedders import EmbedderInfo, embedder_info
from mlsdm_grpc.observability.metrics import Metrics

__all__ = ["Engine", "PageOf"]

_log = structlog.get_logger(__name__)
_STOP_S = 10.0


@dataclass(frozen=True, slots=True)
class PageOf:
    """Which memories of a list are wanted."""

    after_sequence: int
    """Creation sequence of the last one that the caller has; 0 starts."""
    limit: int
    labels: tuple[str, ...] = ()
    include_embedding: bool = False
    max_bytes: int = 0
    """Of the answer; 0 is what the server sends at most."""
    lane: Lane = Lane.INTERACTIVE


class Engine:
    """Minds in worker processes behind a journal.

    Args:
        journal: Open journal; the caller closes it.
        settings: Processes and queues.
        defaults: Parameters of spaces that their first write creates.
        snapshot_every: Writes to a space between two snapshots.
        max_response_bytes: Answers that would be larger are refused or cut.
        metrics: Where figures go.
        now_ns: Wall clock.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        settings: EngineSettings,
        defaults: SpaceSettings,
        snapshot_every: int,
        max_response_bytes: int,
        metrics: Metrics,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._max_response_bytes = max_response_bytes
        self._metrics = metrics
        self._now_ns = now_ns
        self.lanes = Lanes(
            {
                Lane.INTERACTIVE: settings.max_pending,
                Lane.BULK: settings.max_pending_bulk,
                Lane.TEXT: settings.max_pending_text,
                Lane.MAINTENANCE: settings.max_pending_bulk,
            },
            max_queue_s={
                Before.MIND: settings.max_queue_s,
                Before.TEXT: settings.max_write_queue_s,
                Before.JOURNAL: settings.max_write_queue_s,
            },
            clock=time.monotonic,
            waited=lambda lane, s: metrics.queue_wait_seconds.labels(lane).observe(s),
        )
        """Who may work, and when."""
        self._minds = Pool(
            WorkerRole("minds"),
            count=settings.workers,
            limits=WorkerLimits(
                settings.worker_start_timeout_s,
                settings.worker_stall_timeout_s,
                settings.worker_memory_limit_bytes,
            ),
            standby=settings.standby_worker,
            on_lost=self._worker_lost,
        )
        info = embedder_info(defaults.embedder)
        self._text_pool = Pool(
            WorkerRole("text", defaults.embedder),
            count=settings.text_workers,
            limits=WorkerLimits(settings.worker_start_timeout_s, settings.worker_stall_timeout_s),
            standby=False,
            on_lost=lambda _: metrics.worker_restarts.labels("text").inc(),
        )
        self._texts = Texts(info, self._text_pool, self.lanes, metrics)
        self._budget = Budget(settings.memory_budget_bytes)
        quarantine = Quarantine()
        upgrades = defaults.upgrade_semantics
        self._writes = WritePipeline(
            journal,
            semantics_version=semantics.newest() if upgrades else semantics.oldest(),
            now_ns=now_ns,
            new_record_id=lambda: os.urandom(16),
            quarantine=quarantine,
            on_applied=self._applied,
            reload=lambda space: self._directory.reload(space),  # noqa: PLW0108 - made below
        )
        self._directory = Directory(
            journal,
            self._minds,
            budget=self._budget,
            quarantine=quarantine,
            on_backlog=self._writes.settle_backlog,
            before_eviction=lambda space: self._upkeep.before_eviction(space),  # noqa: PLW0108 - as above
            metrics=metrics,
        )
        access = self._access = Access(self._directory, self._writes, self.lanes, now_ns=now_ns)
        self.policies = Policies(access)
        """The policies of the tenants."""
        self._first = FirstWrites(
            access,
            defaults=defaults,
            embedder=info,
            base_moral_threshold=self.policies.base_moral_threshold,
        )
        self.catalogue = Catalogue(
            access,
            journal,
            defaults=SpaceParameters(dimension=defaults.dimension, capacity=defaults.capacity),
            embedder=info,
            base_moral_threshold=self.policies.base_moral_threshold,
        )
        """The spaces themselves: creating, configuring and listing them."""
        self.streams = Streams(access, self._first, self._texts, settings=settings, metrics=metrics)
        """Streams of memories and events."""
        self.watches = Watches(self._directory, self.state, limit=settings.max_watches)
        """Those who watch the state of a space."""
        self.consolidator = Consolidator(
            access,
            metrics=metrics,
            asleep=settings.consolidation,
            interval_s=settings.consolidation_interval_s,
        )
        """What merges near duplicates."""
        self._upkeep = Upkeep(
            access,
            journal,
            snapshot_every=snapshot_every,
            stop_s=settings.stop_snapshots_s,
            scrub_rows_per_s=settings.scrub_rows_per_s,
            metrics=metrics,
        )
        pools = {"space": self._minds} | ({"text": self._text_pool} if info else {})
        self.vitals = Vitals(self._directory, self._writes, pools, self.lanes)
        """How it is doing."""
        metrics.engine_pending_calls.set_function(
            lambda: sum(status.in_use for status in self.lanes)
        )

    @property
    def embedder(self) -> EmbedderInfo | None:
        """What turns text into vectors here, if anything does."""
        return self._texts.info

    @property
    def directory(self) -> Directory:
        """The spaces in use here, and those in quarantine."""
        return self._directory

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the workers; at the end finish all writes and leave a snapshot of every space."""
        await asyncio.to_thread(self._budget.settle)
        async with anyio.create_task_group() as tasks:
            self._directory.start(tasks)
            self.consolidator.start(tasks)
            self._upkeep.start(tasks)
            async with anyio.create_task_group() as starting:
                starting.start_soon(self._minds.start, tasks)
                if self._texts.info is not None:
                    starting.start_soon(self._text_pool.start, tasks)
            try:
                yield
            finally:
                self.consolidator.stop()
                self._directory.stop()
                with anyio.CancelScope(shield=True):
                    with anyio.move_on_after(_STOP_S):
                        await self._writes.drained()
                    await self._upkeep.snapshot_all()
                    await self._minds.close()
                    await self._text_pool.close()
                tasks.cancel_scope.cancel()

    # Writing.

    async def put(
        self, key: SpaceKey, body: PutMemories, ticket: Ticket, *, paths: Sequence[str]
    ) -> PutOutcome:
        """Store memories, all or none; those without a vector are embedded from their text.

        Args:
            key: The space; it is created if it does not exist.
            body: What to store.
            ticket: Who writes.
            paths: Name of each memory in the request, for violations.

        Raises:
            MlsdmError: As the contract of PutMemory says.
        """
        lane = Lane.INTERACTIVE
        if len(body.memories) > 1:
            lane, ticket = Lane.BULK, replace(ticket, lane=Lane.BULK)
        with self.lanes.inside(lane, key.tenant):
            memories = await self._complete(key, body.memories, paths, ticket.deadline_s)
            new = await self._directory.is_new(key)
            if new and (refused := self._first.refused(key, body, memories)):
                return refused
            space = await self._directory.opened(key)
            if not await self._exists(space):
                if refused := self._first.refused(key, body, memories):
                    return refused
                await self._first.create(space, body.memories, ticket)
            self._first.check(key, parameters_of(space), body.memories, memories)
            memories = await settled(space, memories, now_ns=self._now_ns())
            body = PutMemories(memories, body.allow_replace)
            await self._refuse_read_only(space, body, ticket)
            check_deadline(ticket.deadline_s)
            applied = await self._access.write(space, body, ticket)
        return expect(applied.outcome, PutOutcome)

    async def preview_put(
        self, key: SpaceKey, body: PutMemories, ticket: Ticket, *, paths: Sequence[str]
    ) -> PutOutcome:
        """Return what :meth:`put` would answer; writes nothing, creates nothing."""
        with self.lanes.inside(Lane.INTERACTIVE, key.tenant):
            memories = await self._complete(key, body.memories, paths, ticket.deadline_s)
            try:
                space = await self._directory.existing(key)
            except NotFound:
                outcome = self._first.foreseen(key, body, memories)
            else:
                self._first.check(key, parameters_of(space), body.memories, memories)
                memories = await settled(space, memories, now_ns=self._now_ns())
                found = await self._access.foresee(space, replace(body, memories=memories), ticket)
                return expect(found, PutOutcome)
        if isinstance(outcome, Refusal):
            raise refusal_error(outcome, key.space)
        return outcome

    async def process_event(
        self, key: SpaceKey, body: ProcessEvent, ticket: Ticket
    ) -> tuple[EventOutcome, Sequence[float]]:
        """Judge one event and remember it if it is accepted.

        Returns:
            The outcome, and the norms of L1, L2 and L3 when the answer was built.
        """
        with self.lanes.inside(Lane.INTERACTIVE, key.tenant):
            drafts = (body.memory,)
            memories = await self._complete(key, drafts, ("",), ticket.deadline_s)
            if await self._directory.is_new(key):
                self._first.check(key, self._first.parameters(drafts), drafts, memories)
            space = await self._directory.opened(key)
            if not await self._exists(space):
                self._first.check(key, self._first.parameters(drafts), drafts, memories)
                await self._first.create(space, drafts, ticket)
            self._first.check(key, parameters_of(space), drafts, memories)
            memories = await settled(space, memories, now_ns=self._now_ns())
            body = ProcessEvent(memories[0], body.moral_value)
            await self._refuse_read_only(space, body, ticket)
            check_deadline(ticket.deadline_s)
            applied = await self._access.write(space, body, ticket)
        return expect(applied.outcome, EventOutcome), applied.synaptic_norms

    async def update(self, key: SpaceKey, body: UpdateMemory, ticket: Ticket) -> PutOutcome:
        """Change labels, pin or expiry of one memory; raises as :meth:`delete`."""
        return expect(await self._change(key, body, ticket), PutOutcome)

    async def delete(self, key: SpaceKey, body: DeleteMemory, ticket: Ticket) -> DeleteOutcome:
        """Remove one memory.

        Raises:
            NotFound: SPACE_NOT_FOUND or MEMORY_NOT_FOUND.
            Conflict: ETAG_MISMATCH.
        """
        return expect(await self._change(key, body, ticket), DeleteOutcome)

    async def _change(
        self, key: SpaceKey, body: UpdateMemory | DeleteMemory, ticket: Ticket
    ) -> Outcome:
        with self.lanes.inside(Lane.INTERACTIVE, key.tenant):
            space = await self._directory.existing(key)
            await self._refuse_read_only(space, body, ticket)
            check_deadline(ticket.deadline_s)
            return (await self._access.write(space, body, ticket)).outcome

    # Reading.

    async def query(
        self,
        key: SpaceKey,
        asks: Sequence[Ask],
        *,
        batch: bool = False,
        min_revision: int,
        deadline_s: float,
    ) -> bytes:
        """Recall for each query, best first.

        Args:
            key: The space.
            asks: The queries; one, unless it is a batch.
            batch: Answer as to a batch.
            min_revision: Lowest revision that the answer may be of.
            deadline_s: Event-loop time by which it is wanted.

        Returns:
            The contract's encoded ``QueryMemoriesResponse`` or ``BatchQueryMemoriesResponse``.

        Raises:
            NotFound: SPACE_NOT_FOUND.
            PreconditionFailed: DIMENSION_MISMATCH, or text where nothing embeds it.
            InvalidInput: RESPONSE_TOO_LARGE.
            Unavailable: REVISION_NOT_REACHED, BULKHEAD_FULL, WORKER_LOST.
        """
        lane = Lane.BULK if batch else Lane.INTERACTIVE
        with self.lanes.inside(lane, key.tenant):
            space = await self._access.reached(key, min_revision, deadline_s)
            vectors = await self._query_vectors(space, asks, deadline_s)
            search = search_request(asks, vectors, batch=batch, max_bytes=self._max_response_bytes)
            reply = await self._access.ask(
                space, pb.LinkRequest(search=search), lane=lane, deadline_s=deadline_s
            )
        if reply.search.batch_count:
            self._metrics.query_batch_vectors.observe(reply.search.batch_count)
        return reply.search.answer

    async def get(
        self,
        key: SpaceKey,
        memory_id: str,
        *,
        include_embedding: bool,
        min_revision: int,
        deadline_s: float,
    ) -> tuple[Found, int]:
        """Return one memory and the revision at which it was read.

        Raises:
            NotFound: SPACE_NOT_FOUND or MEMORY_NOT_FOUND.
        """
        with self.lanes.inside(Lane.INTERACTIVE, key.tenant):
            space = await self._access.reached(key, min_revision, deadline_s)
            wanted = pb.GetRequest(memory_id=memory_id, include_embedding=include_embedding)
            reply = await self._access.ask(space, pb.LinkRequest(get=wanted), deadline_s=deadline_s)
        found = found_memories(reply.memories)
        if not found:
            raise NotFound(
                "The memory does not exist.",
                metadata={"space": key.space, "memory_id": memory_id},
            )
        return found[0], reply.revision

    async def page(
        self, key: SpaceKey, wanted: PageOf, *, min_revision: int, deadline_s: float
    ) -> tuple[list[Found], bool, int]:
        """Return memories in the order of their creation, whether there are more, the revision."""
        with self.lanes.inside(wanted.lane, key.tenant):
            space = await self._access.reached(key, min_revision, deadline_s)
            page = pb.PageRequest(
                after_sequence=wanted.after_sequence,
                limit=wanted.limit,
                include_embedding=wanted.include_embedding,
                max_bytes=wanted.max_bytes or self._max_response_bytes,
                labels=wanted.labels,
            )
            reply = await self._access.ask(
                space, pb.LinkRequest(page=page), lane=wanted.lane, deadline_s=deadline_s
            )
        return found_memories(reply.memories), reply.memories.more, reply.revision

    async def state(self, key: SpaceKey, *, min_revision: int, deadline_s: float) -> SpaceView:
        """Return the figures of a space as they stand now; the ontology is left out."""
        with self.lanes.inside(Lane.INTERACTIVE, key.tenant):
            space = await self._access.reached(key, min_revision, deadline_s)
            view = pb.ViewRequest(omit_ontology=True)
            reply = await self._access.ask(space, pb.LinkRequest(view=view), deadline_s=deadline_s)
        return seen(view_from_reply(reply), key)

    # Steps.

    async def _complete(
        self,
        key: SpaceKey,
        drafts: Sequence[NewMemory],
        paths: Sequence[str],
        deadline_s: float,
    ) -> tuple[NewMemory, ...]:
        """Give every draft an id and a vector."""
        bare = [i for i, draft in enumerate(drafts) if not len(draft.vector.raw)]
        vectors: dict[int, Vector] = {}
        if bare:
            texts = [drafts[i].text for i in bare]
            embedded = await self._texts.embed(texts, key.tenant, deadline_s)
            vectors = dict(zip(bare, embedded, strict=True))
            check_embedded({join(paths[i], "text"): vector for i, vector in vectors.items()})
        return tuple(
            draft
            if draft.memory_id and i not in vectors
            else replace(
                draft,
                memory_id=draft.memory_id or str(ULID()),
                vector=vectors.get(i, draft.vector),
            )
            for i, draft in enumerate(drafts)
        )

    async def _query_vectors(
        self, space: Space, asks: Sequence[Ask], deadline_s: float
    ) -> list[Vector]:
        bare = [i for i, ask in enumerate(asks) if ask.vector is None]
        embedded: dict[int, Vector] = {}
        if bare:
            self._first.check_embedder(space.key, parameters_of(space))
            texts = [asks[i].text for i in bare]
            vectors = await self._texts.embed(texts, space.key.tenant, deadline_s)
            embedded = dict(zip(bare, vectors, strict=True))
            single = len(asks) == 1
            check_embedded(
                {"text" if single else f"queries[{i}].text": v for i, v in embedded.items()}
            )
        found = [ask.vector or embedded[i] for i, ask in enumerate(asks)]
        check_dimensions(space.key, parameters_of(space), found)
        return found

    async def _refuse_read_only(self, space: Space, body: RecordBody, ticket: Ticket) -> None:
        """Refuse a write without a record if the space is known to be read-only.

        The worker is asked, because the repeat of an earlier write still has its first result.
        """
        if parameters_of(space).read_only:
            await self._access.foresee(space, body, ticket)

    async def _exists(self, space: Space) -> bool:
        return await self._directory.current_view(space) is not None

    # Workers.

    def _applied(self, space: Space, outcome: Outcome | None) -> None:
        if outcome is not None:
            self.consolidator.applied(space, outcome)
        self._upkeep.applied(space, outcome)
        self._directory.make_room()

    def _worker_lost(self, loss: Loss) -> None:
        self._metrics.worker_restarts.labels("minds").inc()
        self._directory.worker_lost(loss)
