"""Finder that queries a server for the turns of a conversation."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from processes import Process, serving, usage

from mlsdm_grpc.client import MemoryClient, new_memory

__all__ = ["Served", "served"]


class Served:
    """A server: a space for each conversation, a call for each question.

    Args:
        server: Where it serves.
        mode: How it is asked.
        embedder: Its embedder, if that is not the default.
    """

    def __init__(self, server: Process, mode: str, embedder: str = "") -> None:
        self.name = f"server, {mode.upper()}" + (f", {embedder}" if embedder else "")
        self._server = server
        self._mode = mode
        self._loop = asyncio.Runner()
        self._client = self._loop.run(self._connected())
        self._space = ""
        self._filled = 0

    def close(self) -> None:
        """Close the connection."""
        self._loop.run(self._client.__aexit__(None, None, None))
        self._loop.close()

    def cpu_s(self) -> float:
        """Return the CPU seconds that the server and its workers have used so far."""
        return usage(self._server).cpu_s

    def fill(self, texts: Sequence[str], contexts: Sequence[str]) -> None:
        """Store the texts in a space of their own."""
        self._filled += 1
        self._space = f"{self._mode}-{self._filled}"
        memories = [
            new_memory(text, memory_id=str(i), context=context)
            for i, (text, context) in enumerate(zip(texts, contexts, strict=True))
        ]
        self._loop.run(self._client.put_many(memories, space=self._space))

    def rank(self, question: str, top_k: int) -> list[int]:
        """Return the best matches."""
        found = self._loop.run(
            self._client.query(question, top_k=top_k, mode=self._mode, space=self._space)
        )
        return [int(match.memory.memory_id) for match in found.matches]

    async def _connected(self) -> MemoryClient:
        client = MemoryClient(self._server.target, timeout_s=120.0)
        return await client.__aenter__()


@contextlib.contextmanager
def served(modes: Sequence[str], embedder: str = "") -> Iterator[list[Served]]:
    """Run a server, and yield a finder for each mode.

    Args:
        modes: How the server is asked.
        embedder: Its embedder; empty for the default.
    """
    settings = {"MLSDM_SPACE__EMBEDDER": embedder} if embedder else {}
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), settings) as server:
        finders = [Served(server, mode, embedder) for mode in modes]
        try:
            yield finders
        finally:
            for finder in finders:
                finder.close()
