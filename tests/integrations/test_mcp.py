"""``mlsdm mcp`` as agents use it, by the official client library."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager

import pytest
from extras import NEEDS_MCP, LazyNames

from mlsdm_grpc.testing import LocalServer
from tests.cli.conftest import ROOT, environment, run_mlsdm

pytestmark = [pytest.mark.anyio, NEEDS_MCP]
names = LazyNames("mcp", "mcp.client.streamable_http", "httpx2")


@pytest.fixture(scope="module")
def server():
    with LocalServer() as server:
        yield server


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    """A server that knows two keys, of two tenants."""
    folder = tmp_path_factory.mktemp("keys")
    tokens = {}
    for tenant in ("alpha", "beta"):
        file = str(folder / "tokens.json")
        made = run_mlsdm("token", "create", "--file", file, "--name", tenant, "--tenant", tenant)
        assert made.returncode == 0, made.stderr
        tokens[tenant] = made.stdout.split()[-1]
    security = {"mode": "token", "tokens_file": file}
    with LocalServer(security=security) as server:
        server.tokens = tokens
        yield server


@contextmanager
def over_http(server, *options, listen="127.0.0.1:0", **extra):
    """Run ``mlsdm mcp --http`` and yield its URL."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "mlsdm_grpc",
            "mcp",
            "--http",
            listen,
            "--space",
            "agents",
            *options,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(MLSDM_TARGET=server.target, **extra),
    )
    try:
        line = process.stdout.readline()
        assert line.startswith("MCP url="), process.communicate()
        yield line.removeprefix("MCP url=").strip()
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=15)
        assert "Traceback" not in errors, errors


@asynccontextmanager
async def connected(url, **headers):
    async with (
        names.AsyncClient(headers=headers) as http,
        names.Client(names.streamable_http_client(url, http_client=http)) as client,
    ):
        yield client


async def use(client):
    """Remember, recall, forget, and look at the state."""
    tools = {each.name: each for each in (await client.list_tools()).tools}
    assert set(tools) == {"remember", "recall", "forget", "state"}
    assert "context" not in tools["remember"].input_schema["properties"]
    assert tools["recall"].output_schema["properties"].keys() == {"memories"}

    async def call(name, **arguments):
        result = await client.call_tool(name, arguments)
        assert not result.is_error, result.content
        return result.structured_content

    fact = await call("remember", text="The invoice is due on Friday.", labels=["topic:billing"])
    assert fact["result"] == "created"
    found = (await call("recall", query="when do I pay?", labels=["topic:billing"]))["memories"]
    assert [each["text"] for each in found] == ["The invoice is due on Friday."]
    assert (await call("recall", query="invoice", labels=["topic:other"]))["memories"] == []
    state = await call("state")
    assert (state["memory_count"], state["rhythm"]) == (1, "wake")
    assert (await call("forget", memory_id=fact["memory_id"]))["deleted"] is True
    assert (await call("forget", memory_id=fact["memory_id"]))["deleted"] is False
    wrong = await client.call_tool("remember", {"text": "a", "labels": ["not a label"]})
    assert wrong.is_error
    assert "FIELD_INVALID labels" in wrong.content[0].text


async def test_stdio(server):
    parameters = names.StdioServerParameters(
        command=sys.executable,
        args=["-m", "mlsdm_grpc", "mcp", "--target", server.target, "--space", "stdio"],
        env=environment(),
        cwd=ROOT,
    )
    async with names.Client(parameters) as client:
        await use(client)


async def test_http(server):
    with over_http(server) as url:
        async with connected(url) as client:
            await use(client)


async def test_names_of_other_sites_are_refused(server):
    ask = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    with over_http(server, "--allow-origin", "https://app.example.org") as url:
        async with names.AsyncClient() as http:

            async def status(**headers):
                accept = "application/json, text/event-stream"
                return (
                    await http.post(url, json=ask, headers={"accept": accept, **headers})
                ).status_code

            assert await status(host="evil.example.org") == 421
            assert await status(origin="https://evil.example.org") == 403
            assert await status(origin="https://app.example.org") < 400
            assert await status(origin="http://localhost:3000") < 400
            assert await status() < 400


async def test_a_token_is_the_credential_of_its_caller(secure):
    """Off loopback: none without a token, and each sees the memories of its tenant only."""
    own = secure.tokens["alpha"]
    listen = f"{address_of_this_machine()}:0"
    with over_http(secure, listen=listen, MLSDM_TOKEN=own) as url:
        async with names.AsyncClient() as http:
            refused = await http.post(url, json={})
            assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
        async with connected(url, authorization=f"Bearer {secure.tokens['alpha']}") as alpha:
            await alpha.call_tool("remember", {"text": "Alpha's fact."})
        async with connected(url, authorization=f"Bearer {secure.tokens['beta']}") as beta:
            found = await beta.call_tool("recall", {"query": "fact"})
            assert found.structured_content == {"memories": []}
        async with connected(url, authorization="Bearer wrong") as stranger:
            refused = await stranger.call_tool("recall", {"query": "fact"})
            assert refused.is_error
            assert "CREDENTIAL_INVALID" in refused.content[0].text


async def test_behind_a_proxy_the_command_has_no_credential(secure):
    """A call without a token is refused if the name of a proxy is allowed."""
    allowed = ("--allow-host", "memory.example.org", "--allow-origin", "https://app.example.org")
    with over_http(secure, *allowed, MLSDM_TOKEN=secure.tokens["beta"]) as url:
        async with names.AsyncClient() as http:
            for headers in ({}, {"host": "memory.example.org"}, {"authorization": "Basic YTpi"}):
                assert (await http.post(url, json={}, headers=headers)).status_code == 401
            preflight = {
                "origin": "https://app.example.org",
                "access-control-request-method": "POST",
            }
            allowed = await http.options(url, headers=preflight)
            assert allowed.headers["access-control-allow-origin"] == "https://app.example.org"
        async with connected(url, authorization=f"Bearer {secure.tokens['alpha']}") as alpha:
            stored = await alpha.call_tool("remember", {"text": "Through the proxy."})
            assert not stored.is_error, stored.content


async def test_on_loopback_the_command_has_a_credential(secure):
    with over_http(secure, MLSDM_TOKEN=secure.tokens["beta"]) as url:
        async with connected(url) as client:
            stored = await client.call_tool("remember", {"text": "Beta's fact."})
            assert not stored.is_error, stored.content
        async with connected(url, authorization=f"Bearer {secure.tokens['alpha']}") as alpha:
            found = await alpha.call_tool("recall", {"query": "Beta's fact"})
            assert "Beta's fact." not in found.content[0].text


def address_of_this_machine():
    """An address that is not loopback; all of them if there is no other."""
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address besides loopback")
        return probe.getsockname()[0]


def test_wrong_options():
    assert "HOST:PORT" in run_mlsdm("mcp", "--http", "nowhere").stderr
    everywhere = run_mlsdm("mcp", "--http", "0.0.0.0:0")
    assert everywhere.returncode == 1
    assert "--allow-host" in everywhere.stderr
    certified = run_mlsdm("mcp", "--http", "0.0.0.0:0", "--cert", os.devnull)
    assert "off loopback each has a token" in certified.stderr
