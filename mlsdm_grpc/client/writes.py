"""Client methods that write. Each write has one ``request_id``, which all its retries share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Unpack

from mlsdm_grpc._gen.mlsdm.v1.cognition_service_pb2 import (
    ConsolidateRequest,
    ConsolidateResponse,
    ProcessEventRequest,
    ProcessEventResponse,
)
from mlsdm_grpc._gen.mlsdm.v1.memory_put_pb2 import PutMemoryRequest
from mlsdm_grpc._gen.mlsdm.v1.memory_service_pb2 import (
    DeleteMemoryRequest,
    DeleteMemoryResponse,
    UpdateMemoryRequest,
    UpdateMemoryResponse,
)
from mlsdm_grpc.client.arguments import known, message
from mlsdm_grpc.client.client_base import ClientBase
from mlsdm_grpc.client.messages import MemoryFields, Vector, new_memory
from mlsdm_grpc.client.results import MemoryWrite
from mlsdm_grpc.client.values import invalid, write_request_id

__all__ = ["Writes"]


class Writes(ClientBase):
    """Client methods that store, change and delete memories, and process events."""

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
    ) -> MemoryWrite:
        """Store one memory: a text, an embedding or both.

        Args:
            text: Text to store; the server embeds it if there is no embedding.
            allow_replace: Replace the memory with the same ``memory_id``.
            validate_only: Return the expected result without writing.
            request_id: UUID of this write; pass the same one to repeat the write later. None
                creates one.
            space: Name of the space; None uses the client's.
            timeout_s: Deadline, seconds; None uses the client's.
            fields: Fields of :func:`new_memory`: embedding, memory_id, labels, metadata, phase,
                confidence, pinned, expire_time, etag, embedding_model, context, event_time,
                conversation_id.

        Raises:
            AlreadyExists: A memory has this id, and ``allow_replace`` is False.
            Conflict: The replaced memory has another etag.
            PreconditionFailed: The dimension of the vector differs from that of the space.
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
        response = await self._connection.unary(
            self._memories.PutMemory, request, timeout_s=timeout_s, write_id=write_id
        )
        return MemoryWrite.of(response)

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
        """Change labels, pinning or expiry of one memory; omitted arguments change nothing.

        Raises:
            NotFound: The memory does not exist.
            Conflict: The memory has another etag.
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

        The record of a deleted memory stays in the journal until the journal is trimmed. ``erase``
        would also remove it from the journal; servers of this version refuse ``erase``.

        Raises:
            NotFound: The memory does not exist.
            Conflict: The memory has another etag.
            NotYetAvailable: The server does not support ``erase``.
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
        """Process one event; rejection by the moral filter is a normal response, not an error.

        Args:
            text: Text of the event; stored with the memory.
            embedding: Vector of the event; None lets the server embed the text.
            moral_value: 0 (harmful) to 1 (harmless); None lets the server score the text.
            memory_id: Id of the memory that an accepted event becomes; if empty, the server chooses
                it.
            labels: Labels of the memory.
            metadata: Metadata of the memory.
            confidence: Confidence of the memory, 0..1; None is 1.
            request_id: UUID of this write; None creates one.
            space: Name of the space; None uses the client's.
            timeout_s: Deadline, seconds; None uses the client's.
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
        """Merge memories with equal content and remove expired ones now, without waiting for sleep.

        Args:
            merge_min_cosine: Minimum cosine at which two memories without text are merged, 0.5..1;
                1 disables merging, None uses the space's setting.
            validate_only: Return the expected result without writing.
            request_id: UUID of this write; None creates one.
            space: Name of the space; None uses the client's.
            timeout_s: Deadline, seconds; None uses the client's. A space with many memories needs
                long.
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
