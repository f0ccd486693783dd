"""Sensors of the machine: RAM in use, its limit, and free disk space.

The functions read small kernel files, which may block, so call them in a thread. A value that
cannot be measured is left out and never estimated.

RAM *in use* is memory that the kernel cannot reclaim: private and shared memory of processes,
tmpfs, and the kernel's own memory for them. The page cache is not counted, because the kernel
reclaims it before it kills a process.
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
    """File names in one version of control groups."""

    limits: tuple[str, ...]
    usage: str
    reclaimable: tuple[str, ...]
    """Names of the lines in ``memory.stat`` with reclaimable memory."""


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
# Without a limit, the kernel writes a number just below 2^63.
_NO_LIMIT = 1 << 60


@dataclass(frozen=True, slots=True)
class Reading:
    """Result of one measurement."""

    resident: Mapping[int, int]
    """Resident memory by process id, bytes."""
    used_bytes: int
    """RAM in use that counts against the limit, bytes."""
    memory_limit_bytes: int
    """Memory limit, bytes; 0 without a limit."""
    free_bytes: int | None
    """Free disk space of the data folder, bytes; None if it is not measured."""

    @property
    def resident_bytes(self) -> int:
        """Resident memory of all processes, bytes. Shared memory counts in each of them."""
        return sum(self.resident.values())


class Sensors:
    """Reader of the sensors.

    Args:
        settings: Configured limits.
        data_dir: Data folder of the journal; None for a journal in RAM.
        root: Folder that contains ``proc`` and the mount points.
    """

    def __init__(
        self, settings: PressureSettings, *, data_dir: Path | None, root: Path = Path("/")
    ) -> None:
        self._settings = settings
        self._data_dir = data_dir if settings.disk_reserve_bytes else None
        self._root = root

    def read(self, pids: Iterable[int]) -> Reading:
        """Return a measurement.

        Args:
            pids: Ids of the processes of the node.
        """
        processes = list(pids)
        resident = {pid: resident_bytes(pid, root=self._root) for pid in processes}
        used_bytes, limit_bytes = self._memory(processes)
        return Reading(resident, used_bytes, limit_bytes, self._free())

    def _memory(self, pids: Iterable[int]) -> tuple[int, int]:
        """Return used and permitted bytes for the limit that is closest to exhaustion."""
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
            # The journal reports problems of its folder.
            return None
        return found.f_bavail * found.f_frsize


def resident_bytes(pid: int, *, root: Path = Path("/")) -> int:
    """Return the resident memory of a process, bytes; 0 after its end."""
    return _pages(pid, root)[0]


def memory_in_use(pid: int, *, root: Path = Path("/")) -> int:
    """Return the memory of a process without file pages, bytes; 0 after its end."""
    resident, shared = _pages(pid, root)
    return resident - shared


def _pages(pid: int, root: Path) -> tuple[int, int]:
    """Return the resident memory of a process, and the part with files or shared memory, bytes."""
    try:
        fields = (root / f"proc/{pid}/statm").read_text("ascii").split()
        resident, shared = int(fields[1]), int(fields[2])
    except (OSError, IndexError, ValueError):
        return 0, 0
    page_bytes = os.sysconf("SC_PAGE_SIZE")
    return resident * page_bytes, shared * page_bytes


def cgroup_limit(root: Path = Path("/")) -> int | None:
    """Return the lowest memory limit of the control groups of this process, bytes.

    Both versions of control groups are read. The limit of a group also applies to the groups in it.
    """
    return min((group.limit for group in _groups(root)), default=None)


@dataclass(frozen=True, slots=True)
class _Group:
    """Control group with a memory limit."""

    limit: int
    used: int | None
    """RAM in use by all its processes, bytes; None if it cannot be read."""


def _groups(root: Path) -> Iterator[_Group]:
    """Yield the control group of this process and its ancestors, if they have a limit."""
    paths = _paths(root)
    for kind, mounted, point in _mounts(root):
        path = paths.get(kind)
        if path is None:
            continue
        # In a container, the root of the mount is the group of the container.
        inside = path.relative_to(mounted) if path.is_relative_to(mounted) else PurePosixPath()
        top = root / point.lstrip("/")
        for each in (inside, *inside.parents):
            limit = min(_numbers(top / each, _VERSIONS[kind].limits), default=_NO_LIMIT)
            if 0 < limit < _NO_LIMIT:
                yield _Group(limit, _used(top / each, _VERSIONS[kind]))


def _numbers(folder: Path, names: Iterable[str]) -> Iterator[int]:
    for name in names:
        with contextlib.suppress(OSError, ValueError):
            yield int((folder / name).read_text("ascii"))  # "max" means no limit


def _used(folder: Path, version: _Version) -> int | None:
    usage = next(_numbers(folder, [version.usage]), None)
    if usage is None:
        return None
    words = (line.split(" ") for line in _lines(folder / "memory.stat"))
    figures = {word[0]: word[1] for word in words if len(word) == 2}
    back = (figures.get(name, "0") for name in version.reclaimable)
    return max(0, usage - sum(int(each) for each in back if each.isdigit()))


def _paths(root: Path) -> dict[str, PurePosixPath]:
    """Return the control group of this process for memory, by version."""
    found = {}
    for line in _lines(root / "proc/self/cgroup"):
        match line.split(":", 2):
            case "0", "", path:
                found["cgroup2"] = PurePosixPath(path)
            case _, controllers, path if "memory" in controllers.split(","):
                found["cgroup"] = PurePosixPath(path)
    return found


def _mounts(root: Path) -> Iterator[tuple[str, PurePosixPath, str]]:
    """Yield the mounts of memory control groups: version, root in the file system, mount point."""
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
