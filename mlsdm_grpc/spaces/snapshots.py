"""Snapshots of loaded spaces: their schedule and creation."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial

import anyio
import anyio.abc
import structlog

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.core.model.outcome import Outcome
from mlsdm_grpc.errors import MlsdmError
from mlsdm_grpc.journal.protocol import Journal, SpaceKey
from mlsdm_grpc.observability.metrics import Metrics
from mlsdm_grpc.protection.lanes import Lane
from mlsdm_grpc.spaces.scrubber import Scrubber
from mlsdm_grpc.spaces.space import Space
from mlsdm_grpc.spaces.space_client import Access
from mlsdm_grpc.workers.space_codec import writes_of

__all__ = ["SnapshotSchedule", "Snapshots"]

_log = structlog.get_logger(__name__)
# Minimum time between two snapshots of a space, seconds. A snapshot costs the worker about as much
# as the writes that it covers.
_REST_S = 10.0
# Multiple of the configured number of writes above which this time is ignored.
_MOST = 4
# Number of writes whose replay is faster than writing a snapshot.
_CHEAP_REPLAY = 1_000


class SnapshotSchedule:
    """Counter of writes, and queue of the spaces that are due for a snapshot.

    Args:
        every: Number of writes to a space between two snapshots.
    """

    def __init__(self, every: int) -> None:
        self.every = every
        self._due: asyncio.Queue[Space] = asyncio.Queue()
        self._claimed: set[SpaceKey] = set()
        self._open = False

    def open(self) -> None:
        """Start queueing due spaces."""
        self._open = True

    def close(self) -> None:
        """Stop queueing due spaces."""
        self._open = False

    def applied(self, space: Space, outcome: Outcome | None) -> None:
        """Count an applied record, and queue the space if it is due."""
        space.unsaved += writes_of(outcome)
        if self._open and self._is_due(space) and self.claim(space.key):
            self._due.put_nowait(space)

    async def next(self) -> Space:
        """Wait for the next due space, which is already claimed."""
        return await self._due.get()

    @property
    def idle(self) -> bool:
        """True if no snapshot is due or in progress."""
        return not self._claimed

    def claim(self, key: SpaceKey) -> bool:
        """Claim a space; return False if a snapshot of it is due or in progress."""
        if key in self._claimed:
            return False
        self._claimed.add(key)
        return True

    def release(self, key: SpaceKey) -> None:
        """Release the claim of a space."""
        self._claimed.discard(key)

    def _is_due(self, space: Space) -> bool:
        if space.unsaved < max(self.every, space.unsaved_due):
            return False
        rested_s = asyncio.get_running_loop().time() - space.snapshot_s
        return rested_s >= _REST_S or space.unsaved >= _MOST * self.every


class Snapshots:
    """Creation of snapshots of the spaces of this node.

    Args:
        access: Access to the spaces.
        journal: Destination of the snapshots.
        schedule: Queue of the due spaces.
        scrubber: Checks the rows before a snapshot.
        stop_s: Maximum time for all snapshots at the end of the server, seconds.
        metrics: Metrics to update.
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
        """True if no snapshot is due or in progress."""
        return self._schedule.idle

    def start(self, tasks: anyio.abc.TaskGroup) -> None:
        """Start taking snapshots of due spaces, in tasks of this group."""
        self._schedule.open()
        tasks.start_soon(self._snapshot_for_ever, tasks)

    async def _snapshot_for_ever(self, tasks: anyio.abc.TaskGroup) -> None:
        while True:
            tasks.start_soon(self.take, await self._schedule.next())

    async def before_eviction(self, space: Space) -> None:
        """Take a snapshot of a space if a load without it would be slow."""
        if space.unsaved > _CHEAP_REPLAY and self._schedule.claim(space.key):
            await self.take(space)

    async def snapshot_all(self) -> None:
        """Stop automatic snapshots, and take a last one of every changed space, within ``stop_s``.

        Spaces with the most unsaved writes come first. The records of the others are replayed at
        the next start.
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
        """Write a snapshot, and trim the records that are no longer needed.

        Errors are logged, and the snapshot is attempted again later.
        """
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
