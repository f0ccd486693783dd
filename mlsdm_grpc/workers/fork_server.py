"""Fork server: a process that has imported everything a worker needs, and forks workers.

A worker that is forked starts in milliseconds and shares the memory of the imported modules. The
process must stay single-threaded, because a fork copies one thread and the locks of all.
"""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Final

from mlsdm_grpc.value_classes import value_class

__all__ = ["FORK_SERVER", "MESSAGE_BYTES", "ForkRequest", "serve_forks"]

FORK_SERVER: Final = "forks"
"""Name of the fork server in place of a role."""

MESSAGE_BYTES: Final = 4 * 1024
"""Largest message of the protocol, bytes."""


@value_class
class ForkRequest:
    """Request to fork one worker."""

    role: str
    embedder: str
    link: int
    """Descriptor of the worker's end of its link; the worker closes it."""
    page: int
    """Descriptor of the progress page; the worker closes it."""


def serve_forks(control: socket.socket) -> ForkRequest | None:
    """Fork a worker for each request on ``control`` until the peer closes it.

    One message is one request: ``{"fork": [ROLE, EMBEDDER]}`` with the descriptors of link and page
    is answered with ``{"pid": N}`` and a pidfd, or ``{"errno": N}``. ``{"ended": PID}`` removes the
    zombie of a worker and is answered with ``{"code": N}``, or ``{}`` if it is unknown.

    Returns:
        In each worker its request; in the fork server None, at the end.

    Raises:
        RuntimeError: The process has several threads.
    """
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        raise RuntimeError("A process with several threads cannot fork workers.")
    while True:
        try:
            data, descriptors, _, _ = socket.recv_fds(control, MESSAGE_BYTES, 2)
            if not data:
                return None
            request = json.loads(data)
            if "ended" in request:
                socket.send_fds(control, [_encoded(**_exit_code(request["ended"]))], [])
                continue
            pid = _fork(control, descriptors)
        except ConnectionError:
            return None
        if pid == 0:
            control.close()
            return ForkRequest(*request["fork"], *descriptors)


def _fork(control: socket.socket, descriptors: list[int]) -> int:
    """Fork and return 0 in the worker; reply in the fork server and close the descriptors."""
    try:
        pid = os.fork()
    except OSError as error:
        socket.send_fds(control, [_encoded(errno=error.errno or 0)], [])
        pid = -1
    if pid > 0:
        # The zombie keeps the id until `ended`, so the pidfd cannot belong to another process.
        pidfd = os.pidfd_open(pid)
        socket.send_fds(control, [_encoded(pid=pid)], [pidfd])
        os.close(pidfd)
    if pid:
        for descriptor in descriptors:
            os.close(descriptor)
    return pid


def _exit_code(pid: int) -> dict[str, int]:
    try:
        ended, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return {}
    return {"code": os.waitstatus_to_exitcode(status)} if ended else {}


def _encoded(**fields: int) -> bytes:
    return json.dumps(fields).encode()
