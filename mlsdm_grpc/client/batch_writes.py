"""Writes of many memories. Each batch has its own ``request_id``, which all its retries share."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterable, Sequence

from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import Memory
from mlsdm_grpc._gen.mlsdm.v1.memory_put_pb2 import (
    BatchPutMemoriesRequest,
    BatchPutMemoriesResponse,
)
from mlsdm_grpc.client.arguments import each, message
from mlsdm_grpc.client.batches import batches
from mlsdm_grpc.client.client_base import ClientBase
from mlsdm_grpc.client.values import timeout, write_request_id
from mlsdm_grpc.errors import MlsdmError

__all__ = ["BatchWrites"]


class BatchWrites(ClientBase):
    """Client methods that store many memories."""

    async def put_batches(
        self,
        memories: Iterable[Memory],
        *,
        allow_replace: bool = False,
        request_id: str | None = None,
        space: str | None = None,
        timeout_s: float | None = None,
    ) -> AsyncIterator[BatchPutMemoriesResponse]:
        """Store many memories and yield the response of each batch once it is durable.

        The memories are sent in batches of at most 1,000 memories, 4 MiB and 256 KiB of text, or
        less if the server's limits are lower. A server evaluates and embeds such a batch in 1 to 3
        seconds. Each batch is stored completely or not at all; batches before a failed one stay
        stored. A repeated call with the same memories and ``request_id`` continues after the last
        stored batch.

        Args:
            memories: Results of :func:`new_memory`. A collection is checked before sending, an
                iterator while the batches are filled.
            allow_replace: Replace memories with the same ids.
            request_id: UUID from which the ids of the batches derive; None creates one.
            space: Name of the space; None uses the client's.
            timeout_s: Deadline of each batch, seconds; None uses the client's.

        Raises:
            InvalidInput: An argument or memory is not valid.
            MlsdmError: A batch failed; a note names the number of stored batches and
                ``request_id``.
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
        """Store many memories and return the responses of all batches; see :meth:`put_batches`."""
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
