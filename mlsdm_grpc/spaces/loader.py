"""Loading of spaces into their workers: a snapshot, then the records after it."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import anyio

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.core.mind.ontology import Ontology
from mlsdm_grpc.journal.protocol import Journal
from mlsdm_grpc.observability.metrics import Metrics
from mlsdm_grpc.protection.lanes import Gate, Lane
from mlsdm_grpc.spaces.quarantine import Quarantine
from mlsdm_grpc.spaces.space import Space
from mlsdm_grpc.workers.link import Link
from mlsdm_grpc.workers.pool import Pool
from mlsdm_grpc.workers.space_codec import raise_failure, view_from_reply

__all__ = ["LARGE_BYTES", "TURN_S", "Loader"]

# Maximum number of spaces that a worker loads at a time.
_LOADS_A_WORKER: Final = 4
# Cost of a load at its gate, seconds. It is a constant, because the duration is not known before.
_LOAD_S: Final = 1.0
# Size above which loading a snapshot occupies its worker for long, bytes.
LARGE_BYTES: Final = 4 * 1024 * 1024
# Maximum time that a large load waits for the previous one, seconds.
TURN_S: Final = 2.0


class Loader:
    """Loader of spaces: a few for each worker at a time, in turn between tenants.

    Args:
        journal: Source of snapshots and records.
        pool: Workers that hold the spaces.
        quarantine: Registers records and snapshots that crash workers.
        metrics: Metrics to update.
    """

    def __init__(
        self, journal: Journal, pool: Pool, quarantine: Quarantine, metrics: Metrics
    ) -> None:
        self._journal = journal
        self._pool = pool
        self._quarantine = quarantine
        self._metrics = metrics
        self._gates = [
            Gate(
                Lane.MAINTENANCE,
                # The lanes already limit the number of waiting calls.
                max_queue_s=math.inf,
                clock=time.monotonic,
                waited=metrics.space_load_wait.observe,
                window_s=_LOADS_A_WORKER * _LOAD_S,
            )
            for _ in range(pool.size)
        ]
        self._turns = [asyncio.Lock() for _ in range(pool.size)]

    @asynccontextmanager
    async def turn(self, space: Space) -> AsyncIterator[None]:
        """Return a context that waits for a permit to load a space and holds the permit."""
        gate = self._gates[space.worker]
        await gate.enter(space.key.tenant, _LOAD_S, math.inf)
        try:
            yield
        finally:
            gate.leave(_LOAD_S)

    async def bring_up(self, space: Space) -> None:
        """Load a space and apply its records; a record that fails repeatedly is quarantined.

        Raises:
            DataLoss: Snapshot or records cannot be read.
            Unavailable: WORKER_LOST.
        """
        link = await self._pool.ready(space.worker)
        until = self._quarantine.last_served(space.key)
        async with AsyncExitStack() as turn:
            while not await self._caught_up(space, link, until, turn):
                until = self._quarantine.last_served(space.key)
        # All records were applied, so none of them caused the earlier failures.
        if until is None:
            self._quarantine.passed(space.key)
        version = await self.read_view(space, link)
        if space.head_unknown:
            space.head, space.semantics_version = space.applied, version
            space.head_unknown = False

    async def _take_turn(self, worker: int, turn: AsyncExitStack) -> None:
        """Wait for the previous large load of the worker; in parallel, both take twice as long."""
        with anyio.move_on_after(TURN_S):
            await turn.enter_async_context(self._turns[worker])

    async def _caught_up(
        self, space: Space, link: Link, until: int | None, turn: AsyncExitStack
    ) -> bool:
        """Load a space and apply its records up to revision ``until``.

        Returns:
            False if a record is defective.
        """
        if space.link is not link:
            while not await self._loaded_snapshot(space, link, turn):
                pass
        async for entries in self._journal.read(space.key, after=space.applied, until=until):
            replay = pb.ReplayRequest(records=[entry.payload for entry in entries])
            reply = await link.request(pb.LinkRequest(space_id=space.number, replay=replay))
            if reply.defect_revision:
                # The worker has discarded the space at the defect; the next attempt loads it again.
                space.unlink()
                self._quarantine.strike(space.key, reply.defect_revision)
                return False
            space.heard(reply)
            raise_failure(reply, space.key.space)
            self._metrics.journal_replayed_records.inc(reply.done.count)
            space.unsaved += reply.done.writes
            space.advance(reply.revision)
        # The link is set last, so that callers never see a half-loaded space.
        space.link = link
        return True

    async def _loaded_snapshot(self, space: Space, link: Link, turn: AsyncExitStack) -> bool:
        """Load the newest snapshot; return False if it is damaged and the previous one is next."""
        snapshot = await self._journal.load_snapshot(space.key)
        # Loading a small snapshot takes less time than waiting for a turn.
        if snapshot and snapshot.size > LARGE_BYTES:
            await self._take_turn(space.worker, turn)
        load = pb.LoadRequest(snapshot_path=str(snapshot.path) if snapshot else "")
        space.asked = link
        reply = await link.request(pb.LinkRequest(space_id=space.number, load=load))
        if snapshot and reply.snapshot_damaged:
            problem = reply.failure.message
            # The previous snapshot and the records after it may still contain the whole space.
            if await self._journal.reject_snapshot(space.key, snapshot, problem):
                return False
        raise_failure(reply, space.key.space)
        space.heard(reply)
        space.applied = reply.revision
        space.snapshot_revision = snapshot.revision if snapshot else 0
        space.unsaved = space.unsaved_due = 0
        return True

    async def read_view(self, space: Space, link: Link) -> int:
        """Read the state of a space and return the version of its rules."""
        reply = await link.request(pb.LinkRequest(space_id=space.number, view=pb.ViewRequest()))
        space.heard(reply)
        raise_failure(reply, space.key.space)
        space.view = view_from_reply(reply)
        space.ontology = Ontology(space.view.parameters.ontology if space.view else ())
        return reply.view.semantics_version
