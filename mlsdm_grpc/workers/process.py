"""A worker process: started by exec, looked at while it works, killed where it has to be."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio
import structlog

from mlsdm_grpc.protection.allocator import MMAP_THRESHOLD_BYTES
from mlsdm_grpc.workers.link import SocketLink
from mlsdm_grpc.workers.progress import Progress, shared_page

__all__ = [
    "LAST_RESTART_S",
    "WORKER_ENVIRONMENT",
    "WorkerProcess",
    "WorkerRole",
    "WorkerStarter",
    "allowed_s",
    "pauses",
]

_log = structlog.get_logger(__name__)
_FIRST_RESTART_S: Final = 0.05
LAST_RESTART_S: Final = 5.0
"""Longest pause between two attempts to start a worker, seconds."""
_STOP_S: Final = 5.0
_STEP_BYTES_PER_S: Final = 4 * 1024 * 1024
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
    """The kind of work of a pool."""

    name: str
    """``minds`` or ``text``."""
    embedder: str = ""
    """Model of text workers."""


@dataclass(slots=True, eq=False)
class WorkerProcess:
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
        return self.looks * looks_s >= for_s + allowed_s(self.step)

    @property
    def stands(self) -> bool:
        """Whether it has not moved since the last look, and somebody waits."""
        return bool(self.link.pending) and self.position.step == self.step

    def kill(self) -> None:
        """Kill it; its link finds out."""
        _kill(self.process)

    async def collect(self) -> None:
        """Wait for its end, after its link was closed; one that does not end is killed."""
        with anyio.CancelScope(shield=True):
            with anyio.move_on_after(_STOP_S):
                await self.process.wait()
            if self.process.returncode is None:
                self.kill()
                await self.process.wait()


class WorkerStarter:
    """Starts the processes of one role.

    Args:
        role: What they do.
        start_s: Time in which one has to greet, seconds.
        on_lost: Called once when a process that was started is gone.
    """

    def __init__(
        self, role: WorkerRole, start_s: float, on_lost: Callable[[WorkerProcess], None]
    ) -> None:
        self._role = role
        self._start_s = start_s
        self._on_lost = on_lost
        self.closing = False
        """Those that greet from now on are ended."""

    async def start(self) -> WorkerProcess:
        """Start a process and return it when it has greeted.

        Raises:
            OSError: It could not be started.
            TimeoutError: It ended, or did not greet in time.
        """
        ready, lost = asyncio.Event(), asyncio.Event()
        link = SocketLink(on_ready=ready.set, on_lost=lambda: self._on_lost(worker))
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

    async def _exec(self, theirs: socket.socket, page: int) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "mlsdm_grpc.workers.main",
            self._role.name,
            str(theirs.fileno()),
            str(page),
            self._role.embedder,
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=[theirs.fileno(), page],
            start_new_session=True,
            env=os.environ | WORKER_ENVIRONMENT,
        )

    async def start_at_last(self, pauses: Iterator[float]) -> WorkerProcess:
        """Start a process and return it, after as many attempts as it takes."""
        while True:
            await anyio.sleep(next(pauses))
            try:
                return await self.start()
            except (OSError, TimeoutError):
                _log.warning("worker_start_failed", role=self._role.name)


def allowed_s(step: tuple[int, int]) -> float:
    """Return how long a step may take for the bytes that it goes through, seconds."""
    return step[1] / _STEP_BYTES_PER_S


def pauses() -> Iterator[float]:
    """Yield how long to wait before each attempt in a row."""
    pause_s = _FIRST_RESTART_S
    while True:
        yield pause_s
        pause_s = min(2 * pause_s, LAST_RESTART_S)


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
