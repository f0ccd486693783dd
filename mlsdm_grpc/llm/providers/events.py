"""Parser of server-sent events in response bodies, which tolerates deviations of real endpoints.

A body of one JSON object counts as one event. The field ``error`` counts as an event named
``error``. A last event without a final blank line counts if its data is complete.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from mlsdm_grpc.llm.providers.provider import FaultKind, ProviderFault

__all__ = ["DONE", "ServerSentEvent", "events_of"]

DONE: Final = b"[DONE]"
"""Data of the event that ends a stream in OpenAI's protocol."""

_MAX_EVENT_BYTES: Final = 256 * 1_024
# Byte order mark and white space, which are ignored at the start of a body.
_BEFORE: Final = b"\xef\xbb\xbf \t\r\n"
_ENDS: Final = (b"\n", b"\r")


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event of a stream, or one complete body."""

    data: bytes
    """Data of the event; never blank."""
    name: bytes = b""
    """Field ``event``; empty if absent."""
    whole: bool = False
    """True if the event is a body of one JSON object or list, not part of a stream."""


async def events_of(parts: AsyncGenerator[bytes, None]) -> AsyncGenerator[ServerSentEvent, None]:
    """Yield the events in a body of at most 256 KiB each; close ``parts`` at the end.

    Raises:
        ProviderFault: TOO_LARGE; an event is longer.
    """
    async with aclosing(parts):
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
    """Unfinished line and unfinished event of a stream."""

    def __init__(self) -> None:
        self._line = bytearray()
        # True if the last line ended in CR; an LF that follows belongs to that line end.
        self._after_cr = False
        self._name = b""
        self._data: list[bytes] = []
        self._size = 0

    def add(self, part: bytes) -> Iterator[ServerSentEvent]:
        """Yield the events that end within the next part of the body."""
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
        """Yield the last event of the body if it is complete, even without a blank line."""
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
        elif name in {b"data", b"error"}:  # llama.cpp sent "error" until autumn 2025
            self._data.append(value)
            self._size += len(line)
            self._name = b"error" if name == b"error" else self._name

    def _taken(self) -> Iterator[ServerSentEvent]:
        """Yield the current event if it has data, and begin a new one."""
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
