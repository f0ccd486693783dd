"""The writes of the client. Each carries a ``request_id``, the same for all its repeats."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Unpack

from mlsdm_grpc._gen.mlsdm.v1.cognition_service_pb2 import (
    ConsolidateRequest,
    ConsolidateResponse,
    ProcessEventRequest,
    ProcessEventResponse,
)
from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import Memory
from mlsdm_grpc._gen.mlsdm.v1.memory_put_pb2 import (
    BatchPutMemoriesRequest,
    BatchPutMemoriesResponse,
    PutMemoryRequest,
    PutMemoryResponse,
)
from mlsdm_grpc._gen.mlsdm.v1.memory_service_pb2 import (
    DeleteMemoryRequest,
    DeleteMemoryResponse,
    UpdateMemoryRequest,
    UpdateMemoryResponse,
)
from mlsdm_grpc.client.arguments import each, known, message
from mlsdm_grpc.client.batches import batches
from mlsdm_grpc.client.client_base import ClientBase
from mlsdm_grpc.client.messages import MemoryFields, Vector, new_memory
from mlsdm_grpc.client.values import invalid, timeout, write_request_id
from mlsdm_grpc.errors import MlsdmError

__all__ = ["Writes"]


class Writes(ClientBase):
    """Stores and deletes memories and lets the mind process events."""

    async def put(
        self,
        text: str = "",
        *,
        allow_replace: bool = False,
        validate_only: bool = False,
        request_id: str | None = None,
        space: str | None = None,
        timeout_s: float | None = None,
        **fields: Unpack[MemoryFields],
    ) -> PutMemoryResponse:
        """Store one memory: a text, an embedding or both.

        Args:
            text: What is remembered; the server embeds it when there is no embedding.
            allow_replace: Replace the memory that has ``memory_id``.
            validate_only: Tell what would happen, write nothing.
            request_id: UUID of this write, to repeat it by hand later; None makes one.
            space: None is the client's.
            timeout_s: Deadline, seconds; None is the client's.
            fields: As in :func:`new_memory`: embedding, memory_id, labels, metadata, phase,
                confidence, pinned, expire_time, etag, embedding_model.

        Raises:
            AlreadyExists: There is a memory of this id, and ``allow_replace`` is not set.
            Conflict: The memory to replace has another etag.
            PreconditionFailed: The vector has another dimension than the space.
        """
        known(MemoryFields, fields)
        memory = new_memory(text, **fields)
        write_id = write_request_id(request_id)
        request = message(
            PutMemoryRequest,
            space=self._space(space),
            memory=memory,
            request_id=write_id,
            allow_replace=allow_replace,
            validate_only=validate_only,
        )
        return await self._connection.unary(
            self._memories.PutMemory, request, timeout_s=timeout_s, write_id=write_id
        )

    async def put_batches(
        self,
        memories: Iterable[Memory],
        *,
        allow_replace: bool = False,
        request_id: str | None = None,
        space: str | None = None,
        timeout_s: float | None = None,
    ) -> AsyncIterator[BatchPutMemoriesResponse]:
        """Store many memories and yield the answer of each batch when it is durable.

        The memories go in batches within the limits that the server tells: 1,000 memories, 4 MiB,
        and 256 KiB of text, which a server judges and embeds in 1 to 3 seconds.
        Each batch is stored whole or not at all; batches before a failed one stay stored. Calling
        again with the same memories and ``request_id`` goes on where it failed.

        Args:
            memories: Made by :func:`new_memory`. A collection is checked before anything is sent,
                an iterator as it is taken from, which is when the batches fill.
            allow_replace: Replace memories whose ids exist.
            request_id: UUID from which those of the batches are derived; None makes one.
            space: None is the client's.
            timeout_s: Deadline of each batch, seconds; None is the client's.

        Raises:
            InvalidInput: An argument, or one of the memories, cannot be sent.
            MlsdmError: Of the first batch that failed; a note names batch and ``request_id``.
        """
        base = uuid.UUID(write_request_id(request_id))
        given = each("memories", memories, Memory)
        limit_s = None if timeout_s is None else timeout(timeout_s)
        common = message(
            BatchPutMemoriesRequest, space=self._space(space), allow_replace=allow_replace
        )
        for index, batch in enumerate(batches(given, await self.server_info())):
            write_id = str(uuid.uuid5(base, str(index)))
            request = BatchPutMemoriesRequest(memories=batch, request_id=write_id)
            request.MergeFrom(common)
            try:
                response = await self._connection.unary(
                    self._memories.BatchPutMemories, request, timeout_s=limit_s, write_id=write_id
                )
            except MlsdmError as error:
                error.add_note(f"batches stored before: {index}; request_id: {base}")
                raise
            yield response

    async def put_many(
        self,
        memories: Iterable[Memory],
        *,
        allow_replace: bool = False,
        request_id: str | None = None,
        space: str | None = None,
        timeout_s: float | None = None,
    ) -> Sequence[BatchPutMemoriesResponse]:
        """Store many memories and return the answers of all batches; see :meth:`put_batches`."""
        return [
            response
            async for response in self.put_batches(
                memories,
                allow_replace=allow_replace,
                request_id=request_id,
                space=space,
                timeout_s=timeout_s,
            )
        ]

    async def update(
        self,
        memory_id: str,
        *,
        add_labels: Iterable[str] = (),
        remove_labels: Iterable[str] = (),
        pinned: bool | None = None,
        expire_time: datetime | None = None,
        clear_expire_time: bool = False,
        etag: str = "",
        request_id: str | None = None,
        space: str | None = None,
        timeout_s: float | None = None,
    ) -> UpdateMemoryResponse:
        """Change labels, pin or expiry of one memory; what is not given stays.

        Raises:
            NotFound: It does not exist.
            Conflict: It has another etag.
        """
        write_id = write_request_id(request_id)
        request = message(
            UpdateMemoryRequest,
            space=self._space(space),
            memory_id=memory_id,
            etag=etag,
            add_labels=add_labels,
            remove_labels=remove_labels,
            pinned=pinned,
            expire_time=expire_time,
            clear_expire_time=clear_expire_time,
            request_id=write_id,
        )
        return await self._connection.unary(
            self._memories.UpdateMemory, request, timeout_s=timeout_s, write_id=write_id
        )

    async def delete(
        self,
        memory_id: str,
        *,
        etag: str = "",
        erase: bool = False,
        request_id: str | None = None,
        space: str | None = None,
        timeout_s: float | None = None,
    ) -> DeleteMemoryResponse:
        """Delete one memory.

        What is deleted stays in the journal until it is trimmed. ``erase`` asks for its content to
        leave the journal too, which servers of this version refuse.

        Raises:
            NotFound: It is gone already.
            Conflict: It has another etag.
            NotYetAvailable: The server does not erase.
        """
        write_id = write_request_id(request_id)
        request = message(
            DeleteMemoryRequest,
            space=self._space(space),
            memory_id=memory_id,
            etag=etag,
            erase=erase,
            request_id=write_id,
        )
        return await self._connection.unary(
            self._memories.DeleteMemory, request, timeout_s=timeout_s, write_id=write_id
        )

    async def process_event(
        self,
        text: str = "",
        *,
        embedding: Vector | None = None,
        moral_value: float | None = None,
        memory_id: str = "",
        labels: Iterable[str] = (),
        metadata: Mapping[str, str] | None = None,
        confidence: float | None = None,
        request_id: str | None = None,
        space: str | None = None,
        timeout_s: float | None = None,
    ) -> ProcessEventResponse:
        """Let the mind process one event; an event that it refuses is an answer, not an error.

        Args:
            text: What happened; stored with the memory.
            embedding: Its vector; None lets the server embed the text.
            moral_value: 0 (harmful) to 1 (harmless); None lets the server score the text.
            memory_id: Id of the memory that an accepted event becomes; empty lets the server
                choose.
            labels: Labels of that memory.
            metadata: Metadata of that memory.
            confidence: Confidence of that memory, 0..1; None is 1.
            request_id: UUID of this write; None makes one.
            space: None is the client's.
            timeout_s: Deadline, seconds; None is the client's.
        """
        write_id = write_request_id(request_id)
        request = message(
            ProcessEventRequest,
            space=self._space(space),
            text=text,
            embedding=embedding,
            moral_value=moral_value,
            memory_id=memory_id,
            labels=labels,
            metadata=metadata,
            confidence=confidence,
            request_id=write_id,
        )
        if not text and embedding is None:
            raise invalid("text", "must not be empty where there is no embedding")
        return await self._connection.unary(
            self._cognition.ProcessEvent, request, timeout_s=timeout_s, write_id=write_id
        )

    async def consolidate(
        self,
        *,
        merge_min_cosine: float | None = None,
        validate_only: bool = False,
        request_id: str | None = None,
        space: str | None = None,
        timeout_s: float | None = None,
    ) -> ConsolidateResponse:
        """Merge what says the same and remove what has expired now, not in the next sleep.

        Args:
            merge_min_cosine: Cosine from which two memories without a text are merged, 0.5..1;
                1 merges nothing, None is the space's.
            validate_only: Tell what would be done, write nothing.
            request_id: UUID of this write; None makes one.
            space: None is the client's.
            timeout_s: Deadline, seconds; None is the client's. A full space takes long.
        """
        write_id = write_request_id(request_id)
        request = message(
            ConsolidateRequest,
            space=self._space(space),
            request_id=write_id,
            merge_min_cosine=merge_min_cosine,
            validate_only=validate_only,
        )
        return await self._connection.unary(
            self._cognition.Consolidate, request, timeout_s=timeout_s, write_id=write_id
        )
