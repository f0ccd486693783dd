"""A real HTTP server that behaves as a script says, and the scripts of well-behaved ones."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

KEY = "sk-a-key-that-must-not-show"
SECRET_BODY = "a text of the upstream that must not show"


@dataclass
class Request:
    head: str
    body: dict
    port: int

    @property
    def headers(self) -> dict[str, str]:
        lines = self.head.split("\r\n")[1:]
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}

    @property
    def streams(self) -> bool:
        return bool(self.body.get("stream"))


Script = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Upstream:
    """Instructions of the server, and its received requests."""

    script: Script
    tls: ssl.SSLContext | None = None
    requests: list[Request] = field(default_factory=list)
    received: asyncio.Event = field(default_factory=asyncio.Event)
    """A request has come."""
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    """A client has closed its connection."""
    port: int = 0

    @contextlib.asynccontextmanager
    async def serving(self):
        tasks = set()

        async def served(reader, writer):
            task = asyncio.current_task()
            tasks.add(task)
            try:
                with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                    await self._serve(reader, writer)
            finally:
                tasks.discard(task)
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()

        server = await asyncio.start_server(served, "127.0.0.1", 0, ssl=self.tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in (left := list(tasks)):
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def _serve(self, reader, writer):
        """Serve one request; a client that disconnects ends the script."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()[:-4]
        request = Request(head, {}, self.port)
        length = int(request.headers.get("content-length", 0))
        request.body = json.loads(await reader.readexactly(length))
        self.requests.append(request)
        self.received.set()

        async def scripted():
            with contextlib.suppress(OSError):
                await self.script(request, writer)

        async def watched():
            with contextlib.suppress(OSError):
                await reader.read(1)
            self.closed.set()

        both_ends = {asyncio.ensure_future(scripted()), asyncio.ensure_future(watched())}
        try:
            await asyncio.wait(both_ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in both_ends:
                each.cancel()
            await asyncio.gather(*both_ends, return_exceptions=True)


def http(status: int, body: bytes, *headers: str, kind: str = "application/json") -> bytes:
    lines = [f"HTTP/1.1 {status} Said", f"content-type: {kind}", f"content-length: {len(body)}"]
    return "\r\n".join([*lines, *headers, "connection: close", "", ""]).encode() + body


def sse(*datas: str) -> bytes:
    """Return events, without a length: the end of the connection is the end of the body."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    return head + events(*datas)


def events(*datas: str) -> bytes:
    return b"".join(f"data: {data}\n\n".encode() for data in datas)


def says(*parts: bytes) -> Script:
    async def script(request, writer):
        del request
        for part in parts:
            writer.write(part)
            await writer.drain()

    return script


def both(whole: Script, streamed: Script) -> Script:
    async def script(request, writer):
        await (streamed if request.streams else whole)(request, writer)

    return script


async def hangs(request, writer):
    del request, writer
    await asyncio.Event().wait()


def then_hangs(*parts: bytes) -> Script:
    async def script(request, writer):
        await says(*parts)(request, writer)
        await hangs(request, writer)

    return script


def then_resets(*parts: bytes) -> Script:
    async def script(request, writer):
        await says(*parts)(request, writer)
        await asyncio.sleep(0.02)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(1, 13, struct.pack("ii", 1, 0))  # SO_LINGER: close by RST
        writer.transport.abort()

    return script


def completion(text="Yes, it is.", finish="stop", **more) -> bytes:
    found = {
        "id": "1",
        "object": "chat.completion",
        "model": "small-2026",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": finish,
            }
        ],
        "usage": {"prompt_tokens": 7, "completion_tokens": 4, "total_tokens": 11},
    }
    return json.dumps(found | more).encode()


def piece(text=None, finish=None, **more) -> str:
    delta = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    found = {"object": "chat.completion.chunk", "model": "small-2026", "choices": [choice]}
    return json.dumps(found | more)


USAGE = json.dumps(
    {
        "model": "small-2026",
        "choices": [],
        "usage": {"prompt_tokens": 7, "completion_tokens": 4},
    }
)


def answers(text="Yes, it is.", finish="stop") -> Script:
    """Answer as OpenAI does, whole or word by word."""
    words = text.split(" ")
    pieces = [piece(word if not i else f" {word}") for i, word in enumerate(words)]
    return both(
        says(http(200, completion(text, finish))),
        says(sse(*pieces, piece(finish=finish), USAGE, "[DONE]")),
    )


@contextlib.asynccontextmanager
async def moderation_endpoint(moderate: Callable[[web.Request], Awaitable[web.Response]]):
    """Run an endpoint that scores texts; yield its address."""
    app = web.Application()
    app.router.add_post("/v1/moderations", moderate)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        (host, port), *_ = runner.addresses
        yield f"http://{host}:{port}/v1/moderations"
    finally:
        await runner.cleanup()
