"""Control groups with little memory, for a server in one. Needs root and version 1."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["MemoryGroup", "NoGroups", "memory_group"]

_MOUNT = Path("/sys/fs/cgroup/memory")
_EMPTY_S = 5.0


class NoGroups(Exception):
    """Error: this machine does not allow such groups; the message gives the reason."""


@dataclass(frozen=True, slots=True)
class MemoryGroup:
    """A group and the memory that the kernel counts in it."""

    path: Path

    def limit(self, limit_bytes: int) -> None:
        """Set the memory limit of its processes."""
        (self.path / "memory.limit_in_bytes").write_text(str(limit_bytes))

    def add(self, pid: int) -> None:
        """Move a process in."""
        (self.path / "cgroup.procs").write_text(str(pid))

    @property
    def peak_bytes(self) -> int:
        """Most that it ever held, page cache included."""
        return int((self.path / "memory.max_usage_in_bytes").read_text())

    @property
    def held_bytes(self) -> int:
        """Memory that the kernel cannot reclaim, bytes."""
        return self._stat("total_rss") + self._stat("total_shmem")

    @property
    def oom_kills(self) -> int:
        """Processes in it that the kernel has killed."""
        return _figures(self.path / "memory.oom_control")["oom_kill"]

    def _stat(self, name: str) -> int:
        return _figures(self.path / "memory.stat").get(name, 0)


@contextlib.contextmanager
def memory_group(limit_bytes: int) -> Iterator[MemoryGroup]:
    """Make a group with a limit below the one of this process; remove it at the end.

    Raises:
        NoGroups: That is not possible here.
    """
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    own = next((line.split(":")[2] for line in lines if ":memory:" in line), None)
    if own is None:
        raise NoGroups("there is no memory controller of version 1")
    parent = _MOUNT / own.lstrip("/")
    path = parent / f"mlsdm-{os.getpid()}-{time.monotonic_ns()}"
    try:
        path.mkdir()
    except OSError as error:
        raise NoGroups(f"a group cannot be made: {error.strerror}") from None
    group = MemoryGroup(path)
    try:
        group.limit(limit_bytes)
        yield group
    finally:
        for pid in (path / "cgroup.procs").read_text().split():
            (parent / "cgroup.procs").write_text(pid)
        _remove(path)


def _remove(path: Path) -> None:
    """Remove a group; processes that have just ended still hold it for a moment."""
    end = time.monotonic() + _EMPTY_S
    while True:
        try:
            path.rmdir()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)  # noqa: TID251 - nothing else runs in this process
        else:
            return


def _figures(file: Path) -> dict[str, int]:
    return {name: int(value) for name, value in map(str.split, file.read_text().splitlines())}
