"""Conversion of requests of the contract to domain values."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from google.protobuf.message import Message

from mlsdm_grpc._gen.mlsdm.v1 import (
    cognition_service_pb2,
    event_pb2,
    memory_pb2,
    memory_put_pb2,
    memory_service_pb2,
)
from mlsdm_grpc.core.mind.request_window import MIN_AGE_NS
from mlsdm_grpc.core.model.bodies import UpdateMemory
from mlsdm_grpc.core.model.new_memory import ExchangeRole, NewMemory, Provenance, Source, Vector
from mlsdm_grpc.journal.codec.new_memories import packed_memory
from mlsdm_grpc.journal.codec.protowire import length_delimited
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.messages import bounds, limits
from mlsdm_grpc.messages.blank import is_blank
from mlsdm_grpc.messages.fields import BLANK, Fields
from mlsdm_grpc.messages.times import time_ns
from mlsdm_grpc.moderation.candidates import Candidate
from mlsdm_grpc.spaces.ticket import Ticket
from mlsdm_grpc.wire.call import Call
from mlsdm_grpc.wire.reading import Parts

__all__ = [
    "BatchDigest",
    "PutParts",
    "event",
    "heartbeat_s",
    "memory_clock_ns",
    "new_memories",
    "new_memory",
    "request_digest",
    "space_key",
    "ticket",
    "update",
    "watch_interval_s",
]

_NO_VECTOR = Vector(np.empty(0, np.float32), 0.0)
# Fields of a memory that need no conversion.
_PLAIN = frozenset({"memory_id", "text", "embedding", "phase", "confidence", "pinned"})
_MEMORIES = memory_put_pb2.BatchPutMemoriesRequest.MEMORIES_FIELD_NUMBER
PutParts: TypeAlias = Parts[memory_put_pb2.BatchPutMemoriesRequest, memory_pb2.Memory]


def space_key(fields: Fields, call: Call, name: str) -> SpaceKey:
    """Return the key of the space in a request, in the tenant of the caller."""
    return SpaceKey(call.principal.tenant, fields.space(name))


def ticket(fields: Fields, call: Call, request: Message | None, request_id: str) -> Ticket:
    """Return the ticket of a write: principal, idempotency key and deadline.

    Args:
        fields: Collector of violations.
        call: Call of the write.
        request: Request for the digest; None for a batch, which uses :class:`BatchDigest`.
        request_id: Idempotency key; empty if absent.
    """
    return Ticket(
        principal=call.principal.name,
        deadline_s=call.deadline_s,
        request_id=fields.request_id(request_id),
        request_digest=request_digest(call, request) if request is not None else b"",
    )


class BatchDigest:
    """Digest of a batch whose memories are parsed one by one.

    The result equals that of :func:`request_digest` for the complete request.

    Args:
        call: Call of the batch.
        message: Request of the batch. Memories in it are ignored.
    """

    def __init__(self, call: Call, message: memory_put_pb2.BatchPutMemoriesRequest) -> None:
        rest = memory_put_pb2.BatchPutMemoriesRequest()
        rest.CopyFrom(message)
        for name in ("space", "memories", "request_id"):
            rest.ClearField(name)
        self._rest = rest.SerializeToString(deterministic=True)
        space = memory_put_pb2.BatchPutMemoriesRequest(space=message.space or limits.DEFAULT_SPACE)
        self._hash = hashlib.sha256(call.method.path.encode() + b"\0" + space.SerializeToString())

    def add(self, memory: memory_pb2.Memory) -> None:
        """Add the next memory of the batch."""
        body = memory.SerializeToString(deterministic=True)
        self._hash.update(length_delimited(_MEMORIES, body))

    def digest(self) -> bytes:
        """Return the SHA-256 of the batch. Must follow the last :meth:`add`."""
        self._hash.update(self._rest)
        return self._hash.digest()


def request_digest(call: Call, request: Message) -> bytes:
    """Return the SHA-256 of method and request, which identifies a repeated request.

    The request id is not part of it, and an empty space counts as the default space.
    """
    request_id: str = getattr(request, "request_id", "")
    unnamed = getattr(request, "space", None) == ""
    # The request is changed and restored, because a copy of a vector costs as much as its digest.
    if request_id:
        request.ClearField("request_id")
    if unnamed:
        request.space = limits.DEFAULT_SPACE  # type: ignore[attr-defined] # it is there
    body = request.SerializeToString(deterministic=True)
    if request_id:
        request.request_id = request_id  # type: ignore[attr-defined] # it is there
    if unnamed:
        request.ClearField("space")
    return hashlib.sha256(call.method.path.encode() + b"\0" + body).digest()


async def new_memories(
    fields: Fields, parts: PutParts, *, now_ns: int, digest: BatchDigest | None
) -> tuple[NewMemory, ...]:
    """Return the memories of a batch in order, and add each one to the digest, if any."""
    if not 1 <= len(parts) <= bounds.MEMORIES.limit:
        fields.fault("memories", bounds.MEMORIES.description)
        return ()
    seen: set[str] = set()
    allow_replace = parts.message.allow_replace

    def memory(index: int, message: memory_pb2.Memory) -> NewMemory:
        if digest is not None:
            digest.add(message)
        path = f"memories[{index}]"
        if message.memory_id and message.memory_id in seen:
            fields.fault(f"{path}.memory_id", "appears twice in the batch")
        seen.add(message.memory_id)
        made = new_memory(fields, path, message, now_ns=now_ns, allow_replace=allow_replace)
        return packed_memory(made)

    return tuple(await parts.each(memory, "memories[{}].".format))


def new_memory(
    fields: Fields, path: str, message: memory_pb2.Memory, *, now_ns: int, allow_replace: bool
) -> NewMemory:
    """Return a memory of a put as a domain value.

    Without an embedding its vector is empty, and its text must not be blank, because a blank text
    cannot be embedded.
    """
    given = {field.name for field, _ in message.ListFields()}  # most memories have few fields
    has_embedding = "embedding" in given
    if not has_embedding and not message.text:
        fields.fault(path, "requires a text or an embedding")
    elif not has_embedding and is_blank(message.text):
        fields.fault(f"{path}.text", BLANK)
    vector = _NO_VECTOR
    if has_embedding:
        vector = fields.embedding(f"{path}.embedding", message.embedding)
    phase, confidence = None, 1.0
    if "phase" in given:
        phase = fields.number(f"{path}.phase", message.phase)
    if "confidence" in given:
        confidence = fields.number(f"{path}.confidence", message.confidence)
    memory_id, text = message.memory_id, message.text
    made = NewMemory(
        memory_id=fields.memory_id(f"{path}.memory_id", memory_id) if memory_id else "",
        vector=vector,
        caller_chosen_id=bool(memory_id) and not message.server_assigned_id,
        text=fields.text(f"{path}.text", text) if text else "",
        phase=phase,
        confidence=confidence,
        pinned=message.pinned,
    )
    if given <= _PLAIN:
        return made
    return replace(
        made,
        # An import keeps ids that a server assigned, so that references to them stay valid.
        keeps_id=bool(memory_id) and message.server_assigned_id,
        labels=fields.labels(f"{path}.labels", message.labels),
        metadata=fields.metadata(f"{path}.metadata", message.metadata),
        provenance=_provenance(fields, path, message),
        expire_time_ns=_expire_time(fields, f"{path}.", message, now_ns),
        etag=message.etag if allow_replace else "",
        embedding_model=fields.model(f"{path}.embedding_model", message.embedding_model),
        context=_context(fields, path, message),
        # Time 0 means an absent time, so the first nanosecond of 1970 is stored as the second one.
        event_time_ns=fields.moment(f"{path}.event_time", message, "event_time")
        or int("event_time" in given),
        conversation_id=fields.memory_id(f"{path}.conversation_id", message.conversation_id),
        role=_role(fields, f"{path}.exchange_role", message.exchange_role),
    )


def _context(fields: Fields, path: str, message: memory_pb2.Memory) -> str:
    if message.context and not message.text:
        fields.fault(f"{path}.context", "requires a text")
    return fields.text(f"{path}.context", message.context, max_bytes=limits.MAX_CONTEXT_BYTES)


def _role(fields: Fields, path: str, value: int) -> ExchangeRole:
    if not fields.listed(path, value, memory_pb2.ExchangeRole):
        return ExchangeRole.NONE
    return ExchangeRole(value)


def update(
    fields: Fields, message: memory_service_pb2.UpdateMemoryRequest, *, now_ns: int
) -> UpdateMemory:
    """Return the change of a memory in a request as a domain value."""
    expire_time_ns = None
    if message.HasField("expire_time"):
        expire_time_ns = _expire_time(fields, "", message, now_ns)
        # Both fields at once contradict each other.
        if message.clear_expire_time:
            fields.fault("clear_expire_time", "must not be set together with expire_time")
    elif message.clear_expire_time:
        expire_time_ns = 0
    return UpdateMemory(
        memory_id=fields.memory_id("memory_id", message.memory_id, required=True),
        etag=message.etag,
        add_labels=fields.labels("add_labels", message.add_labels),
        remove_labels=fields.labels("remove_labels", message.remove_labels),
        pinned=message.pinned if message.HasField("pinned") else None,
        expire_time_ns=expire_time_ns,
    )


def _provenance(fields: Fields, path: str, message: memory_pb2.Memory) -> Provenance:
    given = message.provenance
    if len(given.parent_ids) > bounds.PARENTS.limit:
        fields.fault(f"{path}.provenance.parent_ids", bounds.PARENTS.description)
    else:
        for i, parent in enumerate(given.parent_ids):
            fields.memory_id(f"{path}.provenance.parent_ids[{i}]", parent, required=True)
    return Provenance(
        source=_source(fields, f"{path}.source", message.source),
        model=fields.model(f"{path}.provenance.model", given.model),
        parent_ids=tuple(given.parent_ids),
    )


def _source(fields: Fields, path: str, value: int) -> Source:
    if not fields.listed(path, value, memory_pb2.MemorySource):
        return Source.USER_INPUT
    return Source(value) if value else Source.USER_INPUT


def memory_clock_ns(request_id: str, now_ns: int) -> int:
    """Return the time after which the memories of a put must expire, Unix nanoseconds.

    A repeated write must find its first result even if the memory has expired meanwhile. For a
    request with an id, the time is therefore earlier by the length of the idempotency window.
    """
    return now_ns - MIN_AGE_NS if request_id else now_ns


def _expire_time(
    fields: Fields,
    path: str,
    message: memory_pb2.Memory | memory_service_pb2.UpdateMemoryRequest,
    now_ns: int,
) -> int:
    if not message.HasField("expire_time"):
        return 0
    moment_ns = time_ns(message.expire_time)
    if not now_ns < moment_ns < 2**63:
        fields.fault(f"{path}expire_time", "must be in the future, before the year 2262")
        return 0
    return moment_ns


def event(
    fields: Fields,
    message: cognition_service_pb2.ProcessEventRequest | event_pb2.Event,
    path: str = "",
    *,
    attested: bool,
) -> Candidate:
    """Return an event as a domain value.

    Args:
        fields: Collector of violations.
        message: Event to convert.
        path: Path of the event in violations; empty, or with a dot at its end.
        attested: True if the moral value in the event is trusted, so that the text is not
            evaluated.

    Raises:
        InvalidInput: At least one field is invalid.
    """
    if not message.HasField("embedding") and not message.text:
        fields.fault(f"{path}embedding", "an event requires a text or an embedding")
    elif not message.HasField("embedding") and is_blank(message.text):
        fields.fault(f"{path}text", BLANK)
    vector = _NO_VECTOR
    if message.HasField("embedding"):
        vector = fields.embedding(f"{path}embedding", message.embedding)
    moral_value = None
    if message.HasField("moral_value"):
        moral_value = fields.number(f"{path}moral_value", message.moral_value)
    elif is_blank(message.text):
        fields.fault(f"{path}moral_value", "is required if there is no text to evaluate")
    confidence = 1.0
    if message.HasField("confidence"):
        confidence = fields.number(f"{path}confidence", message.confidence)
    memory = NewMemory(
        memory_id=fields.memory_id(f"{path}memory_id", message.memory_id),
        vector=vector,
        caller_chosen_id=bool(message.memory_id),
        text=fields.text(f"{path}text", message.text),
        confidence=confidence,
        labels=fields.labels(f"{path}labels", message.labels),
        metadata=fields.metadata(f"{path}metadata", message.metadata),
        provenance=Provenance(source=_source(fields, f"{path}source", message.source)),
    )
    fields.check()
    return Candidate(memory, is_event=True, given_value=moral_value, attested=attested)


def heartbeat_s(fields: Fields, message: cognition_service_pb2.WatchStateRequest) -> float:
    """Return the maximum time between two messages of a watch, seconds."""
    if not message.HasField("heartbeat_interval"):
        return limits.DEFAULT_HEARTBEAT_S
    return fields.duration(
        "heartbeat_interval",
        message.heartbeat_interval,
        low=limits.MIN_HEARTBEAT_S,
        high=limits.MAX_HEARTBEAT_S,
    )


def watch_interval_s(fields: Fields, message: cognition_service_pb2.WatchStateRequest) -> float:
    """Return the minimum time between two states of a watch, seconds."""
    if not message.HasField("min_interval"):
        return limits.DEFAULT_WATCH_INTERVAL_S
    return fields.duration(
        "min_interval",
        message.min_interval,
        low=limits.MIN_WATCH_INTERVAL_S,
        high=limits.MAX_WATCH_INTERVAL_S,
    )
