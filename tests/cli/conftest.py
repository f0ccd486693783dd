"""The command as people run it: as a process, against a server that is one too."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from forks import ROOT, Forked, run_forked

QUICK = {
    "MLSDM_ENGINE__WORKERS": "0",
    "MLSDM_ENGINE__TEXT_WORKERS": "0",
    "MLSDM_SERVER__DRAIN_DELAY_S": "0",
    "MLSDM_PRESSURE__MAX_LOOP_LAG_S": "60",
    "MLSDM_PRESSURE__MAX_PROCESSING_S": "120",
    "MLSDM_CONTEXTS": os.devnull,
    "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
}


def environment(**extra: str) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("MLSDM_")}
    return {**own, **QUICK, **extra}


def run_mlsdm(*arguments: str, stdin: str = "", **extra: str) -> subprocess.CompletedProcess[str]:
    return run_forked(*arguments, stdin=stdin, env=environment(**extra), timeout=25)


class Server:
    """``mlsdm serve`` as a process; the constructor returns when it is SERVING.

    Args:
        start: Maker of the process; a fork unless a test is about the real command.
    """

    def __init__(self, *arguments: str, start: Callable[..., Any] = Forked, **extra: str) -> None:
        self.process = start("serve", *arguments, env=environment(**extra))
        self.line = self.process.stdout.readline()
        found = re.fullmatch(r"SERVING listen=(\S+) ops=(\S+) started_in_s=(\d+\.\d+)\n", self.line)
        if found is None:
            _, log = self.process.communicate(timeout=20)
            raise AssertionError(f"not SERVING: {self.line!r}\n{log}")
        self.target, self.ops, self.started_in_s = found[1], found[2], float(found[3])

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Return the exit code and the log."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait()

    def wait(self) -> tuple[int, str]:
        """Return exit code and log of a server that is ending."""
        _, log = self.process.communicate(timeout=20)
        return self.process.returncode, log


@pytest.fixture
def mlsdm() -> Callable[..., subprocess.CompletedProcess[str]]:
    return run_mlsdm


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start servers; those that still run are killed at the end."""
    servers: list[Server] = []

    def start(*arguments: str, **extra: Any) -> Server:
        server = Server(*("--listen", "127.0.0.1:0", "--ops", "127.0.0.1:0", *arguments), **extra)
        servers.append(server)
        return server

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.process.kill()
        server.process.communicate(timeout=20)


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    """Address of a server for all tests of a module, with a journal in memory."""
    server = Server("--listen", "127.0.0.1:0", "--ops", "127.0.0.1:0", "--journal", "memory")
    yield server.target
    server.stop()
