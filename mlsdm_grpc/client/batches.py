"""Division of many memories into batches that the server accepts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import Memory
from mlsdm_grpc._gen.mlsdm.v1.node_pb2 import ServerInfo
from mlsdm_grpc.client.values import invalid
from mlsdm_grpc.units import KIB

__all__ = ["batches"]

# Allowance for space, request id and flags of a request, bytes.
_REQUEST_OVERHEAD_BYTES: Final = 1 * KIB
# Allowance for the protobuf tag and length of an item, bytes.
_ITEM_OVERHEAD_BYTES: Final = 8
# Allowance for the fields that the server adds to each item of a record, such as id and times,
# bytes.
_RECORD_OVERHEAD_BYTES: Final = 256


def batches(memories: Iterable[Memory], info: ServerInfo) -> Iterator[list[Memory]]:
    """Yield the memories in order, in batches within the limits of the server.

    A batch ends before the memory that would exceed one of these limits: ``max_batch_item_count``,
    ``max_request_bytes``, ``max_record_bytes`` for the record that the server will write (including
    the vectors it adds to texts), or ``advised_batch_text_bytes``, the amount of text that the
    server evaluates and embeds well within a deadline.

    Raises:
        InvalidInput: REQUEST_TOO_LARGE; a single memory exceeds the limits. Earlier batches have
            already been yielded.
    """
    limits = info.limits
    # Older servers do not report this limit.
    most_text = limits.advised_batch_text_bytes or limits.max_request_bytes
    batch: list[Memory] = []
    request_bytes = record_bytes = _REQUEST_OVERHEAD_BYTES
    text_bytes = 0
    for index, memory in enumerate(memories):
        item = memory.ByteSize() + _ITEM_OVERHEAD_BYTES
        record = item + _RECORD_OVERHEAD_BYTES + _added_vector_bytes(memory, info)
        if (
            item > limits.max_request_bytes - _REQUEST_OVERHEAD_BYTES
            or record > limits.max_record_bytes - _REQUEST_OVERHEAD_BYTES
        ):
            error = invalid(f"memories[{index}]", "is larger than the maximum size of a request")
            error.reason = "REQUEST_TOO_LARGE"
            raise error
        text = len(memory.text.encode())
        if batch and (
            len(batch) == limits.max_batch_item_count
            or request_bytes + item > limits.max_request_bytes
            or record_bytes + record > limits.max_record_bytes
            or text_bytes + text > most_text
        ):
            yield batch
            batch = []
            request_bytes = record_bytes = _REQUEST_OVERHEAD_BYTES
            text_bytes = 0
        batch.append(memory)
        request_bytes += item
        record_bytes += record
        text_bytes += text
    if batch:
        yield batch


def _added_vector_bytes(memory: Memory, info: ServerInfo) -> int:
    """Return the bytes by which the record's vector is larger than the vector in the request."""
    if not memory.HasField("embedding"):
        return 4 * info.embedder.dimension
    return len(memory.embedding.f16_le)
