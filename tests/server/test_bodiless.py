"""Calls of which only the headers come, and calls with more metadata than allowed."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import grpc
import pytest
from http2 import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PREFACE,
    SETTINGS,
    connected,
    frame,
    headers,
)
from serving import ServerProcess, channel

from mlsdm_grpc._gen.mlsdm.v1 import admin_service_pb2, admin_service_pb2_grpc
from tests.security.test_tokens import token_entry
from tests.support.ping import SERVICE, outcome, serving

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]
CONNECTIONS, STREAMS = 30, 100
TIMEOUT_S = 3.0
LARGEST_FRAME = 16_384
TRIMMED_S = 2.5
# Round, from 0, by which the allocator has what it keeps. Of 3,000 streams all are open at once,
# while most unary calls wait for capacity of messages.
SETTLED = {"GetState": 1, "StreamEvents": 4}
FLOOD = (b"authorization", b"Bearer flood")


@asynccontextmanager
async def _silent_calls(address, path, *more):
    """Begin calls without a body on many connections, and keep these open."""
    block = headers(path, *more)
    async with AsyncExitStack() as opened:
        for _ in range(CONNECTIONS):
            writer = await opened.enter_async_context(connected(address))
            for stream in range(1, 2 * STREAMS, 2):
                writer.write(frame(HEADERS, END_HEADERS, stream, block))
            await writer.drain()
        yield


async def _round(running, path):
    """Begin calls without a body, and wait until they have ended."""
    in_flight = running.router.in_flight
    began = in_flight.ended_count
    async with _silent_calls(running.target, path):
        most = 0
        async with asyncio.timeout(60):
            while in_flight.ended_count - began < CONNECTIONS * STREAMS:
                most = max(most, running.router.waiting_count)
                # Other calls are served meanwhile.
                assert (await running.call("Unary", "hello", timeout=10)).code == "OK"
                began += 1
                await asyncio.sleep(0.05)
        assert most > 0


@pytest.mark.load
@pytest.mark.parametrize("name", ["Unary", "BidiStream"])
async def test_calls_without_a_body_end_and_leave_nothing_behind(name):
    rounds = 3
    async with serving(first_message_timeout_s=TIMEOUT_S) as running:
        for _ in range(rounds):
            await _round(running, f"/{SERVICE}/{name}")
            await running.settled()
            assert running.router.waiting_count == 0
        # Tasks of this test and of grpc only, once those of its connections have ended.
        async with asyncio.timeout(10):
            while len(asyncio.all_tasks()) >= 20:  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.05)
        assert running.handled(name, "DEADLINE_EXCEEDED") == rounds * CONNECTIONS * STREAMS


class Flooded:
    """A server process whose calls, tasks and memory are counted while silent calls come.

    Args:
        server: The process.
        name: Name of the method of the silent calls.
    """

    def __init__(self, server, name):
        self._server = server
        self._name = name
        self.slowest_s = 0.0
        """Longest time of a call of the other tenant, seconds."""

    async def ended(self):
        """Return the number of ended calls of the method by code."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{self._server.ops}/metrics") as response,
        ):
            text = await response.text()
        lines = re.findall(r"^grpc_server_handled_total\{(.*)\} (\S+)$", text, re.MULTILINE)
        return Counter(
            {
                re.search(r'grpc_code="(\w+)"', labels)[1]: float(count)
                for labels, count in lines
                if f'"{self._name}"' in labels
            }
        )

    async def tasks(self):
        return await self._server.metric("mlsdm_server_tasks_count")

    async def resident_mib(self):
        statm = Path(f"/proc/{self._server.process.pid}/statm")
        return int((await asyncio.to_thread(statm.read_text)).split()[1]) * 4_096 / 2**20

    async def round(self, path, stub):
        """Send silent calls and wait until all have ended, while another tenant is served."""
        began, tasks = await self.ended(), await self.tasks()
        request, calm = admin_service_pb2.WhoAmIRequest(), [("authorization", "Bearer calm")]
        async with _silent_calls(self._server.listen, path, FLOOD), asyncio.timeout(120):
            while (await self.ended() - began).total() < CONNECTIONS * STREAMS:
                asked_s = time.monotonic()
                answer = await stub.WhoAmI(request, metadata=calm, timeout=60)
                assert answer.identity.tenant == "calm"
                self.slowest_s = max(self.slowest_s, time.monotonic() - asked_s)
                await asyncio.sleep(0.1)
        async with asyncio.timeout(20):
            while await self.tasks() > tasks:  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.1)
        assert await self._server.metric("mlsdm_server_silent_calls_count") == 0
        assert (await self.ended() - began).total() == CONNECTIONS * STREAMS
        await asyncio.sleep(TRIMMED_S)
        return await self.resident_mib()


@pytest.mark.load
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", SETTLED)
async def test_memory_of_ten_rounds_of_calls_without_a_body(tmp_path, evidence, name):
    tokens = tmp_path / "tokens.toml"
    entries = (token_entry(each, tenant=each, name=each) for each in ("flood", "calm"))
    await asyncio.to_thread(tokens.write_text, "".join(entries))
    environment = {
        "MLSDM_SECURITY__MODE": "token",
        "MLSDM_SECURITY__TOKENS_FILE": str(tokens),
        "MLSDM_LIMITS__ENABLED": "false",
        "MLSDM_SERVER__FIRST_MESSAGE_TIMEOUT_S": str(TIMEOUT_S),
        "MLSDM_LOGGING__LEVEL": "error",
        # Near its limit the server returns freed pages each second, which the allocator keeps else.
        "MLSDM_PRESSURE__MEMORY_LIMIT_BYTES": str(8 * 2**30),
        "MLSDM_PRESSURE__RELEASE_AT": "0.01",
    }
    server = await asyncio.to_thread(ServerProcess, tmp_path / "data", environment=environment)
    try:
        flooded = Flooded(server, name)
        async with channel(server.listen) as opened:
            stub = admin_service_pb2_grpc.AdminServiceStub(opened)
            path = f"/mlsdm.v1.CognitionService/{name}"
            resident = [await flooded.round(path, stub) for _ in range(10)]
        evidence["resident MiB by round"] = [round(each, 1) for each in resident]
        codes = await flooded.ended()
        evidence["ended"] = dict(codes)
        evidence["slowest other call s"] = round(flooded.slowest_s, 2)
        # Calls above the budget of messages, which each of them reserves, are refused earlier.
        assert set(codes) <= {"DEADLINE_EXCEEDED", "UNAVAILABLE"}
        assert name == "GetState" or set(codes) == {"DEADLINE_EXCEEDED"}
        assert resident[-1] - resident[SETTLED[name]] <= 10
    finally:
        await asyncio.to_thread(server.kill)


async def test_a_call_that_ends_without_a_message_gets_an_answer():
    async with serving() as running:
        call = running.channel.stream_unary(f"/{SERVICE}/Unary")(iter(()), timeout=5)
        result = await outcome(call)
        assert (result.code, result.error.reason) == ("INVALID_ARGUMENT", "MESSAGE_MALFORMED")


async def _answers(address, blocks):
    """Write frames without acknowledging the settings of the server, and return its answer."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(PREFACE + frame(SETTINGS, 0, 0) + b"".join(blocks))
        await writer.drain()
        found = b""
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                while b"metadata of the call" not in found and (more := await reader.read(65_536)):
                    found += more
        return found
    finally:
        writer.close()


def _large_call(count):
    """Return the frames of a call with many metadata entries, larger than one frame."""
    more = [(f"x-{index:05}".encode(), b"v" * 100) for index in range(count)]
    block = headers(f"/{SERVICE}/Unary", *more)
    parts = [block[at : at + LARGEST_FRAME] for at in range(0, len(block), LARGEST_FRAME)]
    frames = [frame(HEADERS, 0, 1, parts[0])]
    frames += [frame(CONTINUATION, 0, 1, part) for part in parts[1:-1]]
    frames.append(frame(CONTINUATION, END_HEADERS, 1, parts[-1]))
    return [*frames, frame(DATA, END_STREAM, 1, bytes(5))]


async def test_metadata_that_the_transport_lets_through_are_refused_before_any_hook():
    async with serving() as running:
        found = await _answers(running.target, _large_call(400))
        assert b"metadata of the call has" in found
        assert running.ping.texts == []
        assert running.handled("Unary", "OK") == 0
        # Once its settings are acknowledged, the transport itself refuses.
        entries = [(f"x-{index}", "v" * 100) for index in range(200)]
        refused = await running.call("Unary", "hello", metadata=entries)
        assert refused.code == grpc.StatusCode.RESOURCE_EXHAUSTED.name


async def test_metadata_up_to_the_limit_are_accepted():
    async with serving(max_metadata_bytes=8_192) as running:
        entries = [(f"x-{index:02}", "v" * 100) for index in range(50)]
        assert (await running.call("Unary", "hello", metadata=entries)).code == "OK"
