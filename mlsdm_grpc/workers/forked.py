"""Server's side of the fork server: its process, and the worker processes that it forks.

A forked worker is a child of the fork server, not of the server. A pidfd signals its end, and no
signal for it can reach another process that got the same process id.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Final

from mlsdm_grpc.protection.allocator import MMAP_THRESHOLD_BYTES
from mlsdm_grpc.workers.fork_server import FORK_SERVER, MESSAGE_BYTES

__all__ = [
    "WORKER_COMMAND",
    "WORKER_ENVIRONMENT",
    "ForkServer",
    "ForkedProcess",
    "has_pidfd",
]

WORKER_COMMAND = (sys.executable, "-P", "-m", "mlsdm_grpc.workers.main")
WORKER_ENVIRONMENT = {
    # One core for each worker: a second thread would take the core of another worker.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(MMAP_THRESHOLD_BYTES),
}
# Longest wait for the exit code of a worker that has ended, seconds.
_EXIT_CODE_S: Final = 5.0


class ForkServer:
    """Fork server of an engine, started by the first fork and by the first one after its end.

    Its methods block, and may be called from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: tuple[subprocess.Popen[bytes], socket.socket] | None = None

    @property
    def pid(self) -> int:
        """Process id of the fork server; 0 before the first fork and after the end."""
        return self._running[0].pid if self._running else 0

    def fork(
        self, role: str, embedder: str, link: socket.socket, page: int, timeout_s: float
    ) -> tuple[int, int]:
        """Fork a worker and return its process id and a pidfd, which the caller closes.

        Takes milliseconds, or about 0.6 s if the fork server has to start. Another fork server is
        started next time if this one fails.

        Args:
            role: Role of the worker.
            embedder: Embedder of a text worker.
            link: Worker's end of its link; the worker gets a copy.
            page: Descriptor of its progress page; the worker gets a copy.
            timeout_s: Time limit for the fork, seconds.

        Raises:
            OSError: The fork failed, or the fork server ended.
            TimeoutError: The fork server did not reply in time.
        """
        with self._lock:
            if not self._alive():
                self._start()
            request = {"fork": [role, embedder]}
            reply, descriptors = self._reply(request, [link.fileno(), page], timeout_s)
        if not descriptors:
            # A reply that lost its descriptor means that this process can open no more files.
            raise OSError(reply.get("errno", errno.EMFILE), "The fork server could not fork.")
        return reply["pid"], descriptors[0]

    def exit_code(self, pid: int) -> int | None:
        """Return the exit code of a worker that has ended; None if the fork server lost it."""
        with self._lock:
            if not self._alive():
                return None
            try:
                reply, _ = self._reply({"ended": pid}, [], _EXIT_CODE_S)
            except OSError:
                return None
        return reply.get("code")

    def close(self) -> None:
        """End the fork server; it has no state that a kill could lose."""
        with self._lock:
            self._end()

    def _alive(self) -> bool:
        return self._running is not None and self._running[0].poll() is None

    def _start(self) -> None:
        self._end()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                process = subprocess.Popen(  # noqa: S603 - its own module
                    [*WORKER_COMMAND, FORK_SERVER, str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                    env=os.environ | WORKER_ENVIRONMENT,
                )
            except OSError:
                ours.close()
                raise
        self._running = process, ours

    def _end(self) -> None:
        if self._running is not None:
            process, control = self._running
            self._running = None
            control.close()
            process.kill()
            process.wait()

    def _reply(
        self, request: Mapping[str, object], descriptors: list[int], timeout_s: float
    ) -> tuple[dict[str, int], list[int]]:
        """Return the reply to a request, and its descriptors; end a fork server that fails."""
        assert self._running is not None  # noqa: S101 - for the type checker
        _, control = self._running
        try:
            control.settimeout(timeout_s)
            socket.send_fds(control, [json.dumps(request).encode()], descriptors)
            data, received, _, _ = socket.recv_fds(control, MESSAGE_BYTES, 1)
            if not data:
                raise ConnectionResetError
        except OSError:
            self._end()
            raise
        return json.loads(data), received


class ForkedProcess:
    """Forked worker, with the part of `asyncio.subprocess.Process` that a pool uses.

    Args:
        server: Fork server that forked it.
        pid: Its process id.
        pidfd: Its pidfd, which is closed at its end.
    """

    def __init__(self, server: ForkServer, pid: int, pidfd: int) -> None:
        self.pid = pid
        """Process id."""
        self.returncode: int | None = None
        """Exit code; None before :meth:`wait`, and if the fork server ended first."""
        self._server = server
        self._pidfd = pidfd
        self._ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(pidfd, self._end)

    def _end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._ended.set()

    def kill(self) -> None:
        """Kill the process, if it has not ended."""
        if not self._ended.is_set():
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    async def wait(self) -> int | None:
        """Wait for the end of the process and return its exit code."""
        await self._ended.wait()
        if self.returncode is None:
            self.returncode = await asyncio.to_thread(self._server.exit_code, self.pid)
        return self.returncode


def has_pidfd() -> bool:
    """Return whether this system has pidfds, which the fork server needs; Linux 5.3 and later."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return True
