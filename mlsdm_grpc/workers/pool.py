"""A pool of worker processes: each is watched, and replaced when it goes away.

A worker is lost when its process ends, when it makes no step for too long while somebody waits,
or when it holds more memory than it may. One that is started and idle stands by, so a place is
empty for a moment only. Before a worker that stands still is given up, those who can do without it
may ask whether it hangs.
"""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import anyio
import anyio.abc
import structlog

from mlsdm_grpc.errors import MlsdmError
from mlsdm_grpc.protection.sensors import resident_bytes
from mlsdm_grpc.workers.link import InlineLink, Link, worker_lost
from mlsdm_grpc.workers.main import make_handler
from mlsdm_grpc.workers.process import (
    LAST_RESTART_S,
    WorkerProcess,
    WorkerRole,
    WorkerStarter,
    allowed_s,
    pauses,
)
from mlsdm_grpc.workers.progress import Applying, Progress

__all__ = ["Loss", "Pool", "WorkerLimits", "WorkerState"]

_log = structlog.get_logger(__name__)
_CHECK_S = 1.0
"""Longest time between two looks at the workers."""
_LOOKS = 4
"""Looks in a row without a step that make a stall; a server that stood still itself counts one."""
_HANGS_S = 2.0
"""A worker that made no step for so long while somebody waited hangs, as far as one can tell."""


@dataclass(frozen=True, slots=True)
class WorkerState:
    """One worker as it stands."""

    index: int
    up: bool
    pid: int
    """Process id; that of the server if the worker runs inside it, 0 if there is none."""
    restarts: int
    """Times it was replaced."""
    started_ns: int
    """Wall clock at which the present one came up; 0 if none ever did."""


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """When a worker is given up."""

    start_s: float
    """Not greeted after this, seconds."""
    stall_s: float = 0.0
    """Somebody waits and the worker has made no step for this long, seconds; 0 is for ever."""
    memory_bytes: int = 0
    """Resident memory above this, bytes; 0 is no limit."""
    ready_s: float = 2.0
    """Time in which a call waits for a worker that is being replaced, seconds."""


@dataclass(frozen=True, slots=True)
class Loss:
    """The end of a worker."""

    index: int
    """Its place in the pool."""
    applying: Applying | None
    """The record that it had in hand, if any."""
    over_memory: bool
    """It was killed for the memory that it held."""


def _ignore(_: Loss) -> None:
    """Before the start there is no worker to be lost."""


class Pool:
    """A fixed number of workers of one role.

    Args:
        role: What they do.
        count: Processes; 0 runs one handler inside this process, for tests.
        limits: When a worker is given up.
        standby: Keep one more worker, which takes the place of one that is lost.
    """

    def __init__(
        self,
        role: WorkerRole,
        *,
        count: int,
        limits: WorkerLimits,
        standby: bool,
    ) -> None:
        self.role = role
        self.size = max(count, 1)
        self._inline = count == 0
        self.limits = limits
        """Limits of its workers; other ones apply from the next check on."""
        self._starter = WorkerStarter(role, limits.start_s, self._lost)
        self._standby = standby
        self._on_lost: Callable[[Loss], None] = _ignore
        self._links: list[Link | None] = [None] * self.size
        self._up = [asyncio.Event() for _ in range(self.size)]
        self._starts = [0] * self.size
        self._started_ns = [0] * self.size
        self._workers: list[WorkerProcess | None] = [None] * self.size
        self._spare: WorkerProcess | None = None
        self._spare_wanted = asyncio.Event()
        self._looks_s = min(_CHECK_S, (limits.stall_s or math.inf) / _LOOKS)
        self._closing = False

    async def start(self, tasks: anyio.abc.TaskGroup, on_lost: Callable[[Loss], None]) -> None:
        """Start all workers and return when each has greeted.

        Args:
            tasks: Where they are supervised.
            on_lost: Called with the loss of a worker, before it is replaced.

        Raises:
            MlsdmError: A worker did not come up.
        """
        self._on_lost = on_lost
        if self._inline:
            make = partial(make_handler, self.role.name, self.role.embedder, Progress())

            def lost() -> None:
                self._came_up(0, InlineLink(make(), on_lost=lost))
                on_lost(Loss(0, None, over_memory=False))

            self._came_up(0, InlineLink(await asyncio.to_thread(make), on_lost=lost))
            return
        async with anyio.create_task_group() as starting:
            for index in range(self.size):
                starting.start_soon(tasks.start, self._supervise, index)
        tasks.start_soon(self._guard)
        if self._standby:
            self._spare_wanted.set()
            tasks.start_soon(self._keep_spare)

    async def ready(self, index: int) -> Link:
        """Return the link to a worker; wait a little for one that is being replaced.

        Raises:
            Unavailable: WORKER_LOST; there is no worker after ``limits.ready_s``.
        """
        link = self._links[index]
        if link is None:
            with anyio.move_on_after(self.limits.ready_s):
                await self._up[index].wait()
            link = self._links[index]
        if link is None:
            raise worker_lost()
        return link

    def worker(self, index: int) -> WorkerProcess | None:
        """Return the process in one place; None while it is replaced, or in this process."""
        return self._workers[index]

    def link(self, index: int) -> Link | None:
        """Return the link to the worker in one place; None while it is replaced."""
        return self._links[index]

    def pids(self) -> list[int]:
        """Return the process ids of the workers that run, by place; not that of the standby."""
        return [worker.process.pid for worker in self._workers if worker is not None]

    def all_pids(self) -> list[int]:
        """Return the process ids of all workers, that of the standby too."""
        standby = [] if self._spare is None else [self._spare.process.pid]
        return [*self.pids(), *standby]

    @property
    def oldest_s(self) -> float:
        """When the oldest work of a call was sent to a worker, monotonic; else infinite."""
        return min((link.oldest_s for link in self._links if link), default=math.inf)

    def states(self) -> list[WorkerState]:
        """Return how each worker is."""
        return [
            WorkerState(
                index,
                up=self._links[index] is not None,
                pid=os.getpid() if self._inline else worker.process.pid if worker else 0,
                restarts=max(0, self._starts[index] - 1),
                started_ns=self._started_ns[index],
            )
            for index, worker in enumerate(self._workers)
        ]

    def hangs(self, index: int) -> bool:
        """Return whether a worker lets somebody wait and has made no step for two seconds.

        It is found out some seconds later, and forgotten with its next step.
        """
        worker = self._workers[index]
        return worker is not None and worker.stood(self._looks_s, _HANGS_S) and worker.stands

    def watched(self, index: int) -> Callable[[], bool]:
        """Return what says at every call whether a worker has moved since the one before.

        One that nobody waits for moves, and so does one that is being replaced or runs inside this
        process, and one whose step goes through many bytes for as long as that may take.
        """
        clock = asyncio.get_running_loop().time
        worker = self._workers[index]
        seen = None if worker is None or worker.lost.is_set() else worker.position.step
        seen_s = clock()

        def has_moved() -> bool:
            nonlocal worker, seen, seen_s
            if worker is None or worker is not self._workers[index] or not worker.link.pending:
                worker, seen = self._workers[index], None
                return True
            before, seen = seen, worker.position.step
            if seen == before:
                return clock() - seen_s < allowed_s(seen)
            seen_s = clock()
            return True

        return has_moved

    async def close(self) -> None:
        """Let all workers finish what they have and end."""
        self._closing = self._starter.closing = True
        spare, self._spare = self._spare, None
        workers = [worker for worker in (*self._workers, spare) if worker is not None]
        for link in {*filter(None, self._links), *(worker.link for worker in workers)}:
            link.close()
        for worker in workers:
            await worker.collect()

    async def _supervise(
        self, index: int, *, task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        try:
            worker = await self._starter.start()
        except (OSError, TimeoutError) as error:
            raise MlsdmError(
                "A worker process did not start.", metadata={"role": self.role.name}
            ) from error
        self._install(index, worker)
        task_status.started()
        waits, clock = pauses(), asyncio.get_running_loop().time
        while True:
            began_s = clock()
            await worker.lost.wait()
            if self._closing:
                return
            if clock() - began_s > LAST_RESTART_S:
                waits = pauses()
            spare = self._take_spare()
            if spare is not None:
                self._install(index, spare)
            else:
                self._workers[index] = None
            await worker.collect()
            code = worker.process.returncode
            _log.warning("worker_lost", role=self.role.name, index=index, exit_code=code)
            if spare is None:
                spare = await self._starter.start_at_last(waits)
                self._install(index, spare)
            worker = spare

    def _install(self, index: int, worker: WorkerProcess) -> None:
        """Give a worker a place; if it is lost already, its supervisor finds that out."""
        self._workers[index] = worker
        if not worker.lost.is_set():
            self._came_up(index, worker.link)

    def _came_up(self, index: int, link: Link) -> None:
        self._links[index] = link
        self._starts[index] += 1
        self._started_ns[index] = time.time_ns()
        self._up[index].set()

    async def _keep_spare(self) -> None:
        waits, began_s = pauses(), -math.inf
        clock = asyncio.get_running_loop().time
        while True:
            await self._spare_wanted.wait()
            if clock() - began_s > LAST_RESTART_S:
                waits = pauses()
            self._spare = await self._starter.start_at_last(waits)
            self._spare_wanted.clear()
            began_s = clock()

    def _take_spare(self) -> WorkerProcess | None:
        spare, self._spare = self._spare, None
        if self._standby:
            self._spare_wanted.set()
        return spare

    def _lost(self, worker: WorkerProcess) -> None:
        """Take the link away before anybody uses it again."""
        applying = worker.position.applying
        worker.position.close()
        worker.lost.set()
        if self._closing:
            return
        if worker is self._spare:
            self._take_spare()
        elif worker in self._workers:
            index = self._workers.index(worker)
            self._links[index] = None
            self._up[index].clear()
            self._on_lost(Loss(index, applying, worker.over_memory))

    async def _guard(self) -> None:
        """Kill workers that stand still or hold too much; their ends make them replaced."""
        stall_s = self.limits.stall_s
        while stall_s or self.limits.memory_bytes:
            await anyio.sleep(self._looks_s)
            workers = [worker for worker in self._workers if worker is not None]
            for worker in workers:
                worker.look()
                if stall_s and worker.stood(self._looks_s, stall_s):
                    _log.error("worker_stalled", role=self.role.name, pid=worker.process.pid)
                    worker.kill()
            if self.limits.memory_bytes:
                for worker, resident in await asyncio.to_thread(_measured, workers):
                    if resident > self.limits.memory_bytes:
                        _log.error("worker_over_memory", role=self.role.name, bytes=resident)
                        worker.over_memory = True
                        worker.kill()


def _measured(workers: list[WorkerProcess]) -> list[tuple[WorkerProcess, int]]:
    return [(worker, resident_bytes(worker.process.pid)) for worker in workers]
