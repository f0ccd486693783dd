"""Servers in their own processes, and their use of the machine."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import grpc
from groups import MemoryGroup

__all__ = [
    "CheckoutError",
    "Process",
    "Usage",
    "call",
    "echo",
    "pids_by_role",
    "serving",
    "usage",
    "wait_quiet",
]

_ROOT = Path(__file__).parents[1]
_STOP_S = 60.0
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_LOCAL = [("grpc.max_receive_message_length", -1)]


class CheckoutError(Exception):
    """A checkout that cannot be run."""


@dataclass(frozen=True, slots=True)
class Process:
    """A server that serves on ``target``."""

    pid: int
    target: str
    ops: str = ""


def python_of(checkout: Path) -> str:
    """Return the interpreter of a checkout.

    Raises:
        CheckoutError: It has none, or is no checkout of this project.
    """
    if not (checkout / "mlsdm_grpc" / "__main__.py").is_file():
        raise CheckoutError(f"{checkout} is no checkout of mlsdm-grpc: it lacks mlsdm_grpc/")
    python = checkout / ".venv" / "bin" / "python"
    if not python.exists():
        raise CheckoutError(f"{checkout} has no .venv: run `make setup` in it first")
    return str(python)


@contextlib.contextmanager
def serving(
    data_dir: Path,
    environment: Mapping[str, str] | None = None,
    *,
    checkout: Path | None = None,
    group: MemoryGroup | None = None,
) -> Iterator[Process]:
    """Run ``mlsdm serve`` on its own ports; it drains at the end.

    Args:
        data_dir: Folder of its journal; its log is the file ``log`` in there.
        environment: Settings that differ from the defaults.
        checkout: Absolute path of the checkout that is run, with the interpreter of its ``.venv``;
            this one, with the interpreter of this process, if there is none.
        group: Control group that it and its workers run in.

    Raises:
        CheckoutError: The checkout cannot be run.
    """
    python = sys.executable if checkout is None else python_of(checkout)
    root = checkout or _ROOT
    own = {name: value for name, value in os.environ.items() if not name.startswith("MLSDM_")}
    data_dir.mkdir(exist_ok=True)
    listen = [
        "--listen",
        "127.0.0.1:0",
        "--ops",
        "127.0.0.1:0",
        "--data-dir",
        str(data_dir.resolve()),
    ]
    with (data_dir / "log").open("ab") as log:
        process = subprocess.Popen(
            [*_inside(group), python, "-m", "mlsdm_grpc", "serve", *listen],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            # ``python -m`` searches the working directory first.
            cwd=root,
            env={
                **own,
                "PYTHONPATH": str(root),
                "MLSDM_SERVER__DRAIN_DELAY_S": "0",
                **(environment or {}),
            },
        )
    with _stopped(process):
        found = re.match(r"SERVING listen=(\S+) ops=(\S+)", _line(process))
        if found is None:
            raise RuntimeError((data_dir / "log").read_text())
        yield Process(process.pid, found[1], found[2])


@contextlib.contextmanager
def echo(answers: Mapping[str, bytes], *options: str) -> Iterator[Process]:
    """Run the echo server, which returns the same response to all calls of a method."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("echo.py")), *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(_ROOT)},
    )
    with _stopped(process):
        if process.stdin is None:
            raise RuntimeError("there is no pipe")
        encoded = {path: base64.b64encode(answer).decode() for path, answer in answers.items()}
        process.stdin.write(json.dumps(encoded) + "\n")
        process.stdin.flush()
        found = re.match(r"SERVING listen=(\S+)", _line(process))
        if found is None:
            raise RuntimeError("the yardstick does not serve")
        yield Process(process.pid, found[1])


def _inside(group: MemoryGroup | None) -> list[str]:
    """Return the prefix that starts a command in a control group."""
    enter = 'echo $$ > "$0/cgroup.procs" && exec "$@"'
    return [] if group is None else ["sh", "-c", enter, str(group.path)]


def _line(process: subprocess.Popen[str]) -> str:
    return process.stdout.readline() if process.stdout else ""


@contextlib.contextmanager
def _stopped(process: subprocess.Popen[str]) -> Iterator[None]:
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def call(
    target: str, path: str, request: bytes, metadata: Mapping[str, str] | None = None
) -> bytes:
    """Return the response to one call, bytes.

    Raises:
        grpc.RpcError: The status is not OK.
    """
    with grpc.insecure_channel(target, options=_LOCAL) as channel:
        rpc = channel.unary_unary(path)
        answer: bytes = rpc(request, timeout=60, metadata=tuple((metadata or {}).items()))
        return answer


@dataclass(frozen=True, slots=True)
class Usage:
    """Resources that a server and its workers have used so far."""

    server_cpu_s: float
    """CPU seconds of the server itself, and of its processes that are no workers."""
    minds_cpu_s: float
    """CPU seconds of the workers that hold spaces."""
    text_cpu_s: float
    """CPU seconds of the workers that judge and embed texts."""
    server_rss_bytes: int
    minds_rss_bytes: int

    @property
    def cpu_s(self) -> float:
        """CPU seconds of all processes together."""
        return self.server_cpu_s + self.minds_cpu_s + self.text_cpu_s


def usage(server: Process) -> Usage:
    """Return the resources that a server and its present workers have used so far."""
    pids = pids_by_role(server.pid)
    pids["server"] += pids.pop("forks")
    cpu_s = {role: sum(map(_cpu_s, of_role)) for role, of_role in pids.items()}
    return Usage(
        cpu_s["server"],
        cpu_s["minds"],
        cpu_s["text"],
        _rss_bytes(server.pid),
        sum(map(_rss_bytes, pids["minds"])),
    )


def pids_by_role(pid: int) -> dict[str, list[int]]:
    """Return the process ids of a server by role: server, forks (its fork server), minds, text."""
    found: dict[str, list[int]] = {"server": [pid], "forks": [], "minds": [], "text": []}
    for child in _children(pid):
        role = _role(child)
        found[role].append(child)
        for worker in _children(child) if role == "forks" else ():
            found[_role(worker)].append(worker)
    return found


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def _role(child: int) -> str:
    """Return the role of a process by its name, or by its command line in older checkouts."""
    name = Path(f"/proc/{child}/comm").read_text().strip().removeprefix("mlsdm-")
    arguments = Path(f"/proc/{child}/cmdline").read_text().split("\0")
    words = [name] if name in {"forks", "minds", "text"} else arguments
    return next((role for role in ("forks", "minds", "text") if role in words), "server")


def _cpu_s(pid: int) -> float:
    # The CPU clock of another process, as clock_getcpuclockid(3) names it: /proc/PID/stat counts
    # in hundredths of a second, which is much of a short window.
    return time.clock_gettime(~pid << 3 | 2)


def _rss_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES


def wait_quiet(*servers: Process, timeout_s: float) -> None:
    """Return when servers and their workers use less than a tenth of a core.

    Snapshots and consolidation go on after the last answer.
    """
    end = time.monotonic() + timeout_s
    idle, pause_s = False, min(0.5, timeout_s)
    while not idle and time.monotonic() < end:
        before_s = sum(usage(server).cpu_s for server in servers)
        time.sleep(pause_s)  # noqa: TID251 - nothing else runs in this process
        idle = sum(usage(server).cpu_s for server in servers) - before_s < pause_s / 10
