"""Scheduler of long requests in a worker; they run in slices, between reads of the link."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple, TypeAlias

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb

__all__ = ["SLICE_S", "HeldRequest", "Job", "LockMode", "Slices"]

SLICE_S: Final = 0.002
"""Time after which a job yields to others, seconds."""


class LockMode(Enum):
    """Lock mode of a request on a space; it decides which requests may run at the same time."""

    POINT_READ = "point_read"
    """Read in one step; waits only for a write in progress."""
    READ = "read"
    """Read in several steps; complete writes may run between them."""
    FROZEN_COPY = "frozen_copy"
    """Read of the state at the first step; writes may run during the later steps."""
    SNAPSHOT_READ = "snapshot_read"
    """Read of one revision in several steps; no write may run meanwhile."""
    WRITE = "write"
    """Change of the state in one or several steps."""
    EXCLUSIVE = "exclusive"
    """Replacement of the state."""


_EXCLUSIVE: Final = frozenset({LockMode.WRITE, LockMode.EXCLUSIVE})
_READS: Final = (LockMode.READ, LockMode.FROZEN_COPY, LockMode.SNAPSHOT_READ)


@dataclass(slots=True, eq=False)
class Job:
    """Request that runs in steps."""

    request: pb.LinkRequest
    reply: pb.LinkReply
    steps: Iterator[None]
    """Iterator that does the work and yields where it may be interrupted. It raises no errors."""
    claim: LockMode
    again: bool = False
    """True if the request was deferred before it began; it is handled again after the job ends."""


class HeldRequest(NamedTuple):
    """Request that waits until it may begin."""

    request: pb.LinkRequest
    claim: LockMode


# Job to continue, or number of a space whose waiting requests may begin.
_Turn: TypeAlias = Job | int


class Slices:
    """Round-robin scheduler of jobs; jobs of one space begin in order of arrival.

    While a space is written or replaced, only frozen copies of it are read. Other requests
    therefore see a write of several slices completely or not at all. No write runs during a
    snapshot read, and the state is not replaced during any read. Requests that must wait are queued
    here.

    Args:
        clock: Monotonic clock, seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._turns: deque[_Turn] = deque()
        # Number of jobs in progress by space and lock mode.
        self._jobs: Counter[tuple[int, LockMode]] = Counter()
        self._held: dict[int, deque[HeldRequest]] = {}
        self._point_reads: dict[int, list[pb.LinkRequest]] = {}

    def __len__(self) -> int:
        return len(self._turns)

    def holds(self, request: pb.LinkRequest, claim: LockMode) -> bool:
        """Queue a request that cannot begin now; return True if it was queued."""
        if not self._turns:
            return False
        space_id = request.space_id
        if claim is LockMode.POINT_READ:
            if not self.is_exclusive(space_id):
                return False
            self._point_reads.setdefault(space_id, []).append(request)
            return True
        # Later requests must not overtake waiting ones, even if their own lock is free.
        if space_id not in self._held and self._open(space_id, claim):
            return False
        self._held.setdefault(space_id, deque()).append(HeldRequest(request, claim))
        return True

    def begin(self, job: Job, *, at_once: bool) -> bool:
        """Begin a job for a request that :meth:`holds` has not queued.

        Args:
            job: Job to begin; it continues in its turn.
            at_once: True to run its first slice now.

        Returns:
            True if the job has ended.
        """
        if at_once and self._slice(job):
            return True
        self._jobs[job.request.space_id, job.claim] += 1
        self._turns.append(job)
        return False

    def cancel(self, call_id: int) -> pb.LinkReply | None:
        """Cancel a read request that has begun or is queued.

        Returns:
            Reply of the request, empty if it had not begun; None if there is no such read request.
        """
        for job in self._turns:
            if isinstance(job, Job) and job.request.call_id == call_id:
                # A write in progress must be completed, because half of it would corrupt the state.
                if job.claim in _EXCLUSIVE:
                    return None
                self._turns.remove(job)
                self._end(job)
                return job.reply
        for waiting in self._held.values():
            for held in waiting:
                if held.request.call_id == call_id and held.claim not in _EXCLUSIVE:
                    waiting.remove(held)
                    return pb.LinkReply(call_id=call_id)
        for point_reads in self._point_reads.values():
            for request in point_reads:
                if request.call_id == call_id:
                    point_reads.remove(request)
                    return pb.LinkReply(call_id=call_id)
        return None

    def step(
        self, begin: Callable[[pb.LinkRequest, LockMode], None]
    ) -> tuple[Job | None, list[pb.LinkRequest]]:
        """Run one slice of the next job, or begin requests that waited.

        Args:
            begin: Function that begins a queued request.

        Returns:
            The job if it ended, and the point reads that waited for its end.
        """
        turn = self._turns.popleft()
        if isinstance(turn, Job):
            half_done = turn.claim is LockMode.READ and self.is_exclusive(turn.request.space_id)
            if half_done or not self._slice(turn):
                self._turns.append(turn)
                return None, []
            return turn, self._end(turn)
        until_s = self._clock() + SLICE_S
        waiting = self._held[turn]
        while waiting and self._open(turn, waiting[0].claim):
            begin(*waiting.popleft())
            # Beginning requests is limited by time too, because each may begin with a long step.
            if self._clock() >= until_s:
                break
        self._let_in(turn)
        return None, []

    def _slice(self, job: Job) -> bool:
        """Run one slice of a job; return True if the job ended."""
        until_s = self._clock() + SLICE_S
        return all(self._clock() < until_s for _ in job.steps)

    def _end(self, job: Job) -> list[pb.LinkRequest]:
        """Release the locks of a job that ended; return the point reads that waited for it."""
        space_id = job.request.space_id
        self._jobs[space_id, job.claim] -= 1
        self._jobs += Counter()  # removes zero counts
        self._let_in(space_id)
        return [] if self.is_exclusive(space_id) else self._point_reads.pop(space_id, [])

    def _let_in(self, space_id: int) -> None:
        """Schedule the waiting requests of a space, if the first of them may begin."""
        waiting = self._held.get(space_id)
        if waiting is None or space_id in self._turns:
            return
        if not waiting:
            del self._held[space_id]
        elif self._open(space_id, waiting[0].claim):
            self._turns.append(space_id)

    def is_exclusive(self, space_id: int) -> bool:
        """Return True if a job in progress writes or replaces a space."""
        return any(self._jobs[space_id, claim] for claim in _EXCLUSIVE)

    def _open(self, space_id: int, claim: LockMode) -> bool:
        """Return True if the jobs in progress permit a request to begin."""
        if self.is_exclusive(space_id):
            return False
        if claim is LockMode.WRITE:
            return not self._jobs[space_id, LockMode.SNAPSHOT_READ]
        return claim is not LockMode.EXCLUSIVE or not any(
            self._jobs[space_id, each] for each in _READS
        )
