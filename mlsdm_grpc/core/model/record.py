"""Records: writes that the state machine applies, as plain values.

A :class:`Record` is one write to one space. All external input (time, ids, embeddings, moral
scores, resolved parameters) is determined before the record is written and is part of it. Applying
the same records therefore gives the same state on every machine.
"""

from __future__ import annotations

from dataclasses import field
from typing import TypeAlias

from mlsdm_grpc.core.model import semantics
from mlsdm_grpc.core.model.bodies import (
    AcceptLoss,
    Consolidate,
    CreateSpace,
    DeleteMemory,
    ProcessEvent,
    PutMemories,
    StreamItems,
    UpdateMemory,
    UpdateSpace,
    UpgradeSemantics,
)
from mlsdm_grpc.core.model.policy import SetPolicy
from mlsdm_grpc.core.model.tenant import SetTenant
from mlsdm_grpc.value_classes import value_class

__all__ = ["Record", "RecordBody"]

RecordBody: TypeAlias = (
    CreateSpace
    | UpdateSpace
    | PutMemories
    | UpdateMemory
    | DeleteMemory
    | ProcessEvent
    | Consolidate
    | SetPolicy
    | SetTenant
    | UpgradeSemantics
    | AcceptLoss
    | StreamItems
)


@value_class
class Record:
    """One write to one space, as stored in the journal."""

    revision: int
    """Position among the records of its space, from 1; continues after a deletion of the space."""
    incarnation: int
    """Incarnation of the space for which the record is meant: the revision of the record that
    created the space or accepted a loss of records. 0 in such a record itself."""
    record_id: bytes
    """Unique id of 16 bytes, by which a writer recognises its own record."""
    time_ns: int
    """Unix time of the writer, nanoseconds."""
    body: RecordBody
    request_id: bytes = b""
    """Idempotency key, 16 bytes; empty for a record that was not caused by a request."""
    request_digest: bytes = b""
    """Digest of the canonical request, 32 bytes."""
    principal: str = ""
    """Principal that sent the request."""
    semantics_version: int = field(default_factory=semantics.newest)
    """Version of the rules that the writer assumed; see ``core/model/semantics.py``."""
    raw: bytes = b""
    """Encoded record, over which the hash chain is computed."""
