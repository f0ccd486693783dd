"""Worker process: its start, progress and end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import anyio
import structlog

from mlsdm_grpc.value_classes import value_class
from mlsdm_grpc.workers.forked import (
    WORKER_COMMAND,
    WORKER_ENVIRONMENT,
    ForkedProcess,
    ForkServer,
)
from mlsdm_grpc.workers.link import SocketLink
from mlsdm_grpc.workers.progress import Progress, shared_page

__all__ = [
    "LAST_RESTART_S",
    "WorkerProcess",
    "WorkerRole",
    "WorkerStarter",
    "allowed_s",
    "pauses",
]

_log = structlog.get_logger(__name__)
# First pause between two attempts to start a worker, seconds.
_FIRST_RESTART_S: Final = 0.05
LAST_RESTART_S: Final = 5.0
"""Longest pause between two attempts to start a worker, seconds."""
# Time in which a process must end after its link was closed; then it is killed. Seconds.
_STOP_S: Final = 5.0
# Lowest expected rate at which a step reads bytes; a step with many bytes may take longer.
_STEP_BYTES_PER_S: Final = 4 * 1024 * 1024


@value_class
class WorkerRole:
    """Kind of work of a pool."""

    name: str
    """Name of the role, ``minds`` or ``text``."""
    embedder: str = ""
    """Embedder model of text workers."""


@dataclass(slots=True, eq=False)
class WorkerProcess:
    """Worker process, from its start to its end."""

    process: asyncio.subprocess.Process | ForkedProcess
    position: Progress
    link: SocketLink
    lost: asyncio.Event
    over_memory: bool = False
    step: tuple[int, int] = (0, 0)
    """Progress at the last check."""
    looks: int = 0
    """Number of consecutive checks without progress while a request waits."""

    def look(self) -> None:
        """Check the progress of the worker."""
        if not self.link.pending:
            self.looks = 0
        elif (step := self.position.step) != self.step:
            self.step, self.looks = step, 0
        else:
            self.looks += 1

    def stood(self, looks_s: float, for_s: float) -> bool:
        """Return True after ``for_s`` seconds without progress, plus the time for a long step."""
        return self.looks * looks_s >= for_s + allowed_s(self.step)

    @property
    def stands(self) -> bool:
        """True if a request waits and the worker has made no progress since the last check."""
        return bool(self.link.pending) and self.position.step == self.step

    def kill(self) -> None:
        """Kill the process; the end of its link reports the loss."""
        _kill(self.process)

    async def collect(self) -> None:
        """Wait for the end of the process after its link was closed; kill it after a timeout."""
        with anyio.CancelScope(shield=True):
            with anyio.move_on_after(_STOP_S) as limit:
                await self.process.wait()
            if limit.cancelled_caught:
                self.kill()
                await self.process.wait()


class WorkerStarter:
    """Starter of the processes of one role.

    Args:
        role: Role of the processes.
        forks: Fork server of the processes; None executes a new interpreter for each.
        start_s: Maximum time until the greeting of a process, seconds.
        on_lost: Callback for the end of a started process, called once.
    """

    def __init__(
        self,
        role: WorkerRole,
        forks: ForkServer | None,
        start_s: float,
        on_lost: Callable[[WorkerProcess], None],
    ) -> None:
        self._role = role
        self._forks = forks
        self._start_s = start_s
        self._on_lost = on_lost
        self.closing = False
        """True while the pool closes; a process that starts meanwhile is ended after its greeting.
        """

    async def start(self) -> WorkerProcess:
        """Start a process and return it after its greeting.

        Raises:
            OSError: The process could not be started.
            TimeoutError: The process ended, or did not greet in time.
        """
        ready, lost = asyncio.Event(), asyncio.Event()
        link = SocketLink(on_ready=ready.set, on_lost=lambda: self._on_lost(worker))
        # A cancelled start must not leave a process that no object owns.
        with anyio.CancelScope(shield=True), contextlib.ExitStack() as ours_only:
            ours, theirs = socket.socketpair()
            ours_only.callback(theirs.close)
            page = shared_page()
            ours_only.callback(os.close, page)
            try:
                process = await self._launch(theirs, page)
            except OSError:
                ours.close()
                raise
            worker = WorkerProcess(process, Progress(page), link, lost)
            await asyncio.get_running_loop().create_connection(lambda: link, sock=ours)
        try:
            await _first_of(ready, lost, timeout_s=self._start_s)
        finally:
            if not ready.is_set() or self.closing:
                link.close()
                worker.kill()
                await worker.collect()
        if not ready.is_set():
            raise TimeoutError
        return worker

    async def _launch(
        self, theirs: socket.socket, page: int
    ) -> asyncio.subprocess.Process | ForkedProcess:
        role = self._role
        if self._forks is not None:
            pid, pidfd = await asyncio.to_thread(
                self._forks.fork, role.name, role.embedder, theirs, page, self._start_s
            )
            return ForkedProcess(self._forks, pid, pidfd)
        return await asyncio.create_subprocess_exec(
            *WORKER_COMMAND,
            role.name,
            str(theirs.fileno()),
            str(page),
            role.embedder,
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=[theirs.fileno(), page],
            start_new_session=True,
            env=os.environ | WORKER_ENVIRONMENT,
        )

    async def start_at_last(self, pauses: Iterator[float]) -> WorkerProcess:
        """Start a process, with retries and pauses until an attempt succeeds."""
        while True:
            await anyio.sleep(next(pauses))
            try:
                return await self.start()
            except (OSError, TimeoutError):
                _log.warning("worker_start_failed", role=self._role.name)


def allowed_s(step: tuple[int, int]) -> float:
    """Return the extra time that a step may take for the bytes that it reads, seconds."""
    return step[1] / _STEP_BYTES_PER_S


def pauses() -> Iterator[float]:
    """Yield the pause before each attempt, seconds: 0, then 0.05, doubled each time up to 5."""
    yield 0.0
    pause_s = _FIRST_RESTART_S
    while True:
        yield pause_s
        pause_s = min(2 * pause_s, LAST_RESTART_S)


async def _first_of(*events: asyncio.Event, timeout_s: float) -> None:
    """Wait until one of the events is set, or until the timeout."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()


def _kill(process: asyncio.subprocess.Process | ForkedProcess) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
