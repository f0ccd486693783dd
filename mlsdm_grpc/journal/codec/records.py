"""Encoding of records. No other module knows both the domain and this encoding.

An encoded record is the format version (1 byte), the CRC-32 of the rest (4 bytes, little endian)
and a ``mlsdm.internal.v1.Record``. Records with an unknown format version are refused.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from google.protobuf.message import DecodeError

from mlsdm_grpc._gen.mlsdm.internal.v1 import record_pb2 as pb
from mlsdm_grpc.core.model.bodies import PutMemories, StreamItems
from mlsdm_grpc.core.model.record import Record
from mlsdm_grpc.errors import DataLoss
from mlsdm_grpc.journal.codec.new_memories import (
    memory_to_proto,
)
from mlsdm_grpc.journal.codec.protowire import length_delimited, taken_out, varint
from mlsdm_grpc.journal.codec.record_bodies import (
    body_from_proto,
    body_of,
    set_body,
    set_stream_items,
    stream_item_to_proto,
)

__all__ = [
    "APART_BYTES",
    "FORMAT_VERSION",
    "MAX_RECORD_BYTES",
    "decode_record",
    "encode_record",
    "encoded_body",
    "encoded_items",
    "version_after",
]

# Limits the RAM that one record needs in the server and in a worker.
FORMAT_VERSION = 1
MAX_RECORD_BYTES = 7 * 1_024 * 1_024
_PREFIX = struct.Struct("<BI")
_VERSION_TAG = pb.Record.SEMANTICS_VERSION_FIELD_NUMBER << 3
_MEMORIES = pb.PutMemories.MEMORIES_FIELD_NUMBER
_ITEMS = pb.StreamItems.ITEMS_FIELD_NUMBER
# Items of a record above this size are decoded one at a time, to limit the RAM in use.
APART_BYTES = 256 * 1_024
# Field number of the items, by the field number of the body that has them.
_ITEM_NUMBERS = {
    pb.Record.PUT_MEMORIES_FIELD_NUMBER: _MEMORIES,
    pb.Record.STREAM_ITEMS_FIELD_NUMBER: _ITEMS,
}


def encode_record(record: Record, body: Sequence[bytes] = ()) -> bytes:
    """Return the encoded form of ``record``. The field ``raw`` of the record is not used.

    Args:
        record: Record to encode.
        body: Result of :func:`encoded_body`; without it, ``record.body`` is encoded.
    """
    message = pb.Record(
        semantics_version=record.semantics_version,
        record_id=record.record_id,
        incarnation=record.incarnation,
        revision=record.revision,
        request_id=record.request_id,
        request_digest=record.request_digest,
        time_ns=record.time_ns,
        principal=record.principal,
    )
    if not body:
        set_body(message, record.body)
    parts = message.SerializeToString(deterministic=True), *body
    crc = 0
    for part in parts:
        crc = zlib.crc32(part, crc)
    return b"".join((_PREFIX.pack(FORMAT_VERSION, crc), *parts))


def encoded_items(body: PutMemories | StreamItems) -> Iterator[bytes]:
    """Yield the encoded items of a body one at a time, as input of :func:`encoded_body`."""
    if isinstance(body, PutMemories):
        for memory in body.memories:
            raw = memory_to_proto(memory).SerializeToString(deterministic=True)
            yield length_delimited(_MEMORIES, raw)
    else:
        for item in body.items:
            raw = stream_item_to_proto(item).SerializeToString(deterministic=True)
            yield length_delimited(_ITEMS, raw)


def encoded_body(body: PutMemories | StreamItems, items: Sequence[bytes]) -> list[bytes]:
    """Return the encoded body of a record in parts, for :func:`encode_record`.

    The joined parts equal the bytes that `encode_record` makes from the same body.

    Args:
        body: Body of the record.
        items: All results of :func:`encoded_items`.
    """
    # The wire format has fields in the order of their numbers, so the items are in the middle.
    head, tail = pb.Record(), pb.Record()
    if isinstance(body, PutMemories):
        tail.put_memories.allow_replace = body.allow_replace
        parts = [*items, tail.put_memories.SerializeToString()]
        number = pb.Record.PUT_MEMORIES_FIELD_NUMBER
    else:
        set_stream_items(head.stream_items, replace(body, items=(), finished=False))
        tail.stream_items.finished = body.finished
        parts = [
            head.stream_items.SerializeToString(),
            *items,
            tail.stream_items.SerializeToString(),
        ]
        number = pb.Record.STREAM_ITEMS_FIELD_NUMBER
    return [varint(number << 3 | 2) + varint(sum(map(len, parts))), *parts]


def decode_record(raw: bytes) -> Record:
    """Return the record in ``raw``. The result keeps a reference to ``raw``.

    Raises:
        DataLoss: The record is truncated, its format is unknown, or its checksum does not match.
        SemanticsUnknown: The record needs a semantics version that this version does not know.
    """
    if len(raw) < _PREFIX.size:
        raise DataLoss("A record is truncated.", metadata={"bytes": str(len(raw))})
    version, crc = _PREFIX.unpack_from(raw)
    if version != FORMAT_VERSION:
        problem = f"A record has format {version}; this version reads format {FORMAT_VERSION}."
        raise DataLoss(problem, metadata={"format": str(version)})
    body = memoryview(raw)[_PREFIX.size :]
    if zlib.crc32(body) != crc:
        raise DataLoss("The checksum of a record does not match.")
    message, items = _parsed(body)
    return Record(
        revision=message.revision,
        incarnation=message.incarnation,
        record_id=message.record_id,
        time_ns=message.time_ns,
        body=body_from_proto(message) if items is None else body_of(message, items),
        request_id=message.request_id,
        request_digest=message.request_digest,
        principal=message.principal,
        semantics_version=message.semantics_version,
        raw=raw,
    )


def _parsed(body: memoryview) -> tuple[pb.Record, list[memoryview] | None]:
    """Return a record and, if it is larger than `APART_BYTES`, its items in encoded form."""
    if len(body) > APART_BYTES:
        for number, item_number in _ITEM_NUMBERS.items():
            bodies, head = taken_out(body, number)
            if len(bodies) == 1:
                items, rest = taken_out(bodies[0], item_number)
                without = bytes(head + length_delimited(number, bytes(rest)))
                return pb.Record.FromString(without), items
    return pb.Record.FromString(bytes(body)), None


def version_after(start: bytes, size: int) -> int:
    """Return the semantics version of a space after a record, without a check of the checksum.

    Args:
        start: Whole record. The first bytes suffice for a record that is not an upgrade.
        size: Size of the whole record, bytes.

    Returns:
        Semantics version, or 0 if the bytes are not a record.
    """
    body = start[_PREFIX.size :]
    if start[:1] != bytes([FORMAT_VERSION]) or body[:1] != bytes([_VERSION_TAG]):
        return 0
    if len(start) < size:
        return body[1]  # The version is the first field and below 128, which is one byte.
    try:
        message = pb.Record.FromString(body)
    except DecodeError:
        return 0
    return max(message.semantics_version, message.upgrade_semantics.version)
