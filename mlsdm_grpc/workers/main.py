"""Worker process that holds minds or evaluates texts; it imports neither grpc nor asyncio.

``python -m mlsdm_grpc.workers.main forks FD`` forks workers for the server at the other end of the
inherited socket ``FD`` until that end is closed, see ``workers/fork_server.py``. Where the system
has no pidfds, ``minds|text FD PAGE EMBEDDER`` is one worker.

A worker serves the link protocol on its socket until the other end closes it, and writes its
progress to a shared memory page. Requests that have arrived together are handled together: queries
of one space share one scan, and texts share one pass of the model.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.protection.allocator import freeze_memory
from mlsdm_grpc.workers.fork_server import FORK_SERVER, serve_forks
from mlsdm_grpc.workers.frames import FrameReader, RequestHandler, encode_frame, handle_some
from mlsdm_grpc.workers.progress import Progress
from mlsdm_grpc.workers.space_worker import MindHandler
from mlsdm_grpc.workers.worker_log import configure_worker_log

__all__ = ["main", "make_handler", "serve"]

_READ_BYTES = 64 * 1_024
# Number of new container objects after which Python collects garbage among the youngest ones.
_COLLECTED_EVERY: Final = 20_000
# Time without requests after which background work starts, milliseconds.
_IDLE_MS: Final = 250
# Value for oom_score_adj: when RAM runs out, the kernel kills a worker first, because it can be
# replaced.
_KILL_FIRST: Final = 500


def make_handler(role: str, embedder: str, position: Progress) -> RequestHandler:
    """Return the handler for a role, ``minds`` or ``text``."""
    if role == "minds":
        return MindHandler(position)
    from mlsdm_grpc.workers.text_worker import TextHandler

    return TextHandler(embedder, position)


def serve(sock: socket.socket, handler: RequestHandler) -> None:
    """Answer requests until the peer closes the socket.

    Replies that the peer has not read yet are buffered without limit.
    """
    sock.setblocking(False)
    reader = FrameReader()
    # The greeting is a reply to call 0, which is no request.
    outgoing = bytearray(encode_frame(pb.LinkReply(done=pb.DoneReply())))
    poller = select.poll()
    poller.register(sock, select.POLLIN | select.POLLOUT)
    while True:
        poller.modify(sock, select.POLLIN | (select.POLLOUT if outgoing else 0))
        # A blocking poll saves CPU; it ends in time for the background work.
        idle_ms = _IDLE_MS if handler.has_idle_work else None
        if not poller.poll(0 if handler.busy else idle_ms) and not handler.busy:
            handler.begin_idle_work()
        requests: list[pb.LinkRequest] = []
        records: dict[int, bytes] = {}
        if not _receive(sock, reader, requests, records):
            return
        for reply in handle_some(handler, requests, records):
            outgoing += encode_frame(reply)
        if outgoing and not _send(sock, outgoing):
            return


def _receive(
    sock: socket.socket,
    reader: FrameReader,
    requests: list[pb.LinkRequest],
    records: dict[int, bytes],
) -> bool:
    """Receive all requests that have arrived; return False if the peer has closed the socket."""
    while True:
        try:
            data = sock.recv(_READ_BYTES)
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        if not data:
            return False
        for frame, record in reader.feed(data):
            requests.append(pb.LinkRequest.FromString(frame))
            if record:
                records[requests[-1].call_id] = record
        if len(data) < _READ_BYTES:
            return True


def _send(sock: socket.socket, outgoing: bytearray) -> bool:
    try:
        sent = sock.send(outgoing)
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
    del outgoing[:sent]
    return True


def main(arguments: Sequence[str]) -> int:
    """Run a worker or the fork server with the arguments that the server passed."""
    role, descriptor, *rest = arguments
    _introduce(role)
    if role != FORK_SERVER:
        page, embedder = rest
        _work(role, embedder, int(descriptor), int(page))
        return os.EX_OK
    from mlsdm_grpc.workers import text_worker  # noqa: F401 - workers share its memory

    configure_worker_log()
    # The collector would write to the shared pages of objects, and so copy them.
    freeze_memory(_COLLECTED_EVERY)
    with socket.socket(fileno=int(descriptor)) as control:
        request = serve_forks(control)
    if request is not None:
        _introduce(request.role)
        _work(request.role, request.embedder, request.link, request.page)
    return os.EX_OK


def _introduce(role: str) -> None:
    """Make the role the name of the process, and let the kernel kill it before the server."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(_KILL_FIRST), "ascii")
        Path("/proc/self/comm").write_text(f"mlsdm-{role}", "ascii")


def _work(role: str, embedder: str, descriptor: int, page: int) -> None:
    """Run a worker until the server closes its link."""
    position = Progress(page)
    os.close(page)
    with socket.socket(fileno=descriptor) as sock:
        handler = make_handler(role, embedder, position)
        configure_worker_log()
        # Collecting the loaded objects would take time in the middle of a slice.
        freeze_memory(_COLLECTED_EVERY)
        serve(sock, handler)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
