"""The directory of spaces: where each lives, how far it is, and how it gets ready.

COLD -> LOADING -> HOT. Loading is single flight: a snapshot, then the records behind it. Records
that become durable meanwhile wait in order; the revision rule removes any overlap. A worker that
goes away, or an append that fails, makes a space COLD again, and the next call brings it back.
"""

from __future__ import annotations

import asyncio
import math
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import structlog

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.core.mind import SpaceView
from mlsdm_grpc.core.ontology import Ontology
from mlsdm_grpc.engine.codec import raise_failure, view_from_reply
from mlsdm_grpc.engine.link import Link, worker_lost
from mlsdm_grpc.engine.pool import Pool
from mlsdm_grpc.errors import DataLoss, NotFound, PreconditionFailed, Unavailable
from mlsdm_grpc.journal.protocol import Journal, SpaceKey

__all__ = ["TENANT_SPACE", "Directory", "Space", "SpaceStatus", "space_not_found"]

TENANT_SPACE = "_tenant"
"""Reserved space of every tenant; no request can name it."""
_MAX_REVISION_WAIT_S = 2.0
_LEARNING_STEP = 1.1
"""An estimate goes towards what is measured by this factor, so that one slow query says little."""
_log = structlog.get_logger(__name__)


class SpaceStatus(Enum):
    """Where a space is in its life."""

    COLD = "cold"
    LOADING = "loading"
    HOT = "hot"


@dataclass(slots=True, eq=False)
class Space:
    """What the parent knows of one space."""

    key: SpaceKey
    number: int
    """Its number on the link."""
    worker: int
    """Index of the worker that holds it."""
    status: SpaceStatus = SpaceStatus.COLD
    link: Link | None = None
    """Link to the worker that holds its state; None when no worker does."""
    asked: Link | None = None
    """Link to the worker that was last asked to load it, which may have it or get it."""
    head: int = 0
    """Revision of the last record that was handed to the journal."""
    applied: int = 0
    """Revision that the worker is known to have reached."""
    head_unknown: bool = True
    """The head has to be read from the journal."""
    semantics_version: int = 0
    """Rules that the space is under after the record at ``head``, and that the next one is written
    by; 0 before the first. The two change together, so the journal takes no record of other rules.
    """
    view: SpaceView | None = None
    """Parameters and incarnation as last seen; None if the space does not exist."""
    ontology: Ontology = field(default_factory=Ontology)
    """Of the parameters in ``view``."""
    configured: int = 0
    """Revision of the last change of parameters that the worker is known to have applied."""
    query_cost_s: float = 2e-4
    """Time of its worker that a query takes, as lately measured, seconds."""
    consolidated_s: float = -math.inf
    """Event-loop time of its latest consolidation by itself."""
    snapshot_revision: int = 0
    """Revision of its newest snapshot."""
    snapshot_due: int = 0
    """Revision at which the next one is to be taken."""
    loading: asyncio.Task[None] | None = None
    backlog: list[tuple[bytes, asyncio.Future[Any]]] = field(default_factory=list)
    """Durable records that wait for the end of loading."""
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    """Set and replaced whenever ``applied`` moves or the space goes cold."""

    def advance(self, revision: int) -> None:
        """Note that the worker has applied records up to ``revision``."""
        if revision > self.applied:
            self.applied = revision
            self._wake()

    async def reach(self, min_revision: int, deadline_s: float) -> None:
        """Wait until the worker has applied a revision.

        Raises:
            Unavailable: REVISION_NOT_REACHED within 2 seconds or before the deadline.
        """
        if self.applied >= min_revision:
            return
        limit_s = min(deadline_s, asyncio.get_running_loop().time() + _MAX_REVISION_WAIT_S)
        try:
            async with asyncio.timeout_at(limit_s):
                while self.applied < min_revision:
                    await self.reached.wait()
        except TimeoutError:
            raise Unavailable(
                "This node has not applied that revision yet.",
                reason="REVISION_NOT_REACHED",
                metadata={"expected": str(min_revision), "actual": str(self.applied)},
                retry_after_s=0.5,
            ) from None

    def go_cold(self, *, head_unknown: bool = False) -> None:
        """Make the next call load the space again; whoever watches it is such a call."""
        self.status = SpaceStatus.COLD
        self.head_unknown = self.head_unknown or head_unknown
        self._wake()

    def _wake(self) -> None:
        self.reached.set()
        self.reached = asyncio.Event()

    def heard(self, reply: pb.LinkReply) -> None:
        """Look at a reply of the worker: one that has lost the space makes it load again."""
        if reply.unloaded:
            self.link = None
            self.go_cold()
        elif reply.search.query_cost_ns:
            dearer = reply.search.query_cost_ns * 1e-9 > self.query_cost_s
            self.query_cost_s *= _LEARNING_STEP if dearer else 1.0 / _LEARNING_STEP

    def ready_link(self) -> Link:
        """Return the link of a space that was loaded.

        Raises:
            Unavailable: WORKER_LOST; its worker went away since.
        """
        if self.link is None:
            raise worker_lost()
        return self.link


class Directory:
    """All spaces that this node has in use.

    Args:
        journal: Where snapshots and records come from.
        pool: Workers that hold the minds.
        on_replayed: Told how many records a load applied.
        on_backlog: Told of the end of every load, with records that waited for it.
    """

    def __init__(
        self,
        journal: Journal,
        pool: Pool,
        *,
        on_replayed: Callable[[int], None],
        on_backlog: Callable[[Space], None],
    ) -> None:
        self._journal = journal
        self._pool = pool
        self._on_replayed = on_replayed
        self._on_backlog = on_backlog
        self._spaces: dict[SpaceKey, Space] = {}
        self._last_number = 0

    def __iter__(self) -> Iterator[Space]:
        return iter(list(self._spaces.values()))

    def __len__(self) -> int:
        return len(self._spaces)

    async def existing(self, key: SpaceKey) -> Space:
        """Return a space that exists, loaded.

        Raises:
            NotFound: SPACE_NOT_FOUND; nothing is kept of it.
        """
        space = self._spaces.get(key)
        if space is None and await self.is_new(key):
            raise space_not_found(key)
        if space is None or space.status is not SpaceStatus.HOT:
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
            await self._bring_up(space)
            yield space
        finally:
            self._unload(space)

    async def is_new(self, key: SpaceKey) -> bool:
        """Return whether nothing was ever written to a space."""
        return key not in self._spaces and await self._journal.head(key) == 0

    async def opened(self, key: SpaceKey) -> Space:
        """Return a space, loaded; it may not exist yet, then its ``view`` is None."""
        space = self._spaces.get(key)
        if space is None:
            space = self._spaces[key] = self._new(key)
        while space.status is not SpaceStatus.HOT:
            if space.loading is None:
                space.status = SpaceStatus.LOADING
                space.loading = asyncio.ensure_future(self._load(space))
                space.loading.add_done_callback(_retrieved)
            await asyncio.shield(space.loading)
        return space

    def drop(self, space: Space) -> None:
        """Forget a space whose first write failed."""
        if space.view is None and self._spaces.get(space.key) is space:
            del self._spaces[space.key]
            self._unload(space)

    def worker_lost(self, index: int) -> None:
        """Make every space of a worker load again on its next call."""
        for space in self._spaces.values():
            if space.worker == index:
                space.go_cold()
                space.link = None

    def _new(self, key: SpaceKey) -> Space:
        self._last_number += 1
        worker = zlib.crc32("/".join(key).encode()) % self._pool.size
        return Space(key, self._last_number, worker)

    def _unload(self, space: Space) -> None:
        if space.asked is not None:
            space.asked.request(pb.LinkRequest(space_id=space.number, unload=pb.UnloadRequest()))

    async def _load(self, space: Space) -> None:
        try:
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
            raise
        except BaseException:
            space.go_cold()
            raise
        finally:
            space.loading = None
            self._on_backlog(space)

    async def _bring_up(self, space: Space) -> None:
        link = await self._pool.ready(space.worker)
        if space.link is not link:
            snapshot = await self._journal.load_snapshot(space.key)
            load = pb.LoadRequest(snapshot_path=str(snapshot.path) if snapshot else "")
            space.asked = link
            reply = await link.request(pb.LinkRequest(space_id=space.number, load=load))
            raise_failure(reply, space.key.space)
            space.link = link
            space.applied = reply.revision
            space.snapshot_revision = snapshot.revision if snapshot else 0
        await self._replay(space, link)
        version = await self.refresh_view(space)
        if space.head_unknown:
            space.head, space.semantics_version = space.applied, version
            space.head_unknown = False

    async def _replay(self, space: Space, link: Link) -> None:
        async for entries in self._journal.read(space.key, after=space.applied):
            replay = pb.ReplayRequest(records=[entry.payload for entry in entries])
            reply = await link.request(pb.LinkRequest(space_id=space.number, replay=replay))
            space.heard(reply)
            raise_failure(reply, space.key.space)
            self._on_replayed(reply.done.count)
            space.advance(reply.revision)

    async def refresh_view(self, space: Space) -> int:
        """Ask the worker for the figures of the space; return the version of its rules."""
        reply = await space.ready_link().request(
            pb.LinkRequest(space_id=space.number, view=pb.ViewRequest())
        )
        space.heard(reply)
        raise_failure(reply, space.key.space)
        space.view = view_from_reply(reply)
        space.ontology = Ontology(space.view.parameters.ontology if space.view else ())
        return reply.view.semantics_version


def _retrieved(loading: asyncio.Task[None]) -> None:
    """Look at the error of a load whose callers are all gone."""
    if not loading.cancelled():
        loading.exception()


def space_not_found(key: SpaceKey) -> NotFound:
    """Return the error of a call that names no space of its tenant."""
    return NotFound(
        "The space does not exist.", reason="SPACE_NOT_FOUND", metadata={"space": key.space}
    )
