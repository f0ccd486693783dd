"""Engine that servicers call.

Every operation is asynchronous and bounded; none blocks the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import anyio
import anyio.abc

from mlsdm_grpc.engine.parts import EngineParts
from mlsdm_grpc.llm.embedders import EmbedderInfo
from mlsdm_grpc.spaces.directory import Directory
from mlsdm_grpc.workers.pool import Loss

__all__ = ["Engine"]

# Maximum time to complete the writes in progress at the end of the server, seconds.
_STOP_S = 10.0


class Engine:
    """Minds in worker processes, with a journal that makes their writes durable.

    Args:
        parts: Result of :func:`wire_engine`.
    """

    def __init__(self, parts: EngineParts) -> None:
        self.parts = parts
        """All objects of the engine; servicers use the attributes below."""
        self.clock = parts.clock
        """Clock of this server."""
        self.ids = parts.ids
        """Generator of ids for records without one."""
        self.lanes = parts.lanes
        """Lanes, which limit and admit work by its kind."""
        self.texts = parts.texts
        """Embedding, measurement and speech analysis in text workers."""
        self.quarantine = parts.quarantine
        """Spaces that refuse writes."""
        self.turns = parts.access.turns
        """Fair scheduler of long computations on the event loop."""
        self.tenants = parts.tenants
        """Quotas, defaults and usage of the tenants."""
        self.policies = parts.policies
        """Policies of the tenants."""
        self.judging = parts.judging
        """Evaluation of texts by rules and detectors."""
        self.catalogue = parts.catalogue
        """Creation, configuration and listing of spaces."""
        self.reads = parts.reads
        """Queries, single memories, pages and state."""
        self.intake = parts.intake
        """Writes of memories and events."""
        self.streams = parts.streams
        """Streams of memories and events."""
        self.decisions = parts.decisions
        """Newest decisions of the spaces."""
        self.watches = parts.watches
        """Watches of the state of spaces."""
        self.consolidator = parts.consolidator
        """Background merge of duplicate memories."""
        self.evictor = parts.evictor
        """Eviction of spaces from RAM."""
        self.vitals = parts.vitals
        """Health figures of the engine."""

    @property
    def embedder(self) -> EmbedderInfo | None:
        """Embedder of this server; None without one."""
        return self.texts.info

    @property
    def new_spaces_version(self) -> int:
        """Version of the rules of new spaces."""
        return self.parts.records.new_spaces_version

    @property
    def directory(self) -> Directory:
        """Directory of the spaces in use on this node."""
        return self.parts.directory

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the workers; at the end complete all writes and take snapshots of changed spaces."""
        parts = self.parts
        async with AsyncExitStack() as stack:
            if parts.forks is not None:
                stack.push_async_callback(asyncio.to_thread, parts.forks.close)
            tasks = await stack.enter_async_context(anyio.create_task_group())
            parts.lost_spaces.start(tasks)
            parts.consolidator.start(tasks)
            parts.scrubber.start(tasks)
            parts.snapshots.start(tasks)
            parts.evictor.start(tasks)
            async with anyio.create_task_group() as starting:
                starting.start_soon(parts.space_workers.start, tasks, self._worker_lost)
                starting.start_soon(parts.text_workers.start, tasks, self._text_worker_lost)
            try:
                yield
            finally:
                parts.consolidator.stop()
                parts.lost_spaces.stop()
                parts.evictor.stop()
                parts.scrubber.stop()
                parts.tenants.stop()
                with anyio.CancelScope(shield=True):
                    # Writes and snapshots must be completed even if the surrounding scope is
                    # cancelled.
                    with anyio.move_on_after(_STOP_S):
                        await parts.writes.drained()
                    await parts.snapshots.snapshot_all()
                    await parts.space_workers.close()
                    await parts.text_workers.close()
                tasks.cancel_scope.cancel()

    def _worker_lost(self, loss: Loss) -> None:
        self.parts.metrics.worker_restarts.labels("minds").inc()
        self.parts.lost_spaces.worker_lost(loss)

    def _text_worker_lost(self, _: Loss) -> None:
        self.parts.metrics.worker_restarts.labels("text").inc()
