"""Readings of the machine, from recorded file trees of containers and from this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from mlsdm_grpc.config import PressureSettings
from mlsdm_grpc.protection.sensors import Sensors, cgroup_limit, memory_in_use, resident_bytes

GIB = 1024**3

# Lines of /proc/self/mountinfo and /proc/self/cgroup as containers and services show them.
V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev - cgroup2 cgroup2 rw,nsdelegate"
V1 = "35 31 0:32 {root} /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory"
V1_CPU = "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu"
HYBRID = "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw"


def tree(root, mounts, groups, files):
    """Write a file tree and return its root."""
    own = root / "proc/self"
    own.mkdir(parents=True)
    (own / "mountinfo").write_text("".join(f"{line}\n" for line in mounts))
    (own / "cgroup").write_text("".join(f"{line}\n" for line in groups))
    for name, value in files.items():
        file = root / "sys/fs/cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{value}\n")
    return root


@pytest.mark.parametrize(
    ("mounts", "groups", "files", "limit"),
    [
        pytest.param([V2], ["0::/"], {"memory.max": GIB}, GIB, id="v2 container"),
        pytest.param(
            [V2],
            ["0::/system.slice/mlsdm.service"],
            {
                "system.slice/memory.max": 3 * GIB,
                "system.slice/mlsdm.service/memory.max": "max",
            },
            3 * GIB,
            id="v2 service under a limited slice",
        ),
        pytest.param(
            [V2],
            ["0::/a/b"],
            {"a/memory.max": GIB, "a/b/memory.max": 2 * GIB, "a/b/memory.high": 3 * GIB},
            GIB,
            id="v2 the group above has less",
        ),
        pytest.param(
            [V2],
            ["0::/a"],
            {"a/memory.max": 2 * GIB, "a/memory.high": GIB},
            GIB,
            id="v2 throttled before it is killed",
        ),
        pytest.param([V2], ["0::/a"], {"a/memory.max": "max"}, None, id="v2 no limit"),
        pytest.param([V2], ["0::/../outside"], {"memory.max": GIB}, GIB, id="v2 outside"),
        pytest.param(
            [V1_CPU, V1.format(root="/")],
            ["4:memory:/a/b", "1:cpu:/", "0::/"],
            {
                "memory/memory.limit_in_bytes": 9223372036854771712,
                "memory/a/memory.limit_in_bytes": 2 * GIB,
                "memory/a/b/memory.limit_in_bytes": GIB,
            },
            GIB,
            id="v1",
        ),
        pytest.param(
            [V1.format(root="/docker/0f2a")],
            ["4:cpu,memory:/docker/0f2a"],
            {"memory/memory.limit_in_bytes": GIB},
            GIB,
            id="v1 container",
        ),
        pytest.param(
            [V1.format(root="/")],
            ["4:memory:/"],
            {"memory/memory.limit_in_bytes": 9223372036854771712},
            None,
            id="v1 no limit",
        ),
        pytest.param(
            [V1.format(root="/"), HYBRID],
            ["4:memory:/", "0::/x"],
            {"memory/memory.limit_in_bytes": GIB, "unified/x/cgroup.procs": 1},
            GIB,
            id="hybrid",
        ),
        pytest.param([V2], ["0::/a"], {"a/memory.max": "garbage"}, None, id="garbage"),
        pytest.param([], [], {}, None, id="no cgroups"),
        pytest.param(
            ["", "x", "1 2 - cgroup2 a b", " - cgroup", V2],
            ["", "0", "0:", "::", "0::/a"],
            {"a/memory.max": GIB},
            GIB,
            id="strange lines",
        ),
    ],
)
def test_the_limit_of_the_cgroup(tmp_path, mounts, groups, files, limit):
    root = tree(tmp_path, mounts, groups, files)
    assert cgroup_limit(root) == limit
    (root / "proc/self/statm").write_text("1000 25 5 1 0 100 0\n")
    reading = Sensors(PressureSettings(), data_dir=None, root=root).read(["self", 999])
    assert reading.memory_limit_bytes == int((limit or 0) * 0.9)
    assert reading.resident_bytes == 25 * os.sysconf("SC_PAGE_SIZE")
    assert reading.used_bytes == 20 * os.sysconf("SC_PAGE_SIZE")
    assert reading.free_bytes is None


def test_a_machine_without_proc_has_no_limit(tmp_path):
    assert cgroup_limit(tmp_path) is None


def reading_of(root, **settings):
    return Sensors(PressureSettings(**settings), data_dir=None, root=root).read(["self"])


def test_pages_of_files_are_no_memory_in_use(tmp_path):
    stat = "anon 500\nfile 300\ninactive_file 200\nactive_file 90\nslab_reclaimable 10\n"
    files = {"memory.max": 1_000, "memory.current": 900, "memory.stat": stat}
    reading = reading_of(tree(tmp_path, [V2], ["0::/"], files))
    assert (reading.used_bytes, reading.memory_limit_bytes) == (600, 900)


def test_of_version_1_the_groups_below_count_too(tmp_path):
    stat = "inactive_file 1\ntotal_inactive_file 200\ntotal_active_file 100\n"
    files = {
        "memory/memory.limit_in_bytes": 1_000,
        "memory/memory.usage_in_bytes": 900,
        "memory/memory.stat": stat,
    }
    reading = reading_of(tree(tmp_path, [V1.format(root="/")], ["4:memory:/"], files))
    assert (reading.used_bytes, reading.memory_limit_bytes) == (600, 900)


def test_the_group_that_is_nearest_to_its_limit_counts(tmp_path):
    files = {
        "a/memory.max": 10_000,
        "a/memory.current": 9_500,  # mostly of others
        "a/b/memory.max": 1_000,
        "a/b/memory.current": 500,
    }
    root = tree(tmp_path, [V2], ["0::/a/b"], files)
    assert cgroup_limit(root) == 1_000
    reading = reading_of(root)
    assert (reading.used_bytes, reading.memory_limit_bytes) == (9_500, 9_000)


def test_a_configured_limit_is_that_of_these_processes(tmp_path):
    root = tree(tmp_path, [V2], ["0::/"], {"memory.max": GIB, "memory.current": GIB // 2})
    (root / "proc/self/statm").write_text("1000 25 5 1 0 100 0\n")
    used = 20 * os.sysconf("SC_PAGE_SIZE")
    reading = reading_of(root, memory_limit_bytes=used)
    assert (reading.used_bytes, reading.memory_limit_bytes) == (used, used)
    reading = reading_of(root, memory_limit_bytes=10 * used)  # the group is nearer to its limit
    assert reading.used_bytes == GIB // 2


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_the_resident_memory_of_this_process():
    pid = os.getpid()
    before, used = resident_bytes(pid), memory_in_use(pid)
    ballast = bytearray(os.urandom(1)) * (64 * 2**20)
    assert resident_bytes(pid) - before > 60 * 2**20
    assert memory_in_use(pid) - used > 60 * 2**20
    assert memory_in_use(pid) < resident_bytes(pid)
    del ballast


def test_a_process_that_is_gone_has_no_memory():
    assert resident_bytes(2**30) == 0
    assert memory_in_use(2**30) == 0


def test_room_in_the_data_folder(tmp_path):
    found = os.statvfs(tmp_path)
    total = found.f_blocks * found.f_frsize
    free = Sensors(PressureSettings(), data_dir=tmp_path).read([]).free_bytes
    assert 0 < free <= total
    gone = Path(tmp_path / "gone")
    assert Sensors(PressureSettings(), data_dir=gone).read([]).free_bytes is None
    settings = PressureSettings(disk_reserve_bytes=0)
    assert Sensors(settings, data_dir=tmp_path).read([]).free_bytes is None
