"""The directory of spaces: where each lives, how it gets ready, and how it leaves RAM.

COLD -> LOADING -> HOT -> EVICTING -> COLD. Loading is single flight: a snapshot, then the records
behind it; some spaces of a worker at a time, in turn between tenants. Records that become durable
meanwhile wait in order; the revision rule removes any overlap. A worker that goes away, or an
append that fails, makes a space COLD again, and the next call brings it back; the spaces of a lost
worker come back by themselves, last used first. Spaces that nobody is at leave when all together
take more than their budget, least recently used first; a call that comes in between waits for the
end and loads again.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
import zlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from weakref import WeakValueDictionary

import anyio
import anyio.abc
import structlog

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.core.mind.mind import SpaceView
from mlsdm_grpc.core.mind.ontology import Ontology
from mlsdm_grpc.errors import DataLoss, MlsdmError, NotFound, PreconditionFailed, Unavailable
from mlsdm_grpc.journal.protocol import Journal, SpaceKey
from mlsdm_grpc.observability.metrics import Metrics
from mlsdm_grpc.protection.background import Background
from mlsdm_grpc.protection.lanes import Gate, Lane
from mlsdm_grpc.protection.memory_budget import Budget
from mlsdm_grpc.spaces.quarantine import Quarantine
from mlsdm_grpc.spaces.space import Space, SpaceStatus
from mlsdm_grpc.workers.link import Link
from mlsdm_grpc.workers.pool import Loss, Pool
from mlsdm_grpc.workers.space_codec import raise_failure, view_from_reply

__all__ = ["TENANT_SPACE", "Directory", "Space", "SpaceStatus", "space_not_found"]

TENANT_SPACE = "_tenant"
"""Reserved space of every tenant; no request can name it."""
_LOADS_A_WORKER = 4
_LOAD_S = 1.0
"""What a load counts for at its gate; how long it takes is not known before."""
_LARGE_BYTES = 4 * 1024 * 1024
"""A snapshot that keeps its worker busy for long."""
_TURN_S = 2.0
"""Longest wait of a large load for the one before it."""
_ROOM_S = 1.0
"""Longest wait of a load for room: a worker that hangs must not hold up the others."""
_log = structlog.get_logger(__name__)


class Directory:
    """All spaces that this node has in use.

    Args:
        journal: Where snapshots and records come from.
        pool: Workers that hold the minds.
        budget: What the spaces may take in RAM, all together.
        quarantine: Spaces that cannot be brought up to date.
        on_backlog: Told of the end of every load, with records that waited for it.
        metrics: Where figures go.
    """

    def __init__(
        self,
        journal: Journal,
        pool: Pool,
        *,
        budget: Budget,
        quarantine: Quarantine,
        on_backlog: Callable[[Space], None],
        metrics: Metrics,
    ) -> None:
        self._journal = journal
        self._pool = pool
        self._budget = budget
        self._quarantine = quarantine
        self._on_backlog = on_backlog
        self._metrics = metrics
        self._spaces: OrderedDict[SpaceKey, Space] = OrderedDict()
        """Spaces in RAM, and those that their worker has lost; last used last."""
        self._known: WeakValueDictionary[SpaceKey, Space] = WeakValueDictionary()
        """Every space that somebody holds."""
        self._numbered: WeakValueDictionary[int, Space] = WeakValueDictionary()
        """Every space and every second copy of one, by number."""
        self._last_number = 0
        self._gates = [
            Gate(
                Lane.MAINTENANCE,
                max_queue_s=math.inf,  # calls that wait are bounded by their lanes
                clock=time.monotonic,
                waited=metrics.space_load_wait.observe,
                window_s=_LOADS_A_WORKER * _LOAD_S,
            )
            for _ in range(pool.size)
        ]
        self._turns = [asyncio.Lock() for _ in range(pool.size)]
        self._tasks: Background | None = None
        metrics.spaces_loaded.set_function(lambda: len(self))
        metrics.spaces_memory.set_function(lambda: budget.used_bytes)
        metrics.spaces_quarantined.set_function(lambda: len(self.quarantined))
        for status in SpaceStatus:
            metrics.spaces.labels(status.value).set_function(partial(self._count, status))

    def start(self, tasks: anyio.abc.TaskGroup) -> None:
        """Bring lost spaces back, in tasks of this group."""
        self._tasks = Background(tasks)

    def stop(self) -> None:
        """Begin nothing by itself any more."""
        self._tasks = None

    def __iter__(self) -> Iterator[Space]:
        return iter(list(self._spaces.values()))

    def __len__(self) -> int:
        return len(self._spaces)

    def _count(self, status: SpaceStatus) -> int:
        return sum(space.status is status for space in self._spaces.values())

    @property
    def quarantined(self) -> Mapping[SpaceKey, int]:
        """Spaces that take no writes, with the revision of the record that nothing survives."""
        return self._quarantine.spaces

    async def existing(self, key: SpaceKey) -> Space:
        """Return a space that exists, loaded.

        Raises:
            NotFound: SPACE_NOT_FOUND; nothing is kept of it.
        """
        if key not in self._spaces and await self.is_new(key):
            raise space_not_found(key)
        space = await self.opened(key)
        if await self.current_view(space) is None:
            raise space_not_found(key)
        return space

    async def current_view(self, space: Space) -> SpaceView | None:
        """Return the view of a loaded space with the parameters that it has now."""
        view = space.view
        if space.applied and (view is None or view.revision < space.configured):
            await self.refresh_view(space)
        return space.view

    async def glimpse(self, key: SpaceKey) -> SpaceView | None:
        """Return the view of a space, which is not kept in memory for it; None if it is no more.

        Cost: of a space that is not in use, reading all of it from the journal.
        """
        if key in self._spaces:
            space = await self.opened(key)
            await self.refresh_view(space)
            return space.view
        async with self._apart(key) as space:
            return space.view

    def rebuilt(self, space: Space) -> AbstractAsyncContextManager[Space]:
        """Return a second copy of a loaded space, made from snapshot and journal on its worker.

        Raises:
            DataLoss: Snapshot and journal do not have all of it any more.
        """
        return self._apart(space.key)

    @asynccontextmanager
    async def _apart(self, key: SpaceKey) -> AsyncIterator[Space]:
        """Load a space under a number of its own, and forget it at the end."""
        space = self._new(key)
        try:
            async with self._turn(space):
                await self._bring_up(space)
            yield space
        finally:
            self._unload(space)

    async def is_new(self, key: SpaceKey) -> bool:
        """Return whether nothing was ever written to a space."""
        return key not in self._known and await self._journal.head(key) == 0

    def hangs(self, key: SpaceKey) -> bool:
        """Return whether the worker of a space hangs; see :meth:`Pool.hangs`."""
        return self._pool.hangs(self._worker_of(key))

    def watched(self, key: SpaceKey) -> Callable[[], bool]:
        """Return what says whether the worker of a space moves; see :meth:`Pool.watched`."""
        return self._pool.watched(self._worker_of(key))

    def known(self, key: SpaceKey) -> Space | None:
        """Return a space if anybody holds it, loaded or not."""
        return self._known.get(key)

    async def opened(self, key: SpaceKey) -> Space:
        """Return a space, loaded; it may not exist yet, then its ``view`` is None."""
        space = self._spaces.get(key)
        if space is None:
            space = self._spaces[key] = self._known.get(key) or self._new(key)
            self._known[key] = space
        self._spaces.move_to_end(key)
        space.used_s = asyncio.get_running_loop().time()
        if space.status is not SpaceStatus.HOT:
            await self.loaded(space)
        return space

    async def loaded(self, space: Space) -> None:
        """Wait until a space is loaded; it stays so at least until the caller's next wait.

        Raises:
            DataLoss: It cannot be brought up to date.
            Unavailable: WORKER_LOST.
        """
        with space:
            while space.status is not SpaceStatus.HOT:
                await asyncio.shield(space.moving or self._begin_to_load(space))

    def reload(self, space: Space) -> None:
        """Bring back a space for records that wait in its backlog."""
        if space.moving is None:
            self._begin_to_load(space)
        elif space.status is SpaceStatus.EVICTING:
            space.moving.add_done_callback(lambda _: self.reload(space))

    def drop(self, space: Space) -> None:
        """Forget a space whose first write failed, unless others are at it."""
        used = space.moving or space.calls or space.writes
        if space.view is None and not used and self._spaces.get(space.key) is space:
            del self._spaces[space.key]
            self._unload(space)
            space.go_cold()

    def worker_lost(self, loss: Loss) -> None:
        """Bring the spaces of a worker back, last used first; those that are asked for at once.

        A worker that held too much gets back only what is asked for.
        """
        if loss.applying is not None:
            struck = self._numbered.get(loss.applying.space)
            if struck is not None:
                self._quarantine.strike(struck.key, loss.applying.revision)
        lost = [space for space in self._spaces.values() if space.worker == loss.index]
        for space in lost:
            space.unlink()
            space.go_cold()
        if self._tasks is not None and not loss.over_memory:
            self._tasks.begin(self._bring_back, lost[::-1])

    async def _bring_back(self, spaces: Sequence[Space]) -> None:
        for space in spaces:
            if self._spaces.get(space.key) is space:
                with contextlib.suppress(MlsdmError):  # told to those who ask for the space
                    await self.loaded(space)

    # Leaving RAM.

    async def evict(self, space: Space) -> None:
        """Let a space leave RAM unless somebody is at it."""
        if space.idle:
            space.status = SpaceStatus.EVICTING
            space.moving = asyncio.ensure_future(self._leave(space))
            await asyncio.shield(space.moving)

    async def _leave(self, space: Space) -> None:
        unloaded = self._unload(space)
        try:
            if unloaded is not None:
                await asyncio.wait([unloaded])
        finally:
            space.moving = None
            if space.status is SpaceStatus.EVICTING:
                # Nobody is woken: how far the space is has not changed. Who waits for a change
                # holds the space, and the next write brings it back.
                space.status = SpaceStatus.COLD
                self._spaces.pop(space.key, None)
                self._metrics.space_evictions.inc()

    def _unload(self, space: Space) -> asyncio.Future[pb.LinkReply] | None:
        """Make the worker forget a space; the future tells when, or that it is gone."""
        link, space.asked = space.asked, None
        space.unlink()
        if link is None:
            return None
        return link.request(pb.LinkRequest(space_id=space.number, unload=pb.UnloadRequest()))

    # Loading.

    def _worker_of(self, key: SpaceKey) -> int:
        return zlib.crc32("/".join(key).encode()) % self._pool.size

    def _new(self, key: SpaceKey) -> Space:
        self._last_number += 1
        space = Space(key, self._last_number, self._worker_of(key), self._budget, self)
        self._numbered[space.number] = space
        return space

    def _begin_to_load(self, space: Space) -> asyncio.Task[None]:
        self._spaces[space.key] = space
        space.status = SpaceStatus.LOADING
        space.moving = asyncio.ensure_future(self._load(space))
        space.moving.add_done_callback(_retrieved)
        return space.moving

    async def _load(self, space: Space) -> None:
        try:
            async with self._turn(space):
                if not space.wanted:  # all who waited for it have gone
                    space.go_cold()
                    self._spaces.pop(space.key, None)
                    return
                if self._budget.exceeded:
                    await self._budget.make_room(_ROOM_S)
                    if self._budget.exhausted and not space.backlog:
                        raise _no_room()
                await self._bring_up(space)
            if space.status is SpaceStatus.LOADING:
                space.status = SpaceStatus.HOT
        except (DataLoss, PreconditionFailed) as error:
            tenant, name = space.key
            _log.error(
                "space_not_served",
                tenant=tenant,
                space=name,
                reason=error.reason,
                detail=error.message,
            )
            space.go_cold()
            self._spaces.pop(space.key, None)
            raise
        except BaseException:
            space.go_cold()
            raise
        finally:
            space.moving = None
            self._on_backlog(space)

    @asynccontextmanager
    async def _turn(self, space: Space) -> AsyncIterator[None]:
        """Wait until a space may be loaded: some at a time, in turn between tenants."""
        gate = self._gates[space.worker]
        await gate.enter(space.key.tenant, _LOAD_S, math.inf)
        try:
            yield
        finally:
            gate.leave(_LOAD_S)

    async def _bring_up(self, space: Space) -> None:
        """Load a space and apply its records; a record that none of its attempts survives bars it.

        Raises:
            DataLoss: Its snapshot and records cannot be read.
            Unavailable: WORKER_LOST.
        """
        link = await self._pool.ready(space.worker)
        until = self._quarantine.last_served(space.key)
        async with AsyncExitStack() as turn:
            while not await self._caught_up(space, link, until, turn):
                until = self._quarantine.last_served(space.key)
        if until is None:
            self._quarantine.passed(space.key)
        version = await self._read_view(space, link)
        if space.head_unknown:
            space.head, space.semantics_version = space.applied, version
            space.head_unknown = False

    async def _take_turn(self, worker: int, turn: AsyncExitStack) -> None:
        """Wait for the large load before this one: side by side both would take twice as long."""
        with anyio.move_on_after(_TURN_S):
            await turn.enter_async_context(self._turns[worker])

    async def _caught_up(
        self, space: Space, link: Link, until: int | None, turn: AsyncExitStack
    ) -> bool:
        """Load a space and apply its records up to one; False where a record met a defect."""
        if space.link is not link:
            while not await self._loaded_snapshot(space, link, turn):
                pass
        async for entries in self._journal.read(space.key, after=space.applied, until=until):
            replay = pb.ReplayRequest(records=[entry.payload for entry in entries])
            reply = await link.request(pb.LinkRequest(space_id=space.number, replay=replay))
            if reply.defect_revision:
                space.unlink()
                self._quarantine.strike(space.key, reply.defect_revision)
                return False
            space.heard(reply)
            raise_failure(reply, space.key.space)
            self._metrics.journal_replayed_records.inc(reply.done.count)
            space.unsaved += reply.done.writes
            space.advance(reply.revision)
        space.link = link  # not before: who waited for a turn would see it half way back
        return True

    async def _loaded_snapshot(self, space: Space, link: Link, turn: AsyncExitStack) -> bool:
        """Let a worker read the newest snapshot; False if that one was no good and is set aside."""
        snapshot = await self._journal.load_snapshot(space.key)
        if snapshot and snapshot.size > _LARGE_BYTES:
            await self._take_turn(space.worker, turn)
        load = pb.LoadRequest(snapshot_path=str(snapshot.path) if snapshot else "")
        space.asked = link
        reply = await link.request(pb.LinkRequest(space_id=space.number, load=load))
        if snapshot and reply.snapshot_damaged:
            problem = reply.failure.message
            if await self._journal.reject_snapshot(space.key, snapshot, problem):
                return False
        raise_failure(reply, space.key.space)
        space.heard(reply)
        space.applied = reply.revision
        space.snapshot_revision = snapshot.revision if snapshot else 0
        space.unsaved = space.unsaved_due = 0
        return True

    async def refresh_view(self, space: Space) -> None:
        """Ask the worker for the figures of a space."""
        await self.loaded(space)
        with space:
            await self._read_view(space, space.ready_link())

    async def _read_view(self, space: Space, link: Link) -> int:
        """Ask for the figures of a space; return the version of its rules."""
        reply = await link.request(pb.LinkRequest(space_id=space.number, view=pb.ViewRequest()))
        space.heard(reply)
        raise_failure(reply, space.key.space)
        space.view = view_from_reply(reply)
        space.ontology = Ontology(space.view.parameters.ontology if space.view else ())
        return reply.view.semantics_version


def _retrieved(loading: asyncio.Task[None]) -> None:
    """Look at the error of a load whose callers are all gone."""
    if not loading.cancelled():
        loading.exception()


def _no_room() -> Unavailable:
    return Unavailable(
        "There is no memory for another space now: all that are loaded are in use.",
        reason="BULKHEAD_FULL",
        metadata={"lane": "spaces"},
        retry_after_s=_ROOM_S,
    )


def space_not_found(key: SpaceKey) -> NotFound:
    """Return the error of a call that names no space of its tenant."""
    return NotFound(
        "The space does not exist.", reason="SPACE_NOT_FOUND", metadata={"space": key.space}
    )
