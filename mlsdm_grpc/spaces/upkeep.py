"""Upkeep of the spaces in use: snapshots, and scrubbing their rows.

A row that is not what was stored is restored from a second copy of the space, which is made from
snapshot and journal beside it. What that copy cannot restore is lost: that one memory answers
DATA_LOSS from then on, all others serve.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import anyio
import anyio.abc
import structlog

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.core.model.record import Outcome
from mlsdm_grpc.errors import DataLoss, MlsdmError
from mlsdm_grpc.journal.protocol import Journal, SpaceKey
from mlsdm_grpc.observability.metrics import Metrics
from mlsdm_grpc.protection.background import Background
from mlsdm_grpc.protection.lanes import Lane
from mlsdm_grpc.spaces.directory import Space
from mlsdm_grpc.spaces.space_client import Access
from mlsdm_grpc.workers.space_codec import writes_of

__all__ = ["Upkeep"]

_log = structlog.get_logger(__name__)
_TICK_S = 0.25
_SWEEP_ROWS = 4_096
_REST_S = 10.0
"""Time from one snapshot of a space to the next, seconds, as one costs its worker about as much as
the writes before it;"""
_MOST = 4
"""but not with so many times the writes that are due."""
_CHEAP_REPLAY = 1_000
"""Writes that are replayed faster than a snapshot is written."""
_BUSY_TURNS = 20
"""A space whose worker is never idle is scrubbed nevertheless, every so often."""


@dataclass(slots=True)
class _Turn:
    """How far the scrubbing of a space is."""

    start: int = 0
    waited: int = 0
    """Times that its worker was busy."""
    failing: bool = False
    """It could not be scrubbed the last time, which was told."""


class Upkeep:
    """Keeps the spaces of this node.

    Args:
        access: The way to the spaces.
        journal: Where snapshots go, and what a damaged row is restored from.
        snapshot_every: Writes to a space between two snapshots.
        stop_s: Longest time for the snapshots at the end, seconds.
        scrub_rows_per_s: Rows compared with their checksums in a second, all spaces together;
            0 scrubs for snapshots only.
        metrics: Where figures go.
    """

    def __init__(
        self,
        access: Access,
        journal: Journal,
        *,
        snapshot_every: int,
        stop_s: float,
        scrub_rows_per_s: int,
        metrics: Metrics,
    ) -> None:
        self._journal = journal
        self._directory = access.directory
        self._ask = partial(access.ask, lane=Lane.MAINTENANCE)
        self._snapshot_every = snapshot_every
        self._stop_s = stop_s
        self._rows_a_tick = -(-scrub_rows_per_s // round(1 / _TICK_S))
        self._rows = metrics.scrub_rows
        self._snapshots = metrics.space_snapshots
        self._tasks: Background | None = None
        self._snapshotting: set[SpaceKey] = set()
        self._scrubbing = anyio.CancelScope()

    def start(self, tasks: anyio.abc.TaskGroup) -> None:
        """Take snapshots and scrub from here on, in tasks of this group."""
        self._tasks = Background(tasks)
        if self._rows_a_tick:
            tasks.start_soon(self._scrub_for_ever)

    # Snapshots.

    def applied(self, space: Space, outcome: Outcome | None) -> None:
        """Note a record that was applied to a space, and begin a snapshot if one is due."""
        space.unsaved += writes_of(outcome)
        if self._due(space) and space.key not in self._snapshotting and self._tasks is not None:
            self._snapshotting.add(space.key)
            self._tasks.begin(self._snapshot, space)

    def _due(self, space: Space) -> bool:
        if space.unsaved < max(self._snapshot_every, space.unsaved_due):
            return False
        rested_s = asyncio.get_running_loop().time() - space.snapshot_s
        return rested_s >= _REST_S or space.unsaved >= _MOST * self._snapshot_every

    async def before_eviction(self, space: Space) -> None:
        """Leave a snapshot of a space if loading it again would be slow without."""
        if space.unsaved > _CHEAP_REPLAY and space.key not in self._snapshotting:
            self._snapshotting.add(space.key)
            await self._snapshot(space)

    async def snapshot_all(self) -> None:
        """Begin nothing any more; leave a snapshot of every space that has changed.

        Those with most to replay come first; what is not done in time is replayed.
        """
        self._tasks = None
        self._scrubbing.cancel()
        behind = [
            space
            for space in self._directory
            if space.link is not None and space.applied > space.snapshot_revision
        ]
        behind.sort(key=lambda space: space.unsaved, reverse=True)
        done = 0
        with anyio.move_on_after(self._stop_s):
            for space in behind:
                await self._snapshot(space)
                done += 1
        if done < len(behind):
            _log.warning("snapshots_left_out", count=len(behind) - done)

    async def _snapshot(self, space: Space) -> None:
        """Write a snapshot and let the journal forget what two snapshots hold."""
        path = self._journal.scratch_path()
        try:
            await self._sweep(space)
            request = pb.LinkRequest(snapshot=pb.SnapshotRequest(path=str(path)))
            unsaved = space.unsaved
            done = (await self._ask(space, request)).done
            revision = done.snapshot_revision
            await self._journal.save_snapshot(
                space.key, revision=revision, path=path, digest=done.sha256
            )
            self._snapshots.labels("saved").inc()
            space.snapshot_revision = revision
            space.unsaved = max(0, space.unsaved - unsaved)
            space.unsaved_due = 0
            space.snapshot_s = asyncio.get_running_loop().time()
            await self._journal.trim(space.key, until=revision)
        except (MlsdmError, OSError) as error:
            space.unsaved_due = space.unsaved + self._snapshot_every // 10
            self._snapshots.labels("failed").inc()
            tenant, name = space.key
            _log.warning(
                "snapshot_failed",
                tenant=tenant,
                space=name,
                revision=space.applied,
                detail=str(error),
            )
            with contextlib.suppress(OSError):
                await anyio.Path(path).unlink(missing_ok=True)
        finally:
            self._snapshotting.discard(space.key)

    # Scrubbing.

    async def _scrub_for_ever(self) -> None:
        """Go through all spaces in turn, some rows at a time, first of all where it is idle."""
        turns: dict[SpaceKey, _Turn] = {}
        with self._scrubbing:
            while True:
                spaces = list(self._directory)
                turns = {space.key: turns.get(space.key, _Turn()) for space in spaces}
                for space in spaces:
                    await anyio.sleep(_TICK_S)
                    await self._take(space, turns[space.key])
                if not spaces:
                    await anyio.sleep(_TICK_S)

    async def _take(self, space: Space, turn: _Turn) -> None:
        turn.waited += 1
        if space.link is None or (space.link.pending and turn.waited < _BUSY_TURNS):
            return
        turn.waited = 0
        try:
            turn.start = await self._scrub(space, turn.start, self._rows_a_tick)
            turn.failing = False
        except MlsdmError as error:
            if not turn.failing:
                _log.warning("scrub_failed", reason=error.reason, detail=error.message)
            turn.failing = True

    async def _sweep(self, space: Space) -> None:
        """Compare all rows of a space with their checksums, in steps that let others in."""
        start = await self._scrub(space, 0, _SWEEP_ROWS)
        while start:
            start = await self._scrub(space, start, _SWEEP_ROWS)

    async def _scrub(self, space: Space, start: int, count: int) -> int:
        """Look at some rows, restore those that are damaged, and return where to go on, or 0."""
        wanted = pb.ScrubRequest(start=start, count=count)
        reply = (await self._ask(space, pb.LinkRequest(scrub=wanted))).scrub
        self._rows.labels("checked").inc(reply.checked)
        if reply.damaged:
            self._rows.labels("damaged").inc(len(reply.damaged))
            await self._repair(space, reply.damaged)
        return reply.next

    async def _repair(self, space: Space, memory_ids: Sequence[str]) -> None:
        """Restore rows from a second copy of the space; give up those that it does not have."""
        wanted = pb.RepairRequest(memory_ids=memory_ids)
        try:
            async with self._directory.rebuilt(space) as copy:
                wanted.copy_id = copy.number
                reply = (await self._ask(space, pb.LinkRequest(repair=wanted))).repair
        except DataLoss:
            wanted.copy_id = 0  # there is no copy to be had
            reply = (await self._ask(space, pb.LinkRequest(repair=wanted))).repair
        self._rows.labels("repaired").inc(len(reply.repaired))
        self._rows.labels("lost").inc(len(reply.lost))
        if reply.repaired:
            _log.warning("rows_repaired", count=len(reply.repaired), revision=space.applied)
        if reply.lost:
            _log.error("rows_lost", count=len(reply.lost), memory_ids=list(reply.lost))
