from __future__ import annotations

import subprocess
import sys
import textwrap
import threading

import pytest

from mlsdm_grpc import errors
from mlsdm_grpc.testing import LocalServer


@pytest.mark.anyio
async def test_it_serves_in_the_loop_of_the_caller(tmp_path):
    async with LocalServer(tmp_path) as server, server.client() as memory:
        await memory.put("The parcel is at the neighbour's.")
    with pytest.raises(errors.PreconditionFailed, match="does not run"):
        _ = server.target
    # A second server on the folder has the memories of the first.
    async with LocalServer(tmp_path) as server, server.client() as memory:
        assert [each.text async for each in memory.list()] == ["The parcel is at the neighbour's."]


def test_it_serves_without_a_loop():
    with LocalServer() as server, server.sync_client(space="a") as memory:
        memory.put("The parcel is at the neighbour's.")
        assert memory.get_space().space.space == "a"
    with LocalServer() as server, server.sync_client() as memory:
        assert list(memory.list_spaces()) == []


def test_a_server_that_was_drained_ends():
    with LocalServer() as server, server.sync_client() as memory:
        memory.drain("a test")
    assert not any("mlsdm-server" in each.name for each in threading.enumerate())


@pytest.mark.anyio
async def test_a_wrong_setting_fails_the_start():
    with pytest.raises(errors.InvalidInput) as caught:
        async with LocalServer(space={"dimension": -1}):
            pass
    assert caught.value.violations[0].field == "space.dimension"


@pytest.mark.anyio
async def test_a_server_that_cannot_start_says_why(tmp_path):
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises((errors.MlsdmError, OSError)):
        async with LocalServer(tmp_path / "file"):
            pass


def test_fixtures_of_pytest_start_it_once(tmp_path):
    """The example of the class, in a project of its own, with asyncio and without."""
    (tmp_path / "test_agent.py").write_text(
        textwrap.dedent(
            """
            import asyncio
            import pytest
            from mlsdm_grpc.testing import LocalServer

            @pytest.fixture(scope="module")
            def server():
                with LocalServer() as server:
                    yield server

            def test_sync(server):
                with server.sync_client(space="one") as memory:
                    memory.put("The parcel is at the neighbour's.")
                    assert len(memory.query("parcel").matches) == 1

            @pytest.mark.parametrize("turn", range(3))
            def test_async(server, turn):
                async def main():
                    async with server.client(space=f"two-{turn}") as memory:
                        await memory.put("The parcel is at the neighbour's.")
                        assert len((await memory.query("parcel")).matches) == 1
                asyncio.run(main())
            """
        ),
        "utf-8",
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=50, cwd=tmp_path, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "4 passed" in result.stdout
    assert result.stderr == ""
