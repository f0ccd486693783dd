"""Folders left by kills, and the ways to damage a copy of one."""

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from damage_history import SPACES, Expected, History

PAGE = 4_096
DATABASE, WAL = "journal.sqlite3", "journal.sqlite3-wal"


@dataclass(frozen=True)
class Plan:
    """Ways in which a folder is written."""

    seed: int
    appends: int
    snapshot_every: int
    checkpoint_bytes: int
    before: int = 0
    """Appends of an earlier process that ended in order."""
    short_write: int = 0
    """Number of the write that the disk reports as done after 100 bytes; root only."""


@dataclass
class Prepared:
    """A folder left by a killed process, and its acknowledged writes."""

    folder: Path
    plan: Plan
    expected: dict[str, Expected] = field(default_factory=dict)


def prepare(folder, plan):
    """Write a folder as a plan says."""
    acked = {}
    if plan.before:
        run(folder, plan, plan.before, "close", acked)
    run(folder, plan, plan.appends, "die", acked)
    expected = {
        key.space: Expected(History(key, plan.seed), acked.get(key.space, 0)) for key in SPACES
    }
    return Prepared(folder, plan, expected)


def run(folder, plan, appends, end, acked):
    script = Path(__file__).parent / "damage_writer.py"
    command = [sys.executable, str(script), str(folder), str(plan.seed), str(appends)]
    command += [str(plan.snapshot_every), str(plan.checkpoint_bytes), end]
    command += [str(acked.get(key.space, 0)) for key in SPACES]
    if end == "die" and plan.short_write:
        inject = f"inject=pwrite64:retval=100:when={plan.short_write}"
        trace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=pwrite64"]
        command = [*trace, "-e", inject, *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        words = line.split()
        if len(words) == 2 and len(words[0]) == 1:
            acked[words[0]] = int(words[1])
    if end == "die":
        assert done.returncode in {-9, 137} or plan.short_write, done.stderr


def damage(rng, folder, kind):
    """Damage one file of a folder; return a description."""
    files = [folder / DATABASE, *sorted((folder / "snapshots").glob("*.snap"))]
    if (folder / WAL).exists():
        files += [folder / WAL] * 3
    path = rng.choice(files)
    size = path.stat().st_size
    with path.open("r+b") as file:
        what = _DAMAGES[kind](rng, file, size)
    return f"{kind} of {path.name}: {what}"


def _bit(rng, file, size):
    offset = rng.randrange(size)
    file.seek(offset)
    (byte,) = file.read(1)
    file.seek(offset)
    file.write(bytes([byte ^ 1 << rng.randrange(8)]))
    return f"at {offset} of {size}"


def _zero(rng, file, size):
    page = rng.randrange(-(-size // PAGE))
    file.seek(page * PAGE)
    file.write(bytes(min(PAGE, size - page * PAGE)))
    return f"page {page} of {size // PAGE}"


def _swap(rng, file, size):
    pages = size // PAGE
    if pages < 2:
        return _bit(rng, file, size)
    first, second = rng.sample(range(pages), 2)
    file.seek(first * PAGE)
    one = file.read(PAGE)
    file.seek(second * PAGE)
    other = file.read(PAGE)
    file.seek(first * PAGE)
    file.write(other)
    file.seek(second * PAGE)
    file.write(one)
    return f"pages {first} and {second} of {pages}"


def _cut(rng, file, size):
    left = rng.randrange(size)
    file.truncate(left)
    return f"to {left} of {size}"


_DAMAGES = {"bit": _bit, "zero": _zero, "swap": _swap, "cut": _cut}
KINDS = tuple(_DAMAGES)


def copy(prepared, target):
    """Copy a folder; the locks of SQLite need inodes of their own."""
    if target.exists():
        shutil.rmtree(target)
    shutil.copytree(prepared.folder, target)
    return target


def digests(folder, suffix=""):
    """Return the digests of all files below a folder whose name contains a text."""
    return {
        hashlib.sha256(path.read_bytes()).digest()
        for path in folder.rglob("*")
        if path.is_file() and suffix in path.name
    }
