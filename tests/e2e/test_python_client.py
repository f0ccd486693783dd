"""The examples of docs/python_client.md run as printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec

import pytest

from mlsdm_grpc.testing import LocalServer
from tests.cli.conftest import ROOT

PAGE = (ROOT / "docs/python_client.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
EXPECTED = (
    "The invoice is due on Friday.",
    "('topic:billing',)",
    "The garage key hangs in the hall.",
    "{'CREATED': 500}",
    "MEMORY_NOT_FOUND",
    "labels",
)


def run(*arguments, target, cwd):
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
        cwd=cwd,
        env={**os.environ, "MLSDM_TARGET": target, "PYTHONPATH": str(ROOT)},
    )


@pytest.fixture(scope="module")
def server():
    with LocalServer() as server:
        yield server


def test_the_examples_run(server, tmp_path):
    script = tmp_path / "examples.py"
    left_out = "def test_" if find_spec("langchain_core") else r"def test_|langchain"
    blocks = (each for each in BLOCKS if not re.search(left_out, each))
    script.write_text("\n".join(blocks), "utf-8")
    result = run(str(script), target=server.target, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert [each for each in EXPECTED if each not in result.stdout] == []


def test_the_example_of_a_test_runs(tmp_path):
    (block,) = (each for each in BLOCKS if "def test_" in each)
    (tmp_path / "test_example.py").write_text(block, "utf-8")
    result = run("-m", "pytest", "-q", "-p", "no:cacheprovider", target="", cwd=tmp_path)
    assert result.returncode == 0, result.stdout
    assert "1 passed" in result.stdout
