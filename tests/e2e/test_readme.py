"""The examples of README.md run as printed, and its statements about RPCs are true."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlsdm_grpc.client import MemoryClient
from tests.cli.conftest import ROOT, Server, environment

README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
DEFAULT_TARGET = "127.0.0.1:50051"


def block(language: str, start: str) -> str:
    (found,) = (text for name, text in BLOCKS if name == language and text.startswith(start))
    return found


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    server = Server("--listen", "127.0.0.1:0", "--ops", "127.0.0.1:0", "--journal", "memory")
    yield server.target
    server.stop()


@pytest.fixture
def run(target, tmp_path):
    """Run a block with a shell that knows ``mlsdm``; the default port is the server's."""
    command = tmp_path / "mlsdm"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mlsdm_grpc "$@"\n', "utf-8")
    command.chmod(0o755)
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])

    def run(*arguments: str, script: str) -> str:
        result = subprocess.run(
            [*arguments, script.replace(DEFAULT_TARGET, target)],
            capture_output=True,
            text=True,
            timeout=25,
            check=False,
            cwd=ROOT,
            env=environment(PATH=path, MLSDM_TARGET=target),
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run


def test_the_python_example(run):
    output = run(sys.executable, "-c", script=block("python", "import asyncio"))
    assert "The parcel is at the neighbour's." in output
    assert "MEMORY_NOT_FOUND" in output


def test_the_shell_example(run):
    output = run("sh", "-ec", script=block("sh", "mlsdm put"))
    assert "invoice" in output
    assert output.count("CREATED") == 2


@pytest.mark.tools
@pytest.mark.skipif(shutil.which("grpcurl") is None, reason="grpcurl is not on PATH")
def test_the_grpcurl_example(run):
    output = run("sh", "-ec", script=block("sh", "grpcurl"))
    assert "PUT_RESULT_CREATED" in output
    assert "The cat sleeps in the sun." in output


def test_make_has_the_targets_that_are_shown():
    shown = set(re.findall(r"^make ([\w-]+)", block("sh", "make serve"), re.MULTILINE))
    shown |= set(re.findall(r"`make ([\w-]+)`", README))
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert {"serve", "test"} <= shown <= set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))


def test_links_lead_somewhere():
    for link in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / link).exists(), link


@pytest.mark.anyio
async def test_the_table_of_rpcs_is_true(target):
    async with MemoryClient(target) as memory:
        info = await memory.server_info()
    rows = re.findall(r"^\| `(\w+Service)` \| ([\w, ]*?) ?\| ?([\w, ]*) \|$", README, re.MULTILINE)
    assert len(rows) == 7
    shown = {
        f"mlsdm.v1.{service}/{method}"
        for service, served, _ in rows
        for method in served.split(", ")
        if method
    }
    assert shown == set(info.methods)


def test_the_readme_is_short():
    assert 80 <= len(README.splitlines()) <= 120
    assert Path(ROOT / "docs/configuration.md").exists()
