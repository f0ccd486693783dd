"""Engine that servicers call.

Every operation is asynchronous and bounded; none blocks the event loop.
"""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anyio
import anyio.abc
import structlog

from mlsdm_grpc.config import EngineSettings, SpaceDefaults
from mlsdm_grpc.engine.memory_reads import MemoryReads
from mlsdm_grpc.engine.memory_writes import Intake
from mlsdm_grpc.engine.statistics import Vitals
from mlsdm_grpc.engine.streams import Streams
from mlsdm_grpc.governance.policy.rules import BUILT_IN_RULES, Rule
from mlsdm_grpc.ids import Ids
from mlsdm_grpc.journal.protocol import Journal
from mlsdm_grpc.llm.embedders import EmbedderInfo, RemoteEmbedder, embedder_info
from mlsdm_grpc.moderation.moderator import Judging, Scorer
from mlsdm_grpc.moderation.preparation import Preparation
from mlsdm_grpc.moderation.tenant_policies import Policies
from mlsdm_grpc.moderation.text_client import Texts
from mlsdm_grpc.observability.metrics import Metrics
from mlsdm_grpc.protection.byte_gate import ByteGate
from mlsdm_grpc.protection.clock import Clock, TimeSources
from mlsdm_grpc.protection.lanes import Before, Lane, Lanes
from mlsdm_grpc.protection.memory_budget import Budget
from mlsdm_grpc.spaces.catalogue import Catalogue
from mlsdm_grpc.spaces.consolidator import Consolidator, SleepSchedule
from mlsdm_grpc.spaces.creation import FirstWrites, parameters_from
from mlsdm_grpc.spaces.directory import Directory
from mlsdm_grpc.spaces.eviction import Evictor
from mlsdm_grpc.spaces.loader import Loader
from mlsdm_grpc.spaces.lost_spaces import LostSpaces
from mlsdm_grpc.spaces.quarantine import Quarantine
from mlsdm_grpc.spaces.record_factory import RecordFactory
from mlsdm_grpc.spaces.registry import SpaceRegistry
from mlsdm_grpc.spaces.scrubber import Scrubber
from mlsdm_grpc.spaces.snapshots import Snapshots, SnapshotSchedule
from mlsdm_grpc.spaces.space_client import Access
from mlsdm_grpc.spaces.watches import Watches
from mlsdm_grpc.spaces.write_pipeline import WritePipeline
from mlsdm_grpc.workers.pool import Loss, Pool, WorkerLimits
from mlsdm_grpc.workers.process import WorkerRole

__all__ = ["Engine"]

_log = structlog.get_logger(__name__)
_STOP_S = 10.0


class Engine:
    """Set of minds in worker processes, with a journal that makes their writes durable.

    Args:
        journal: Open journal; the caller closes it.
        settings: Numbers of processes and lengths of queues.
        defaults: Parameters of spaces that their first write creates.
        snapshot_every: Number of writes to a space between two snapshots.
        max_response_bytes: Largest answer, bytes; a larger one is refused or cut.
        metrics: Registry of metrics.
        rules: Built-in governance rules.
        scorer: Scorer for prompts, answers and events; None uses the text workers.
        remote_embedder: Embedder outside this process; None uses the text workers.
        clock: Clock of the server; None makes one that starts at the time of the machine.
        ids: Generator of ids; None makes one from the server clock and random bytes of the machine.
        room: Gate for the memory of large answers in progress; unbounded by default.
        most_space_bytes: Size above which a space is not loaded, bytes; see :class:`Budget`.
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
        """Clock of this server."""
        self.ids = ids or Ids(clock.now_ns)
        """Generator of ids for records without one."""
        self._metrics = metrics
        self.lanes = _lanes(settings, metrics)
        """Lanes that admit work in order of its kind."""
        self._minds = _mind_workers(settings)
        self._text_pool = _text_workers(settings, "none" if remote_embedder else defaults.embedder)
        self.texts = Texts(
            embedder_info(defaults.embedder),
            self._text_pool,
            self.lanes,
            metrics,
            remote=remote_embedder,
        )
        """Operations of the text workers."""
        info = self.texts.info
        self._budget = Budget(settings.memory_budget_bytes, most_space_bytes)
        self.quarantine = quarantine = Quarantine()
        """Spaces that refuse writes."""
        sleeps = SleepSchedule(interval_s=settings.consolidation_interval_s, metrics=metrics)
        due = SnapshotSchedule(snapshot_every)
        records = self._records = RecordFactory(
            new_spaces_version=journal.new_spaces_version,
            upgrades=defaults.upgrade_semantics,
            record_ns=clock.record_ns,
            new_record_id=self.ids.uuid,
            quarantine=quarantine,
        )
        self._writes = WritePipeline(
            journal,
            records,
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
            self._directory, records, self._writes, self.lanes, clock=clock, ids=self.ids
        )
        self.turns = access.turns
        """Scheduler of slices of the event loop for long computations."""
        self.policies = Policies(access, rules)
        """Policies of the tenants."""
        self.judging = Judging(self.texts, self.policies, scorer=scorer, metrics=metrics)
        """Evaluation of texts by rules and detectors."""
        preparation = Preparation(self.judging, self.texts, turns=access.turns, ids=self.ids)
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
        """Creation, configuration and listing of spaces."""
        self.reads = MemoryReads(
            access,
            self._first,
            self.texts,
            room=room or ByteGate("computing", sys.maxsize),
            max_response_bytes=max_response_bytes,
            metrics=metrics,
        )
        """Queries, single memories, pages and state."""
        self.intake = Intake(access, self._first, self.judging, preparation)
        """Writes of memories and events."""
        self.streams = Streams(
            access, self._first, self.judging, preparation, info, settings=settings, metrics=metrics
        )
        """Streams of memories and events."""
        self.watches = Watches(access, limit=settings.max_watches)
        """Watches of the state of spaces."""
        self.consolidator = Consolidator(access, sleeps, asleep=settings.consolidation)
        """Background merge of duplicate memories."""
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
        """Eviction of spaces from RAM."""
        pools = {"space": self._minds, "text": self._text_pool}
        self.vitals = Vitals(self._directory, quarantine, self._writes, pools, self.lanes)
        """Health figures of the engine."""
        _set_gauges(metrics, quarantine, self.lanes)

    @property
    def embedder(self) -> EmbedderInfo | None:
        """Embedder of this server; None without one."""
        return self.texts.info

    @property
    def new_spaces_version(self) -> int:
        """Version of the semantics that new spaces get."""
        return self._records.new_spaces_version

    @property
    def directory(self) -> Directory:
        """Directory of the spaces loaded on this node."""
        return self._directory

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the workers; on exit complete all writes and take a snapshot of every space."""
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

    def _worker_lost(self, loss: Loss) -> None:
        self._metrics.worker_restarts.labels("minds").inc()
        self._lost_spaces.worker_lost(loss)

    def _text_worker_lost(self, _: Loss) -> None:
        self._metrics.worker_restarts.labels("text").inc()


def _set_gauges(metrics: Metrics, quarantine: Quarantine, lanes: Lanes) -> None:
    metrics.spaces_quarantined.set_function(lambda: len(quarantine.spaces))
    metrics.engine_pending_calls.set_function(
        lambda: sum(each.in_use for each in lanes if each.lane is not Lane.LLM)
    )


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
