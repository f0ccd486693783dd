"""Server-sent events in the body of a response, as endpoints really send them.

Besides what the standard says: a body that is one JSON object instead of a stream is one event; the
field ``error`` is an event of that name; a last event without the blank line behind it counts if it
is not cut.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Final

from mlsdm_grpc.llm.providers.provider import FaultKind, ProviderFault

__all__ = ["DONE", "ServerSentEvent", "events_of"]

DONE: Final = b"[DONE]"
"""Data of the event that ends a stream of OpenAI's protocol."""

_MAX_EVENT_BYTES: Final = 256 * 1_024
_BEFORE: Final = b"\xef\xbb\xbf \t\r\n"
"""A byte order mark and white space, which may come first and say nothing."""
_ENDS: Final = (b"\n", b"\r")


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event of a stream, or a whole body."""

    data: bytes
    """Never blank."""
    name: bytes = b""
    """Its field ``event``; empty where it has none."""
    whole: bool = False
    """The body is this JSON object or list, and no stream."""


async def events_of(parts: AsyncIterator[bytes]) -> AsyncIterator[ServerSentEvent]:
    """Yield the events in a body, those of a stream of at most 256 KiB each.

    Raises:
        ProviderFault: TOO_LARGE; an event has no end.
    """
    head = b""
    async for part in parts:
        head = (head + part).lstrip(_BEFORE)
        if head:
            break
    if head.startswith((b"{", b"[")):
        yield ServerSentEvent(b"".join([head, *[part async for part in parts]]), whole=True)
        return
    stream = _Stream()
    for event in stream.add(head):
        yield event
    async for part in parts:
        for event in stream.add(part):
            yield event
    for event in stream.end():
        yield event


class _Stream:
    """The line and the event that have begun and not ended."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._after_cr = False
        """The last line ended in CR, to which an LF may still belong."""
        self._name = b""
        self._data: list[bytes] = []
        self._size = 0

    def add(self, part: bytes) -> Iterator[ServerSentEvent]:
        """Yield the events that end in the next part of the body."""
        for piece in part.splitlines(keepends=True):
            self._line += piece
            if piece.endswith(_ENDS):
                line = bytes(self._line)
                self._line.clear()
                if not (self._after_cr and line == b"\n"):
                    yield from self._add_line(line.rstrip(b"\r\n"))
                self._after_cr = line.endswith(b"\r")
        if len(self._line) + self._size > _MAX_EVENT_BYTES:
            raise ProviderFault(FaultKind.TOO_LARGE)

    def end(self) -> Iterator[ServerSentEvent]:
        """Yield the event that the body ended in, unless it is cut."""
        yield from self._add_line(bytes(self._line))
        for event in self._taken():
            if event.data.strip() == DONE or _is_json(event.data):
                yield event

    def _add_line(self, line: bytes) -> Iterator[ServerSentEvent]:
        if not line:
            yield from self._taken()
            return
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"event":
            self._name = value
        elif name in {b"data", b"error"}:  # llama.cpp until autumn 2025 sends the latter
            self._data.append(value)
            self._size += len(line)
            self._name = b"error" if name == b"error" else self._name

    def _taken(self) -> Iterator[ServerSentEvent]:
        """Yield the event that has come so far, if it has data, and begin the next one."""
        event = ServerSentEvent(b"\n".join(self._data), self._name)
        self._name, self._data, self._size = b"", [], 0
        if event.data.strip():
            yield event


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True
