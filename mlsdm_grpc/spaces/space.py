"""One space in the server process: its location, progress and users."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.core.mind.ontology import Ontology
from mlsdm_grpc.core.mind.space_view import SpaceView
from mlsdm_grpc.errors import RETRY_SOON_S, Unavailable
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.protection.memory_budget import Budget
from mlsdm_grpc.workers.link import Link, worker_lost

__all__ = ["Space", "SpaceLoader", "SpaceStatus", "revision_not_reached"]

# Maximum time that a read waits for its minimum revision, seconds.
_MAX_REVISION_WAIT_S = 2.0
# Factor by which an estimate moves towards a measurement, so that one slow query has little effect.
_LEARNING_STEP = 1.1


class SpaceStatus(Enum):
    """State in the life cycle of a space."""

    COLD = "cold"
    LOADING = "loading"
    HOT = "hot"
    EVICTING = "evicting"


class SpaceLoader(Protocol):
    """Loader of spaces whose backlog has records."""

    def reload(self, space: Space) -> None:
        """Load a space because durable records wait in its backlog."""
        ...


@dataclass(slots=True, weakref_slot=True, eq=False)
class Space:
    """One space in the server process.

    While any reference to it exists, a key has only one writable object, loaded or not. Its
    revisions therefore survive unloading. A ``with`` block keeps the space loaded.
    """

    key: SpaceKey
    number: int
    """Number of the space on the link."""
    worker: int
    """Index of the worker of the space."""
    budget: Budget
    """Budget that counts the RAM of the space."""
    loader: SpaceLoader = field(repr=False)
    """Loader for the backlog."""
    status: SpaceStatus = SpaceStatus.COLD
    link: Link | None = None
    """Link to the worker that holds the state; None if no worker does."""
    asked: Link | None = None
    """Link to the worker that was last requested to load the space, and may hold it."""
    head: int = 0
    """Revision of the last record passed to the journal."""
    applied: int = 0
    """Revision up to which the worker has applied records."""
    head_unknown: bool = True
    """True if ``head`` must be read from the journal."""
    semantics_version: int = 0
    """Version of the rules after the record at ``head``, which the next record must have; 0 before
    the first record."""
    view: SpaceView | None = None
    """Last known state of the space; None if the space does not exist."""
    ontology: Ontology = field(default_factory=Ontology)
    """Ontology of the parameters in ``view``, prepared for comparison."""
    configured: int = 0
    """Revision of the last applied change of the parameters."""
    query_cost_s: float = 2e-4
    """Estimated worker time of a query, seconds; follows measurements."""
    consolidated_s: float = -math.inf
    """Event-loop time of the last automatic consolidation."""
    snapshot_revision: int = 0
    """Revision of the newest snapshot."""
    snapshot_s: float = -math.inf
    """Event-loop time of the last snapshot taken by this server."""
    unsaved: int = 0
    """Number of writes since the newest snapshot; each item of a batch counts."""
    unsaved_due: int = 0
    """Value of ``unsaved`` from which a snapshot is attempted again after a failure; 0 without one.
    """
    moving: asyncio.Task[None] | None = None
    """Task that is loading or unloading the space; None if there is none."""
    held_bytes: int = 0
    """RAM that the space takes in its worker, bytes."""
    used_s: float = 0.0
    """Event-loop time of the last request."""
    calls: int = 0
    """Number of calls in progress that use the space."""
    writes: int = 0
    """Number of records passed to the journal whose outcome is not known yet."""
    backlog: list[tuple[bytes, asyncio.Future[Any]]] = field(default_factory=list)
    """Durable records that wait for the end of a load, with the futures of their outcomes."""
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    """Event that is set and replaced whenever ``applied`` advances or the space becomes cold."""

    def advance(self, revision: int) -> None:
        """Register that the worker has applied records up to ``revision``."""
        if revision > self.applied:
            self.applied = revision
            self._wake()

    async def reach(self, min_revision: int, deadline_s: float) -> None:
        """Wait until the worker has applied a revision.

        Raises:
            Unavailable: REVISION_NOT_REACHED; not applied within 2 seconds or before the deadline.
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
        """Make the next call load the space again, and wake waiting calls and watches."""
        self.status = SpaceStatus.COLD
        self.head_unknown = self.head_unknown or head_unknown
        self._wake()

    def keep(self, record: bytes, answer: asyncio.Future[Any]) -> None:
        """Add a durable record to the backlog; start a load if none is in progress."""
        self.backlog.append((record, answer))
        self.loader.reload(self)

    def _wake(self) -> None:
        self.reached.set()
        self.reached = asyncio.Event()

    def __enter__(self) -> None:
        """Keep the space loaded."""
        self.calls += 1

    def __exit__(self, *exc_info: object) -> None:
        """Permit the space to be unloaded."""
        self.calls -= 1

    @property
    def wanted(self) -> bool:
        """True if any call, write or backlog needs the space."""
        return bool(self.calls or self.writes or self.backlog)

    @property
    def idle(self) -> bool:
        """True if the space may be unloaded, because it is loaded and unused."""
        return self.status is SpaceStatus.HOT and not self.wanted

    def heard(self, reply: pb.LinkReply) -> None:
        """Update size and cost from a reply; a space that the worker has lost becomes cold."""
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
        """Register that no worker holds the space."""
        self.link = None
        self.budget.used_bytes -= self.held_bytes
        self.held_bytes = 0

    def unload(self) -> asyncio.Future[pb.LinkReply] | None:
        """Request the worker to discard the space.

        Returns:
            Future that is done afterwards, or when the worker is lost; None if no worker holds the
            space.
        """
        link, self.asked = self.asked, None
        self.unlink()
        if link is None:
            return None
        return link.request(pb.LinkRequest(space_id=self.number, unload=pb.UnloadRequest()))

    def ready_link(self) -> Link:
        """Return the link of a loaded space.

        Raises:
            Unavailable: WORKER_LOST; its worker was lost in the meantime.
        """
        if self.link is None:
            raise worker_lost()
        return self.link


def revision_not_reached(expected: int, actual: int) -> Unavailable:
    """Return the error for a read that requires a later revision than this node has applied."""
    return Unavailable(
        f"The node has applied revision {actual} of the space; the read needs {expected}. Retry.",
        reason="REVISION_NOT_REACHED",
        metadata={"expected": str(expected), "actual": str(actual)},
        retry_after_s=RETRY_SOON_S,
    )
