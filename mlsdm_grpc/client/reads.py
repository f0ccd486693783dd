"""The reads of the client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from typing import Unpack

from grpc_health.v1 import health_pb2

from mlsdm_grpc._gen.mlsdm.v1 import memory_query_pb2 as query_pb2
from mlsdm_grpc._gen.mlsdm.v1.cognition_service_pb2 import (
    GetStateRequest,
    GetStateResponse,
    WatchStateRequest,
    WatchStateResponse,
)
from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import Memory
from mlsdm_grpc._gen.mlsdm.v1.memory_service_pb2 import GetMemoryRequest, GetMemoryResponse
from mlsdm_grpc.client.arguments import known, message, some, within
from mlsdm_grpc.client.client_base import ClientBase
from mlsdm_grpc.client.messages import QueryLimits, Vector
from mlsdm_grpc.client.values import invalid, number, string
from mlsdm_grpc.errors import Unavailable
from mlsdm_grpc.wire.bounds import QUERIES
from mlsdm_grpc.wire.limits import MAX_WATCH_INTERVAL_S, MIN_WATCH_INTERVAL_S

__all__ = ["Reads"]


class Reads(ClientBase):
    """Finds, gets and lists memories; tells the state of the mind and of the server."""

    async def query(
        self,
        text: str = "",
        *,
        embedding: Vector | None = None,
        words: str = "",
        min_revision: int | None = None,
        space: str | None = None,
        timeout_s: float | None = None,
        **limits: Unpack[QueryLimits],
    ) -> query_pb2.QueryMemoriesResponse:
        """Return the memories that answer a text or a vector best, best first.

        Args:
            text: What to look for by its words and, embedded by the server, by its meaning.
            embedding: What to look for, instead of a text.
            words: Text whose words to look for beside an embedding.
            min_revision: Lowest revision of the space that the answer may be of.
            space: None is the client's.
            timeout_s: Deadline, seconds; None is the client's.
            limits: Fields of ``QueryMemoriesRequest``: top_k (5), phase (none: all phases),
                phase_tolerance (0.15 around a phase), min_confidence, min_resonance, labels,
                include_embedding, phase_weight, synaptic_bias, mode ("auto", "vector", "lexical"
                or "hybrid"), min_score, sources, conversation_id, after, before.
        """
        known(QueryLimits, limits)
        request = message(
            query_pb2.QueryMemoriesRequest,
            space=self._space(space),
            min_revision=min_revision,
            words=words,
            **_sought(text, embedding),
            **limits,
        )
        return await self._connection.unary(
            self._memories.QueryMemories, request, timeout_s=timeout_s
        )

    async def query_many(
        self,
        queries: Iterable[str | Vector],
        *,
        min_revision: int | None = None,
        space: str | None = None,
        timeout_s: float | None = None,
        **limits: Unpack[QueryLimits],
    ) -> query_pb2.BatchQueryMemoriesResponse:
        """Answer up to 128 texts or vectors at one revision, one result each in their order.

        Args:
            queries: Texts and vectors.
            min_revision: Lowest revision of the space that the answer may be of.
            space: None is the client's.
            timeout_s: Deadline, seconds; None is the client's.
            limits: As in :meth:`query`, the same for all.
        """
        known(QueryLimits, limits)
        common = message(query_pb2.MemoryQuery, **limits)
        request = message(
            query_pb2.BatchQueryMemoriesRequest,
            space=self._space(space),
            min_revision=min_revision,
        )
        for index, query in enumerate(some("queries", "texts and vectors", queries, QUERIES)):
            kind = "text" if isinstance(query, str) else "embedding"
            with within(f"queries[{index}]"):
                item = message(query_pb2.MemoryQuery, **{kind: query})
            item.MergeFrom(common)
            request.queries.append(item)
        if not request.queries:
            raise invalid("queries", QUERIES.description)
        return await self._connection.unary(
            self._memories.BatchQueryMemories, request, timeout_s=timeout_s
        )

    async def get(
        self,
        memory_id: str,
        *,
        include_embedding: bool = False,
        min_revision: int | None = None,
        space: str | None = None,
        timeout_s: float | None = None,
    ) -> GetMemoryResponse:
        """Return one memory.

        Raises:
            NotFound: There is none of this id, or no longer.
        """
        request = message(
            GetMemoryRequest,
            space=self._space(space),
            memory_id=memory_id,
            include_embedding=include_embedding,
            min_revision=min_revision,
        )
        return await self._connection.unary(self._memories.GetMemory, request, timeout_s=timeout_s)

    async def state(
        self,
        *,
        include_traces: bool = False,
        min_revision: int | None = None,
        space: str | None = None,
        timeout_s: float | None = None,
    ) -> GetStateResponse:
        """Return the state of the mind; the arguments are those of ``GetStateRequest``."""
        request = message(
            GetStateRequest,
            space=self._space(space),
            include_traces=include_traces,
            min_revision=min_revision,
        )
        return await self._connection.unary(self._cognition.GetState, request, timeout_s=timeout_s)

    async def health(
        self, service: str = "", *, timeout_s: float | None = None
    ) -> health_pb2.HealthCheckResponse:
        """Return the health of the server, or of one of its services.

        Raises:
            ApiStatusError: NOT_FOUND, there is no such service.
        """
        request = message(health_pb2.HealthCheckRequest, service=service)
        return await self._connection.unary(self._check, request, timeout_s=timeout_s)

    async def watch_health(
        self, service: str = ""
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        """Yield the health at once and after each change, until the iterator is closed.

        A watch that is cut, as every connection is at its greatest age, is begun again.

        Raises:
            Unavailable: The server cannot be reached.
        """
        request = message(health_pb2.HealthCheckRequest, service=service)
        last = None
        while True:
            begun = False
            try:
                async for response in self._connection.stream(self._watch, request, timeout_s=None):
                    begun = True
                    if response.status != last:
                        last = response.status
                        yield response
            except Unavailable:
                if not begun:
                    raise

    async def watch_state(
        self,
        *,
        min_interval_s: float = 0.1,
        include_traces: bool = False,
        min_revision: int | None = None,
        space: str | None = None,
    ) -> AsyncIterator[WatchStateResponse]:
        """Yield the state of the mind at once and after each change, until the iterator is closed.

        Changes in quick succession are joined; the newest always arrives. A watch that is cut, as
        every connection is at its greatest age, is begun again where it was.

        Args:
            min_interval_s: Shortest time between two states, 0.01..3600 seconds.
            include_traces: With the synaptic traces themselves.
            min_revision: Lowest revision that the first state may be of.
            space: None is the client's.

        Raises:
            NotFound: The space does not exist, or was deleted while it was watched.
            Unavailable: The server cannot be reached, or has too many watches of this space.
        """
        interval_s = number(
            "min_interval_s", min_interval_s, low=MIN_WATCH_INTERVAL_S, high=MAX_WATCH_INTERVAL_S
        )
        request = message(
            WatchStateRequest,
            space=self._space(space),
            include_traces=include_traces,
            min_revision=min_revision,
        )
        request.min_interval.FromNanoseconds(round(interval_s * 1e9))
        last = None
        while True:
            begun, pause_s = False, 0.0
            watch = self._connection.stream(self._cognition.WatchState, request, timeout_s=None)
            async with aclosing(watch):
                try:
                    async for response in watch:
                        begun = True
                        if response.revision != last:
                            last = request.min_revision = response.revision
                            yield response
                except Unavailable as error:
                    if not begun:
                        raise
                    pause_s = error.retry_after_s or 0.0
            await asyncio.sleep(pause_s)

    # Last in the class: below it, ``list`` in an annotation would mean this method.
    async def list(
        self,
        *,
        labels: Iterable[str] = (),
        sources: Iterable[str | int] = (),
        conversation_id: str = "",
        page_size: int = 0,
        include_embedding: bool = False,
        min_revision: int | None = None,
        space: str | None = None,
        timeout_s: float | None = None,
    ) -> AsyncIterator[Memory]:
        """Yield the memories of the space, oldest first, page by page.

        A memory that is there throughout comes exactly once, however the space changes meanwhile.

        Args:
            labels: Labels that a memory has, all of them.
            sources: Sources that a memory may have, such as "user_input"; none allows all.
            conversation_id: Conversation that a memory comes from; empty allows all.
            page_size: Memories a page, at most 1,000; 0 is the server's default.
            include_embedding: With their vectors.
            min_revision: Lowest revision that a page may be of.
            space: None is the client's.
            timeout_s: Deadline of each page, seconds; None is the client's.
        """
        request = message(
            query_pb2.ListMemoriesRequest,
            space=self._space(space),
            page_size=page_size,
            labels=labels,
            sources=sources,
            conversation_id=conversation_id,
            include_embedding=include_embedding,
            min_revision=min_revision,
        )
        while True:
            page = await self._connection.unary(
                self._memories.ListMemories, request, timeout_s=timeout_s
            )
            for memory in page.memories:
                yield memory
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token


def _sought(text: str, embedding: Vector | None) -> dict[str, object]:
    """Return what a query looks for, by the field."""
    if embedding is None:
        return {"text": text}
    if string("text", text):
        raise invalid("text", "must be empty where there is an embedding")
    return {"embedding": embedding}
