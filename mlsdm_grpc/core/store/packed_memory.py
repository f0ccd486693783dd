"""Packed form of a memory in its slot: numbers in columns, and all other data as bytes."""

from __future__ import annotations

import hashlib
import marshal
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlsdm_grpc.core.model.new_memory import ExchangeRole, Provenance, Source
from mlsdm_grpc.core.store.memory_value import CALLER_CHOSEN, DIGEST, PINNED, Memory

__all__ = [
    "COLUMNS",
    "Packed",
    "conversation_key",
    "flags_of",
    "metadata_in",
    "pinned_of",
    "rest_of",
    "roles_of",
    "sources_of",
    "unpack",
]

_ROLE_SHIFT, _SOURCE_SHIFT = 2, 4
_ROLES, _SOURCES = 3, 7
"""Layout of the flags: role in two bits, then source in three bits."""
COLUMNS = np.dtype(
    [
        ("sequence", np.int64),
        ("ring_sequence", np.int64),
        ("create_time_ns", np.int64),
        ("create_revision", np.int64),
        ("update_time_ns", np.int64),
        ("expire_time_ns", np.int64),
        ("revision", np.int64),
        ("digest_head", np.int64),
        ("digest_tail", np.int64),
        ("checksum", np.uint32),
        ("phase", np.float32),
        ("confidence", np.float32),
        ("flags", np.uint8),
        ("event_time_ns", np.int64),
        ("conversation", np.int64),
    ]
)


class Packed(NamedTuple):
    """Memory in packed form; an immutable value."""

    columns: tuple[Any, ...]
    rest: bytes
    labels: tuple[str, ...]


def rest_of(memory: Memory) -> bytes:
    """Return the data of a memory other than numbers and labels, encoded; see :class:`Packed`."""
    provenance = memory.provenance
    return marshal.dumps(
        (
            memory.memory_id,
            memory.text,
            memory.metadata,
            int(provenance.source),
            provenance.model,
            provenance.policy_version,
            provenance.parent_ids,
            memory.embedding_model,
            memory.context,
            memory.conversation_id,
        )
    )


def metadata_in(rest: bytes) -> tuple[tuple[str, str], ...]:
    """Return the metadata from a result of :func:`rest_of`."""
    metadata: tuple[tuple[str, str], ...] = marshal.loads(rest)[2]  # noqa: S302 - dumped here
    return metadata


def unpack(packed: Packed) -> Memory:
    """Return the memory of a packed form."""
    (
        sequence, ring_sequence, create_time_ns, create_revision, update_time_ns,
        expire_time_ns, revision, digest_head, digest_tail, checksum, phase, confidence, flags,
        event_time_ns, _,
    ) = packed.columns  # fmt: skip
    (
        memory_id, text, metadata, source, model, policy, parents, embedding_model, context,
        conversation_id,
    ) = marshal.loads(packed.rest)  # fmt: skip  # noqa: S302 - dumped here
    return Memory(
        memory_id=memory_id,
        text=text,
        phase=phase,
        confidence=confidence,
        labels=packed.labels,
        metadata=metadata,
        provenance=Provenance(Source(source), model, policy, parents),
        pinned=bool(flags & PINNED),
        caller_chosen_id=bool(flags & CALLER_CHOSEN),
        create_time_ns=create_time_ns,
        create_revision=create_revision,
        update_time_ns=update_time_ns,
        expire_time_ns=expire_time_ns,
        revision=revision,
        sequence=sequence,
        ring_sequence=ring_sequence,
        digest=DIGEST.pack(digest_head, digest_tail),
        checksum=checksum,
        embedding_model=embedding_model,
        context=context,
        event_time_ns=event_time_ns,
        conversation_id=conversation_id,
        role=ExchangeRole(flags >> _ROLE_SHIFT & _ROLES),
    )


def flags_of(memory: Memory) -> int:
    """Return pin, origin of the id, role and source of a memory in one byte."""
    pinned = PINNED * memory.pinned | CALLER_CHOSEN * memory.caller_chosen_id
    return pinned | memory.role << _ROLE_SHIFT | memory.provenance.source << _SOURCE_SHIFT


def pinned_of(columns: NDArray[Any]) -> NDArray[np.bool_]:
    """Return (slots,) bool: True for slots with a pinned memory."""
    pinned: NDArray[np.bool_] = columns["flags"] & PINNED > 0
    return pinned


def roles_of(columns: NDArray[Any]) -> NDArray[np.uint8]:
    """Return (slots,) uint8, the role of each memory in its exchange; 0 for none."""
    return columns["flags"] >> np.uint8(_ROLE_SHIFT) & np.uint8(_ROLES)


def sources_of(columns: NDArray[Any]) -> NDArray[np.uint8]:
    """Return (slots,) uint8, the number of the source of each memory."""
    return columns["flags"] >> np.uint8(_SOURCE_SHIFT) & np.uint8(_SOURCES)


def conversation_key(conversation_id: str) -> int:
    """Return the signed 64-bit hash of a conversation id; 0 for none."""
    if not conversation_id:
        return 0
    digest = hashlib.blake2b(conversation_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True) or 1
