"""The effects of the options, seen from outside; grpc ignores names that it does not know."""

from __future__ import annotations

import asyncio

import anyio
import grpc.aio
import pytest

from mlsdm_grpc.config import ServerSettings
from mlsdm_grpc.server.grpc_options import connection_limit, options_table, server_options
from tests.support.ping import SERVICE, PingRequest, outcome, serving

pytestmark = pytest.mark.anyio

LIMIT = 64 * 1_024


def _sized(size):
    """Return bytes of a request of exactly this size."""
    text = size - len(PingRequest(text="x" * (size - 8)).SerializeToString()) + size - 8
    raw = PingRequest(text="x" * text).SerializeToString()
    assert len(raw) == size
    return raw


# P19 of docs/architecture.md.
@pytest.mark.parametrize(
    ("size", "code"),
    [(LIMIT - 1, "OK"), (LIMIT, "OK"), (LIMIT + 1, "RESOURCE_EXHAUSTED")],
)
async def test_the_largest_request_is_exact(size, code):
    async with serving(max_request_bytes=LIMIT) as running:
        method = running.channel.unary_unary(f"/{SERVICE}/Unary")
        assert (await outcome(method(_sized(size)))).code == code


async def test_the_limit_of_metadata_is_exact():
    limit = 8_192
    async with serving(max_metadata_bytes=limit) as running:

        async def code(size):
            return (await running.call("Unary", "x", metadata=(("x-fill", "a" * size),))).code

        good, bad = 0, limit
        while bad - good > 1:
            middle = (good + bad) // 2
            good, bad = (middle, bad) if await code(middle) == "OK" else (good, middle)
        assert limit - 1_024 < good < limit
        for _ in range(20):
            assert await code(good) == "OK"
            assert await code(bad) == "RESOURCE_EXHAUSTED"


async def test_calls_of_one_connection_are_bounded():
    async with serving(max_concurrent_streams=2) as running:
        calls = [asyncio.ensure_future(running.call("Unary", "wait")) for _ in range(3)]
        while len(running.ping.texts) < 2:
            await anyio.lowlevel.checkpoint()
        # A call on another connection is served, so the third one is not just slow.
        options = [("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.insecure_channel(running.target, options=options) as other:
            method = other.unary_unary(f"/{SERVICE}/Unary")
            await method(PingRequest(text="other").SerializeToString())
        assert running.ping.texts == ["wait", "wait", "other"]
        running.ping.release.set()
        assert [(await call).code for call in calls] == ["OK"] * 3


async def test_a_compressed_request_is_refused_in_words():
    async with serving() as running:
        result = await running.call("Unary", "x" * 100, compression=grpc.Compression.Gzip)
        assert result.code == "UNIMPLEMENTED"
        assert "compress" in result.message.lower()


async def test_connections_are_bounded():
    async with serving(max_connections=1) as running:
        assert (await running.call("Unary", "hello")).code == "OK"
        options = [("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.insecure_channel(running.target, options=options) as other:
            method = other.unary_unary(f"/{SERVICE}/Unary")
            result = await outcome(method(b"", timeout=1))
            assert result.code in {"UNAVAILABLE", "DEADLINE_EXCEEDED"}


def test_connections_leave_files_for_the_journal():
    settings = ServerSettings(max_connections=4_000)
    assert connection_limit(settings, file_limit=1_000) == 400
    assert connection_limit(settings, file_limit=1_000_000) == 4_000
    assert connection_limit(settings, file_limit=1) == 1


async def test_an_idle_connection_is_closed():
    async with serving(max_connection_idle_s=0.2) as running:
        assert (await running.call("Unary", "hello")).code == "OK"
        state = running.channel.get_state()
        while state is not grpc.ChannelConnectivity.IDLE:
            await running.channel.wait_for_state_change(state)
            state = running.channel.get_state()


def test_each_option_stands_once_and_says_why():
    table = options_table(ServerSettings(), file_limit=1_024)
    names = [each.name for each in table]
    assert len(set(names)) == len(names)
    assert all(each.why for each in table)
    assert [name for name, _ in server_options(ServerSettings())] == names
