"""MemoryService: storage and search of memories."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from mlsdm_grpc._gen.mlsdm.v1 import (
    memory_pb2,
    memory_put_pb2,
    memory_query_pb2,
    memory_service_pb2,
    memory_stream_pb2,
)
from mlsdm_grpc.core.model.bodies import DeleteMemory, PutMemories
from mlsdm_grpc.core.model.outcome import PutResult
from mlsdm_grpc.engine.engine import Engine
from mlsdm_grpc.engine.memory_reads import PageOf
from mlsdm_grpc.errors import NotYetAvailable
from mlsdm_grpc.messages import bounds, limits, queries
from mlsdm_grpc.messages.fields import Fields
from mlsdm_grpc.messages.queries import EncodedQueries
from mlsdm_grpc.messages.stored_memories import memory_message
from mlsdm_grpc.protection.lanes import Lane
from mlsdm_grpc.servicers.streams import ending_politely, serve_stream
from mlsdm_grpc.wire import requests, responses
from mlsdm_grpc.wire.call import Call
from mlsdm_grpc.wire.pages import decode_page_token, encode_page_token
from mlsdm_grpc.wire.reading import Parts
from mlsdm_grpc.wire.streams import MemoryMessages

__all__ = ["MemoryServicer"]

QueryParts: TypeAlias = Parts[
    memory_query_pb2.BatchQueryMemoriesRequest, memory_query_pb2.MemoryQuery
]


class MemoryServicer:
    """Servicer of ``mlsdm.v1.MemoryService``.

    Args:
        engine: Engine of the server.
        now_ns: Returns the wall clock time, Unix nanoseconds.
        max_stream_age_s: Maximum age of a stream, seconds.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        now_ns: Callable[[], int],
        max_stream_age_s: float,
    ) -> None:
        self._engine = engine
        self._serve_stream = partial(
            serve_stream, engine.streams, MemoryMessages(now_ns), max_age_s=max_stream_age_s
        )
        self._max_stream_age_s = max_stream_age_s
        self._now_ns = now_ns

    async def PutMemory(  # noqa: N802 - the contract's name
        self, request: memory_put_pb2.PutMemoryRequest, call: Call
    ) -> memory_put_pb2.PutMemoryResponse:
        fields = Fields()
        key = requests.space_key(fields, call, request.space)
        ticket = requests.ticket(fields, call, request, request.request_id)
        now_ns = requests.memory_clock_ns(request.request_id, self._now_ns())
        memory = requests.new_memory(
            fields, "memory", request.memory, now_ns=now_ns, allow_replace=request.allow_replace
        )
        fields.check()
        done = await self._engine.intake.put(
            key,
            PutMemories((memory,), request.allow_replace),
            ticket,
            paths=("memory",),
            validate_only=request.validate_only,
        )
        outcome, item = done.outcome, done.outcome.items[0]
        stored = item.result not in {PutResult.REFUSED, PutResult.SKIPPED}
        return memory_put_pb2.PutMemoryResponse(
            memory=responses.stored_memory(item) if stored else None,
            result=memory_pb2.PutResult.ValueType(item.result),
            verdicts=responses.put_verdicts(outcome, item, done.verdicts[0]),
            evicted_memory_ids=outcome.evicted,
            revision=outcome.revision,
        )

    async def BatchPutMemories(  # noqa: N802 - the contract's name
        self, parts: requests.PutParts, call: Call
    ) -> bytes:
        fields, request = Fields(), parts.message
        key = requests.space_key(fields, call, request.space)
        intake, count = self._engine.intake, len(parts)
        # A full queue is reported before the items are parsed, because parsing may take many
        # milliseconds.
        if count <= limits.MAX_BATCH_ITEMS and not request.validate_only:
            intake.check_batch(key, count, call.deadline_s)
        # Items that are parsed one by one are added to the digest one by one.
        whole = request if parts.whole else None
        ticket = requests.ticket(fields, call, whole, request.request_id)
        digest = None if whole else requests.BatchDigest(call, request)
        now_ns = requests.memory_clock_ns(request.request_id, self._now_ns())
        memories = await requests.new_memories(fields, parts, now_ns=now_ns, digest=digest)
        fields.check()
        if digest is not None:
            ticket = replace(ticket, request_digest=digest.digest())
        paths = [f"memories[{i}]" for i in range(count)]
        body = PutMemories(memories, request.allow_replace)
        done = await intake.put(key, body, ticket, paths=paths, validate_only=request.validate_only)
        return b"".join(await self._engine.turns.all(responses.batch_put(done)))

    async def QueryMemories(  # noqa: N802 - the contract's name
        self, request: memory_query_pb2.QueryMemoriesRequest, call: Call
    ) -> bytes:
        fields = Fields()
        key = requests.space_key(fields, call, request.space)
        # The worker validates the query, unless this server refuses the request anyway.
        if fields.has_violations or request.min_revision < 0:
            queries.ask(fields, "", request)
        min_revision = fields.min_revision(request.min_revision)
        fields.check()
        return await self._engine.reads.query(
            key,
            EncodedQueries.of((request,)),
            min_revision=min_revision,
            deadline_s=call.deadline_s,
        )

    async def BatchQueryMemories(  # noqa: N802 - the contract's name
        self, parts: QueryParts, call: Call
    ) -> bytes:
        fields, request = Fields(), parts.message
        key = requests.space_key(fields, call, request.space)
        count = len(parts)
        if not 1 <= count <= bounds.QUERIES.limit:
            fields.fault("queries", bounds.QUERIES.description)
        fields.check()
        self._engine.reads.check_batch(key, count, call.deadline_s)
        if request.min_revision < 0:
            await parts.each(
                lambda i, query: queries.ask(fields, queries.path_of(i, batch=True), query),
                "queries[{}].".format,
            )
        min_revision = fields.min_revision(request.min_revision)
        fields.check()
        messages = await parts.each(lambda _, query: query, "queries[{}].".format)
        return await self._engine.reads.query(
            key,
            EncodedQueries.of(messages, batch=True),
            min_revision=min_revision,
            deadline_s=call.deadline_s,
        )

    async def GetMemory(  # noqa: N802 - the contract's name
        self, request: memory_service_pb2.GetMemoryRequest, call: Call
    ) -> memory_service_pb2.GetMemoryResponse:
        fields = Fields()
        key = requests.space_key(fields, call, request.space)
        memory_id = fields.memory_id("memory_id", request.memory_id, required=True)
        min_revision = fields.min_revision(request.min_revision)
        fields.check()
        found, revision = await self._engine.reads.get(
            key,
            memory_id,
            include_embedding=request.include_embedding,
            min_revision=min_revision,
            deadline_s=call.deadline_s,
        )
        return memory_service_pb2.GetMemoryResponse(
            memory=memory_message(found.memory, found.row), revision=revision
        )

    async def ListMemories(  # noqa: N802 - the contract's name
        self, request: memory_query_pb2.ListMemoriesRequest, call: Call
    ) -> bytes:
        fields = Fields()
        key = requests.space_key(fields, call, request.space)
        labels = fields.labels("labels", request.labels)
        sources = queries.sources(fields, "sources", request.sources)
        conversation_id = fields.memory_id("conversation_id", request.conversation_id)
        metadata = fields.metadata("metadata", request.metadata)
        after_ns = fields.moment("after", request, "after")
        before_ns = fields.moment("before", request, "before")
        page_size = fields.page_size(request.page_size)
        min_revision = fields.min_revision(request.min_revision)
        fields.check()
        # A token that belongs to other filters is invalid, because it contains a digest of them.
        bound = (*labels, *(f"source {each}" for each in sources))
        bound += (f"conversation {conversation_id}",) if conversation_id else ()
        bound += tuple(f"metadata {pair!r}" for pair in metadata)
        bound += (f"times {after_ns} {before_ns}",) if (after_ns, before_ns) != (None, None) else ()
        wanted = PageOf(
            after_sequence=decode_page_token(request.page_token, key, bound),
            limit=page_size,
            labels=labels,
            include_embedding=request.include_embedding,
            sources=sources,
            conversation_id=conversation_id,
            metadata=metadata,
            after_ns=after_ns,
            before_ns=before_ns,
        )
        found, more, revision = await self._engine.reads.page(
            key, wanted, min_revision=min_revision, deadline_s=call.deadline_s
        )
        token = encode_page_token(key, bound, found[-1].memory.sequence) if more else ""
        rest = memory_query_pb2.ListMemoriesResponse(next_page_token=token, revision=revision)
        return b"".join(await self._engine.turns.all(responses.page(found, rest)))

    async def IngestMemories(  # noqa: N802 - the contract's name
        self,
        received: AsyncIterator[Parts[memory_stream_pb2.IngestMemoriesRequest, memory_pb2.Memory]],
        call: Call,
    ) -> AsyncIterator[memory_stream_pb2.IngestMemoriesResponse]:
        async with aclosing(self._serve_stream(received, call)) as answers:
            async for answer in answers:
                yield answer

    async def ExportMemories(  # noqa: N802 - the contract's name
        self, request: memory_stream_pb2.ExportMemoriesRequest, call: Call
    ) -> AsyncIterator[bytes]:
        fields = Fields()
        key = requests.space_key(fields, call, request.space)
        labels = fields.labels("labels", request.labels)
        min_revision = fields.min_revision(request.min_revision)
        fields.check()
        wanted = PageOf(
            after_sequence=decode_page_token(request.page_token, key, labels),
            limit=limits.MAX_PAGE_SIZE,
            labels=labels,
            include_embedding=request.include_embedding,
            max_bytes=limits.MAX_CHUNK_BYTES,
            lane=Lane.BULK,
        )
        with ending_politely(call, self._max_stream_age_s) as ending:
            more = True
            while more and not ending.done():
                found, more, revision = await self._engine.reads.page(
                    key, wanted, min_revision=min_revision, deadline_s=call.deadline_s
                )
                token = ""
                if more:
                    wanted = replace(wanted, after_sequence=found[-1].memory.sequence)
                    token = encode_page_token(key, labels, wanted.after_sequence)
                rest = memory_stream_pb2.ExportMemoriesResponse(
                    next_page_token=token, revision=revision
                )
                yield b"".join(await self._engine.turns.all(responses.page(found, rest)))

    async def UpdateMemory(  # noqa: N802 - the contract's name
        self, request: memory_service_pb2.UpdateMemoryRequest, call: Call
    ) -> memory_service_pb2.UpdateMemoryResponse:
        fields = Fields()
        key = requests.space_key(fields, call, request.space)
        ticket = requests.ticket(fields, call, request, request.request_id)
        now_ns = requests.memory_clock_ns(request.request_id, self._now_ns())
        update = requests.update(fields, request, now_ns=now_ns)
        fields.check()
        outcome = await self._engine.intake.update(key, update, ticket)
        return memory_service_pb2.UpdateMemoryResponse(
            memory=responses.stored_memory(outcome.items[0]), revision=outcome.revision
        )

    async def DeleteMemory(  # noqa: N802 - the contract's name
        self, request: memory_service_pb2.DeleteMemoryRequest, call: Call
    ) -> memory_service_pb2.DeleteMemoryResponse:
        fields = Fields()
        key = requests.space_key(fields, call, request.space)
        ticket = requests.ticket(fields, call, request, request.request_id)
        memory_id = fields.memory_id("memory_id", request.memory_id, required=True)
        fields.check()
        if request.erase:
            raise NotYetAvailable(
                "This version does not erase single memories.",
                metadata={"method": call.method.path, "field": "erase"},
            )
        outcome = await self._engine.intake.delete(
            key, DeleteMemory(memory_id, request.etag), ticket
        )
        return memory_service_pb2.DeleteMemoryResponse(revision=outcome.revision)
