"""Calls of which only the headers come, and calls with more metadata than allowed."""

from __future__ import annotations

import asyncio
import gc
from contextlib import AsyncExitStack, suppress
from pathlib import Path

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

from tests.support.ping import SERVICE, outcome, serving

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]
CONNECTIONS, STREAMS = 30, 100
TIMEOUT_S = 1.0
LARGEST_FRAME = 16_384


def _resident_bytes():
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4_096


async def _round(running, path):
    """Begin calls without a body on many connections, and wait until they have ended."""
    block = headers(path)
    in_flight = running.router.in_flight
    began = in_flight.ended_count
    async with AsyncExitStack() as opened:
        for _ in range(CONNECTIONS):
            writer = await opened.enter_async_context(connected(running.target))
            for stream in range(1, 2 * STREAMS, 2):
                writer.write(frame(HEADERS, END_HEADERS, stream, block))
            await writer.drain()
        most = 0
        async with asyncio.timeout(60):
            while in_flight.ended_count - began < CONNECTIONS * STREAMS:
                most = max(most, running.router.waiting_count)
                # Other calls are served meanwhile.
                assert (await running.call("Unary", "hello", timeout=10)).code == "OK"
                began += 1
                await asyncio.sleep(0.05)
        assert most > 0


@pytest.mark.parametrize("name", ["Unary", "BidiStream"])
@pytest.mark.parametrize("rounds", [3, pytest.param(10, marks=pytest.mark.slow)])
async def test_calls_without_a_body_end_and_leave_nothing_behind(rounds, name):
    async with serving(first_message_timeout_s=TIMEOUT_S) as running:
        resident = []
        for _ in range(rounds):
            await _round(running, f"/{SERVICE}/{name}")
            await running.settled()
            assert running.router.waiting_count == 0
            resident.append(await asyncio.to_thread(_resident_bytes))
        # Tasks of this test and of grpc only.
        assert len(asyncio.all_tasks()) < 20
        assert running.handled(name, "DEADLINE_EXCEEDED") == rounds * CONNECTIONS * STREAMS
        assert resident[-1] - resident[1] <= 10 * 2**20


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
        assert b"metadata of the call have" in found
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
