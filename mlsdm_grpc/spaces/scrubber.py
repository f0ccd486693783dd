"""Scrubbing: comparison of the rows of loaded spaces with their checksums.

A damaged row is restored from a second copy of the space, which is loaded from snapshot and
journal. A row that cannot be restored is lost: reading this memory returns DATA_LOSS, and all other
memories are served.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import anyio
import anyio.abc
import structlog

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.errors import DataLoss, MlsdmError
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.observability.metrics import Metrics
from mlsdm_grpc.protection.lanes import Lane
from mlsdm_grpc.spaces.space import Space
from mlsdm_grpc.spaces.space_client import Access

__all__ = ["TICK_S", "Scrubber"]

_log = structlog.get_logger(__name__)
# Interval between two scrub requests, seconds.
TICK_S = 0.25
# Number of rows that one request compares before a snapshot.
_SWEEP_ROWS = 4_096
# Number of ticks after which a space is scrubbed even if its worker is busy.
_BUSY_TURNS = 20


@dataclass(slots=True)
class _Turn:
    """Progress of scrubbing one space."""

    start: int = 0
    waited: int = 0
    """Number of consecutive ticks at which its worker was busy."""
    failing: bool = False
    """True if the last attempt failed; its failure is already logged."""


class Scrubber:
    """Scrubbing of the spaces of this node.

    Args:
        access: Access to the spaces.
        rows_per_s: Number of rows to compare per second, over all spaces; 0 for scrubbing only
            before snapshots.
        metrics: Metrics to update.
    """

    def __init__(self, access: Access, *, rows_per_s: int, metrics: Metrics) -> None:
        self._directory = access.directory
        self._ask = partial(access.ask, lane=Lane.MAINTENANCE)
        self._rows_a_tick = -(-rows_per_s // round(1 / TICK_S))
        self._rows = metrics.scrub_rows
        self._scrubbing = anyio.CancelScope()

    def start(self, tasks: anyio.abc.TaskGroup) -> None:
        """Start scrubbing, in a task of this group."""
        if self._rows_a_tick:
            tasks.start_soon(self._scrub_for_ever)

    def stop(self) -> None:
        """Stop automatic scrubbing."""
        self._scrubbing.cancel()

    async def sweep(self, space: Space) -> None:
        """Compare all rows of a space with their checksums, in steps."""
        start = await self._scrub(space, 0, _SWEEP_ROWS)
        while start:
            start = await self._scrub(space, start, _SWEEP_ROWS)

    async def _scrub_for_ever(self) -> None:
        """Scrub all spaces in turn, some rows at a time; spaces of busy workers wait."""
        turns: dict[SpaceKey, _Turn] = {}
        with self._scrubbing:
            while True:
                spaces = list(self._directory)
                turns = {space.key: turns.get(space.key, _Turn()) for space in spaces}
                for space in spaces:
                    await anyio.sleep(TICK_S)
                    await self._take(space, turns[space.key])
                if not spaces:
                    await anyio.sleep(TICK_S)

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

    async def _scrub(self, space: Space, start: int, count: int) -> int:
        """Compare some rows, repair damaged ones, and return the next slot, 0 at the end."""
        wanted = pb.ScrubRequest(start=start, count=count)
        reply = (await self._ask(space, pb.LinkRequest(scrub=wanted))).scrub
        self._rows.labels("checked").inc(reply.checked)
        if reply.damaged:
            self._rows.labels("damaged").inc(len(reply.damaged))
            await self._repair(space, reply.damaged)
        return reply.next

    async def _repair(self, space: Space, memory_ids: Sequence[str]) -> None:
        """Repair rows from a second copy of the space; rows that it does not contain are lost."""
        wanted = pb.RepairRequest(memory_ids=memory_ids)
        try:
            async with self._directory.apart(space.key) as copy:
                wanted.copy_id = copy.number
                reply = (await self._ask(space, pb.LinkRequest(repair=wanted))).repair
        except DataLoss:
            # There is no complete copy; without one, the worker marks the rows as lost.
            wanted.copy_id = 0
            reply = (await self._ask(space, pb.LinkRequest(repair=wanted))).repair
        self._rows.labels("repaired").inc(len(reply.repaired))
        self._rows.labels("lost").inc(len(reply.lost))
        if reply.repaired:
            _log.warning("rows_repaired", count=len(reply.repaired), revision=space.applied)
        if reply.lost:
            _log.error("rows_lost", count=len(reply.lost), memory_ids=list(reply.lost))
