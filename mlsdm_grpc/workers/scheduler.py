"""Long requests of a worker, done a slice at a time between looks at the link."""

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
"""Time after which a job lets others go first, seconds."""


class LockMode(Enum):
    """Lock modes of requests to a space: they decide which requests wait for which."""

    POINT_READ = "point_read"
    """Reads in one go; waits for nothing but a change that is half done."""
    READ = "read"
    """Reads in steps between which changes may come, whole ones."""
    FROZEN_COPY = "frozen_copy"
    """Freezes the state as it begins; changes may go on beside the steps that follow."""
    SNAPSHOT_READ = "snapshot_read"
    """Reads one revision in several steps."""
    WRITE = "write"
    """Changes the state, in one step or several."""
    EXCLUSIVE = "exclusive"
    """Puts another state in place of the one that is there."""


_EXCLUSIVE: Final = frozenset({LockMode.WRITE, LockMode.EXCLUSIVE})
_READS: Final = (LockMode.READ, LockMode.FROZEN_COPY, LockMode.SNAPSHOT_READ)


@dataclass(slots=True, eq=False)
class Job:
    """A request that is done in steps."""

    request: pb.LinkRequest
    reply: pb.LinkReply
    steps: Iterator[None]
    """Does the work, and yields wherever it may be interrupted; raises nothing."""
    claim: LockMode
    again: bool = False
    """Its request could not be begun before; it is handled once the job is done."""


class HeldRequest(NamedTuple):
    """A request that waits until it may begin."""

    request: pb.LinkRequest
    claim: LockMode


_Turn: TypeAlias = Job | int
"""A job, or a space whose waiting requests are let in."""


class Slices:
    """Jobs in progress, in turn; those of one space are begun in the order of their arrival.

    While a space is changed or replaced, nothing of it is read but what was frozen before: a change
    that takes several slices is seen whole or not at all. Nothing is changed while it is studied,
    and it is not replaced while it is looked at. What has to wait waits here, and is let in a slice
    at a time.

    Args:
        clock: Seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._turns: deque[_Turn] = deque()
        self._jobs: Counter[tuple[int, LockMode]] = Counter()
        """Jobs in progress, by space and claim."""
        self._held: dict[int, deque[HeldRequest]] = {}
        self._glances: dict[int, list[pb.LinkRequest]] = {}
        """What reads in one go and waits for the end of a change."""

    def __len__(self) -> int:
        return len(self._turns)

    def holds(self, request: pb.LinkRequest, claim: LockMode) -> bool:
        """Keep a request that cannot begin now; :meth:`step` brings it back."""
        if not self._turns:
            return False
        space_id = request.space_id
        if claim is LockMode.POINT_READ:
            if not self.is_exclusive(space_id):
                return False
            self._glances.setdefault(space_id, []).append(request)
            return True
        if space_id not in self._held and self._open(space_id, claim):
            return False
        self._held.setdefault(space_id, deque()).append(HeldRequest(request, claim))
        return True

    def begin(self, job: Job, *, at_once: bool) -> bool:
        """Begin a job that :meth:`holds` does not keep.

        Args:
            job: Others go on with it in their turn.
            at_once: Do its first slice now.

        Returns:
            Whether that ended it.
        """
        if at_once and self._slice(job):
            return True
        self._jobs[job.request.space_id, job.claim] += 1
        self._turns.append(job)
        return False

    def cancel(self, call_id: int) -> pb.LinkReply | None:
        """Give up a request that only reads, begun or kept, if there is one of that number.

        Returns:
            Its reply, empty if it was not begun.
        """
        for job in self._turns:
            if isinstance(job, Job) and job.request.call_id == call_id:
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
        for glances in self._glances.values():
            for request in glances:
                if request.call_id == call_id:
                    glances.remove(request)
                    return pb.LinkReply(call_id=call_id)
        return None

    def step(
        self, begin: Callable[[pb.LinkRequest, LockMode], None]
    ) -> tuple[Job | None, list[pb.LinkRequest]]:
        """Do a slice of what has its turn.

        Args:
            begin: Begins a request that had to wait.

        Returns:
            The job if that ended it, and the glances that waited for its end.
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
            if self._clock() >= until_s:
                break
        self._let_in(turn)
        return None, []

    def _slice(self, job: Job) -> bool:
        """Work on a job for a slice, and return whether that ended it."""
        until_s = self._clock() + SLICE_S
        return all(self._clock() < until_s for _ in job.steps)

    def _end(self, job: Job) -> list[pb.LinkRequest]:
        """Let in what waited for a job; return the glances among it."""
        space_id = job.request.space_id
        self._jobs[space_id, job.claim] -= 1
        self._jobs += Counter()  # forgets what is zero
        self._let_in(space_id)
        return [] if self.is_exclusive(space_id) else self._glances.pop(space_id, [])

    def _let_in(self, space_id: int) -> None:
        """Give a turn to what waits for a space, if it may begin."""
        waiting = self._held.get(space_id)
        if waiting is None or space_id in self._turns:
            return
        if not waiting:
            del self._held[space_id]
        elif self._open(space_id, waiting[0].claim):
            self._turns.append(space_id)

    def is_exclusive(self, space_id: int) -> bool:
        """Return whether a job in progress changes or replaces a space."""
        return any(self._jobs[space_id, claim] for claim in _EXCLUSIVE)

    def _open(self, space_id: int, claim: LockMode) -> bool:
        """Return whether the jobs in progress let a request begin."""
        if self.is_exclusive(space_id):
            return False
        if claim is LockMode.WRITE:
            return not self._jobs[space_id, LockMode.SNAPSHOT_READ]
        return claim is not LockMode.EXCLUSIVE or not any(
            self._jobs[space_id, each] for each in _READS
        )
