"""Settings of processes and queues."""

from __future__ import annotations

import os

from pydantic import Field

from mlsdm_grpc.config.section import Section

__all__ = ["EngineSettings"]


class EngineSettings(Section):
    """Processes and queues behind the interceptors."""

    workers: int = Field(default_factory=lambda: max(1, (os.cpu_count() or 2) - 1), ge=0, le=256)
    """Worker processes that hold the minds; 0 runs them inside the server (tests only)."""
    text_workers: int = Field(default=1, ge=0, le=64)
    """Processes that embed text; 0 embeds inside the server (tests only)."""
    max_pending: int = Field(default=2_048, ge=1)
    """Interactive calls that may be in the engine at once; more are refused with BULKHEAD_FULL. A
    tenant may have as many as are free besides, so one alone has half of them."""
    max_pending_bulk: int = Field(default=256, ge=1)
    """The same for batches, streams and consolidations."""
    max_pending_text: int = Field(default=512, ge=1)
    """The same for calls that wait for a text worker."""
    max_pending_llm: int = Field(default=256, ge=1)
    """The same for calls that ask, or wait to ask, a model provider."""
    max_queue_s: float = Field(default=0.15, gt=0, le=60)
    """Estimated work of queries that may wait before one worker in one lane, seconds. What would
    wait longer is refused with BULKHEAD_FULL."""
    max_write_queue_s: float = Field(default=5.0, gt=0, le=60)
    """The same for writes, and for texts before a text worker."""
    max_watches: int = Field(default=64, ge=1, le=10_000)
    """Watches of one space at once; more are refused with BULKHEAD_FULL."""
    max_streams: int = Field(default=128, ge=1, le=10_000)
    """Streams of memories and events at once; more are refused with BULKHEAD_FULL. Also bounded by
    memory: each may send a message of `server.max_request_bytes` at any time."""
    max_stream_items: int = Field(default=1_024, ge=1, le=65_536)
    """Items that a client may send on one stream before they are acknowledged."""
    consolidation: bool = True
    """Let a space consolidate its memories when it falls asleep."""
    consolidation_interval_s: float = Field(default=1.0, ge=0, le=86_400)
    """Shortest time between two such consolidations of a space, seconds."""
    scrub_rows_per_s: int = Field(default=4_096, ge=0, le=1_000_000)
    """Rows compared with their checksums in a second of an idle worker, all spaces together; 0
    compares them for snapshots only."""
    worker_start_timeout_s: float = Field(default=30.0, gt=0)
    """A worker that is not ready after this is given up, seconds."""
    worker_stall_timeout_s: float = Field(default=5.0, ge=0)
    """A worker that makes no step for this long while somebody waits is replaced, seconds; steps
    over many bytes have longer. 0 lets it be. Well below `pressure.max_processing_s` it is replaced
    before the node is in an emergency."""
    worker_memory_limit_bytes: int = Field(default=0, ge=0)
    """A worker that holds spaces and more memory than this is replaced, bytes. 0 is what it has at
    rest and all that the limit leaves, where there is one. Keep it well above a worker's part of
    the memory budget."""
    standby_worker: bool = True
    """Keep one more worker that takes the place of a lost one at once."""
    memory_budget_bytes: int = Field(default=0, ge=0)
    """Most bytes of all spaces in memory together; above it, those not in use leave.
    0 is what the limit leaves beside messages and the rest, at most 60 % of it; without a limit, of
    the memory of the machine. See docs/operations.md."""
    stop_snapshots_s: float = Field(default=20.0, ge=0)
    """Longest time for snapshots when the server stops, seconds; what is left is replayed."""
