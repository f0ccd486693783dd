"""Construction of the parts of an engine, beginning with those next to the journal.

Each part receives the parts that it needs when it is created, so dependencies have no cycles.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from mlsdm_grpc.config import EngineSettings, QuotaSettings, SpaceDefaults
from mlsdm_grpc.engine.memory_reads import MemoryReads
from mlsdm_grpc.engine.memory_writes import Intake
from mlsdm_grpc.engine.statistics import Vitals
from mlsdm_grpc.engine.streams import Streams
from mlsdm_grpc.governance.policy.rules import BUILT_IN_RULES, Rule
from mlsdm_grpc.ids import Ids
from mlsdm_grpc.journal.protocol import Journal
from mlsdm_grpc.llm.embedders import RemoteEmbedder, embedder_info
from mlsdm_grpc.moderation.moderator import Judging
from mlsdm_grpc.moderation.preparation import Preparation
from mlsdm_grpc.moderation.scorer import Scorer
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
from mlsdm_grpc.spaces.decisions import Decisions
from mlsdm_grpc.spaces.directory import Directory
from mlsdm_grpc.spaces.eviction import Evictor
from mlsdm_grpc.spaces.loader import Loader
from mlsdm_grpc.spaces.lost_spaces import LostSpaces
from mlsdm_grpc.spaces.quarantine import Quarantine
from mlsdm_grpc.spaces.quotas import Quotas
from mlsdm_grpc.spaces.record_factory import RecordFactory
from mlsdm_grpc.spaces.registry import SpaceRegistry
from mlsdm_grpc.spaces.reserved_spaces import ReservedSpaces
from mlsdm_grpc.spaces.scrubber import Scrubber
from mlsdm_grpc.spaces.snapshots import Snapshots, SnapshotSchedule
from mlsdm_grpc.spaces.space_client import Access
from mlsdm_grpc.spaces.tenant_usage import UsageBook
from mlsdm_grpc.spaces.tenants import Tenants
from mlsdm_grpc.spaces.watches import Watches
from mlsdm_grpc.spaces.write_pipeline import WritePipeline
from mlsdm_grpc.workers.forked import ForkServer, has_pidfd
from mlsdm_grpc.workers.pool import Pool, WorkerLimits
from mlsdm_grpc.workers.process import WorkerRole

__all__ = ["EngineParts", "wire_engine"]


@dataclass(frozen=True, slots=True)
class EngineParts:
    """All objects of an engine."""

    clock: Clock
    ids: Ids
    metrics: Metrics
    lanes: Lanes
    forks: ForkServer | None
    """Fork server of the workers; None without pidfds."""
    space_workers: Pool
    text_workers: Pool
    texts: Texts
    budget: Budget
    quarantine: Quarantine
    records: RecordFactory
    writes: WritePipeline
    directory: Directory
    lost_spaces: LostSpaces
    access: Access
    tenants: Tenants
    policies: Policies
    judging: Judging
    catalogue: Catalogue
    reads: MemoryReads
    intake: Intake
    decisions: Decisions
    streams: Streams
    watches: Watches
    consolidator: Consolidator
    scrubber: Scrubber
    snapshots: Snapshots
    evictor: Evictor
    vitals: Vitals


def wire_engine(
    journal: Journal,
    *,
    settings: EngineSettings,
    defaults: SpaceDefaults,
    snapshot_every: int,
    max_response_bytes: int,
    metrics: Metrics,
    quotas: QuotaSettings | None = None,
    rules: Sequence[Rule] = BUILT_IN_RULES,
    scorer: Scorer | None = None,
    remote_embedder: RemoteEmbedder | None = None,
    clock: Clock | None = None,
    ids: Ids | None = None,
    room: ByteGate | None = None,
    most_space_bytes: int = 0,
) -> EngineParts:
    """Return the parts of an engine: minds in worker processes, with a journal for their writes.

    Args:
        journal: Open journal; the caller closes it.
        settings: Numbers of processes and lengths of queues.
        defaults: Parameters of spaces that their first write creates.
        snapshot_every: Number of writes to a space between two snapshots.
        max_response_bytes: Maximum size of a response, bytes. A larger query response is refused,
            and a page ends before it.
        metrics: Metrics to update.
        quotas: Quotas of tenants without quotas of their own; None for no limits.
        rules: Built-in governance rules.
        scorer: Scorer of prompts, answers and events; None for the text workers.
        remote_embedder: Embedder outside this process; None for the text workers.
        clock: Clock of the server; None for one that starts at the time of the machine.
        ids: Generator of ids; None for one with the clock of the server and random bytes.
        room: Gate that limits the RAM of large responses in progress; None for no limit.
        most_space_bytes: Maximum size of a space that can be loaded, bytes; see :class:`Budget`.
    """
    clock = clock or Clock(TimeSources(), metrics=metrics)
    ids = ids or Ids(clock.now_ns)
    lanes = _lanes(settings, metrics)
    forks = ForkServer() if has_pidfd() else None
    space_workers = _mind_workers(settings, forks)
    embedder = "none" if remote_embedder else defaults.embedder
    text_workers = _text_workers(settings, embedder, forks)
    texts = Texts(
        embedder_info(defaults.embedder),
        text_workers,
        lanes,
        metrics,
        remote=remote_embedder,
    )
    info = texts.info
    budget = Budget(settings.memory_budget_bytes, most_space_bytes)
    quarantine = Quarantine()
    sleeps = SleepSchedule(interval_s=settings.consolidation_interval_s, metrics=metrics)
    due, usage = SnapshotSchedule(snapshot_every), UsageBook()
    records = RecordFactory(
        new_spaces_version=journal.new_spaces_version,
        upgrades=defaults.upgrade_semantics,
        record_ns=clock.record_ns,
        new_record_id=ids.uuid,
        quarantine=quarantine,
    )
    writes = WritePipeline(
        journal,
        records,
        quarantine=quarantine,
        observers=(sleeps, due, usage),
    )
    directory = Directory(
        journal,
        SpaceRegistry(space_workers, budget),
        Loader(journal, space_workers, quarantine, metrics),
        budget=budget,
        on_backlog=writes.settle_backlog,
        metrics=metrics,
    )
    lost_spaces = LostSpaces(directory.registry, directory, quarantine)
    access = Access(directory, records, writes, lanes, clock=clock, ids=ids)
    reserved = ReservedSpaces(access)
    policies = Policies(reserved, rules, now_ns=clock.now_ns)
    tenant_quotas = Quotas(
        reserved,
        directory,
        journal,
        usage,
        settings=quotas or QuotaSettings(),
        default_capacity=defaults.capacity,
    )
    judging = Judging(texts, policies, scorer=scorer, metrics=metrics)
    preparation = Preparation(judging, texts, turns=access.turns, ids=ids)
    first_writes = FirstWrites(
        access,
        defaults=defaults,
        embedder=info,
        base_moral_threshold=policies.base_moral_threshold,
        quotas=tenant_quotas,
    )
    catalogue = Catalogue(
        access,
        journal,
        defaults=parameters_from(defaults),
        embedder=info,
        base_moral_threshold=policies.base_moral_threshold,
        quotas=tenant_quotas,
    )
    reads = MemoryReads(
        access,
        first_writes,
        texts,
        room=room or ByteGate("computing", sys.maxsize),
        max_response_bytes=max_response_bytes,
        metrics=metrics,
    )
    intake = Intake(access, first_writes, judging, preparation)
    streams = Streams(
        access, first_writes, judging, preparation, info, settings=settings, metrics=metrics
    )
    watches = Watches(access, limit=settings.max_watches)
    consolidator = Consolidator(access, sleeps, asleep=settings.consolidation)
    scrubber = Scrubber(access, rows_per_s=settings.scrub_rows_per_s, metrics=metrics)
    snapshots = Snapshots(
        access,
        journal,
        due,
        scrubber,
        stop_s=settings.stop_snapshots_s,
        metrics=metrics,
    )
    evictor = Evictor(directory.registry, budget, snapshots, metrics)
    pools = {"space": space_workers, "text": text_workers}
    vitals = Vitals(directory, quarantine, writes, pools, lanes)
    _set_gauges(metrics, quarantine, lanes)
    return EngineParts(
        clock=clock,
        ids=ids,
        metrics=metrics,
        lanes=lanes,
        forks=forks,
        space_workers=space_workers,
        text_workers=text_workers,
        texts=texts,
        budget=budget,
        quarantine=quarantine,
        records=records,
        writes=writes,
        directory=directory,
        lost_spaces=lost_spaces,
        access=access,
        tenants=Tenants(reserved, tenant_quotas, journal, lanes),
        policies=policies,
        judging=judging,
        catalogue=catalogue,
        reads=reads,
        intake=intake,
        decisions=Decisions(access),
        streams=streams,
        watches=watches,
        consolidator=consolidator,
        scrubber=scrubber,
        snapshots=snapshots,
        evictor=evictor,
        vitals=vitals,
    )


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


def _mind_workers(settings: EngineSettings, forks: ForkServer | None) -> Pool:
    return Pool(
        WorkerRole("minds"),
        count=settings.workers,
        limits=WorkerLimits(
            settings.worker_start_timeout_s,
            settings.worker_stall_timeout_s,
            settings.worker_memory_limit_bytes,
        ),
        forks=forks,
    )


def _text_workers(settings: EngineSettings, embedder: str, forks: ForkServer | None) -> Pool:
    return Pool(
        WorkerRole("text", embedder),
        count=settings.text_workers,
        limits=WorkerLimits(settings.worker_start_timeout_s, settings.worker_stall_timeout_s),
        forks=forks,
    )
