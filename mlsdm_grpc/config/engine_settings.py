"""Settings of processes and queues."""

from __future__ import annotations

import os

from pydantic import Field

from mlsdm_grpc.config.section import Section

__all__ = ["EngineSettings"]


class EngineSettings(Section):
    """Worker processes, and the queues in front of them."""

    workers: int = Field(default_factory=lambda: max(1, (os.cpu_count() or 2) - 1), ge=0, le=256)
    """Number of worker processes that hold the spaces; 0 runs them inside the server (tests
    only)."""
    text_workers: int = Field(default=1, ge=0, le=64)
    """Number of processes that embed text; 0 embeds inside the server (tests only)."""
    max_pending: int = Field(default=2_048, ge=1)
    """Maximum number of interactive calls in the engine; more are refused with BULKHEAD_FULL. One
    tenant may use as many slots as remain free, so a single tenant gets half of them."""
    max_pending_bulk: int = Field(default=256, ge=1)
    """Maximum number of batches, streams and consolidations in the engine; more are refused with
    BULKHEAD_FULL."""
    max_pending_text: int = Field(default=512, ge=1)
    """Maximum number of calls waiting for a text worker; more are refused with BULKHEAD_FULL."""
    max_pending_llm: int = Field(default=256, ge=1)
    """Maximum number of calls that use a model provider or wait for one; more are refused with
    BULKHEAD_FULL."""
    max_queue_s: float = Field(default=0.15, gt=0, le=60)
    """Maximum estimated work of waiting queries in one lane of a worker, seconds. A query that
    would wait longer is refused with BULKHEAD_FULL."""
    max_write_queue_s: float = Field(default=5.0, gt=0, le=60)
    """Maximum estimated work of waiting writes, and of texts waiting for a text worker, seconds. A
    call that would wait longer is refused with BULKHEAD_FULL."""
    max_watches: int = Field(default=64, ge=1, le=10_000)
    """Maximum number of watches on one space; more are refused with BULKHEAD_FULL."""
    max_streams: int = Field(default=128, ge=1, le=10_000)
    """Maximum number of open streams of memories and events; more are refused with BULKHEAD_FULL.
    Memory limits them too: each may send a message of `server.max_request_bytes` at any time."""
    max_stream_items: int = Field(default=1_024, ge=1, le=65_536)
    """Maximum number of unacknowledged items on one stream."""
    consolidation: bool = True
    """Consolidate the memories of a space when it falls asleep."""
    consolidation_interval_s: float = Field(default=1.0, ge=0, le=86_400)
    """Minimum time between two such consolidations of a space, seconds."""
    scrub_rows_per_s: int = Field(default=4_096, ge=0, le=1_000_000)
    """Number of rows an idle worker compares with their checksums each second, over all spaces; 0
    compares them only for snapshots."""
    worker_start_timeout_s: float = Field(default=30.0, gt=0)
    """Time after which a starting worker that is not ready is given up, seconds."""
    worker_stall_timeout_s: float = Field(default=5.0, ge=0)
    """Time without progress after which a worker that callers wait for is replaced, seconds; steps
    over large data get more time. 0 disables the check. Keep it well below
    `pressure.max_processing_s`, so that the worker is replaced before the node enters EMERGENCY."""
    worker_memory_limit_bytes: int = Field(default=0, ge=0)
    """Memory above which a worker that holds spaces is replaced, bytes. 0 uses the memory of an
    idle worker plus all that the cgroup limit leaves, if there is a limit. Keep it well above one
    worker's share of the memory budget."""
    memory_budget_bytes: int = Field(default=0, ge=0)
    """Maximum memory of all loaded spaces together, bytes; above it, unused spaces are unloaded. 0
    uses the rest of the cgroup limit after messages and overhead, at most 60 % of it; without a
    limit, of the memory of the machine. See docs/operations.md."""
    stop_snapshots_s: float = Field(default=20.0, ge=0)
    """Maximum time for snapshots when the server stops, seconds; spaces without one are replayed at
    the next start."""
