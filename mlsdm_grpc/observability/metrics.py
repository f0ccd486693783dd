"""Metrics of the server with name, unit, labels and buckets, in one registry for each server.

Labels never contain ids, tenants or texts of callers, so the contract limits the number of series.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

from mlsdm_grpc.observability.calls import CallMetrics

__all__ = ["COUNT_BUCKETS", "LATENCY_BUCKETS_S", "Metrics"]

# fmt: off
LATENCY_BUCKETS_S: Final = (
    0.00001, 0.00005, 0.0001, 0.0003, 0.0006, 0.0008, 0.001, 0.002, 0.003, 0.004, 0.005, 0.006,
    0.008, 0.01, 0.013, 0.016, 0.02, 0.025, 0.03, 0.04, 0.05, 0.065, 0.08, 0.1, 0.13, 0.16, 0.2,
    0.25, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0,
)
"""Upper bounds of the latency buckets, from gRFC A66, seconds."""
# fmt: on
COUNT_BUCKETS: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0)
"""Upper bounds of the buckets of batch sizes."""


class Metrics:
    """Metrics of one server, and their registry."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry(auto_describe=True)
        self.calls = CallMetrics(LATENCY_BUCKETS_S)
        registry.register(self.calls)
        self.journal_commit_seconds = Histogram(
            "mlsdm_journal_commit_seconds",
            "Duration of one durable commit.",
            buckets=LATENCY_BUCKETS_S,
            registry=registry,
        )
        self.journal_commit_records = Histogram(
            "mlsdm_journal_commit_records",
            "Records in one durable commit.",
            buckets=COUNT_BUCKETS,
            registry=registry,
        )
        self.journal_replayed_records = Counter(
            "mlsdm_journal_replayed_records_total",
            "Records replayed to rebuild spaces.",
            registry=registry,
        )
        self.journal_damage = Counter(
            "mlsdm_journal_damage_total",
            "Damage found in the data folder: wal, heads, database, space, snapshot, record.",
            ("kind",),
            registry=registry,
        )
        self.worker_restarts = Counter(
            "mlsdm_worker_restarts_total",
            "Workers replaced, by kind.",
            ("kind",),
            registry=registry,
        )
        self.engine_pending_calls = Gauge(
            "mlsdm_engine_pending_calls", "Calls in the engine.", registry=registry
        )
        self.queue_wait_seconds = Histogram(
            "mlsdm_engine_queue_wait_seconds",
            "Time that requests waited in a queue; requests without a wait are not counted.",
            ("lane",),
            buckets=LATENCY_BUCKETS_S,
            registry=registry,
        )
        self.query_batch_vectors = Histogram(
            "mlsdm_query_batch_vectors",
            "Query vectors answered by one scan of a space.",
            buckets=COUNT_BUCKETS,
            registry=registry,
        )
        self.embed_batch_texts = Histogram(
            "mlsdm_embed_batch_texts",
            "Texts embedded in one batch.",
            buckets=COUNT_BUCKETS,
            registry=registry,
        )
        self.streams_open = Gauge(
            "mlsdm_streams_open_count", "Open streams of memories and events.", registry=registry
        )
        self.stream_record_items = Histogram(
            "mlsdm_stream_record_items",
            "Stream items acknowledged by one record.",
            buckets=COUNT_BUCKETS,
            registry=registry,
        )
        self.space_snapshots = Counter(
            "mlsdm_space_snapshots_total",
            "Snapshots of spaces, by result: saved or failed.",
            ("kind",),
            registry=registry,
        )
        self.scrub_rows = Counter(
            "mlsdm_scrub_rows_total",
            "Rows compared with their checksums, by result: checked, damaged, repaired, lost.",
            ("kind",),
            registry=registry,
        )
        self.consolidation_memories = Counter(
            "mlsdm_consolidation_memories_total",
            "Memories removed by consolidation: merged into others, or purged after their expiry.",
            ("kind",),
            registry=registry,
        )
        self.spaces_loaded = Gauge(
            "mlsdm_spaces_loaded_count", "Spaces loaded in memory.", registry=registry
        )
        self.node_mode = Gauge(
            "mlsdm_node_mode",
            "1 for the current mode of the node, 0 for the others.",
            ("kind",),
            registry=registry,
        )
        self.node_transitions = Counter(
            "mlsdm_node_transitions_total",
            "Number of times the node entered a mode.",
            ("kind",),
            registry=registry,
        )
        self.pressure_ratio = Gauge(
            "mlsdm_pressure_signal_ratio",
            "Pressure signals as a share of their limits.",
            ("kind",),
            registry=registry,
        )
        self.admission_refusals = Counter(
            "mlsdm_admission_refusals_total",
            "Calls refused to protect the node, by mode.",
            ("kind",),
            registry=registry,
        )
        self.governance_verdicts = Counter(
            "mlsdm_governance_verdicts_total",
            "Verdicts of governance rules.",
            ("rule", "stage", "decision", "enforcement"),
            registry=registry,
        )
        self.spaces = Gauge(
            "mlsdm_spaces_by_state_count",
            "Spaces in memory, by state: cold (the worker was lost), loading, hot, evicting.",
            ("kind",),
            registry=registry,
        )
        self.spaces_memory = Gauge(
            "mlsdm_spaces_memory_bytes",
            "Memory of the loaded spaces in all workers.",
            registry=registry,
        )
        self.spaces_quarantined = Gauge(
            "mlsdm_spaces_quarantined_count",
            "Spaces with a record that crashes workers; they refuse writes.",
            registry=registry,
        )
        self.space_load_wait = Histogram(
            "mlsdm_space_load_wait_seconds",
            "Time that spaces waited to be loaded; spaces without a wait are not counted.",
            buckets=LATENCY_BUCKETS_S,
            registry=registry,
        )
        self.space_evictions = Counter(
            "mlsdm_space_evictions_total",
            "Spaces unloaded because they were unused.",
            registry=registry,
        )
        self.generations = Counter(
            "mlsdm_llm_generations_total",
            "Finished generations, by finish reason.",
            ("finish",),
            registry=registry,
        )
        self.llm_calls = Histogram(
            "mlsdm_llm_call_seconds",
            "Duration of one call to a model provider, for a stream until its first piece, by"
            " result.",
            ("provider", "kind"),
            buckets=LATENCY_BUCKETS_S,
            registry=registry,
        )
        self.llm_broken_streams = Counter(
            "mlsdm_llm_broken_streams_total",
            "Streamed answers interrupted after their first piece.",
            ("provider", "kind"),
            registry=registry,
        )
        self.llm_retries = Counter(
            "mlsdm_llm_retries_total",
            "Due retries of model calls: made, or refused by the retry budget.",
            ("kind",),
            registry=registry,
        )
        self.llm_tokens = Counter(
            "mlsdm_llm_tokens_total",
            "Tokens as counted by the providers: prompt, completion.",
            ("provider", "kind"),
            registry=registry,
        )
        self.llm_breaker = Gauge(
            "mlsdm_llm_breaker",
            "1 for the current state of a provider's circuit breaker, 0 for the others.",
            ("provider", "kind"),
            registry=registry,
        )
        self.embed_cache = Counter(
            "mlsdm_embed_cache_texts_total",
            "Texts looked up in the cache of the remote embedder, by result: hit, miss.",
            ("kind",),
            registry=registry,
        )
        self.clock_jumps = Counter(
            "mlsdm_clock_jumps_total",
            "Events of the server's clock: the wall clock jumped, returned, was taken_over after an"
            " hour, or held after a doubtful start.",
            ("kind",),
            registry=registry,
        )
        self.clock_off = Gauge(
            "mlsdm_clock_off_seconds",
            "Wall clock minus the server's clock.",
            registry=registry,
        )
        self.clock_doubtful = Gauge(
            "mlsdm_clock_doubtful",
            "1 while the wall clock at the start is doubtful, otherwise 0.",
            registry=registry,
        )
        self.server_silent_calls = Gauge(
            "mlsdm_server_silent_calls_count",
            "Calls whose first message has not arrived.",
            registry=registry,
        )
        self.server_tasks = Gauge(
            "mlsdm_server_tasks_count",
            "Tasks of the event loop; constant while the server is idle.",
            registry=registry,
        )
        self.server = Info(
            "mlsdm_server", "Version and configuration of this server.", registry=registry
        )
