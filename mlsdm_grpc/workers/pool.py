"""Pool of worker processes; each is supervised, and replaced when it ends.

A worker is lost when its process ends, when it makes no progress for too long while a request
waits, or when it exceeds its memory limit. A new process replaces it immediately. Before a
stalled worker is killed, :meth:`Pool.hangs` reports it, so that callers can use an alternative.
"""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Callable
from functools import partial

import anyio
import anyio.abc
import structlog

from mlsdm_grpc.errors import MlsdmError
from mlsdm_grpc.protection.sensors import resident_bytes
from mlsdm_grpc.value_classes import value_class
from mlsdm_grpc.workers.forked import ForkServer
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
# Maximum interval between two checks of the progress of workers, seconds.
_CHECK_S = 1.0
# Number of checks without progress before a worker counts as stalled. Several checks are needed,
# because a pause of the server makes only one of them fail.
_LOOKS = 4
# Time without progress while a request waits after which :meth:`Pool.hangs` is True, seconds.
_HANGS_S = 2.0


@value_class
class WorkerState:
    """State of one worker."""

    index: int
    up: bool
    """True if the worker accepts requests."""
    pid: int
    """Process id; that of the server if the worker runs inside it, 0 if there is no process."""
    restarts: int
    """Number of times that the worker was replaced."""
    started_ns: int
    """Time at which the present process started, Unix nanoseconds; 0 if none has started."""


@value_class
class WorkerLimits:
    """Limits beyond which a worker is killed."""

    start_s: float
    """Maximum time until the greeting of a new worker, seconds."""
    stall_s: float = 0.0
    """Maximum time without progress while a request waits, seconds; 0 for no limit."""
    memory_bytes: int = 0
    """Maximum resident memory, bytes; 0 for no limit."""
    ready_s: float = 2.0
    """Maximum time that a call waits for a worker that is being replaced, seconds."""


@value_class
class Loss:
    """Loss of a worker."""

    index: int
    """Index of the worker in the pool."""
    applying: Applying | None
    """Record that the worker was applying; None if it applied no record."""
    over_memory: bool
    """True if the worker was killed because it exceeded its memory limit."""


def _ignore(_: Loss) -> None:
    """Do nothing; used before the start, when no worker can be lost."""


class Pool:
    """Fixed number of workers of one role.

    Args:
        role: Role of the workers.
        count: Number of processes; 0 runs one handler inside this process, for tests.
        limits: Limits beyond which a worker is killed.
        forks: Fork server of the processes; None executes a new interpreter for each.
    """

    def __init__(
        self,
        role: WorkerRole,
        *,
        count: int,
        limits: WorkerLimits,
        forks: ForkServer | None,
    ) -> None:
        self.role = role
        self.size = max(count, 1)
        self._inline = count == 0
        self.limits = limits
        """Limits of the workers. A change of the memory limit takes effect at the next check."""
        self._starter = WorkerStarter(role, forks, limits.start_s, self._lost)
        self._on_lost: Callable[[Loss], None] = _ignore
        self._links: list[Link | None] = [None] * self.size
        self._up = [asyncio.Event() for _ in range(self.size)]
        self._starts = [0] * self.size
        self._started_ns = [0] * self.size
        self._workers: list[WorkerProcess | None] = [None] * self.size
        self._looks_s = min(_CHECK_S, (limits.stall_s or math.inf) / _LOOKS)
        self._closing = False

    async def start(self, tasks: anyio.abc.TaskGroup, on_lost: Callable[[Loss], None]) -> None:
        """Start all workers and return after all greetings.

        Args:
            tasks: Task group of their supervisors.
            on_lost: Callback for the loss of a worker, called before the worker is replaced.

        Raises:
            MlsdmError: A worker did not start.
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

    async def ready(self, index: int) -> Link:
        """Return the link to a worker; wait up to ``limits.ready_s`` if it is being replaced.

        Raises:
            Unavailable: WORKER_LOST; the worker was not replaced in time.
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
        """Return the process of a worker; None while it is replaced, or for an inline worker."""
        return self._workers[index]

    def link(self, index: int) -> Link | None:
        """Return the link to a worker; None while it is replaced."""
        return self._links[index]

    def pids(self) -> list[int]:
        """Return the process ids of the running workers by index."""
        return [worker.process.pid for worker in self._workers if worker is not None]

    @property
    def oldest_s(self) -> float:
        """Monotonic time at which the oldest unanswered request was sent; infinite if none."""
        return min((link.oldest_s for link in self._links if link), default=math.inf)

    def states(self) -> list[WorkerState]:
        """Return the state of each worker."""
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
        """Return True if a worker has made no progress for two seconds while a request waits."""
        worker = self._workers[index]
        return worker is not None and worker.stood(self._looks_s, _HANGS_S) and worker.stands

    def watched(self, index: int) -> Callable[[], bool]:
        """Return a function that reports progress of a worker since the last call of the function.

        A worker also counts as progressing in three cases: no request waits for it, it is being
        replaced, or its step reads so many bytes that it may take longer.
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
        """Close all links, and wait until the workers have finished their work and ended."""
        self._closing = self._starter.closing = True
        workers = [worker for worker in self._workers if worker is not None]
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
                f"A worker process with role {self.role.name} did not start.",
                metadata={"role": self.role.name},
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
            self._workers[index] = None
            async with anyio.create_task_group() as both:
                both.start_soon(self._collect, index, worker)
                worker = await self._starter.start_at_last(waits)
                self._install(index, worker)

    async def _collect(self, index: int, worker: WorkerProcess) -> None:
        await worker.collect()
        code = worker.process.returncode
        _log.warning("worker_lost", role=self.role.name, index=index, exit_code=code)

    def _install(self, index: int, worker: WorkerProcess) -> None:
        """Assign a worker to an index; if it has already ended, its supervisor replaces it."""
        self._workers[index] = worker
        if not worker.lost.is_set():
            self._came_up(index, worker.link)

    def _came_up(self, index: int, link: Link) -> None:
        self._links[index] = link
        self._starts[index] += 1
        self._started_ns[index] = time.time_ns()
        self._up[index].set()

    def _lost(self, worker: WorkerProcess) -> None:
        """Remove the link of a lost worker, so that no request uses it."""
        applying = worker.position.applying
        worker.position.close()
        worker.lost.set()
        if self._closing:
            return
        if worker in self._workers:
            index = self._workers.index(worker)
            self._links[index] = None
            self._up[index].clear()
            self._on_lost(Loss(index, applying, worker.over_memory))

    async def _guard(self) -> None:
        """Kill workers that stall or exceed the memory limit; their supervisors replace them."""
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
                # Reading the memory use of a process can block, so it runs in a thread.
                for worker, resident in await asyncio.to_thread(_measured, workers):
                    if resident > self.limits.memory_bytes:
                        _log.error("worker_over_memory", role=self.role.name, bytes=resident)
                        worker.over_memory = True
                        worker.kill()


def _measured(workers: list[WorkerProcess]) -> list[tuple[WorkerProcess, int]]:
    return [(worker, resident_bytes(worker.process.pid)) for worker in workers]
