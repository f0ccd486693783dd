"""Long requests of a worker, done a slice at a time between looks at the link."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb

__all__ = ["SLICE_S", "Job", "Slices"]

SLICE_S: Final = 0.002
"""Time after which a job lets others go first, seconds."""


@dataclass(slots=True, eq=False)
class Job:
    """A request that is done in steps."""

    request: pb.LinkRequest
    reply: pb.LinkReply
    steps: Iterator[None]
    """Does the work, and yields wherever it may be interrupted; raises nothing."""
    writes: bool
    """It changes its space, so no other job of that space goes on meanwhile."""


class Slices:
    """Jobs in progress, in turn; those of one space are begun in the order of their arrival.

    Jobs that only read share a space; one that writes has it to itself. What has to wait for that
    waits here, so that a job sees one revision from its first step to its last.

    Args:
        clock: Seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._jobs: deque[Job] = deque()
        self._readers: Counter[int] = Counter()
        self._writers: set[int] = set()
        self._held: dict[int, deque[tuple[pb.LinkRequest, bool]]] = {}
        """What waits for others of its space, each with whether it writes."""

    def __len__(self) -> int:
        return len(self._jobs)

    def holds(self, request: pb.LinkRequest, *, writes: bool) -> bool:
        """Keep a request that cannot begin now; :meth:`step` brings it back.

        Args:
            request: A job, or anything that writes.
            writes: Whether it changes its space.
        """
        space_id = request.space_id
        busy = space_id in self._writers or space_id in self._held
        if not busy and not (writes and self._readers[space_id]):
            return False
        self._held.setdefault(space_id, deque()).append((request, writes))
        return True

    def add(self, job: Job) -> None:
        """Begin a job that :meth:`holds` does not keep."""
        if job.writes:
            self._writers.add(job.request.space_id)
        else:
            self._readers[job.request.space_id] += 1
        self._jobs.append(job)

    def cancel(self, call_id: int) -> tuple[pb.LinkReply | None, list[pb.LinkRequest]]:
        """Give up a job that reads, begun or kept, if there is one of that number.

        Returns:
            As :meth:`step`; the reply to one that was not begun is empty.
        """
        for job in self._jobs:
            if job.request.call_id == call_id and not job.writes:
                self._jobs.remove(job)
                return job.reply, self._ended(job)
        for waiting in self._held.values():
            for place, (request, writes) in enumerate(waiting):
                if request.call_id == call_id and not writes:
                    del waiting[place]
                    return pb.LinkReply(call_id=call_id), []
        return None, []

    def step(self) -> tuple[pb.LinkReply | None, list[pb.LinkRequest]]:
        """Do a slice of the job whose turn it is.

        Returns:
            The reply if that ended the job, and the requests that waited for its end.
        """
        job = self._jobs[0]
        until_s = self._clock() + SLICE_S
        for _ in job.steps:
            if self._clock() >= until_s:
                self._jobs.rotate(-1)
                return None, []
        self._jobs.popleft()
        return job.reply, self._ended(job)

    def _ended(self, job: Job) -> list[pb.LinkRequest]:
        space_id = job.request.space_id
        if job.writes:
            self._writers.discard(space_id)
        else:
            self._readers[space_id] -= 1
            if self._readers[space_id]:
                return []
            del self._readers[space_id]
        return [request for request, _ in self._held.pop(space_id, ())]
