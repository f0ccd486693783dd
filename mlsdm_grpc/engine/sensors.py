"""What the node measures of its machine: memory, its limit, and room on disk.

Everything here reads small files of the kernel and may block for as long as they do: call it in a
thread. What cannot be measured is left out, never guessed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mlsdm_grpc.config import PressureSettings

__all__ = ["Reading", "Sensors", "cgroup_limit", "resident_bytes"]

_LIMIT_FILES = {
    "cgroup": ("memory.limit_in_bytes",),
    "cgroup2": ("memory.max", "memory.high"),
}
_NO_LIMIT = 1 << 60
"""The kernel writes a number just below 2^63 for none."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was measured at one time."""

    resident: Mapping[int, int]
    """Resident bytes of each process, by its id."""
    memory_limit_bytes: int
    """Resident bytes of all that are too many; 0 if there is no limit."""
    free_bytes: int | None
    """Room in the data folder; None if it is not looked at."""

    @property
    def resident_bytes(self) -> int:
        """Resident memory of all processes; what they share is counted for each."""
        return sum(self.resident.values())


class Sensors:
    """Reads them.

    Args:
        settings: Which limits there are.
        data_dir: Folder of the journal; None if it is not on disk.
        root: Where ``proc`` is, and what its mount points are relative to.
    """

    def __init__(
        self, settings: PressureSettings, *, data_dir: Path | None, root: Path = Path("/")
    ) -> None:
        self._settings = settings
        self._data_dir = data_dir if settings.disk_reserve_bytes else None
        self._root = root

    def read(self, pids: Iterable[int]) -> Reading:
        """Measure; ``pids`` are the processes that belong to the node."""
        resident = {pid: resident_bytes(pid, root=self._root) for pid in pids}
        return Reading(resident, self._memory_limit(), self._free())

    def _memory_limit(self) -> int:
        configured = self._settings.memory_limit_bytes
        if configured:
            return configured
        limit = cgroup_limit(self._root)
        return int(limit * self._settings.memory_share) if limit else 0

    def _free(self) -> int | None:
        if self._data_dir is None:
            return None
        try:
            found = os.statvfs(self._data_dir)
        except OSError:
            return None  # the journal tells what is wrong with its folder
        return found.f_bavail * found.f_frsize


def resident_bytes(pid: int, *, root: Path = Path("/")) -> int:
    """Return the resident memory of a process, 0 if it is gone."""
    try:
        pages = int((root / f"proc/{pid}/statm").read_text("ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def cgroup_limit(root: Path = Path("/")) -> int | None:
    """Return the lowest memory limit of the cgroups that this process is in, bytes.

    Both versions are looked at; a limit of a group holds for those below it.
    """
    limits = []
    for file in _limit_files(root):
        with contextlib.suppress(OSError, ValueError):
            limits.append(int(file.read_text("ascii")))  # "max" is no number
    lowest = min(limits, default=_NO_LIMIT)
    return lowest if lowest < _NO_LIMIT else None


def _limit_files(root: Path) -> Iterator[Path]:
    """Yield the files with the limits of this process's groups and of all above."""
    paths = _paths(root)
    for kind, mounted, point in _mounts(root):
        path = paths.get(kind)
        if path is None:
            continue
        # In a container the root of the mount is the group that the container is in.
        inside = path.relative_to(mounted) if path.is_relative_to(mounted) else PurePosixPath()
        top = root / point.lstrip("/")
        for each in (inside, *inside.parents):
            yield from (top / each / name for name in _LIMIT_FILES[kind])


def _paths(root: Path) -> dict[str, PurePosixPath]:
    """Return the group of this process that may limit memory, by kind of cgroup."""
    found = {}
    for line in _lines(root / "proc/self/cgroup"):
        match line.split(":", 2):
            case "0", "", path:
                found["cgroup2"] = PurePosixPath(path)
            case _, controllers, path if "memory" in controllers.split(","):
                found["cgroup"] = PurePosixPath(path)
    return found


def _mounts(root: Path) -> Iterator[tuple[str, PurePosixPath, str]]:
    """Yield kind, root within the file system, and mount point of what limits memory."""
    for line in _lines(root / "proc/self/mountinfo"):
        before, _, after = line.partition(" - ")
        match before.split(" "), after.split(" "):
            case [_, _, _, mounted, point, *_], ["cgroup2", *_]:
                yield "cgroup2", PurePosixPath(mounted), point
            case [_, _, _, mounted, point, *_], ["cgroup", _, options] if "memory" in options.split(
                ","
            ):
                yield "cgroup", PurePosixPath(mounted), point


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text("utf-8").splitlines()
    except OSError:
        return []
