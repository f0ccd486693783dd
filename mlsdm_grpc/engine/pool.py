"""Worker processes: started by exec, watched, and replaced when they go away."""

from __future__ import annotations

import asyncio
import math
import os
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import anyio
import anyio.abc
import structlog

from mlsdm_grpc.engine.link import InlineLink, Link, SocketLink, worker_lost
from mlsdm_grpc.engine.worker import make_handler
from mlsdm_grpc.errors import MlsdmError

__all__ = ["WORKER_ENVIRONMENT", "Pool", "WorkerRole", "WorkerState"]

_log = structlog.get_logger(__name__)
_FIRST_RESTART_S = 0.05
_LAST_RESTART_S = 5.0
_STOP_S = 5.0
_READY_S = 2.0

WORKER_ENVIRONMENT = {
    # One core a worker: its bulkhead. A product of matrices by two threads would take another's.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    # Large temporaries go back to the system when they are freed instead of leaving holes between
    # memories; the allocator's own adjustment would stop that after the first of them.
    "MALLOC_MMAP_THRESHOLD_": str(1024 * 1024),
}


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


class Pool:
    """A fixed number of workers of one role.

    Args:
        role: What they do.
        count: Processes; 0 runs one handler inside this process, for tests.
        start_timeout_s: A worker that has not greeted after this is given up, seconds.
        on_lost: Called with the index of a worker that went away, before it is replaced.
    """

    def __init__(
        self,
        role: WorkerRole,
        *,
        count: int,
        start_timeout_s: float,
        on_lost: Callable[[int], None],
    ) -> None:
        self.role = role
        self.size = max(count, 1)
        self._inline = count == 0
        self._start_timeout_s = start_timeout_s
        self._on_lost = on_lost
        self._links: list[Link | None] = [None] * self.size
        self._up = [asyncio.Event() for _ in range(self.size)]
        self._processes: list[asyncio.subprocess.Process | None] = [None] * self.size
        self._starts = [0] * self.size
        self._started_ns = [0] * self.size
        self._closing = False

    async def start(self, tasks: anyio.abc.TaskGroup) -> None:
        """Start all workers and return when each has greeted.

        Raises:
            MlsdmError: A worker did not come up.
        """
        if self._inline:
            handler = await asyncio.to_thread(make_handler, self.role.name, self.role.embedder)
            self._came_up(0, InlineLink(handler))
            return
        async with anyio.create_task_group() as starting:
            for index in range(self.size):
                starting.start_soon(tasks.start, self._supervise, index)

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
        """Return the process ids of the workers that run."""
        return [process.pid for process in self._processes if process is not None]

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
                pid=os.getpid() if self._inline else process.pid if process else 0,
                restarts=max(0, self._starts[index] - 1),
                started_ns=self._started_ns[index],
            )
            for index, process in enumerate(self._processes)
        ]

    async def close(self) -> None:
        """Let all workers finish what they have and end."""
        self._closing = True
        for link in self._links:
            if link is not None:
                link.close()
        for process in self._processes:
            if process is not None:
                await _reap(process)

    async def _supervise(
        self, index: int, *, task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        pause_s, started = _FIRST_RESTART_S, False
        while not self._closing:
            lost = asyncio.Event()
            try:
                await self._spawn(index, lost)
            except (OSError, TimeoutError) as error:
                if not started:
                    raise MlsdmError(
                        "A worker process did not start.", metadata={"role": self.role.name}
                    ) from error
                _log.warning("worker_start_failed", role=self.role.name, index=index)
            else:
                if not started:
                    started = True
                    task_status.started()
                began = asyncio.get_running_loop().time()
                await lost.wait()
                if asyncio.get_running_loop().time() - began > _LAST_RESTART_S:
                    pause_s = _FIRST_RESTART_S
            if not self._closing:
                await self._bury(index)
                await anyio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LAST_RESTART_S)

    async def _spawn(self, index: int, lost: asyncio.Event) -> None:
        ready = asyncio.Event()
        ours, theirs = socket.socketpair()
        try:
            process = await self._exec(theirs)
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        self._processes[index] = process
        _, link = await asyncio.get_running_loop().create_connection(
            lambda: SocketLink(on_ready=ready.set, on_lost=partial(self._lost, index, lost)),
            sock=ours,
        )
        gone = asyncio.ensure_future(lost.wait())
        up = asyncio.ensure_future(ready.wait())
        try:
            await asyncio.wait(
                (gone, up), timeout=self._start_timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            gone.cancel()
            up.cancel()
        if not ready.is_set():
            link.close()
            await _reap(process)
            raise TimeoutError
        self._came_up(index, link)

    def _came_up(self, index: int, link: Link) -> None:
        self._links[index] = link
        self._starts[index] += 1
        self._started_ns[index] = time.time_ns()
        self._up[index].set()

    def _lost(self, index: int, lost: asyncio.Event) -> None:
        """Take the link away before anybody uses it again."""
        if self._links[index] is not None and not self._closing:
            self._links[index] = None
            self._up[index].clear()
            self._on_lost(index)
        lost.set()

    async def _exec(self, theirs: socket.socket) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "mlsdm_grpc.engine.worker",
            self.role.name,
            str(theirs.fileno()),
            self.role.embedder,
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
            env=os.environ | WORKER_ENVIRONMENT,
        )

    async def _bury(self, index: int) -> None:
        process = self._processes[index]
        if process is not None:
            await _reap(process)
            _log.warning(
                "worker_lost", role=self.role.name, index=index, exit_code=process.returncode
            )
        self._processes[index] = None


async def _reap(process: asyncio.subprocess.Process) -> None:
    """Wait for a worker whose link is closed; one that does not end is killed."""
    with anyio.CancelScope(shield=True):
        with anyio.move_on_after(_STOP_S):
            await process.wait()
        if process.returncode is None:
            process.kill()
            await process.wait()
