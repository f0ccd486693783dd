"""One space as the parent process sees it: where it lives, how far it is, and who is at it."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.core.mind.mind import SpaceView
from mlsdm_grpc.core.mind.ontology import Ontology
from mlsdm_grpc.errors import RETRY_SOON_S, Unavailable
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.protection.memory_budget import Budget
from mlsdm_grpc.workers.link import Link, worker_lost

__all__ = ["Space", "SpaceLoader", "SpaceStatus", "revision_not_reached"]

_MAX_REVISION_WAIT_S = 2.0
_LEARNING_STEP = 1.1
"""An estimate goes towards what is measured by this factor, so that one slow query says little."""


class SpaceStatus(Enum):
    """States of the life cycle of a space."""

    COLD = "cold"
    LOADING = "loading"
    HOT = "hot"
    EVICTING = "evicting"


class SpaceLoader(Protocol):
    """Brings spaces back."""

    def reload(self, space: Space) -> None:
        """Bring back a space for records that wait in its backlog."""
        ...


@dataclass(slots=True, weakref_slot=True, eq=False)
class Space:
    """One space as the parent process knows it.

    There is at most one of a key that can be written to, for as long as anybody holds it, in RAM
    or not: what it says of revisions outlives eviction. In a ``with`` block it stays in RAM.
    """

    key: SpaceKey
    number: int
    """Its number on the link."""
    worker: int
    """Index of the worker that holds it."""
    budget: Budget
    """Where the bytes that it takes are counted."""
    loader: SpaceLoader = field(repr=False)
    """What brings it back."""
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
    snapshot_s: float = -math.inf
    """Event-loop time of the last one that was taken here."""
    unsaved: int = 0
    """Writes that its worker has applied since the newest one; a batch counts as many as it holds.
    """
    unsaved_due: int = 0
    """After one that failed: how many there have to be before another is tried."""
    moving: asyncio.Task[None] | None = None
    """What loads or evicts it now."""
    held_bytes: int = 0
    """Memory that it takes in its worker."""
    used_s: float = 0.0
    """Event-loop time of the last call that asked for it."""
    calls: int = 0
    """Questions to its worker that are under way."""
    writes: int = 0
    """Records that were handed to the journal and are not answered yet."""
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
            raise revision_not_reached(min_revision, self.applied) from None

    def go_cold(self, *, head_unknown: bool = False) -> None:
        """Make the next call load the space again; whoever watches it is such a call."""
        self.status = SpaceStatus.COLD
        self.head_unknown = self.head_unknown or head_unknown
        self._wake()

    def keep(self, record: bytes, answer: asyncio.Future[Any]) -> None:
        """Keep a durable record until the space is loaded, which begins now if it has to."""
        self.backlog.append((record, answer))
        self.loader.reload(self)

    def _wake(self) -> None:
        self.reached.set()
        self.reached = asyncio.Event()

    def __enter__(self) -> None:
        """Keep the space from leaving RAM."""
        self.calls += 1

    def __exit__(self, *exc_info: object) -> None:
        """Let it leave again."""
        self.calls -= 1

    @property
    def wanted(self) -> bool:
        """Whether anybody is at it."""
        return bool(self.calls or self.writes or self.backlog)

    @property
    def idle(self) -> bool:
        """Whether it may leave RAM: loaded, and nobody is at it."""
        return self.status is SpaceStatus.HOT and not self.wanted

    def heard(self, reply: pb.LinkReply) -> None:
        """Look at a reply of the worker: one that has lost the space makes it load again."""
        if reply.unloaded:
            self.unlink()
            self.go_cold()
        elif reply.space_bytes:
            self.budget.used_bytes += reply.space_bytes - self.held_bytes
            self.held_bytes = reply.space_bytes
        elif reply.search.query_cost_ns:
            dearer = reply.search.query_cost_ns * 1e-9 > self.query_cost_s
            self.query_cost_s *= _LEARNING_STEP if dearer else 1.0 / _LEARNING_STEP

    def unlink(self) -> None:
        """Note that no worker holds the space any more."""
        self.link = None
        self.budget.used_bytes -= self.held_bytes
        self.held_bytes = 0

    def unload(self) -> asyncio.Future[pb.LinkReply] | None:
        """Make the worker forget the space; the future tells when, or that the worker is gone."""
        link, self.asked = self.asked, None
        self.unlink()
        if link is None:
            return None
        return link.request(pb.LinkRequest(space_id=self.number, unload=pb.UnloadRequest()))

    def ready_link(self) -> Link:
        """Return the link of a space that was loaded.

        Raises:
            Unavailable: WORKER_LOST; its worker went away since.
        """
        if self.link is None:
            raise worker_lost()
        return self.link


def revision_not_reached(expected: int, actual: int) -> Unavailable:
    """Return the error of a read that wants a later revision than the node has applied."""
    return Unavailable(
        "This node has not applied that revision yet.",
        reason="REVISION_NOT_REACHED",
        metadata={"expected": str(expected), "actual": str(actual)},
        retry_after_s=RETRY_SOON_S,
    )
