from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(120)
def test_the_demo_runs_and_finds_what_was_asked_for():
    result = subprocess.run(
        [sys.executable, "clients/python/demo.py"],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"SERVING at 127\.0\.0\.1:\d+, \d+\.\d+ s after", result.stdout)
    assert "stopped by SIGTERM, exit code 0" in result.stdout
    found = re.search(r"(\d+) of 12 questions", result.stdout)
    assert found is not None
    assert int(found[1]) >= 9, result.stdout
