"""Encoding of the bodies of records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mlsdm_grpc._gen.mlsdm.internal.v1 import record_pb2 as pb
from mlsdm_grpc.core.model import semantics
from mlsdm_grpc.core.model.bodies import (
    AcceptLoss,
    Consolidate,
    CreateSpace,
    DeleteMemory,
    MergeGroup,
    MergeMember,
    ProcessEvent,
    PutMemories,
    StreamItem,
    StreamItems,
    UpdateMemory,
    UpdateSpace,
    UpgradeSemantics,
)
from mlsdm_grpc.core.model.policy import SetPolicy
from mlsdm_grpc.core.model.record import RecordBody
from mlsdm_grpc.core.model.tenant import SetTenant
from mlsdm_grpc.errors import DataLoss
from mlsdm_grpc.journal.codec.new_memories import (
    Decoded,
    memory_from_bytes,
    memory_from_proto,
    memory_to_proto,
)
from mlsdm_grpc.journal.codec.parameters import (
    change_from_proto,
    change_to_proto,
    parameters_from_proto,
    parameters_to_proto,
)
from mlsdm_grpc.journal.codec.policies import settings_from_proto, settings_to_proto
from mlsdm_grpc.journal.codec.tenants import tenant_settings_from_proto, tenant_settings_to_proto

__all__ = [
    "body_from_proto",
    "body_of",
    "group_from_proto",
    "group_to_proto",
    "set_body",
    "set_stream_items",
    "stream_item_to_proto",
]


def body_of(message: pb.Record, items: Sequence[memoryview]) -> PutMemories | StreamItems:
    """Return a body with items that are decoded each time they are read.

    Args:
        message: Record without its items.
        items: Encoded items of the body.
    """
    if message.WhichOneof("body") == "put_memories":
        memories = Decoded(items, memory_from_bytes)
        return PutMemories(memories, message.put_memories.allow_replace)
    stream = _stream_items(message.stream_items)
    return replace(stream, items=Decoded(items, _stream_item_from_bytes))


def _stream_item_from_bytes(raw: memoryview) -> StreamItem:
    return _stream_item(pb.StreamItem.FromString(bytes(raw)))


def set_body(message: pb.Record, body: RecordBody) -> None:
    """Write a body into the message of its record."""
    if isinstance(body, PutMemories):
        put = message.put_memories
        put.allow_replace = body.allow_replace
        put.memories.extend(memory_to_proto(memory) for memory in body.memories)
    elif isinstance(body, ProcessEvent):
        event = message.process_event
        event.memory.CopyFrom(memory_to_proto(body.memory))
        event.moral_value = body.moral_value
        if body.answer is not None:
            event.answer.CopyFrom(memory_to_proto(body.answer))
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
    elif isinstance(body, SetPolicy | SetTenant):
        _set_resource(message, body)
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
        set_stream_items(message.stream_items, body)
    else:
        message.create_space.parameters.CopyFrom(parameters_to_proto(body.parameters))
        message.create_space.exclusive = body.exclusive


def _set_resource(message: pb.Record, body: SetPolicy | SetTenant) -> None:
    if isinstance(body, SetPolicy):
        message.set_policy.settings.CopyFrom(settings_to_proto(body.settings))
        message.set_policy.etag = body.etag
    else:
        message.set_tenant.settings.CopyFrom(tenant_settings_to_proto(body.settings))
        message.set_tenant.etag = body.etag


def body_from_proto(message: pb.Record) -> RecordBody:
    """Return the body of a record.

    Raises:
        DataLoss: The kind of the body is unknown to this version.
        SemanticsUnknown: The record needs a semantics version that this version does not know.
    """
    kind = message.WhichOneof("body")
    if kind == "put_memories":
        put = message.put_memories
        return PutMemories(tuple(map(memory_from_proto, put.memories)), put.allow_replace)
    if kind == "process_event":
        event = message.process_event
        answer = memory_from_proto(event.answer) if event.HasField("answer") else None
        return ProcessEvent(memory_from_proto(event.memory), event.moral_value, answer)
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
    if kind == "set_tenant":
        settings = tenant_settings_from_proto(message.set_tenant.settings)
        return SetTenant(settings, message.set_tenant.etag)
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
    raise DataLoss("A record has a body that this version does not know.")


def set_stream_items(message: pb.StreamItems, body: StreamItems) -> None:
    """Write stream items into the message of their body."""
    message.stream_id = body.stream_id
    message.after_sequence = body.after_sequence
    message.last_sequence = body.last_sequence
    message.allow_replace = body.allow_replace
    message.finished = body.finished
    message.items.extend(map(stream_item_to_proto, body.items))


def stream_item_to_proto(item: StreamItem) -> pb.StreamItem:
    """Return the encoded form of one stream item."""
    message = pb.StreamItem(sequence=item.sequence)
    if isinstance(item.body, ProcessEvent):
        message.event.memory.CopyFrom(memory_to_proto(item.body.memory))
        message.event.moral_value = item.body.moral_value
    else:
        message.memory.CopyFrom(memory_to_proto(item.body))
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
        body = ProcessEvent(memory_from_proto(event.memory), event.moral_value)
        return StreamItem(item.sequence, body)
    return StreamItem(item.sequence, memory_from_proto(item.memory))


def group_to_proto(group: MergeGroup) -> pb.MergeGroup:
    """Return the encoded form of a merge group."""
    return pb.MergeGroup(
        memory_id=group.memory_id,
        members=[pb.MergeMember(memory_id=m.memory_id, etag=m.etag) for m in group.members],
    )


def group_from_proto(message: pb.MergeGroup) -> MergeGroup:
    """Return the merge group in ``message``."""
    members = tuple(MergeMember(member.memory_id, member.etag) for member in message.members)
    return MergeGroup(message.memory_id, members)
