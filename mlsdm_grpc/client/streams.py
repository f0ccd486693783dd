"""Client methods for long streams that survive reconnects."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from contextlib import aclosing
from functools import partial

from mlsdm_grpc._gen.mlsdm.v1.cognition_service_pb2 import (
    EventBatch,
    EventResult,
    StreamEventsRequest,
)
from mlsdm_grpc._gen.mlsdm.v1.event_pb2 import Event
from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import Memory
from mlsdm_grpc._gen.mlsdm.v1.memory_stream_pb2 import (
    ExportMemoriesRequest,
    IngestBatch,
    IngestMemoriesRequest,
    IngestOpen,
    IngestOutcome,
)
from mlsdm_grpc._gen.mlsdm.v1.stream_pb2 import StreamOpen
from mlsdm_grpc.client.arguments import message, source
from mlsdm_grpc.client.client_base import ClientBase
from mlsdm_grpc.client.item_stream import ItemMessages, ItemStream
from mlsdm_grpc.client.memory_writer import MemoryWriter, OnOutcome
from mlsdm_grpc.client.retry import Retry
from mlsdm_grpc.client.values import flag, patience
from mlsdm_grpc.errors import MlsdmError

__all__ = ["Streaming"]


class Streaming(ClientBase):
    """Client methods that ingest memories, stream events and export memories."""

    def ingest(
        self,
        memories: Iterable[Memory] | AsyncIterable[Memory],
        *,
        stream_id: str | None = None,
        allow_replace: bool = False,
        space: str | None = None,
        patience_s: float = 60.0,
    ) -> AsyncGenerator[IngestOutcome]:
        """Store any number of memories and yield the outcome of each, in order.

        Each memory is stored exactly once: after a broken connection the stream resumes. The server
        limits the number of items in flight, so a slow consumer of outcomes slows down the sending.

        Args:
            memories: Memories to store, for example from :func:`new_memory`; read as they are
                needed.
            stream_id: Id of the stream; None creates one. To resume an interrupted ingestion, pass
                the same id with the same memories.
            allow_replace: Replace memories with the same ids.
            space: Name of the space; None uses the client's.
            patience_s: Time without progress after which the stream fails, seconds.

        Yields:
            Outcomes. ``status`` says why a memory was not stored; the others are still stored.
            ``evicted_memory_ids`` lists the memories evicted for it. An outcome with neither
            ``status`` nor ``result`` was acknowledged while the connection was broken.

        Raises:
            Conflict: STREAM_IN_USE; another call has opened a stream with this id.
            Unavailable: The server could not be reached for ``patience_s`` or, at the start, for
                0.5 s.
        """
        replaces = flag("allow_replace", allow_replace)
        messages: ItemMessages[Memory, IngestOutcome] = ItemMessages(
            connection=self._connection,
            rpc=self._memories.IngestMemories,
            open=lambda stream: IngestMemoriesRequest(
                open=IngestOpen(stream=stream, allow_replace=replaces)
            ),
            batch=lambda first, items: IngestMemoriesRequest(
                batch=IngestBatch(first_sequence=first, memories=items)
            ),
            outcomes=lambda ack: ack.outcomes,
            unknown=lambda sequence: IngestOutcome(sequence=sequence),
        )
        return ItemStream(
            messages,
            self._opening(space, stream_id),
            source("memories", memories, Memory),
            patience_s=patience(patience_s),
        ).outcomes()

    def writer(
        self,
        *,
        on_outcome: OnOutcome | None = None,
        allow_replace: bool = False,
        space: str | None = None,
        patience_s: float = 60.0,
    ) -> MemoryWriter:
        """Return a writer that gathers memories into batches; an asynchronous context manager.

        Args:
            on_outcome: See :class:`MemoryWriter`.
            allow_replace: Replace memories with the same ids.
            space: Name of the space; None uses the client's.
            patience_s: Time without progress after which the writer gives up, seconds.
        """
        send = partial(self.ingest, allow_replace=allow_replace, space=space, patience_s=patience_s)
        return MemoryWriter(send, on_outcome)

    def stream_events(
        self,
        events: Iterable[Event] | AsyncIterable[Event],
        *,
        stream_id: str | None = None,
        space: str | None = None,
        patience_s: float = 60.0,
    ) -> AsyncGenerator[EventResult]:
        """Process any number of events; arguments and errors are those of :meth:`ingest`."""
        messages: ItemMessages[Event, EventResult] = ItemMessages(
            connection=self._connection,
            rpc=self._cognition.StreamEvents,
            open=lambda stream: StreamEventsRequest(open=stream),
            batch=lambda first, items: StreamEventsRequest(
                batch=EventBatch(first_sequence=first, events=items)
            ),
            outcomes=lambda ack: ack.results,
            unknown=lambda sequence: EventResult(sequence=sequence),
        )
        return ItemStream(
            messages,
            self._opening(space, stream_id),
            source("events", events, Event),
            patience_s=patience(patience_s),
        ).outcomes()

    async def export(
        self,
        *,
        labels: Iterable[str] = (),
        include_embedding: bool = False,
        min_revision: int | None = None,
        space: str | None = None,
        patience_s: float = 60.0,
    ) -> AsyncIterator[Memory]:
        """Yield all memories of the space, oldest first, across reconnects.

        A memory that exists during the whole export is yielded exactly once, despite other changes.

        Args:
            labels: Labels that a memory must have, all of them.
            include_embedding: Include the vectors.
            min_revision: Minimum revision of the space when the export starts.
            space: Name of the space; None uses the client's.
            patience_s: Time without progress after which the export fails, seconds.
        """
        request = message(
            ExportMemoriesRequest,
            space=self._space(space),
            labels=labels,
            include_embedding=include_embedding,
            min_revision=min_revision,
        )
        retry = Retry(patience(patience_s), self._connection.on_wait)
        while True:
            rest = True
            try:
                chunks = self._connection.stream(
                    self._memories.ExportMemories, request, timeout_s=None, repeats=False
                )
                async with aclosing(chunks):
                    async for chunk in chunks:
                        retry.went_on()
                        request.page_token = chunk.next_page_token
                        rest = bool(chunk.next_page_token)
                        for memory in chunk.memories:
                            yield memory
            except MlsdmError as error:
                if rest:
                    await retry.after(error)
            if not rest:
                return

    def _opening(self, space: str | None, stream_id: str | None) -> StreamOpen:
        opening = message(
            StreamOpen,
            space=self._space(space),
            stream_id="" if stream_id is None else stream_id,
        )
        opening.stream_id = opening.stream_id or str(uuid.uuid4())
        return opening
