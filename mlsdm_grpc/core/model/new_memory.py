"""Memory as a write record contains it: plain values without behaviour."""

from __future__ import annotations

import enum
from dataclasses import fields
from operator import attrgetter
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlsdm_grpc.value_classes import value_class

__all__ = [
    "MAX_LABELS",
    "MAX_METADATA_BYTES",
    "MAX_PARENTS",
    "MAX_TEXT_BYTES",
    "STORED_FLOAT32",
    "ExchangeRole",
    "Float32",
    "NewMemory",
    "Provenance",
    "Source",
    "Vector",
]

MAX_LABELS = 32
"""Maximum number of labels of one memory."""
MAX_PARENTS = 32
"""Maximum number of parents in the provenance of one memory."""
MAX_TEXT_BYTES = 8_192
"""Maximum size of the text of one memory, bytes of UTF-8."""
MAX_METADATA_BYTES = 4_096
"""Maximum size of all metadata keys and values of one memory, bytes of UTF-8."""


Float32: TypeAlias = NDArray[np.float32]
STORED_FLOAT32: Final = np.dtype("<f4")
"""Type of vector components in records and under checksums: little-endian float32."""


@value_class
class Vector:
    """Embedding as sent by the writer, with its inverse norm.

    The state contains ``raw * inv_norm``, computed element by element. The writer computes the
    norm, because sums round differently on different processors, and applying a record must not.
    """

    raw: Float32
    """(dimension,) float32, finite; borrowed and read-only."""
    inv_norm: float
    """1 / |raw| in float64; 0 for a zero vector."""


class Source(enum.IntEnum):
    """Origin of the content of a memory."""

    UNSPECIFIED = 0
    USER_INPUT = 1
    LLM_GENERATION = 2
    RETRIEVED = 3
    SYSTEM = 4


@value_class
class Provenance:
    """Origin of a memory: source, model, policy and parents."""

    source: Source = Source.USER_INPUT
    model: str = ""
    policy_version: str = ""
    parent_ids: tuple[str, ...] = ()


class ExchangeRole(enum.IntEnum):
    """Role of a memory in an exchange with a language model. The journal stores the numbers."""

    NONE = 0
    PROMPT = 1
    ANSWER = 2


@value_class
class NewMemory:
    """One memory of a record that stores memories."""

    memory_id: str
    vector: Vector
    caller_chosen_id: bool = False
    """True if the caller chose the id; such a memory is never merged with a duplicate."""
    text: str = ""
    phase: float | None = None
    """Phase in [0, 1]; None for the phase of the space at the time of application."""
    confidence: float = 1.0
    """Confidence in [0, 1]."""
    labels: tuple[str, ...] = ()
    """Labels, sorted and without duplicates."""
    metadata: tuple[tuple[str, str], ...] = ()
    """Metadata as pairs, sorted by key."""
    provenance: Provenance = Provenance()
    pinned: bool = False
    """True to exempt the memory from eviction and merging."""
    expire_time_ns: int = 0
    """Unix time, nanoseconds; 0 means never."""
    etag: str = ""
    """Expected etag of the memory that this one replaces; empty accepts any."""
    keeps_id: bool = False
    """True if the server assigned the id in an earlier request. The memory then refreshes no
    duplicate with another id."""
    embedding_model: str = ""
    """Model that embedded the text; empty if the caller sent the vector. Needs version 2 of the
    rules."""
    context: str = ""
    """Text that helps to find the memory but is not part of its content. This field and the
    following ones need version 2 of the rules."""
    event_time_ns: int = 0
    """Time of the described event, Unix nanoseconds; 0 if unknown."""
    conversation_id: str = ""
    """Id of the conversation that contains the memory; empty for none."""
    role: ExchangeRole = ExchangeRole.NONE
    """Role in an exchange with a language model."""
    rest: bytes = b""
    """Encoded labels, metadata and parents, for uses that only store them. Their decoded fields are
    then empty, because strings would take up to twenty times as much RAM."""

    def with_id(self, memory_id: str) -> NewMemory:
        """Return a copy with another id.

        Every put creates such a copy, so it avoids :func:`dataclasses.replace`, which takes three
        times as long.
        """
        return NewMemory(memory_id, *_all_but_id(self))

    @property
    def whole(self) -> str:
        """Context and text in one string, which is evaluated and embedded."""
        return f"{self.context}\n{self.text}" if self.context else self.text


_all_but_id = attrgetter(*(field.name for field in fields(NewMemory)[1:]))
