"""Clients that connect while others of the process wait after a failure to connect."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator

import anyio
import pytest
from forks import run_forked

from mlsdm_grpc import errors
from mlsdm_grpc._gen.mlsdm.v1 import memory_put_pb2
from mlsdm_grpc._gen.mlsdm.v1.admin_service_pb2 import GetServerInfoResponse
from mlsdm_grpc.client import MemoryClient

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

RECOVERED_S = 7.0
"""Longest time of a client to find a server that is back, as docs/operations.md says."""
REFUSED_S = 1.0
SILENT_S = 2.0
SLACK = 5


@pytest.fixture
def port() -> Iterator[int]:
    """Port without a listener, reserved for the test."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


async def fails(memory: MemoryClient) -> errors.Unavailable:
    with pytest.raises(errors.Unavailable) as caught:
        await memory.put("x", timeout_s=30)
    return caught.value


async def test_a_fresh_client_connects_while_another_one_waits_in_backoff(scripted, port):
    async with MemoryClient(f"127.0.0.1:{port}") as old:
        with anyio.move_on_after(4):  # so long that its backoff has grown
            while True:
                await fails(old)
                await anyio.sleep(0.1)
        async with scripted(port) as script:
            script.answers["PutMemory"] = lambda *_: memory_put_pb2.PutMemoryResponse(revision=1)
            for _ in range(3):
                async with MemoryClient(script.target) as fresh:
                    assert (await fresh.put("x")).revision == 1
            with anyio.fail_after(SLACK * RECOVERED_S):
                while True:
                    with contextlib.suppress(errors.Unavailable):
                        await old.put("x")
                        break
                    await anyio.sleep(0.05)


async def test_where_nothing_listens_a_call_fails_soon_and_says_so(port):
    async with MemoryClient(f"127.0.0.1:{port}") as memory:
        with anyio.fail_after(SLACK * REFUSED_S):
            for _ in range(3):
                error = await fails(memory)
    assert (error.reason, error.metadata) == ("", {})
    assert "Connection refused" in error.message


async def test_where_the_name_is_not_known_a_call_fails_and_says_so():
    async with MemoryClient("no-such-host.invalid:50051") as memory:
        error = await fails(memory)
    assert (error.reason, error.metadata) == ("", {})
    assert "no-such-host.invalid" in error.message


async def test_where_somebody_listens_who_says_nothing_a_call_fails_soon():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with MemoryClient(f"127.0.0.1:{silent.getsockname()[1]}") as memory:
            with anyio.fail_after(SLACK * SILENT_S):
                error = await fails(memory)
    assert (error.reason, error.metadata) == ("", {})


async def test_the_command_line_says_that_nothing_listens_and_finds_the_server_once_it_is_up(
    scripted, port
):
    async def info():
        command = ("call", "AdminService/GetServerInfo", "--target", f"127.0.0.1:{port}")
        return await anyio.to_thread.run_sync(lambda: run_forked(*command))

    refused = await info()
    assert refused.returncode == 1
    assert json.loads(refused.stderr)["code"] == "UNAVAILABLE"
    assert "Connection refused" in json.loads(refused.stderr)["message"]
    async with scripted(port) as script:
        script.answers["GetServerInfo"] = lambda *_: GetServerInfoResponse(info={"version": "1"})
        answered = await info()
    assert answered.returncode == 0
    assert json.loads(answered.stdout)["info"] == {"version": "1"}
