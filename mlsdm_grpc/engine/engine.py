"""The engine: what servicers call. Everything is asynchronous and bounded; nothing blocks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import anyio.abc

from mlsdm_grpc.engine.parts import EngineParts
from mlsdm_grpc.llm.embedders import EmbedderInfo
from mlsdm_grpc.spaces.directory import Directory
from mlsdm_grpc.workers.pool import Loss

__all__ = ["Engine"]

_STOP_S = 10.0


class Engine:
    """Minds in worker processes behind a journal.

    Args:
        parts: What :func:`wire_engine` made.
    """

    def __init__(self, parts: EngineParts) -> None:
        self.parts = parts
        """All objects of the engine; servicers use those below."""
        self.clock = parts.clock
        """Time of this server."""
        self.ids = parts.ids
        """Makes the ids of what has none."""
        self.lanes = parts.lanes
        """Who may work, and when."""
        self.texts = parts.texts
        """What text workers do."""
        self.quarantine = parts.quarantine
        """Spaces that take no writes."""
        self.turns = parts.access.turns
        """Slices of the event loop, for those who have much to do on it."""
        self.policies = parts.policies
        """The policies of the tenants."""
        self.judging = parts.judging
        """What judges texts."""
        self.catalogue = parts.catalogue
        """The spaces themselves: creating, configuring and listing them."""
        self.reads = parts.reads
        """Queries, single memories, pages, figures."""
        self.intake = parts.intake
        """The way in of memories and events."""
        self.streams = parts.streams
        """Streams of memories and events."""
        self.watches = parts.watches
        """Those who watch the state of a space."""
        self.consolidator = parts.consolidator
        """What merges memories that say the same."""
        self.evictor = parts.evictor
        """What lets spaces leave RAM."""
        self.vitals = parts.vitals
        """How it is doing."""

    @property
    def embedder(self) -> EmbedderInfo | None:
        """The embedder of this server; None without one."""
        return self.texts.info

    @property
    def new_spaces_version(self) -> int:
        """Version of the rules that new spaces are under."""
        return self.parts.records.new_spaces_version

    @property
    def directory(self) -> Directory:
        """The spaces in use here."""
        return self.parts.directory

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the workers; at the end finish all writes and leave a snapshot of every space."""
        parts = self.parts
        async with anyio.create_task_group() as tasks:
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
                with anyio.CancelScope(shield=True):
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
