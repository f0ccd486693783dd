"""Snapshots of the spaces in use: when one is due, and how it is taken."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial

import anyio
import anyio.abc
import structlog

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.core.model.record import Outcome
from mlsdm_grpc.errors import MlsdmError
from mlsdm_grpc.journal.protocol import Journal, SpaceKey
from mlsdm_grpc.observability.metrics import Metrics
from mlsdm_grpc.protection.lanes import Lane
from mlsdm_grpc.spaces.directory import Space
from mlsdm_grpc.spaces.scrubber import Scrubber
from mlsdm_grpc.spaces.space_client import Access
from mlsdm_grpc.workers.space_codec import writes_of

__all__ = ["SnapshotSchedule", "Snapshots"]

_log = structlog.get_logger(__name__)
_REST_S = 10.0
"""Time from one snapshot of a space to the next, seconds, as one costs its worker about as much as
the writes before it;"""
_MOST = 4
"""but not with so many times the writes that are due."""
_CHEAP_REPLAY = 1_000
"""Writes that are replayed faster than a snapshot is written."""


class SnapshotSchedule:
    """Counts the writes to spaces and queues those that are due for a snapshot.

    Args:
        every: Writes to a space between two snapshots.
    """

    def __init__(self, every: int) -> None:
        self.every = every
        self._due: asyncio.Queue[Space] = asyncio.Queue()
        self._claimed: set[SpaceKey] = set()
        self._open = False

    def open(self) -> None:
        """Queue spaces from here on."""
        self._open = True

    def close(self) -> None:
        """Queue no more spaces."""
        self._open = False

    def applied(self, space: Space, outcome: Outcome | None) -> None:
        """Note a record that was applied to a space, and queue the space if it is due."""
        space.unsaved += writes_of(outcome)
        if self._open and self._is_due(space) and self.claim(space.key):
            self._due.put_nowait(space)

    async def next(self) -> Space:
        """Wait for the next space that is due; it is claimed."""
        return await self._due.get()

    @property
    def idle(self) -> bool:
        """Whether no snapshot is due or being taken."""
        return not self._claimed

    def claim(self, key: SpaceKey) -> bool:
        """Return whether a snapshot may be taken of a space: nobody else takes one now."""
        if key in self._claimed:
            return False
        self._claimed.add(key)
        return True

    def release(self, key: SpaceKey) -> None:
        """Let others take a snapshot of a space again."""
        self._claimed.discard(key)

    def _is_due(self, space: Space) -> bool:
        if space.unsaved < max(self.every, space.unsaved_due):
            return False
        rested_s = asyncio.get_running_loop().time() - space.snapshot_s
        return rested_s >= _REST_S or space.unsaved >= _MOST * self.every


class Snapshots:
    """Takes snapshots of the spaces of this node.

    Args:
        access: The way to the spaces.
        journal: Where snapshots go.
        schedule: The spaces that are due.
        scrubber: Looks at the rows that a snapshot is to hold.
        stop_s: Longest time for the snapshots at the end, seconds.
        metrics: Where figures go.
    """

    def __init__(
        self,
        access: Access,
        journal: Journal,
        schedule: SnapshotSchedule,
        scrubber: Scrubber,
        *,
        stop_s: float,
        metrics: Metrics,
    ) -> None:
        self._journal = journal
        self._directory = access.directory
        self._ask = partial(access.ask, lane=Lane.MAINTENANCE)
        self._schedule = schedule
        self._scrubber = scrubber
        self._stop_s = stop_s
        self._snapshots = metrics.space_snapshots

    @property
    def idle(self) -> bool:
        """Whether no snapshot is due or being taken."""
        return self._schedule.idle

    def start(self, tasks: anyio.abc.TaskGroup) -> None:
        """Take snapshots of spaces that are due from here on, in tasks of this group."""
        self._schedule.open()
        tasks.start_soon(self._snapshot_for_ever, tasks)

    async def _snapshot_for_ever(self, tasks: anyio.abc.TaskGroup) -> None:
        while True:
            tasks.start_soon(self.take, await self._schedule.next())

    async def before_eviction(self, space: Space) -> None:
        """Leave a snapshot of a space if loading it again would be slow without."""
        if space.unsaved > _CHEAP_REPLAY and self._schedule.claim(space.key):
            await self.take(space)

    async def snapshot_all(self) -> None:
        """Leave a snapshot of every space that has changed; begin none by itself any more.

        Those with most to replay come first; what is not done in time is replayed.
        """
        self._schedule.close()
        behind = [
            space
            for space in self._directory
            if space.link is not None and space.applied > space.snapshot_revision
        ]
        behind.sort(key=lambda space: space.unsaved, reverse=True)
        done = 0
        with anyio.move_on_after(self._stop_s):
            for space in behind:
                await self.take(space)
                done += 1
        if done < len(behind):
            _log.warning("snapshots_left_out", count=len(behind) - done)

    async def take(self, space: Space) -> None:
        """Write a snapshot and let the journal forget what two snapshots hold."""
        path = self._journal.scratch_path()
        try:
            await self._scrubber.sweep(space)
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
            space.unsaved_due = space.unsaved + self._schedule.every // 10
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
            self._schedule.release(space.key)
