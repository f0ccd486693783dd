"""Measures the machine: memory, its limit, and room on disk.

Everything here reads small files of the kernel and may block for as long as they do: call it in a
thread. What cannot be measured is left out, never guessed.

Memory *in use* is what the kernel cannot take back: private and shared memory of processes, tmpfs
and what the kernel itself holds for them. Pages of files are not: they go before anything is
killed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mlsdm_grpc.config import PressureSettings

__all__ = ["Reading", "Sensors", "cgroup_limit", "memory_in_use", "resident_bytes"]


@dataclass(frozen=True, slots=True)
class _Version:
    """Names of the files of one version of control groups."""

    limits: tuple[str, ...]
    usage: str
    reclaimable: tuple[str, ...]
    """Lines of ``memory.stat`` with what is used and can be taken back."""


_VERSIONS = {
    "cgroup": _Version(
        ("memory.limit_in_bytes",),
        "memory.usage_in_bytes",
        ("total_inactive_file", "total_active_file"),
    ),
    "cgroup2": _Version(
        ("memory.max", "memory.high"),
        "memory.current",
        ("inactive_file", "active_file", "slab_reclaimable"),
    ),
}
_NO_LIMIT = 1 << 60
"""The kernel writes a number just below 2^63 for none."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One measurement."""

    resident: Mapping[int, int]
    """Resident bytes of each process, by its id."""
    used_bytes: int
    """Memory in use, of all that counts against the limit."""
    memory_limit_bytes: int
    """What is too much; 0 if there is no limit."""
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
        processes = list(pids)
        resident = {pid: resident_bytes(pid, root=self._root) for pid in processes}
        used_bytes, limit_bytes = self._memory(processes)
        return Reading(resident, used_bytes, limit_bytes, self._free())

    def _memory(self, pids: Iterable[int]) -> tuple[int, int]:
        """Return what is used of the limit that is nearest, and that limit."""
        ours = sum(memory_in_use(pid, root=self._root) for pid in pids)
        share = self._settings.memory_share
        found = [
            (ours if group.used is None else group.used, int(group.limit * share))
            for group in _groups(self._root)
        ]
        if self._settings.memory_limit_bytes:
            found.append((ours, self._settings.memory_limit_bytes))
        return max(found, key=lambda each: (each[0] / each[1], -each[1]), default=(ours, 0))

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
    return _pages(pid, root)[0]


def memory_in_use(pid: int, *, root: Path = Path("/")) -> int:
    """Return the memory of a process without the pages of files, 0 if it is gone."""
    resident, shared = _pages(pid, root)
    return resident - shared


def _pages(pid: int, root: Path) -> tuple[int, int]:
    """Return the resident bytes of a process and those that are of files or shared."""
    try:
        fields = (root / f"proc/{pid}/statm").read_text("ascii").split()
        resident, shared = int(fields[1]), int(fields[2])
    except (OSError, IndexError, ValueError):
        return 0, 0
    page_bytes = os.sysconf("SC_PAGE_SIZE")
    return resident * page_bytes, shared * page_bytes


def cgroup_limit(root: Path = Path("/")) -> int | None:
    """Return the lowest memory limit of the cgroups that this process is in, bytes.

    Both versions are looked at; a limit of a group holds for those below it.
    """
    return min((group.limit for group in _groups(root)), default=None)


@dataclass(frozen=True, slots=True)
class _Group:
    """A control group with a limit."""

    limit: int
    used: int | None
    """Memory in use of all its processes; None if that cannot be read."""


def _groups(root: Path) -> Iterator[_Group]:
    """Yield this process's group and those above, as far as they have a limit."""
    paths = _paths(root)
    for kind, mounted, point in _mounts(root):
        path = paths.get(kind)
        if path is None:
            continue
        # In a container the root of the mount is the group that the container is in.
        inside = path.relative_to(mounted) if path.is_relative_to(mounted) else PurePosixPath()
        top = root / point.lstrip("/")
        for each in (inside, *inside.parents):
            limit = min(_numbers(top / each, _VERSIONS[kind].limits), default=_NO_LIMIT)
            if 0 < limit < _NO_LIMIT:
                yield _Group(limit, _used(top / each, _VERSIONS[kind]))


def _numbers(folder: Path, names: Iterable[str]) -> Iterator[int]:
    for name in names:
        with contextlib.suppress(OSError, ValueError):
            yield int((folder / name).read_text("ascii"))  # "max" is no number


def _used(folder: Path, version: _Version) -> int | None:
    usage = next(_numbers(folder, [version.usage]), None)
    if usage is None:
        return None
    words = (line.split(" ") for line in _lines(folder / "memory.stat"))
    figures = {word[0]: word[1] for word in words if len(word) == 2}
    back = (figures.get(name, "0") for name in version.reclaimable)
    return max(0, usage - sum(int(each) for each in back if each.isdigit()))


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
