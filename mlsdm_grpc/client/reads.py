"""Client methods that search, get and list memories."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from typing import Unpack

from mlsdm_grpc._gen.mlsdm.v1 import memory_query_pb2 as query_pb2
from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import Memory
from mlsdm_grpc._gen.mlsdm.v1.memory_service_pb2 import GetMemoryRequest
from mlsdm_grpc.client.arguments import known, message, some, within
from mlsdm_grpc.client.client_base import ClientBase
from mlsdm_grpc.client.messages import QueryLimits, Vector
from mlsdm_grpc.client.results import MemoryRead, QueryAnswer, QueryAnswers
from mlsdm_grpc.client.values import invalid, string
from mlsdm_grpc.messages.bounds import QUERIES

__all__ = ["Reads"]


class Reads(ClientBase):
    """Client methods that search, get and list memories."""

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
    ) -> QueryAnswer:
        """Return the best matches for a text or a vector, best first.

        Args:
            text: Query text, matched by its words and, embedded by the server, by its meaning.
            embedding: Query vector, instead of a text.
            words: Text whose words are matched in addition to an embedding.
            min_revision: Minimum revision of the space for the response.
            space: Name of the space; None uses the client's.
            timeout_s: Deadline, seconds; None uses the client's.
            limits: Fields of ``QueryMemoriesRequest``: top_k (5), phase (none: all phases),
                phase_tolerance (0.15 around a phase), min_confidence, min_resonance, labels,
                include_embedding, phase_weight, synaptic_bias, mode ("auto", "vector", "lexical"
                or "hybrid"), min_score, sources, conversation_id, after, before, metadata.
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
        response = await self._connection.unary(
            self._memories.QueryMemories, request, timeout_s=timeout_s
        )
        return QueryAnswer.of(response, response.revision)

    async def query_many(
        self,
        queries: Iterable[str | Vector],
        *,
        min_revision: int | None = None,
        space: str | None = None,
        timeout_s: float | None = None,
        **limits: Unpack[QueryLimits],
    ) -> QueryAnswers:
        """Return one result for each of up to 128 texts or vectors, in order, at one revision.

        Args:
            queries: Texts and vectors.
            min_revision: Minimum revision of the space for the response.
            space: Name of the space; None uses the client's.
            timeout_s: Deadline, seconds; None uses the client's.
            limits: See :meth:`query`; they apply to all queries.
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
        response = await self._connection.unary(
            self._memories.BatchQueryMemories, request, timeout_s=timeout_s
        )
        return QueryAnswers.of(response)

    async def get(
        self,
        memory_id: str,
        *,
        include_embedding: bool = False,
        min_revision: int | None = None,
        space: str | None = None,
        timeout_s: float | None = None,
    ) -> MemoryRead:
        """Return one memory.

        Raises:
            NotFound: No memory has this id.
        """
        request = message(
            GetMemoryRequest,
            space=self._space(space),
            memory_id=memory_id,
            include_embedding=include_embedding,
            min_revision=min_revision,
        )
        response = await self._connection.unary(
            self._memories.GetMemory, request, timeout_s=timeout_s
        )
        return MemoryRead.of(response)

    # This method must be the last one: below it, ``list`` in an annotation would mean the method.
    async def list(
        self,
        *,
        labels: Iterable[str] = (),
        sources: Iterable[str | int] = (),
        conversation_id: str = "",
        metadata: Mapping[str, str] | None = None,
        after: datetime | None = None,
        before: datetime | None = None,
        page_size: int = 0,
        include_embedding: bool = False,
        min_revision: int | None = None,
        space: str | None = None,
        timeout_s: float | None = None,
    ) -> AsyncIterator[Memory]:
        """Yield the memories of the space, oldest first, page by page.

        A memory that exists during the whole listing is yielded exactly once, despite other
        changes.

        Args:
            labels: Labels that a memory must have, all of them.
            sources: Allowed sources, such as "user_input"; if empty, all are allowed.
            conversation_id: Conversation of the memories; if empty, all are listed.
            metadata: Keys and values that a memory must have.
            after: Earliest event time, or creation time without one, inclusive.
            before: End of the time range, exclusive.
            page_size: Memories on a page, at most 1,000; 0 uses the server's default.
            include_embedding: Include the vectors.
            min_revision: Minimum revision of the space for each page.
            space: Name of the space; None uses the client's.
            timeout_s: Deadline of each page, seconds; None uses the client's.
        """
        request = message(
            query_pb2.ListMemoriesRequest,
            space=self._space(space),
            page_size=page_size,
            labels=labels,
            sources=sources,
            conversation_id=conversation_id,
            metadata=metadata,
            after=after,
            before=before,
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
    """Return the request fields for a query text or a query vector."""
    if embedding is None:
        return {"text": text}
    if string("text", text):
        raise invalid("text", "must be empty where there is an embedding")
    return {"embedding": embedding}
