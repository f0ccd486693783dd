"""A disk that fails to read is not a damaged folder, for any error that SQLite reports."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from damages import DATABASE, WAL, Plan, copy, prepare

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="strace injects faults as root only"),
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed"),
]


def read(folder, when=None):
    """Return the report of a child for each space; the reads ``when`` of strace fail with EIO."""
    script = [
        sys.executable,
        str(Path(__file__).parents[1] / "support" / "damage_reader.py"),
        str(folder),
    ]
    paths = [f"--trace-path={folder / name}" for name in (DATABASE, WAL)]
    fault = ["-e", "trace=pread64", "-e", f"inject=pread64:error=EIO:when={when}"]
    trace = ["strace", "-f", "-qq", "-o", "/dev/null", *paths, *fault]
    command = script if when is None else [*trace, *script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = (line.split() for line in done.stdout.splitlines())
    return {words[0]: words[1] for words in lines if len(words) == 2}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("ended", [False, True])
def test_an_error_of_reading_is_not_taken_for_damage(tmp_path, ended):
    prepared = prepare(tmp_path / "plan", Plan(3, 60, 20, 10**9, before=60))
    whole = read(copy(prepared, tmp_path / "whole"))
    if ended:
        read(prepared.folder)  # which leaves it in order, so that all is read from the database
    failed = set()
    for when in ("3", "8", "20", "40", "8+", "30+"):
        folder = copy(prepared, tmp_path / "work")
        for name, found in read(folder, when).items():
            assert found in {whole.get(name), "Unavailable"}, (when, name)
            failed.add(found)
        assert not any((folder / "damaged").rglob("*.snap")), when
        assert not (folder / f"{DATABASE}.salvaged").exists()
        assert read(folder) == whole, when
    assert "Unavailable" in failed
