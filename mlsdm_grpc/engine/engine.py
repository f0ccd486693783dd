"""The engine: what servicers call. Everything is asynchronous and bounded; nothing blocks."""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass

import anyio
import anyio.abc
import structlog

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.config import EngineSettings, SpaceDefaults
from mlsdm_grpc.core.mind.mind import SpaceView
from mlsdm_grpc.core.model.record import (
    DeleteMemory,
    DeleteOutcome,
    Outcome,
    PutOutcome,
    UpdateMemory,
    Vector,
)
from mlsdm_grpc.engine.memory_writes import Intake
from mlsdm_grpc.engine.query_modes import resolved
from mlsdm_grpc.engine.statistics import Vitals
from mlsdm_grpc.engine.streams import Streams
from mlsdm_grpc.errors import (
    NotFound,
)
from mlsdm_grpc.governance.policy.rules import BUILT_IN_RULES, Rule
from mlsdm_grpc.ids import Ids
from mlsdm_grpc.journal.protocol import Journal, SpaceKey
from mlsdm_grpc.llm.embedders import EmbedderInfo, RemoteEmbedder, embedder_info
from mlsdm_grpc.moderation.moderator import Judging, Scorer
from mlsdm_grpc.moderation.tenant_policies import Policies
from mlsdm_grpc.moderation.text_client import Texts
from mlsdm_grpc.observability.metrics import Metrics
from mlsdm_grpc.protection.byte_gate import SMALL_BYTES, ByteGate
from mlsdm_grpc.protection.clock import Clock, TimeSources
from mlsdm_grpc.protection.lanes import Before, Lane, Lanes
from mlsdm_grpc.protection.memory_budget import Budget
from mlsdm_grpc.spaces.catalogue import Catalogue
from mlsdm_grpc.spaces.checks import (
    check_dimensions,
    expect,
    parameters_of,
)
from mlsdm_grpc.spaces.consolidator import Consolidator, SleepSchedule
from mlsdm_grpc.spaces.creation import FirstWrites, parameters_from
from mlsdm_grpc.spaces.directory import Directory, Space
from mlsdm_grpc.spaces.eviction import Evictor
from mlsdm_grpc.spaces.loader import Loader
from mlsdm_grpc.spaces.lost_spaces import LostSpaces
from mlsdm_grpc.spaces.quarantine import Quarantine
from mlsdm_grpc.spaces.registry import SpaceRegistry
from mlsdm_grpc.spaces.scrubber import Scrubber
from mlsdm_grpc.spaces.snapshots import Snapshots, SnapshotSchedule
from mlsdm_grpc.spaces.space_client import Access
from mlsdm_grpc.spaces.watches import Watches
from mlsdm_grpc.spaces.write_pipeline import Ticket, WritePipeline
from mlsdm_grpc.workers.pool import Loss, Pool, WorkerLimits
from mlsdm_grpc.workers.process import WorkerRole
from mlsdm_grpc.workers.space_codec import (
    Ask,
    StoredMemory,
    found_memories,
    search_request,
)

__all__ = ["Engine", "PageOf"]

_log = structlog.get_logger(__name__)
_STOP_S = 10.0
_MADE = 6
"""Times its size that a large answer takes in worker and server while it is made."""
_MATCH_BYTES = 512
"""Bytes that a memory takes in an answer beside its vector, about."""


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
        rules: The governance rules that are built in.
        scorer: Scores prompts, answers and events in place of the text workers, if given.
        remote_embedder: Embeds text in place of text workers.
        clock: The server's clock; None is one that believes the machine's at the start.
        ids: Makes ids; None makes them of the server's time and the machine's random bytes.
        room: For large answers while they are made; unbounded by default.
        most_space_bytes: No space is loaded above this, see :class:`Budget`.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        settings: EngineSettings,
        defaults: SpaceDefaults,
        snapshot_every: int,
        max_response_bytes: int,
        metrics: Metrics,
        rules: Sequence[Rule] = BUILT_IN_RULES,
        scorer: Scorer | None = None,
        remote_embedder: RemoteEmbedder | None = None,
        clock: Clock | None = None,
        ids: Ids | None = None,
        room: ByteGate | None = None,
        most_space_bytes: int = 0,
    ) -> None:
        self.clock = clock = clock or Clock(TimeSources(), metrics=metrics)
        """Time of this server."""
        self.ids = ids or Ids(clock.now_ns)
        """Makes the ids of what has none."""
        self._max_response_bytes = max_response_bytes
        self._metrics = metrics
        self._room = room or ByteGate("computing", sys.maxsize)
        self.lanes = _lanes(settings, metrics)
        """Who may work, and when."""
        self._minds = _mind_workers(settings)
        self._text_pool = _text_workers(settings, "none" if remote_embedder else defaults.embedder)
        self.texts = Texts(
            embedder_info(defaults.embedder),
            self._text_pool,
            self.lanes,
            metrics,
            remote=remote_embedder,
        )
        """What text workers do."""
        info = self.texts.info
        self._budget = Budget(settings.memory_budget_bytes, most_space_bytes)
        self.quarantine = quarantine = Quarantine()
        """Spaces that take no writes."""
        sleeps = SleepSchedule(interval_s=settings.consolidation_interval_s, metrics=metrics)
        due = SnapshotSchedule(snapshot_every)
        self._writes = WritePipeline(
            journal,
            upgrades=defaults.upgrade_semantics,
            record_ns=clock.record_ns,
            new_record_id=self.ids.uuid,
            quarantine=quarantine,
            observers=(sleeps, due),
        )
        self._directory = Directory(
            journal,
            SpaceRegistry(self._minds, self._budget),
            Loader(journal, self._minds, quarantine, metrics),
            budget=self._budget,
            on_backlog=self._writes.settle_backlog,
            metrics=metrics,
        )
        self._lost_spaces = LostSpaces(self._directory.registry, self._directory, quarantine)
        access = self._access = Access(
            self._directory, self._writes, self.lanes, clock=clock, ids=self.ids
        )
        self.turns = access.turns
        """Slices of the event loop, for those who have much to do on it."""
        self.policies = Policies(access, rules)
        """The policies of the tenants."""
        self.judging = Judging(
            self.texts,
            self.policies,
            turns=access.turns,
            ids=self.ids,
            scorer=scorer,
            metrics=metrics,
        )
        """What judges texts."""
        self._first = FirstWrites(
            access,
            defaults=defaults,
            embedder=info,
            base_moral_threshold=self.policies.base_moral_threshold,
        )
        self.catalogue = Catalogue(
            access,
            journal,
            defaults=parameters_from(defaults),
            embedder=info,
            base_moral_threshold=self.policies.base_moral_threshold,
        )
        """The spaces themselves: creating, configuring and listing them."""
        self.intake = Intake(access, self._first, self.judging)
        """The way in of memories and events."""
        self.streams = Streams(
            access, self._first, self.judging, info, settings=settings, metrics=metrics
        )
        """Streams of memories and events."""
        self.watches = Watches(access, limit=settings.max_watches)
        """Those who watch the state of a space."""
        self.consolidator = Consolidator(access, sleeps, asleep=settings.consolidation)
        """What merges memories that say the same."""
        self._scrubber = Scrubber(access, rows_per_s=settings.scrub_rows_per_s, metrics=metrics)
        self._snapshots = Snapshots(
            access,
            journal,
            due,
            self._scrubber,
            stop_s=settings.stop_snapshots_s,
            metrics=metrics,
        )
        self.evictor = Evictor(self._directory.registry, self._budget, self._snapshots, metrics)
        """What lets spaces leave RAM."""
        pools = {"space": self._minds, "text": self._text_pool}
        self.vitals = Vitals(self._directory, quarantine, self._writes, pools, self.lanes)
        """How it is doing."""
        metrics.spaces_quarantined.set_function(lambda: len(quarantine.spaces))
        metrics.engine_pending_calls.set_function(
            lambda: sum(each.in_use for each in self.lanes if each.lane is not Lane.LLM)
        )

    @property
    def embedder(self) -> EmbedderInfo | None:
        """What turns text into vectors here, if anything does."""
        return self.texts.info

    @property
    def new_spaces_version(self) -> int:
        """Version of the rules that new spaces are under."""
        return self._writes.new_spaces_version

    @property
    def directory(self) -> Directory:
        """The spaces in use here."""
        return self._directory

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the workers; at the end finish all writes and leave a snapshot of every space."""
        async with anyio.create_task_group() as tasks:
            self._lost_spaces.start(tasks)
            self.consolidator.start(tasks)
            self._scrubber.start(tasks)
            self._snapshots.start(tasks)
            self.evictor.start(tasks)
            async with anyio.create_task_group() as starting:
                starting.start_soon(self._minds.start, tasks, self._worker_lost)
                starting.start_soon(self._text_pool.start, tasks, self._text_worker_lost)
            try:
                yield
            finally:
                self.consolidator.stop()
                self._lost_spaces.stop()
                self.evictor.stop()
                self._scrubber.stop()
                with anyio.CancelScope(shield=True):
                    with anyio.move_on_after(_STOP_S):
                        await self._writes.drained()
                    await self._snapshots.snapshot_all()
                    await self._minds.close()
                    await self._text_pool.close()
                tasks.cancel_scope.cancel()

    # Writing.

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
            ready = await self._resolved(space, asks, deadline_s)
            search = search_request(ready, batch=batch, max_bytes=self._max_response_bytes)
            plain = sum(ask.top_k for ask in asks)
            with_rows = sum(ask.top_k for ask in asks if ask.include_embedding)
            async with self._room_for(space, plain, with_rows, self._max_response_bytes):
                reply = await self._access.ask(
                    space, pb.LinkRequest(search=search), lane=lane, deadline_s=deadline_s
                )
        if reply.search.batch_count:
            self._metrics.query_batch_vectors.observe(reply.search.batch_count)
        return reply.search.answer

    def check_batch(self, key: SpaceKey, count: int, deadline_s: float) -> None:
        """Refuse a batch of so many queries if there is no room; see ``Access.check_room``."""
        self._access.check_room(key, Before.MIND, count, deadline_s)

    async def get(
        self,
        key: SpaceKey,
        memory_id: str,
        *,
        include_embedding: bool,
        min_revision: int,
        deadline_s: float,
    ) -> tuple[StoredMemory, int]:
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
    ) -> tuple[Sequence[StoredMemory], bool, int]:
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
            with_rows = wanted.limit if wanted.include_embedding else 0
            async with self._room_for(space, wanted.limit, with_rows, page.max_bytes):
                reply = await self._access.ask(
                    space, pb.LinkRequest(page=page), lane=wanted.lane, deadline_s=deadline_s
                )
        return found_memories(reply.memories), reply.memories.more, reply.revision

    async def state(self, key: SpaceKey, *, min_revision: int, deadline_s: float) -> SpaceView:
        """Return the figures of a space as they stand now; the ontology is left out."""
        return await self._access.state(key, min_revision=min_revision, deadline_s=deadline_s)

    async def embedded(
        self,
        key: SpaceKey,
        view: SpaceView | None,
        text: str,
        deadline_s: float,
        *,
        made: Vector | None = None,
    ) -> Vector:
        """Return the vector of a text for a space; ``inv_norm`` is 0 if it has no known word.

        Args:
            key: The space.
            view: Its figures; None if it does not exist.
            text: The text.
            deadline_s: Event-loop time by which it is wanted.
            made: The vector, if it has been made already.

        Raises:
            PreconditionFailed: EMBEDDER_NOT_CONFIGURED or EMBEDDER_MISMATCH.
            Unavailable: BULKHEAD_FULL or EMBEDDER_UNAVAILABLE.
        """
        if view is not None:
            self._first.check_embedder(key, view.parameters)
        if made is None:
            (made,) = await self.texts.embed([text], key.tenant, deadline_s)
        return made

    # Steps.

    def _room_for(
        self, space: Space, memories: int, with_rows: int, max_bytes: int
    ) -> AbstractAsyncContextManager[None]:
        """Return a context with room for an answer of so many memories, if it may be large."""
        size = memories * _MATCH_BYTES + 4 * with_rows * parameters_of(space).dimension
        if size <= SMALL_BYTES:
            return nullcontext()
        return self._room.inside(space.key.tenant, _MADE * min(size, max_bytes))

    async def _resolved(self, space: Space, asks: Sequence[Ask], deadline_s: float) -> list[Ask]:
        """Return queries with the vectors that they need."""
        key, parameters = space.key, parameters_of(space)
        ready = await resolved(
            asks,
            lambda: self._first.check_embedder(key, parameters),
            lambda texts: self.texts.embed(texts, key.tenant, deadline_s),
        )
        check_dimensions(key, parameters, [ask.vector for ask in ready if ask.vector is not None])
        return ready

    # Workers.

    def _worker_lost(self, loss: Loss) -> None:
        self._metrics.worker_restarts.labels("minds").inc()
        self._lost_spaces.worker_lost(loss)

    def _text_worker_lost(self, _: Loss) -> None:
        self._metrics.worker_restarts.labels("text").inc()


def _lanes(settings: EngineSettings, metrics: Metrics) -> Lanes:
    return Lanes(
        {
            Lane.INTERACTIVE: settings.max_pending,
            Lane.BULK: settings.max_pending_bulk,
            Lane.TEXT: settings.max_pending_text,
            Lane.LLM: settings.max_pending_llm,
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


def _mind_workers(settings: EngineSettings) -> Pool:
    return Pool(
        WorkerRole("minds"),
        count=settings.workers,
        limits=WorkerLimits(
            settings.worker_start_timeout_s,
            settings.worker_stall_timeout_s,
            settings.worker_memory_limit_bytes,
        ),
        standby=settings.standby_worker,
    )


def _text_workers(settings: EngineSettings, embedder: str) -> Pool:
    return Pool(
        WorkerRole("text", embedder),
        count=settings.text_workers,
        limits=WorkerLimits(settings.worker_start_timeout_s, settings.worker_stall_timeout_s),
        standby=False,
    )
