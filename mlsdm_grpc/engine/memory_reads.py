"""Reads: queries, single memories, pages, figures."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Final

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.core.mind.mind import SpaceView
from mlsdm_grpc.core.model.record import Vector
from mlsdm_grpc.engine.query_modes import resolved
from mlsdm_grpc.errors import NotFound
from mlsdm_grpc.journal.codec.new_memories import pairs_to_proto
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.moderation.text_client import Texts
from mlsdm_grpc.observability.metrics import Metrics
from mlsdm_grpc.protection.byte_gate import SMALL_BYTES, ByteGate
from mlsdm_grpc.protection.lanes import Before, Lane
from mlsdm_grpc.spaces.checks import check_dimensions, parameters_of
from mlsdm_grpc.spaces.creation import FirstWrites
from mlsdm_grpc.spaces.directory import Space
from mlsdm_grpc.spaces.space_client import Access
from mlsdm_grpc.workers.space_codec import Ask, StoredMemory, found_memories, search_request

__all__ = ["MemoryReads", "PageOf"]

_MADE: Final = 6
"""Times its size that a large answer takes in worker and server while it is made."""
_MATCH_BYTES: Final = 512
"""Bytes that a memory takes in an answer beside its vector, about."""


@dataclass(frozen=True, slots=True)
class PageOf:
    """One page of a list of memories, as it is asked for."""

    after_sequence: int
    """Creation sequence of the last one that the caller has; 0 starts."""
    limit: int
    labels: tuple[str, ...] = ()
    include_embedding: bool = False
    max_bytes: int = 0
    """Of the answer; 0 is what the server sends at most."""
    lane: Lane = Lane.INTERACTIVE
    sources: tuple[int, ...] = ()
    conversation_id: str = ""
    metadata: tuple[tuple[str, str], ...] = ()
    newest_first: bool = False
    """The newest of a conversation, newest first."""


class MemoryReads:
    """Reads of memories and figures.

    Args:
        access: The way to the spaces.
        first: Knows which texts a space takes.
        texts: Embeds queries.
        room: For large answers while they are made.
        max_response_bytes: Answers that would be larger are refused or cut.
        metrics: Where figures go.
    """

    def __init__(
        self,
        access: Access,
        first: FirstWrites,
        texts: Texts,
        *,
        room: ByteGate,
        max_response_bytes: int,
        metrics: Metrics,
    ) -> None:
        self._access = access
        self._first = first
        self._texts = texts
        self._room = room
        self._max_response_bytes = max_response_bytes
        self._metrics = metrics

    async def query(
        self,
        key: SpaceKey,
        asks: Sequence[Ask],
        *,
        batch: bool = False,
        min_revision: int,
        deadline_s: float,
    ) -> bytes:
        """Recall for each query, best first.

        Args:
            key: The space.
            asks: The queries; one, unless it is a batch.
            batch: Answer as to a batch.
            min_revision: Lowest revision that the answer may be of.
            deadline_s: Event-loop time by which it is wanted.

        Returns:
            The contract's encoded ``QueryMemoriesResponse`` or ``BatchQueryMemoriesResponse``.

        Raises:
            NotFound: SPACE_NOT_FOUND.
            PreconditionFailed: DIMENSION_MISMATCH, or text where nothing embeds it.
            InvalidInput: RESPONSE_TOO_LARGE.
            Unavailable: REVISION_NOT_REACHED, BULKHEAD_FULL, WORKER_LOST.
        """
        lane = Lane.BULK if batch else Lane.INTERACTIVE
        with self._access.lanes.inside(lane, key.tenant):
            space = await self._access.reached(key, min_revision, deadline_s)
            ready = await self._resolved(space, asks, deadline_s)
            search = search_request(ready, batch=batch, max_bytes=self._max_response_bytes)
            plain = sum(ask.top_k for ask in asks)
            with_rows = sum(ask.top_k for ask in asks if ask.include_embedding)
            async with self._room_for(space, plain, with_rows, self._max_response_bytes):
                reply = await self._access.ask(
                    space, pb.LinkRequest(search=search), lane=lane, deadline_s=deadline_s
                )
        if reply.search.batch_count:
            self._metrics.query_batch_vectors.observe(reply.search.batch_count)
        return reply.search.answer

    def check_batch(self, key: SpaceKey, count: int, deadline_s: float) -> None:
        """Refuse a batch of so many queries if there is no room; see ``Access.check_room``."""
        self._access.check_room(key, Before.MIND, count, deadline_s)

    async def get(
        self,
        key: SpaceKey,
        memory_id: str,
        *,
        include_embedding: bool,
        min_revision: int,
        deadline_s: float,
    ) -> tuple[StoredMemory, int]:
        """Return one memory and the revision at which it was read.

        Raises:
            NotFound: SPACE_NOT_FOUND or MEMORY_NOT_FOUND.
        """
        with self._access.lanes.inside(Lane.INTERACTIVE, key.tenant):
            space = await self._access.reached(key, min_revision, deadline_s)
            wanted = pb.GetRequest(memory_id=memory_id, include_embedding=include_embedding)
            reply = await self._access.ask(space, pb.LinkRequest(get=wanted), deadline_s=deadline_s)
        found = found_memories(reply.memories)
        if not found:
            raise NotFound(
                "The memory does not exist.",
                metadata={"space": key.space, "memory_id": memory_id},
            )
        return found[0], reply.revision

    async def page(
        self, key: SpaceKey, wanted: PageOf, *, min_revision: int, deadline_s: float
    ) -> tuple[Sequence[StoredMemory], bool, int]:
        """Return memories in the order of their creation, whether there are more, the revision."""
        with self._access.lanes.inside(wanted.lane, key.tenant):
            space = await self._access.reached(key, min_revision, deadline_s)
            page = pb.PageRequest(
                after_sequence=wanted.after_sequence,
                limit=wanted.limit,
                include_embedding=wanted.include_embedding,
                max_bytes=wanted.max_bytes or self._max_response_bytes,
                labels=wanted.labels,
                sources=wanted.sources,
                conversation_id=wanted.conversation_id,
                metadata=pairs_to_proto(wanted.metadata),
                newest_first=wanted.newest_first,
            )
            with_rows = wanted.limit if wanted.include_embedding else 0
            async with self._room_for(space, wanted.limit, with_rows, page.max_bytes):
                reply = await self._access.ask(
                    space, pb.LinkRequest(page=page), lane=wanted.lane, deadline_s=deadline_s
                )
        return found_memories(reply.memories), reply.memories.more, reply.revision

    async def state(self, key: SpaceKey, *, min_revision: int, deadline_s: float) -> SpaceView:
        """Return the figures of a space as they stand now; the ontology is left out."""
        return await self._access.state(key, min_revision=min_revision, deadline_s=deadline_s)

    async def embedded(
        self,
        key: SpaceKey,
        view: SpaceView | None,
        text: str,
        deadline_s: float,
        *,
        made: Vector | None = None,
    ) -> Vector:
        """Return the vector of a text for a space; ``inv_norm`` is 0 if it has no known word.

        Args:
            key: The space.
            view: Its figures; None if it does not exist.
            text: The text.
            deadline_s: Event-loop time by which it is wanted.
            made: The vector, if it has been made already.

        Raises:
            PreconditionFailed: EMBEDDER_NOT_CONFIGURED or EMBEDDER_MISMATCH.
            Unavailable: BULKHEAD_FULL or EMBEDDER_UNAVAILABLE.
        """
        if view is not None:
            self._first.check_embedder(key, view.parameters)
        if made is None:
            (made,) = await self._texts.embed([text], key.tenant, deadline_s)
        return made

    def _room_for(
        self, space: Space, memories: int, with_rows: int, max_bytes: int
    ) -> AbstractAsyncContextManager[None]:
        """Return a context with room for an answer of so many memories, if it may be large."""
        size = memories * _MATCH_BYTES + 4 * with_rows * parameters_of(space).dimension
        if size <= SMALL_BYTES:
            return nullcontext()
        return self._room.inside(space.key.tenant, _MADE * min(size, max_bytes))

    async def _resolved(self, space: Space, asks: Sequence[Ask], deadline_s: float) -> list[Ask]:
        """Return queries with the vectors that they need."""
        key, parameters = space.key, parameters_of(space)
        ready = await resolved(
            asks,
            lambda: self._first.check_embedder(key, parameters),
            lambda texts: self._texts.embed(texts, key.tenant, deadline_s),
        )
        check_dimensions(key, parameters, [ask.vector for ask in ready if ask.vector is not None])
        return ready
