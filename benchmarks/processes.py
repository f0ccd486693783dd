"""Servers as processes of their own, and what they use of the machine."""

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

__all__ = ["Usage", "call", "echo", "serving", "usage", "wait_quiet"]

_ROOT = Path(__file__).parents[1]
_STOP_S = 60.0
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_LOCAL = [("grpc.max_receive_message_length", -1)]


@dataclass(frozen=True, slots=True)
class Process:
    """A server that serves on ``target``."""

    pid: int
    target: str
    ops: str = ""


@contextlib.contextmanager
def serving(
    data_dir: Path,
    environment: Mapping[str, str] | None = None,
    *,
    group: MemoryGroup | None = None,
) -> Iterator[Process]:
    """Run ``mlsdm serve`` on ports of its own; it drains at the end.

    Args:
        data_dir: Folder of its journal; its log is the file ``log`` in there.
        environment: Settings that differ from the defaults.
        group: Control group that it and its workers run in.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith("MLSDM_")}
    data_dir.mkdir(exist_ok=True)
    listen = ["--listen", "127.0.0.1:0", "--ops", "127.0.0.1:0", "--data-dir", str(data_dir)]
    with (data_dir / "log").open("ab") as log:
        process = subprocess.Popen(
            [*_inside(group), sys.executable, "-m", "mlsdm_grpc", "serve", *listen],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={
                **own,
                "PYTHONPATH": str(_ROOT),
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
    """Run the yardstick, which gives the same answer to all calls of a method."""
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
    """Return the words before a command that let it begin in a group."""
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
    """Return the bytes that one call is answered with.

    Raises:
        grpc.RpcError: The status is not OK.
    """
    with grpc.insecure_channel(target, options=_LOCAL) as channel:
        rpc = channel.unary_unary(path)
        answer: bytes = rpc(request, timeout=60, metadata=tuple((metadata or {}).items()))
        return answer


@dataclass(frozen=True, slots=True)
class Usage:
    """What a server and its workers have used so far."""

    server_cpu_s: float
    workers_cpu_s: float
    """Of the workers that hold minds; those for texts do not count."""
    server_rss_bytes: int
    workers_rss_bytes: int


def usage(server: Process) -> Usage:
    """Return what a server and the workers that it has now use."""
    minds = [
        int(child)
        for task in Path(f"/proc/{server.pid}/task").iterdir()
        for child in (task / "children").read_text().split()
        if b"\0minds\0" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]
    return Usage(
        _cpu_s(server.pid),
        sum(map(_cpu_s, minds)),
        _rss_bytes(server.pid),
        sum(map(_rss_bytes, minds)),
    )


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _rss_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES


def wait_quiet(server: Process, *, timeout_s: float) -> None:
    """Return when a server and its workers use less than a tenth of a core.

    Snapshots and consolidation go on after the last answer.
    """
    end = time.monotonic() + timeout_s
    idle, pause_s = False, min(0.5, timeout_s)
    while not idle and time.monotonic() < end:
        before = usage(server)
        time.sleep(pause_s)  # noqa: TID251 - nothing else runs in this process
        after = usage(server)
        spent_s = after.server_cpu_s - before.server_cpu_s
        spent_s += after.workers_cpu_s - before.workers_cpu_s
        idle = spent_s < pause_s / 10
