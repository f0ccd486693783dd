"""Read operations: queries, single memories, pages and state."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Final

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.core.mind.space_view import SpaceView
from mlsdm_grpc.core.model.new_memory import Vector
from mlsdm_grpc.engine.query_modes import text_vectors
from mlsdm_grpc.errors import NotFound
from mlsdm_grpc.journal.codec.new_memories import pairs_to_proto
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.messages.fields import Fields
from mlsdm_grpc.messages.queries import Ask, EncodedQueries, asks, path_of
from mlsdm_grpc.moderation.text_client import Texts
from mlsdm_grpc.observability.metrics import Metrics
from mlsdm_grpc.protection.byte_gate import SMALL_BYTES, ByteGate
from mlsdm_grpc.protection.fair_limiter import FEW
from mlsdm_grpc.protection.lanes import Before, Lane
from mlsdm_grpc.spaces.checks import parameters_of
from mlsdm_grpc.spaces.creation import FirstWrites
from mlsdm_grpc.spaces.space import Space
from mlsdm_grpc.spaces.space_client import Access
from mlsdm_grpc.workers.space_codec import StoredMemory, found_memories

__all__ = ["MemoryReads", "PageOf"]

# RAM that a large response in progress takes in worker and server, as a multiple of its size.
_MADE: Final = 6
# Approximate size of a memory in a response without its vector, bytes.
_MATCH_BYTES: Final = 512


@dataclass(frozen=True, slots=True)
class PageOf:
    """Request for one page of a list of memories."""

    after_sequence: int
    """Creation sequence of the last memory of the previous page; 0 for the first page."""
    limit: int
    """Maximum number of memories."""
    labels: tuple[str, ...] = ()
    """Required labels; a memory must have all of them."""
    include_embedding: bool = False
    max_bytes: int = 0
    """Maximum size of the page, bytes; 0 for the limit of the server."""
    lane: Lane = Lane.INTERACTIVE
    sources: tuple[int, ...] = ()
    """Allowed sources; empty allows all."""
    conversation_id: str = ""
    metadata: tuple[tuple[str, str], ...] = ()
    """Required metadata entries; a memory must have all of them."""
    newest_first: bool = False
    """Return the memories of the conversation, newest first, instead of all memories, oldest first.
    """
    after_ns: int | None = None
    """Earliest event time, inclusive, Unix nanoseconds. A memory without one uses its creation
    time."""
    before_ns: int | None = None
    """End of the time range, exclusive, Unix nanoseconds."""


class MemoryReads:
    """Read operations on memories and on the state of a space.

    Args:
        access: Access to spaces.
        first: First writes; checks whether this server can embed texts for a space.
        texts: Embedder of query texts.
        room: Gate that limits the RAM of large responses in progress.
        max_response_bytes: Maximum size of a response, bytes. A larger query response is refused,
            and a page ends before it.
        metrics: Metrics to update.
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
        self, key: SpaceKey, queries: EncodedQueries, *, min_revision: int, deadline_s: float
    ) -> bytes:
        """Search the memories of a space for each query, best match first.

        Args:
            key: Space to search.
            queries: Queries, which the worker of the space validates.
            min_revision: Minimum revision of the space.
            deadline_s: Deadline, event-loop time.

        Returns:
            Serialised ``QueryMemoriesResponse`` or ``BatchQueryMemoriesResponse``.

        Raises:
            NotFound: SPACE_NOT_FOUND.
            PreconditionFailed: DIMENSION_MISMATCH, or a text needs an embedder and the server has
                none.
            InvalidInput: FIELD_INVALID, RESPONSE_TOO_LARGE.
            Unavailable: REVISION_NOT_REACHED, BULKHEAD_FULL, WORKER_LOST.
        """
        lane = Lane.BULK if queries.batch else Lane.INTERACTIVE
        with self._access.lanes.inside(lane, key.tenant):
            vectors: Sequence[bytes] = ()
            space = self._access.directory.ready(key, min_revision)
            if space is None or queries.has_text:
                # Violations of the request are reported before errors of the space.
                asked = await self._validated(queries)
                space = await self._access.reached(key, min_revision, deadline_s)
                if queries.has_text:
                    vectors = await self._vectors(space, asked, deadline_s, batch=queries.batch)
            search = pb.SearchRequest(
                queries=queries.encoded,
                vectors_f32_le=vectors,
                max_bytes=self._max_response_bytes,
                batch=queries.batch,
                by_words=queries.by_words,
                by_metadata=queries.by_metadata,
                omit_answers=queries.omit_answers,
            )
            # The RAM of a large response is reserved first; vectors make a response much larger.
            async with self._room_for(
                space, queries.matches, queries.rows, self._max_response_bytes
            ):
                reply = await self._access.ask(
                    space, pb.LinkRequest(search=search), lane=lane, deadline_s=deadline_s
                )
        # Only the first reply of a shared scan reports the number of its queries.
        if reply.search.batch_count:
            self._metrics.query_batch_vectors.observe(reply.search.batch_count)
        return reply.search.answer

    def check_batch(self, key: SpaceKey, count: int, deadline_s: float) -> None:
        """Raise an error if there is no capacity for a batch of ``count`` queries.

        See :meth:`Access.check_room`.
        """
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
        """Return a memory and the revision at which it was read.

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
        """Return memories in order of creation, True if more follow, and the revision."""
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
                after_ns=wanted.after_ns,
                before_ns=wanted.before_ns,
            )
            with_rows = wanted.limit if wanted.include_embedding else 0
            async with self._room_for(space, wanted.limit, with_rows, page.max_bytes):
                reply = await self._access.ask(
                    space, pb.LinkRequest(page=page), lane=wanted.lane, deadline_s=deadline_s
                )
        return found_memories(reply.memories), reply.memories.more, reply.revision

    async def state(self, key: SpaceKey, *, min_revision: int, deadline_s: float) -> SpaceView:
        """Return the current state of a space, without the ontology."""
        return await self._access.state(key, min_revision=min_revision, deadline_s=deadline_s)

    async def state_message(
        self, key: SpaceKey, *, include_traces: bool, min_revision: int, deadline_s: float
    ) -> bytes:
        """Return the current state of a space as a serialised ``GetStateResponse``.

        Raises:
            NotFound: SPACE_NOT_FOUND.
            Unavailable: REVISION_NOT_REACHED, BULKHEAD_FULL, WORKER_LOST.
        """
        with self._access.lanes.inside(Lane.INTERACTIVE, key.tenant):
            space = await self._access.reached(key, min_revision, deadline_s)
            wanted = pb.StateRequest(space=key.space, include_traces=include_traces)
            reply = await self._access.ask(
                space, pb.LinkRequest(state=wanted), deadline_s=deadline_s
            )
        return reply.state

    async def embedded(
        self,
        key: SpaceKey,
        view: SpaceView | None,
        text: str,
        deadline_s: float,
        *,
        made: Vector | None = None,
    ) -> Vector:
        """Return the vector of a query text for a space; its ``inv_norm`` is 0 if no word is known.

        Args:
            key: Space that will be searched.
            view: State of the space; None if it does not exist.
            text: Text to embed.
            deadline_s: Deadline, event-loop time.
            made: Vector of the text if it was computed before.

        Raises:
            PreconditionFailed: EMBEDDER_NOT_CONFIGURED or EMBEDDER_MISMATCH.
            Unavailable: BULKHEAD_FULL or EMBEDDER_UNAVAILABLE.
        """
        if view is not None:
            self._first.check_embedder(key, view.parameters)
        if made is None:
            (made,) = await self._texts.embed([text], key.tenant, deadline_s, query=True)
        return made

    def _room_for(
        self, space: Space, memories: int, with_rows: int, max_bytes: int
    ) -> AbstractAsyncContextManager[None]:
        """Return a context that reserves RAM for a response if the response may be large."""
        size = memories * _MATCH_BYTES + 4 * with_rows * parameters_of(space).dimension
        if size <= SMALL_BYTES:
            return nullcontext()
        return self._room.inside(space.key.tenant, _MADE * min(size, max_bytes))

    async def _validated(self, queries: EncodedQueries) -> Sequence[Ask]:
        """Return the validated queries of a request; decodes many in slices of the event loop."""
        fields = Fields()
        each = asks(fields, queries.encoded, batch=queries.batch)
        asked = list(each) if len(queries.encoded) <= FEW else await self._access.turns.all(each)
        fields.check()
        return asked

    async def _vectors(
        self, space: Space, asked: Sequence[Ask], deadline_s: float, *, batch: bool
    ) -> Sequence[bytes]:
        """Return the vectors of the query texts; empty for a query that needs none."""
        key, parameters = space.key, parameters_of(space)
        return await text_vectors(
            asked,
            [f"{path_of(i, batch=batch)}text" for i in range(len(asked))],
            lambda: self._first.check_embedder(key, parameters),
            lambda texts: self._texts.embed(texts, key.tenant, deadline_s, query=True),
        )
