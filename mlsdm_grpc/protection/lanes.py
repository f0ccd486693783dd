"""Lanes: admission of work by kind, and fair scheduling between tenants.

A call acquires a permit of the :class:`Bulkhead` of its lane. Each of its requests then passes the
:class:`Gate` of the lane in front of a worker. A gate admits some milliseconds of work at a time,
so that urgent work waits no longer than that, and schedules tenants fairly.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Final

from mlsdm_grpc.errors import RETRY_AT_ONCE_S, DeadlineExceeded, Unavailable
from mlsdm_grpc.observability.current import QUEUE_WAIT_S

__all__ = ["Before", "Bulkhead", "Gate", "Lane", "LaneStatus", "Lanes"]

# Estimated work that a gate admits at a time, seconds.
_WINDOW_S: Final = 0.005
# Number of requests that may always wait, regardless of their cost.
_FEW: Final = 16
# Number of quanta in a window. A tenant gets one quantum in each round. An idle tenant loses unused
# ones.
_QUANTA: Final = 10


class Lane(StrEnum):
    """Kinds of work that must not block each other."""

    INTERACTIVE = "interactive"
    BULK = "bulk"
    TEXT = "text"
    LLM = "llm"
    MAINTENANCE = "maintenance"


class Before(StrEnum):
    """Resources that a gate protects."""

    MIND = "mind"
    TEXT = "text"
    JOURNAL = "journal"


@dataclass(frozen=True, slots=True)
class LaneStatus:
    """State of one lane."""

    lane: Lane
    permits: int
    in_use: int
    waiting: int
    """Number of waiting requests."""
    rejected: int
    """Number of calls and requests refused since the start."""


class Bulkhead:
    """Limited number of permits. A call gets one at once or is refused.

    A tenant may hold as many permits as are still free: one tenant alone half of them, two tenants
    a third each, and so on (dynamic thresholds, Choudhury and Hahne 1998). So no tenant can hold
    all permits.

    Args:
        name: Name of the lane in errors.
        permits: Maximum number of calls at a time, at least 1.
    """

    __slots__ = ("_held", "in_use", "name", "permits", "rejected")

    def __init__(self, name: str, permits: int) -> None:
        self.name = name
        self.permits = permits
        self.in_use = 0
        self.rejected = 0
        self._held: dict[str, int] = {}

    def inside(self, tenant: str) -> _Permit:
        """Return a context manager that holds a permit for a tenant.

        Entering it raises ``Unavailable`` BULKHEAD_FULL if the tenant holds its share, or no permit
        is free.
        """
        return _Permit(self, tenant)

    def check(self, tenant: str) -> None:
        """Raise the error that :meth:`enter` would raise now, and count a refusal."""
        if self._held.get(tenant, 0) >= self.permits - self.in_use:
            self.rejected += 1
            raise _full(self.name, RETRY_AT_ONCE_S)

    def enter(self, tenant: str) -> None:
        """Acquire a permit; see :meth:`inside`."""
        self.check(tenant)
        self._held[tenant] = self._held.get(tenant, 0) + 1
        self.in_use += 1

    def leave(self, tenant: str) -> None:
        """Release a permit."""
        self.in_use -= 1
        held = self._held[tenant] - 1
        if held:
            self._held[tenant] = held
        else:
            del self._held[tenant]


class _Permit:
    __slots__ = ("_bulkhead", "_tenant")

    def __init__(self, bulkhead: Bulkhead, tenant: str) -> None:
        self._bulkhead = bulkhead
        self._tenant = tenant

    def __enter__(self) -> None:
        self._bulkhead.enter(self._tenant)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bulkhead.leave(self._tenant)


@dataclass(slots=True, eq=False)
class _Waiter:
    cost_s: float
    deadline_s: float
    turn: asyncio.Future[None]


@dataclass(slots=True)
class _Queue:
    """Waiting requests of one tenant."""

    tenant: str
    waiters: deque[_Waiter] = field(default_factory=deque)
    cost_s: float = 0.0
    deficit_s: float = 0.0

    @property
    def missing_s(self) -> float:
        """Part of the cost of the first request that the deficit does not cover yet, seconds."""
        return self.waiters[0].cost_s - self.deficit_s


class Gate:
    """Gate that admits requests while the admitted work is below one window.

    Waiting requests are scheduled by deficit round-robin between tenants (Shreedhar and Varghese
    1995), by their estimated cost. A tenant may queue as much work as the queue has free, by the
    rule of :class:`Bulkhead`. A few requests may always wait.

    Args:
        lane: Name of the lane in errors.
        max_queue_s: Maximum estimated work that waits, seconds.
        clock: Clock of the event loop, seconds.
        waited: Called with the waiting time of each request that waited, seconds.
        window_s: Estimated work that is admitted at a time, seconds.
    """

    __slots__ = (
        "_clock",
        "_inside_s",
        "_lane",
        "_max_queue_s",
        "_quantum_s",
        "_queued_s",
        "_queues",
        "_ring",
        "_waited",
        "_window_s",
        "rejected",
        "waiting",
    )

    def __init__(
        self,
        lane: Lane,
        *,
        max_queue_s: float,
        clock: Callable[[], float],
        waited: Callable[[float], None],
        window_s: float = _WINDOW_S,
    ) -> None:
        self._lane = lane
        self._window_s = window_s
        self._quantum_s = window_s / _QUANTA
        self._max_queue_s = max_queue_s
        self._clock = clock
        self._waited = waited
        self._inside_s = 0.0
        self._queued_s = 0.0
        self._queues: dict[str, _Queue] = {}
        self._ring: deque[_Queue] = deque()
        self.waiting = 0
        self.rejected = 0

    @property
    def _is_open(self) -> bool:
        return not self._ring and self._inside_s < self._window_s

    def try_enter(self, cost_s: float) -> bool:
        """Enter and return True if no request waits and the window is not full."""
        if not self._is_open:
            return False
        self._inside_s += cost_s
        return True

    async def enter(self, tenant: str, cost_s: float, deadline_s: float) -> None:
        """Wait for admission. :meth:`leave` must follow, unless this raises.

        Args:
            tenant: Tenant of the request.
            cost_s: Estimated duration of the work, seconds.
            deadline_s: Time by which the work must be complete, on the clock of the gate, seconds.

        Raises:
            Unavailable: BULKHEAD_FULL; too much work waits.
            DeadlineExceeded: The deadline passed, or would pass before the end of the work.
        """
        if self.try_enter(cost_s):
            return
        queue = self._queues.get(tenant) or _Queue(tenant)
        self._refuse(queue, cost_s, deadline_s)
        waiter = _Waiter(cost_s, deadline_s, asyncio.get_running_loop().create_future())
        if not queue.waiters:
            self._queues[tenant] = queue
            self._ring.append(queue)
        queue.waiters.append(waiter)
        self._count(queue, waiter, 1)
        began_s = self._clock()
        try:
            await waiter.turn
        except asyncio.CancelledError:
            if waiter in queue.waiters:
                self._withdraw(queue, waiter)
            elif not waiter.turn.cancelled() and waiter.turn.exception() is None:
                self.leave(cost_s)
            raise
        waited_s = self._clock() - began_s
        QUEUE_WAIT_S.set(QUEUE_WAIT_S.get() + waited_s)
        self._waited(waited_s)

    def leave(self, cost_s: float) -> None:
        """Record the end of a request, and admit the next ones."""
        self._inside_s = max(0.0, self._inside_s - cost_s)
        while self._ring and self._inside_s < self._window_s:
            self._turn()

    def check(self, tenant: str, cost_s: float, deadline_s: float) -> None:
        """Raise the error that :meth:`enter` would raise now, and count a refusal; O(1)."""
        if not self._is_open:
            self._refuse(self._queues.get(tenant) or _Queue(tenant), cost_s, deadline_s)

    def _refuse(self, queue: _Queue, cost_s: float, deadline_s: float) -> None:
        """Refuse a request that the queue cannot hold, or that would miss its deadline."""
        room_s = self._max_queue_s - self._queued_s
        if self.waiting >= _FEW and queue.cost_s + cost_s > room_s:
            self.rejected += 1
            raise _full(self._lane, max(self._queued_s, RETRY_AT_ONCE_S))
        tenants = len(self._ring) + (not queue.waiters)
        needed_s = min(self._queued_s, tenants * queue.cost_s) + cost_s
        if self._clock() + needed_s > deadline_s:
            self.rejected += 1
            raise DeadlineExceeded(
                "The call cannot finish before its deadline; nothing was written.",
                metadata={"needed_ms": str(int(needed_s * 1_000) + 1)},
            )

    def _next(self) -> _Queue:
        """Return the queue with the next turn, and add quanta to the queues before it."""
        ring = self._ring
        while True:
            for _ in range(len(ring)):
                queue = ring[0]
                if queue.missing_s <= 0.0 or len(ring) == 1:
                    return queue
                queue.deficit_s += self._quantum_s
                ring.rotate(-1)
            # After a round without an admission, the quanta of all rounds until the next one are
            # added at once.
            rounds = int(min(queue.missing_s for queue in ring) / self._quantum_s)
            for queue in ring:
                queue.deficit_s += rounds * self._quantum_s

    def _turn(self) -> None:
        """Admit the first request of the queue with the next turn."""
        queue = self._next()
        waiter = queue.waiters[0]
        self._withdraw(queue, waiter)
        # The request was cancelled, so it is only removed from the queue.
        if waiter.turn.done():
            return
        queue.deficit_s = max(0.0, queue.deficit_s - waiter.cost_s)
        if self._clock() >= waiter.deadline_s:
            self.rejected += 1
            waiter.turn.set_exception(
                DeadlineExceeded(
                    "The deadline passed before the work began; nothing was written.",
                    reason="DEADLINE_EXPIRED",
                )
            )
        else:
            self._inside_s += waiter.cost_s
            waiter.turn.set_result(None)

    def _withdraw(self, queue: _Queue, waiter: _Waiter) -> None:
        queue.waiters.remove(waiter)
        self._count(queue, waiter, -1)
        if not queue.waiters:
            self._ring.remove(queue)
            del self._queues[queue.tenant]

    def _count(self, queue: _Queue, waiter: _Waiter, sign: int) -> None:
        self.waiting += sign
        queue.cost_s += sign * waiter.cost_s
        self._queued_s = self._queued_s + sign * waiter.cost_s if self.waiting else 0.0


class Lanes:
    """All lanes of a node.

    Args:
        permits: Maximum number of calls at a time, by lane.
        max_queue_s: Maximum estimated work that waits in one lane, seconds, by resource.
        clock: Clock of the event loop, seconds.
        waited: Called with the lane and the duration of each wait, seconds.
    """

    def __init__(
        self,
        permits: Mapping[Lane, int],
        *,
        max_queue_s: Mapping[Before, float],
        clock: Callable[[], float],
        waited: Callable[[Lane, float], None],
    ) -> None:
        self._max_queue_s = max_queue_s
        self._clock = clock
        self._waited = waited
        self._bulkheads = {lane: Bulkhead(lane, count) for lane, count in permits.items()}
        self._gates: dict[tuple[Lane, Before, int], Gate] = {}

    def __iter__(self) -> Iterator[LaneStatus]:
        """Yield the state of every lane."""
        for lane, bulkhead in self._bulkheads.items():
            gates = [gate for (of, *_), gate in self._gates.items() if of is lane]
            yield LaneStatus(
                lane,
                permits=bulkhead.permits,
                in_use=bulkhead.in_use,
                waiting=sum(gate.waiting for gate in gates),
                rejected=bulkhead.rejected + sum(gate.rejected for gate in gates),
            )

    def inside(self, lane: Lane, tenant: str) -> _Permit:
        """Return a context manager that holds a permit of a lane; see :meth:`Bulkhead.inside`."""
        return self._bulkheads[lane].inside(tenant)

    def bulkhead(self, lane: Lane) -> Bulkhead:
        """Return the bulkhead of a lane, for code that uses no other lane."""
        return self._bulkheads[lane]

    def gate(self, lane: Lane, before: Before, index: int = 0) -> Gate:
        """Return the gate of a lane for a worker, or for the journal of the worker's spaces."""
        gate = self._gates.get((lane, before, index))
        if gate is None:

            def waited(seconds: float) -> None:
                self._waited(lane, seconds)

            gate = self._gates[lane, before, index] = Gate(
                lane,
                max_queue_s=self._max_queue_s[before],
                clock=self._clock,
                waited=waited,
            )
        return gate


def _full(lane: str, retry_after_s: float) -> Unavailable:
    return Unavailable(
        "Too many calls of this kind are in progress.",
        reason="BULKHEAD_FULL",
        metadata={"lane": lane},
        retry_after_s=retry_after_s,
    )
