"""Worker processes: started by exec, watched, and replaced when they go away.

A worker is lost when its process ends, when it makes no step for too long while somebody waits,
or when it holds more memory than it may. One that is started and idle stands by, so a place is
empty for a moment only. Before a worker that stands still is given up, those who can do without it
may ask whether it hangs.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.abc
import structlog

from mlsdm_grpc.errors import MlsdmError
from mlsdm_grpc.protection.allocator import MMAP_THRESHOLD_BYTES
from mlsdm_grpc.protection.sensors import resident_bytes
from mlsdm_grpc.workers.link import InlineLink, Link, SocketLink, worker_lost
from mlsdm_grpc.workers.main import make_handler
from mlsdm_grpc.workers.progress import Applying, Progress, shared_page

__all__ = ["WORKER_ENVIRONMENT", "Loss", "Pool", "WorkerLimits", "WorkerRole", "WorkerState"]

_log = structlog.get_logger(__name__)
_FIRST_RESTART_S = 0.05
_LAST_RESTART_S = 5.0
_STOP_S = 5.0
_READY_S = 2.0
_CHECK_S = 1.0
"""Longest time between two looks at the workers."""
_LOOKS = 4
"""Looks in a row without a step that make a stall; a server that stood still itself counts one."""
_HANGS_S = 2.0
"""A worker that made no step for so long while somebody waited hangs, as far as one can tell."""
_STEP_BYTES_PER_S = 4 * 1024 * 1024
"""A step that goes through many bytes may take longer, by this slowest of all rates."""

WORKER_ENVIRONMENT = {
    # One core a worker: its bulkhead. A product of matrices by two threads would take another's.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(MMAP_THRESHOLD_BYTES),
}
_KILL_FIRST = 500
"""Where memory runs out nevertheless, the kernel takes a worker, which is replaced, and not the
server."""


@dataclass(frozen=True, slots=True)
class WorkerRole:
    """What the workers of a pool do."""

    name: str
    """``minds`` or ``text``."""
    embedder: str = ""
    """Model of text workers."""


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


@dataclass(frozen=True, slots=True)
class Loss:
    """How a worker went away."""

    index: int
    """Its place in the pool."""
    applying: Applying | None
    """The record that it had in hand, if any."""
    over_memory: bool
    """It was killed for the memory that it held."""


@dataclass(slots=True, eq=False)
class _Worker:
    """One process that has greeted, or will."""

    process: asyncio.subprocess.Process
    position: Progress
    link: SocketLink
    lost: asyncio.Event
    over_memory: bool = False
    step: tuple[int, int] = (0, 0)
    """Its position at the last look."""
    looks: int = 0
    """Looks since that step while somebody waited."""

    def look(self) -> None:
        """Look at the worker again."""
        if not self.link.pending:
            self.looks = 0
        elif (step := self.position.step) != self.step:
            self.step, self.looks = step, 0
        else:
            self.looks += 1

    def stood(self, looks_s: float, for_s: float) -> bool:
        """Return whether it had not moved for so long, seconds, at the last look."""
        return self.looks * looks_s >= for_s + _allowed_s(self.step)

    @property
    def stands(self) -> bool:
        """Whether it has not moved since the last look, and somebody waits."""
        return bool(self.link.pending) and self.position.step == self.step


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
        self._limits = limits
        self._standby = standby
        self._on_lost: Callable[[Loss], None] = _ignore
        self._links: list[Link | None] = [None] * self.size
        self._up = [asyncio.Event() for _ in range(self.size)]
        self._starts = [0] * self.size
        self._started_ns = [0] * self.size
        self._workers: list[_Worker | None] = [None] * self.size
        self._spare: _Worker | None = None
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
            handler = await asyncio.to_thread(
                make_handler, self.role.name, self.role.embedder, Progress()
            )
            self._came_up(0, InlineLink(handler))
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
            Unavailable: WORKER_LOST; there is no worker after two seconds.
        """
        link = self._links[index]
        if link is None:
            with anyio.move_on_after(_READY_S):
                await self._up[index].wait()
            link = self._links[index]
        if link is None:
            raise worker_lost()
        return link

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
                return clock() - seen_s < _allowed_s(seen)
            seen_s = clock()
            return True

        return has_moved

    async def close(self) -> None:
        """Let all workers finish what they have and end."""
        self._closing = True
        spare, self._spare = self._spare, None
        workers = [worker for worker in (*self._workers, spare) if worker is not None]
        for worker in workers:
            worker.link.close()
        if self._inline and self._links[0] is not None:
            self._links[0].close()
        for worker in workers:
            await _reap(worker.process)

    # Replacing.

    async def _supervise(
        self, index: int, *, task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        try:
            worker = await self._spawn()
        except (OSError, TimeoutError) as error:
            raise MlsdmError(
                "A worker process did not start.", metadata={"role": self.role.name}
            ) from error
        self._install(index, worker)
        task_status.started()
        pauses, clock = _pauses(), asyncio.get_running_loop().time
        while True:
            began_s = clock()
            await worker.lost.wait()
            if self._closing:
                return
            if clock() - began_s > _LAST_RESTART_S:
                pauses = _pauses()
            spare = self._take_spare()
            if spare is not None:
                self._install(index, spare)
            else:
                self._workers[index] = None
            await self._bury(index, worker)
            if spare is None:
                spare = await self._spawn_until_it_works(pauses)
                self._install(index, spare)
            worker = spare

    async def _spawn_until_it_works(self, pauses: Iterator[float]) -> _Worker:
        while True:
            await anyio.sleep(next(pauses))
            try:
                return await self._spawn()
            except (OSError, TimeoutError):
                _log.warning("worker_start_failed", role=self.role.name)

    def _install(self, index: int, worker: _Worker) -> None:
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
        pauses, began_s = _pauses(), -math.inf
        clock = asyncio.get_running_loop().time
        while True:
            await self._spare_wanted.wait()
            if clock() - began_s > _LAST_RESTART_S:
                pauses = _pauses()
            self._spare = await self._spawn_until_it_works(pauses)
            self._spare_wanted.clear()
            began_s = clock()

    def _take_spare(self) -> _Worker | None:
        spare, self._spare = self._spare, None
        if self._standby:
            self._spare_wanted.set()
        return spare

    def _lost(self, worker: _Worker) -> None:
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

    async def _bury(self, index: int, worker: _Worker) -> None:
        await _reap(worker.process)
        _log.warning(
            "worker_lost", role=self.role.name, index=index, exit_code=worker.process.returncode
        )

    # Starting.

    async def _spawn(self) -> _Worker:
        """Start a process and return it when it has greeted.

        Raises:
            OSError: It could not be started.
            TimeoutError: It ended, or did not greet in time.
        """
        ready, lost = asyncio.Event(), asyncio.Event()
        link = SocketLink(on_ready=ready.set, on_lost=lambda: self._lost(worker))
        with anyio.CancelScope(shield=True), contextlib.ExitStack() as ours_only:
            ours, theirs = socket.socketpair()
            ours_only.callback(theirs.close)
            page = shared_page()
            ours_only.callback(os.close, page)
            try:
                process = await self._exec(theirs, page)
            except OSError:
                ours.close()
                raise
            await asyncio.to_thread(_offer, process.pid)
            worker = _Worker(process, Progress(page), link, lost)
            await asyncio.get_running_loop().create_connection(lambda: link, sock=ours)
        try:
            await _first_of(ready, lost, timeout_s=self._limits.start_s)
        finally:
            if not ready.is_set() or self._closing:
                link.close()
                _kill(process)
                await _reap(process)
        if not ready.is_set():
            raise TimeoutError
        return worker

    async def _exec(self, theirs: socket.socket, page: int) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "mlsdm_grpc.workers.main",
            self.role.name,
            str(theirs.fileno()),
            str(page),
            self.role.embedder,
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=[theirs.fileno(), page],
            start_new_session=True,
            env=os.environ | WORKER_ENVIRONMENT,
        )

    # Guarding.

    async def _guard(self) -> None:
        """Kill workers that stand still or hold too much; their ends make them replaced."""
        stall_s = self._limits.stall_s
        while stall_s or self._limits.memory_bytes:
            await anyio.sleep(self._looks_s)
            workers = [worker for worker in self._workers if worker is not None]
            for worker in workers:
                worker.look()
                if stall_s and worker.stood(self._looks_s, stall_s):
                    _log.error("worker_stalled", role=self.role.name, pid=worker.process.pid)
                    _kill(worker.process)
            if self._limits.memory_bytes:
                for worker, resident in await asyncio.to_thread(_measured, workers):
                    if resident > self._limits.memory_bytes:
                        _log.error("worker_over_memory", role=self.role.name, bytes=resident)
                        worker.over_memory = True
                        _kill(worker.process)


def _allowed_s(step: tuple[int, int]) -> float:
    """Return how long a step may take for the bytes that it goes through, seconds."""
    return step[1] / _STEP_BYTES_PER_S


def _measured(workers: list[_Worker]) -> list[tuple[_Worker, int]]:
    return [(worker, resident_bytes(worker.process.pid)) for worker in workers]


def _pauses() -> Iterator[float]:
    """Yield how long to wait before each attempt in a row."""
    pause_s = _FIRST_RESTART_S
    while True:
        yield pause_s
        pause_s = min(2 * pause_s, _LAST_RESTART_S)


async def _first_of(*events: asyncio.Event, timeout_s: float) -> None:
    """Wait until one of some events is set, or the time is over."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()


def _offer(pid: int) -> None:
    """Tell the kernel which process to kill first."""
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text(str(_KILL_FIRST), "ascii")


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()


async def _reap(process: asyncio.subprocess.Process) -> None:
    """Wait for a worker whose link is closed; one that does not end is killed."""
    with anyio.CancelScope(shield=True):
        with anyio.move_on_after(_STOP_S):
            await process.wait()
        if process.returncode is None:
            _kill(process)
            await process.wait()
