"""Records and outcomes as bytes: the one place that knows both the domain and its encoding.

An encoded record is the format version (1 byte), the CRC-32 of the rest (4 bytes, little endian)
and a ``mlsdm.internal.v1.Record``. A reader refuses versions that it does not know.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar, overload

import numpy as np
from google.protobuf.message import DecodeError

from mlsdm_grpc._gen.mlsdm.internal.v1 import record_pb2 as pb
from mlsdm_grpc.core.model import semantics
from mlsdm_grpc.core.model.policy import PolicySet, SetPolicy
from mlsdm_grpc.core.model.record import (
    AcceptLoss,
    Consolidate,
    ConsolidateOutcome,
    CreateSpace,
    DeleteMemory,
    DeleteOutcome,
    EventOutcome,
    LossAccepted,
    MergeGroup,
    MergeMember,
    NewMemory,
    Outcome,
    ProcessEvent,
    Provenance,
    PutItem,
    PutMemories,
    PutOutcome,
    PutResult,
    Record,
    RecordBody,
    Refusal,
    Rejection,
    SemanticsUpgraded,
    Source,
    SpaceChanged,
    SpaceCreated,
    StreamItem,
    StreamItems,
    StreamOutcome,
    UpdateMemory,
    UpdateSpace,
    UpgradeSemantics,
    Vector,
)
from mlsdm_grpc.errors import DataLoss
from mlsdm_grpc.journal.codec.parameters import (
    change_from_proto,
    change_to_proto,
    parameters_from_proto,
    parameters_to_proto,
)
from mlsdm_grpc.journal.codec.policies import settings_from_proto, settings_to_proto
from mlsdm_grpc.journal.codec.protowire import length_delimited, parts, varint

__all__ = [
    "FORMAT_VERSION",
    "MAX_RECORD_BYTES",
    "Decoded",
    "decode_record",
    "encode_record",
    "encoded_body",
    "encoded_items",
    "group_from_proto",
    "group_to_proto",
    "outcome_from_proto",
    "outcome_to_proto",
    "packed_memory",
    "provenance_from_proto",
    "provenance_to_proto",
    "unpacked",
    "unpacked_memory",
    "version_after",
]

FORMAT_VERSION = 1
MAX_RECORD_BYTES = 7 * 1_024 * 1_024
_PREFIX = struct.Struct("<BI")
_VERSION_TAG = pb.Record.SEMANTICS_VERSION_FIELD_NUMBER << 3
_FEW_STRINGS = 8
"""So many take less than a kibibyte."""
_MEMORIES = pb.PutMemories.MEMORIES_FIELD_NUMBER
_ITEMS = pb.StreamItems.ITEMS_FIELD_NUMBER
_APART_BYTES = 256 * 1_024
"""The items of larger records are decoded one by one."""
_ITEM_NUMBERS = {
    pb.Record.PUT_MEMORIES_FIELD_NUMBER: _MEMORIES,
    pb.Record.STREAM_ITEMS_FIELD_NUMBER: _ITEMS,
}
"""Fields of a record whose bodies have items, and the fields of those."""
_K = TypeVar("_K")
_T = TypeVar("_T")


def encode_record(record: Record, body: Sequence[bytes] = ()) -> bytes:
    """Return the bytes that the journal keeps for ``record``; its ``raw`` is ignored.

    Args:
        record: The record.
        body: What :func:`encoded_body` made of its body, if that was done before.
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
        _set_body(message, record.body)
    parts = message.SerializeToString(deterministic=True), *body
    crc = 0
    for part in parts:
        crc = zlib.crc32(part, crc)
    return b"".join((_PREFIX.pack(FORMAT_VERSION, crc), *parts))


def encoded_items(body: PutMemories | StreamItems) -> Iterator[bytes]:
    """Yield the encoded items of a body one by one, for :func:`encoded_body`."""
    if isinstance(body, PutMemories):
        for memory in body.memories:
            raw = _memory_to_proto(memory).SerializeToString(deterministic=True)
            yield length_delimited(_MEMORIES, raw)
    else:
        for item in body.items:
            raw = _stream_item_to_proto(item).SerializeToString(deterministic=True)
            yield length_delimited(_ITEMS, raw)


def encoded_body(body: PutMemories | StreamItems, items: Sequence[bytes]) -> list[bytes]:
    """Return the parts of an encoded body; together they are what `encode_record` would make.

    Args:
        body: The body.
        items: All that :func:`encoded_items` yields.
    """
    # Fields of an encoded message stand by rising number, and the items between the others.
    head, tail = pb.Record(), pb.Record()
    if isinstance(body, PutMemories):
        tail.put_memories.allow_replace = body.allow_replace
        parts = [*items, tail.put_memories.SerializeToString()]
        number = pb.Record.PUT_MEMORIES_FIELD_NUMBER
    else:
        _set_stream_items(head.stream_items, replace(body, items=(), finished=False))
        tail.stream_items.finished = body.finished
        parts = [
            head.stream_items.SerializeToString(),
            *items,
            tail.stream_items.SerializeToString(),
        ]
        number = pb.Record.STREAM_ITEMS_FIELD_NUMBER
    return [varint(number << 3 | 2) + varint(sum(map(len, parts))), *parts]


def decode_record(raw: bytes) -> Record:
    """Return the record in ``raw``, which becomes its ``raw``.

    Raises:
        DataLoss: The format is unknown or the checksum does not match.
        SemanticsUnknown: It holds what only other rules know.
    """
    if len(raw) < _PREFIX.size:
        raise DataLoss("A record is cut off.", metadata={"bytes": str(len(raw))})
    version, crc = _PREFIX.unpack_from(raw)
    if version != FORMAT_VERSION:
        raise DataLoss("A record has an unknown format.", metadata={"format": str(version)})
    body = memoryview(raw)[_PREFIX.size :]
    if zlib.crc32(body) != crc:
        raise DataLoss("A record fails its checksum.")
    message, items = _parsed(body)
    return Record(
        revision=message.revision,
        incarnation=message.incarnation,
        record_id=message.record_id,
        time_ns=message.time_ns,
        body=_body(message) if items is None else _body_of(message, items),
        request_id=message.request_id,
        request_digest=message.request_digest,
        principal=message.principal,
        semantics_version=message.semantics_version,
        raw=raw,
    )


def _parsed(body: memoryview) -> tuple[pb.Record, list[memoryview] | None]:
    """Return a record, and the items of its body apart if it is large and has any."""
    if len(body) > _APART_BYTES:
        for number, item_number in _ITEM_NUMBERS.items():
            head = bytearray()
            inner = list[memoryview]()
            for part, is_wanted in parts(body, number):
                if is_wanted:
                    inner.append(part)
                else:
                    head += part
            if len(inner) == 1:
                items, rest = list[memoryview](), bytearray()
                for part, is_wanted in parts(inner[0], item_number):
                    if is_wanted:
                        items.append(part)
                    else:
                        rest += part
                return pb.Record.FromString(
                    bytes(head + length_delimited(number, bytes(rest)))
                ), items
    return pb.Record.FromString(bytes(body)), None


class Decoded(Sequence[_T]):
    """Items of which each is decoded whenever it is asked for.

    All of them decoded take up to twenty times their bytes.

    Args:
        items: As they are kept.
        decode: Makes the item of what is kept.
    """

    def __init__(self, items: Sequence[_K], decode: Callable[[_K], _T]) -> None:
        self._items: Sequence[Any] = items
        self._decode: Callable[[Any], _T] = decode

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> _T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[_T]: ...
    def __getitem__(self, index: int | slice) -> _T | Sequence[_T]:
        if isinstance(index, slice):
            return Decoded(self._items[index], self._decode)
        return self._decode(self._items[index])


def _body_of(message: pb.Record, items: Sequence[memoryview]) -> PutMemories | StreamItems:
    """Return a body whose items stand apart."""
    if message.WhichOneof("body") == "put_memories":
        memories = Decoded(items, _memory_from_bytes)
        return PutMemories(memories, message.put_memories.allow_replace)
    stream = _stream_items(message.stream_items)
    return replace(stream, items=Decoded(items, _stream_item_from_bytes))


def _memory_from_bytes(raw: memoryview) -> NewMemory:
    return _memory_from_proto(pb.NewMemory.FromString(bytes(raw)))


def _stream_item_from_bytes(raw: memoryview) -> StreamItem:
    return _stream_item(pb.StreamItem.FromString(bytes(raw)))


def version_after(start: bytes, size: int) -> int:
    """Return the version of the rules that a space is under after a record.

    Args:
        start: The record, or the first bytes of one that is no upgrade.
        size: Bytes of the whole record.

    Returns:
        0 if the bytes are those of no record; its checksum is not looked at.
    """
    body = start[_PREFIX.size :]
    if start[:1] != bytes([FORMAT_VERSION]) or body[:1] != bytes([_VERSION_TAG]):
        return 0
    if len(start) < size:
        return body[1]  # the version is the first field, and below 128
    try:
        message = pb.Record.FromString(body)
    except DecodeError:
        return 0
    return max(message.semantics_version, message.upgrade_semantics.version)


def _set_body(message: pb.Record, body: RecordBody) -> None:
    if isinstance(body, PutMemories):
        put = message.put_memories
        put.allow_replace = body.allow_replace
        put.memories.extend(_memory_to_proto(memory) for memory in body.memories)
    elif isinstance(body, ProcessEvent):
        event = message.process_event
        event.memory.CopyFrom(_memory_to_proto(body.memory))
        event.moral_value = body.moral_value
        if body.answer is not None:
            event.answer.CopyFrom(_memory_to_proto(body.answer))
    elif isinstance(body, UpdateMemory):
        message.update_memory.CopyFrom(
            pb.UpdateMemory(
                memory_id=body.memory_id,
                etag=body.etag,
                add_labels=body.add_labels,
                remove_labels=body.remove_labels,
                pinned=body.pinned,
                expire_time_ns=body.expire_time_ns,
            )
        )
    elif isinstance(body, DeleteMemory):
        message.delete_memory.memory_id = body.memory_id
        message.delete_memory.etag = body.etag
    elif isinstance(body, SetPolicy):
        message.set_policy.settings.CopyFrom(settings_to_proto(body.settings))
        message.set_policy.etag = body.etag
    elif isinstance(body, UpdateSpace):
        message.update_space.etag = body.etag
        message.update_space.change.CopyFrom(change_to_proto(body.change))
    elif isinstance(body, Consolidate):
        message.consolidate.CopyFrom(
            pb.Consolidate(
                groups=map(group_to_proto, body.groups),
                trigger=body.trigger,
                examined_sequence=body.examined_sequence,
                move_traces=body.move_traces,
            )
        )
    elif isinstance(body, UpgradeSemantics):
        message.upgrade_semantics.version = body.version
    elif isinstance(body, AcceptLoss):
        message.accept_loss.first_lost = body.first_lost
        message.accept_loss.last_lost = body.last_lost
    elif isinstance(body, StreamItems):
        _set_stream_items(message.stream_items, body)
    else:
        message.create_space.parameters.CopyFrom(parameters_to_proto(body.parameters))
        message.create_space.exclusive = body.exclusive


def _body(message: pb.Record) -> RecordBody:
    kind = message.WhichOneof("body")
    if kind == "put_memories":
        put = message.put_memories
        return PutMemories(tuple(map(_memory_from_proto, put.memories)), put.allow_replace)
    if kind == "process_event":
        event = message.process_event
        answer = _memory_from_proto(event.answer) if event.HasField("answer") else None
        return ProcessEvent(_memory_from_proto(event.memory), event.moral_value, answer)
    if kind == "update_memory":
        update = message.update_memory
        return UpdateMemory(
            memory_id=update.memory_id,
            etag=update.etag,
            add_labels=tuple(update.add_labels),
            remove_labels=tuple(update.remove_labels),
            pinned=update.pinned if update.HasField("pinned") else None,
            expire_time_ns=update.expire_time_ns if update.HasField("expire_time_ns") else None,
        )
    if kind == "delete_memory":
        return DeleteMemory(message.delete_memory.memory_id, message.delete_memory.etag)
    if kind == "set_policy":
        return SetPolicy(settings_from_proto(message.set_policy.settings), message.set_policy.etag)
    if kind == "update_space":
        change = change_from_proto(message.update_space.change)
        return UpdateSpace(message.update_space.etag, change)
    if kind == "consolidate":
        found = message.consolidate
        return Consolidate(
            groups=tuple(map(group_from_proto, found.groups)),
            trigger=found.trigger,
            examined_sequence=found.examined_sequence,
            move_traces=found.move_traces,
        )
    if kind == "create_space":
        create = message.create_space
        return CreateSpace(parameters_from_proto(create.parameters), create.exclusive)
    if kind == "upgrade_semantics":
        return UpgradeSemantics(message.upgrade_semantics.version)
    if kind == "accept_loss":
        return AcceptLoss(message.accept_loss.first_lost, message.accept_loss.last_lost)
    if kind == "stream_items":
        return _stream_items(message.stream_items)
    semantics.check(message.semantics_version)
    raise DataLoss("A record has no body that this version knows.")


def _set_stream_items(message: pb.StreamItems, body: StreamItems) -> None:
    message.stream_id = body.stream_id
    message.after_sequence = body.after_sequence
    message.last_sequence = body.last_sequence
    message.allow_replace = body.allow_replace
    message.finished = body.finished
    message.items.extend(map(_stream_item_to_proto, body.items))


def _stream_item_to_proto(item: StreamItem) -> pb.StreamItem:
    message = pb.StreamItem(sequence=item.sequence)
    if isinstance(item.body, ProcessEvent):
        message.event.memory.CopyFrom(_memory_to_proto(item.body.memory))
        message.event.moral_value = item.body.moral_value
    else:
        message.memory.CopyFrom(_memory_to_proto(item.body))
    return message


def _stream_items(message: pb.StreamItems) -> StreamItems:
    return StreamItems(
        stream_id=message.stream_id,
        after_sequence=message.after_sequence,
        last_sequence=message.last_sequence,
        items=tuple(map(_stream_item, message.items)),
        allow_replace=message.allow_replace,
        finished=message.finished,
    )


def _stream_item(item: pb.StreamItem) -> StreamItem:
    if item.HasField("event"):
        event = item.event
        body = ProcessEvent(_memory_from_proto(event.memory), event.moral_value)
        return StreamItem(item.sequence, body)
    return StreamItem(item.sequence, _memory_from_proto(item.memory))


def group_to_proto(group: MergeGroup) -> pb.MergeGroup:
    """Return the encoded form of memories that are to be merged."""
    return pb.MergeGroup(
        memory_id=group.memory_id,
        members=[pb.MergeMember(memory_id=m.memory_id, etag=m.etag) for m in group.members],
    )


def group_from_proto(message: pb.MergeGroup) -> MergeGroup:
    """Return the memories that are to be merged in ``message``."""
    members = tuple(MergeMember(member.memory_id, member.etag) for member in message.members)
    return MergeGroup(message.memory_id, members)


def packed_memory(memory: NewMemory) -> NewMemory:
    """Return a memory whose labels, metadata and parents are encoded, if these are many."""
    parents = memory.provenance.parent_ids
    if len(memory.labels) + len(memory.metadata) + len(parents) <= _FEW_STRINGS:
        return memory
    message = pb.NewMemory(
        labels=memory.labels,
        metadata=_pairs_to_proto(memory.metadata),
        provenance=pb.Provenance(parent_ids=parents),
    )
    return replace(
        memory,
        labels=(),
        metadata=(),
        provenance=replace(memory.provenance, parent_ids=()),
        rest=message.SerializeToString(),
    )


def unpacked(memories: Sequence[NewMemory]) -> Sequence[NewMemory]:
    """Return memories of which some are packed, each unpacked when it is asked for."""
    if any(memory.rest for memory in memories):
        return Decoded(memories, unpacked_memory)
    return memories


def unpacked_memory(memory: NewMemory) -> NewMemory:
    """Return what :func:`packed_memory` was given."""
    if not memory.rest:
        return memory
    message = pb.NewMemory.FromString(memory.rest)
    return replace(
        memory,
        labels=tuple(message.labels),
        metadata=_pairs_from_proto(message.metadata),
        provenance=replace(memory.provenance, parent_ids=tuple(message.provenance.parent_ids)),
        rest=b"",
    )


def _memory_to_proto(memory: NewMemory) -> pb.NewMemory:
    message = pb.NewMemory(
        memory_id=memory.memory_id,
        caller_chosen_id=memory.caller_chosen_id,
        text=memory.text,
        embedding_f32_le=memory.vector.raw.astype("<f4", copy=False).tobytes(),
        inv_norm=memory.vector.inv_norm,
        phase=memory.phase,
        confidence=memory.confidence,
        labels=memory.labels,
        metadata=_pairs_to_proto(memory.metadata),
        provenance=provenance_to_proto(memory.provenance),
        pinned=memory.pinned,
        expire_time_ns=memory.expire_time_ns,
        etag=memory.etag,
        embedding_model=memory.embedding_model,
        keeps_id=memory.keeps_id,
    )
    if memory.rest:
        message.MergeFromString(memory.rest)
    return message


def _memory_from_proto(message: pb.NewMemory) -> NewMemory:
    return NewMemory(
        memory_id=message.memory_id,
        vector=Vector(np.frombuffer(message.embedding_f32_le, "<f4"), message.inv_norm),
        caller_chosen_id=message.caller_chosen_id,
        text=message.text,
        phase=message.phase if message.HasField("phase") else None,
        confidence=message.confidence,
        labels=tuple(message.labels),
        metadata=_pairs_from_proto(message.metadata),
        provenance=provenance_from_proto(message.provenance),
        pinned=message.pinned,
        expire_time_ns=message.expire_time_ns,
        etag=message.etag,
        keeps_id=message.keeps_id,
        embedding_model=message.embedding_model,
    )


def _pairs_to_proto(pairs: Iterable[tuple[str, str]]) -> list[pb.Pair]:
    return [pb.Pair(key=key, value=value) for key, value in pairs]


def _pairs_from_proto(pairs: Iterable[pb.Pair]) -> tuple[tuple[str, str], ...]:
    return tuple((pair.key, pair.value) for pair in pairs)


def provenance_to_proto(provenance: Provenance) -> pb.Provenance:
    """Return the encoded form of ``provenance``."""
    return pb.Provenance(
        source=provenance.source,
        model=provenance.model,
        policy_version=provenance.policy_version,
        parent_ids=provenance.parent_ids,
    )


def provenance_from_proto(message: pb.Provenance) -> Provenance:
    """Return the provenance in ``message``."""
    return Provenance(
        source=Source(message.source),
        model=message.model,
        policy_version=message.policy_version,
        parent_ids=tuple(message.parent_ids),
    )


def outcome_to_proto(outcome: Outcome) -> pb.Outcome:
    """Return the encoded form of an outcome."""
    message = pb.Outcome(revision=outcome.revision)
    if isinstance(outcome, PutOutcome):
        message.put.CopyFrom(_put_outcome_to_proto(outcome))
    elif isinstance(outcome, EventOutcome):
        message.event.CopyFrom(_event_outcome_to_proto(outcome))
    elif isinstance(outcome, ConsolidateOutcome):
        message.consolidated.CopyFrom(
            pb.ConsolidateOutcome(
                merged_count=outcome.merged_count,
                purged_count=outcome.purged_count,
                used=outcome.used,
            )
        )
    elif isinstance(outcome, DeleteOutcome):
        message.deleted.SetInParent()
    elif isinstance(outcome, SpaceChanged):
        message.space_changed.SetInParent()
    elif isinstance(outcome, SpaceCreated):
        message.space_created.created = outcome.created
        message.space_created.SetInParent()
    elif isinstance(outcome, PolicySet):
        message.policy_set.update_time_ns = outcome.update_time_ns
        message.policy_set.SetInParent()
    elif isinstance(outcome, SemanticsUpgraded):
        message.semantics_upgraded.upgraded = outcome.upgraded
        message.semantics_upgraded.SetInParent()
    elif isinstance(outcome, LossAccepted):
        message.loss_accepted.SetInParent()
    elif isinstance(outcome, StreamOutcome):
        message.stream.acked_sequence = outcome.acked_sequence
        message.stream.items.extend(
            pb.Outcome() if item is None else outcome_to_proto(item) for item in outcome.items
        )
        message.stream.SetInParent()
    else:
        message.refusal.reason = outcome.reason
        message.refusal.message = outcome.message
        message.refusal.metadata.extend(_pairs_to_proto(outcome.metadata))
    return message


def _put_outcome_to_proto(outcome: PutOutcome) -> pb.PutOutcome:
    return pb.PutOutcome(
        items=(
            pb.PutItem(
                memory_id=item.memory_id,
                result=item.result,
                phase=item.phase,
                create_time_ns=item.create_time_ns,
                expire_time_ns=item.expire_time_ns,
                revision=item.revision,
                create_revision=item.create_revision,
                update_time_ns=item.update_time_ns,
                confidence=item.confidence,
                pinned=item.pinned,
            )
            for item in outcome.items
        ),
        evicted=outcome.evicted,
        min_confidence=outcome.min_confidence,
    )


def _event_outcome_to_proto(outcome: EventOutcome) -> pb.EventOutcome:
    return pb.EventOutcome(
        rejection=outcome.rejection,
        step=outcome.step,
        phase=outcome.phase,
        moral_threshold=outcome.moral_threshold,
        moral_ema=outcome.moral_ema,
        threshold_applied=outcome.threshold_applied,
        used=outcome.used,
        capacity=outcome.capacity,
        memory_id=outcome.memory_id,
        evicted=outcome.evicted,
        awake=outcome.awake,
        result=outcome.result,
        fell_asleep=outcome.fell_asleep,
        answer_id=outcome.answer_id,
    )


def outcome_from_proto(message: pb.Outcome) -> Outcome:
    """Return the outcome in ``message``."""
    kind = message.WhichOneof("kind")
    outcome: Outcome
    if kind == "put":
        outcome = _put_outcome_from_proto(message.put)
    elif kind == "event":
        outcome = _event_outcome_from_proto(message.event)
    elif kind == "consolidated":
        done = message.consolidated
        outcome = ConsolidateOutcome(done.merged_count, done.purged_count, done.used)
    elif kind == "deleted":
        outcome = DeleteOutcome()
    elif kind == "space_changed":
        outcome = SpaceChanged()
    elif kind == "space_created":
        outcome = SpaceCreated(message.space_created.created)
    elif kind == "policy_set":
        outcome = PolicySet(message.policy_set.update_time_ns)
    elif kind == "semantics_upgraded":
        outcome = SemanticsUpgraded(message.semantics_upgraded.upgraded)
    elif kind == "loss_accepted":
        outcome = LossAccepted()
    elif kind == "refusal":
        refusal = message.refusal
        outcome = Refusal(refusal.reason, refusal.message, _pairs_from_proto(refusal.metadata))
    elif kind == "stream":
        items = tuple(map(_item_outcome, message.stream.items))
        outcome = StreamOutcome(message.stream.acked_sequence, items)
    else:
        raise DataLoss("An outcome has no kind that this version knows.")
    return replace(outcome, revision=message.revision)


def _put_outcome_from_proto(message: pb.PutOutcome) -> PutOutcome:
    return PutOutcome(
        items=tuple(
            PutItem(
                memory_id=item.memory_id,
                result=PutResult(item.result),
                phase=item.phase,
                create_time_ns=item.create_time_ns,
                expire_time_ns=item.expire_time_ns,
                revision=item.revision,
                create_revision=item.create_revision,
                update_time_ns=item.update_time_ns,
                confidence=item.confidence,
                pinned=item.pinned,
            )
            for item in message.items
        ),
        evicted=tuple(message.evicted),
        min_confidence=message.min_confidence,
    )


def _event_outcome_from_proto(message: pb.EventOutcome) -> EventOutcome:
    return EventOutcome(
        rejection=Rejection(message.rejection),
        step=message.step,
        phase=message.phase,
        moral_threshold=message.moral_threshold,
        moral_ema=message.moral_ema,
        threshold_applied=message.threshold_applied,
        used=message.used,
        capacity=message.capacity,
        memory_id=message.memory_id,
        evicted=tuple(message.evicted),
        awake=message.awake,
        fell_asleep=message.fell_asleep,
        result=PutResult(message.result),
        answer_id=message.answer_id,
    )


def _item_outcome(message: pb.Outcome) -> PutOutcome | EventOutcome | Refusal | None:
    if message.WhichOneof("kind") is None:
        return None
    outcome = outcome_from_proto(message)
    if not isinstance(outcome, PutOutcome | EventOutcome | Refusal):
        raise DataLoss("An item of a stream has an outcome of another kind.")
    return outcome
