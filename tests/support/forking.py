"""Run ``mlsdm`` in forks of one process, which has imported all that commands and servers import.

The first argument is the descriptor of a listening socket. Each connection asks for one fork: a
byte that carries the descriptors of the standard streams, and a line of JSON with arguments,
folder and environment. The answers are two numbers of eight bytes: the process id at the start,
and the exit code at the end. The process ends at the end of its standard input.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import json
import os
import pkgutil
import re
import selectors
import signal
import socket
import struct
import sys
import threading
import traceback
from pathlib import Path

NUMBER = struct.Struct("q")
OTHERS = (
    "anyio._backends._asyncio",
    "google.protobuf.json_format",
    "rich.cells",
    "rich.console",
    "uvloop",
)
"""Modules that commands and servers import when they run."""
NOT_IMPORTED = re.compile(
    r"mlsdm_grpc\.(__main__|llm\.(embedders\.(e5|remote)|providers\.(anthropic|openai|sdk_\w+)))"
)
"""Modules that few commands or servers import, with libraries that take seconds."""


def prepare() -> None:
    """Import everything, and start nothing: neither a thread nor grpc's own runtime."""
    package = importlib.import_module("mlsdm_grpc")
    for module in pkgutil.walk_packages(package.__path__, "mlsdm_grpc."):
        if NOT_IMPORTED.fullmatch(module.name) is None:
            importlib.import_module(module.name)
    for name in OTHERS:
        importlib.import_module(name)
    # Every server reads them before it serves.
    importlib.import_module("mlsdm_grpc.governance.detectors.sensitive").load_patterns()
    importlib.import_module("mlsdm_grpc.llm.embedders").load_embedder("wordllama")
    threads = len(list(Path("/proc/self/task").iterdir()))
    assert threads == 1, f"{threads} threads, of which a fork would have one"
    # The collector of a fork would touch, and so copy, what all share.
    gc.freeze()


class Forks:
    """Forks of this process that run."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._waiting = selectors.DefaultSelector()
        self._waiting.register(listener, selectors.EVENT_READ)
        self._waiting.register(sys.stdin.fileno(), selectors.EVENT_READ)
        self._running: dict[int, tuple[int, socket.socket]] = {}
        """Process id and connection of each fork, by its process descriptor."""

    def serve(self) -> dict[str, object] | None:
        """Return in each fork what it is to run, and None in this process at the end of input."""
        while True:
            for key, _ in self._waiting.select():
                if key.fileobj is self._listener:
                    if (request := self._fork()) is not None:
                        return request
                elif key.fd in self._running:
                    self._collect(key.fd)
                else:
                    return None

    def _fork(self) -> dict[str, object] | None:
        connection, _ = self._listener.accept()
        _, streams, _, _ = socket.recv_fds(connection, 1, 3)
        with connection.makefile("rb") as lines:
            request = json.loads(lines.readline())
        if (pid := os.fork()) == 0:
            connection.close()
            self._leave()
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
        else:
            process = os.pidfd_open(pid)
            self._running[process] = pid, connection
            self._waiting.register(process, selectors.EVENT_READ)
            connection.sendall(NUMBER.pack(pid))
        for stream in streams:
            os.close(stream)
        return request if pid == 0 else None

    def _leave(self) -> None:
        """Close in a fork what belongs to its parent."""
        self._waiting.close()
        self._listener.close()
        for process, (_, connection) in self._running.items():
            os.close(process)
            connection.close()

    def _collect(self, process: int) -> None:
        pid, connection = self._running.pop(process)
        self._waiting.unregister(process)
        os.close(process)
        _, status = os.waitpid(pid, 0)
        try:
            connection.sendall(NUMBER.pack(os.waitstatus_to_exitcode(status)))
        except BrokenPipeError:  # the test did not wait for it
            pass
        finally:
            connection.close()


def run() -> int:
    """Run the command in this process, and return its exit code."""
    try:
        importlib.import_module("mlsdm_grpc.__main__").main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - a fault of the command is its output
        traceback.print_exc()
        return 1
    return 0


def main() -> None:
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
    prepare()
    request = Forks(socket.socket(fileno=int(sys.argv[1]))).serve()
    if request is None:
        return
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.argv = ["mlsdm", *request["arguments"]]
    # A shell that runs the tests in its background lets its processes ignore it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.stdin = io.TextIOWrapper(open(0, "rb", closefd=False), "utf-8")  # noqa: SIM115
    code = run()
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
