"""A memory as a record brings it: plain values, no behaviour."""

from __future__ import annotations

import enum
from dataclasses import dataclass, fields
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "MAX_LABELS",
    "MAX_METADATA_BYTES",
    "MAX_PARENTS",
    "MAX_TEXT_BYTES",
    "ExchangeRole",
    "Float32",
    "NewMemory",
    "Provenance",
    "Source",
    "Vector",
]

MAX_LABELS = 32
"""Labels of one memory."""
MAX_PARENTS = 32
"""Parents of one memory, in its provenance."""
MAX_TEXT_BYTES = 8_192
"""Bytes of the text of one memory, in UTF-8."""
MAX_METADATA_BYTES = 4_096
"""Bytes of all keys and values of one memory, in UTF-8."""


Float32: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Vector:
    """An embedding as the writer sent it, with the writer's own inverse norm.

    The state keeps ``raw * inv_norm``, computed element by element, so that no reduction (which
    rounds differently on different processors) ever happens inside ``apply``.
    """

    raw: Float32
    """(dimension,) float32, finite, borrowed and never written to."""
    inv_norm: float
    """1 / |raw| in float64."""


class Source(enum.IntEnum):
    """Where the content of a memory came from."""

    UNSPECIFIED = 0
    USER_INPUT = 1
    LLM_GENERATION = 2
    RETRIEVED = 3
    SYSTEM = 4


@dataclass(frozen=True, slots=True)
class Provenance:
    """How a memory came to be."""

    source: Source = Source.USER_INPUT
    model: str = ""
    policy_version: str = ""
    parent_ids: tuple[str, ...] = ()


class ExchangeRole(enum.IntEnum):
    """Part of a memory in an exchange with a language model; the numbers are in the journal."""

    NONE = 0
    PROMPT = 1
    ANSWER = 2


@dataclass(frozen=True, slots=True)
class NewMemory:
    """One memory of a :class:`PutMemories` record."""

    memory_id: str
    vector: Vector
    caller_chosen_id: bool = False
    """The caller named it; such a memory is never merged with a duplicate."""
    text: str = ""
    phase: float | None = None
    """In [0, 1]; None takes the space's phase when the record is applied."""
    confidence: float = 1.0
    labels: tuple[str, ...] = ()
    """Sorted, without duplicates."""
    metadata: tuple[tuple[str, str], ...] = ()
    """Sorted by key."""
    provenance: Provenance = Provenance()
    pinned: bool = False
    expire_time_ns: int = 0
    """Unix time; 0 means never."""
    etag: str = ""
    """Expected etag of the memory that this one replaces; empty means any."""
    keeps_id: bool = False
    """The id is one that a server chose before: it renews no memory of another id."""
    embedding_model: str = ""
    """Model that made the vector of the text; empty where the caller sent the vector. Rules before
    version 2 do not know it."""
    context: str = ""
    """Text that helps to find the memory and is no part of what it says. Rules before version 2 do
    not know it, nor what follows."""
    event_time_ns: int = 0
    """When what it tells of happened, Unix time; 0 where nobody said."""
    conversation_id: str = ""
    """Conversation that it comes from; empty if it comes from none."""
    role: ExchangeRole = ExchangeRole.NONE
    """Its part in an exchange with a language model."""
    rest: bytes = b""
    """Labels, metadata and parents as a record has them, where those stand for themselves only;
    the fields are empty then. As strings they take up to twenty times as much."""

    def with_id(self, memory_id: str) -> NewMemory:
        """Return the same memory under an id: every put does this, so it takes half the time of
        :func:`dataclasses.replace`.
        """
        copy = object.__new__(NewMemory)
        for name in _FIELDS:
            object.__setattr__(copy, name, getattr(self, name))
        object.__setattr__(copy, "memory_id", memory_id)
        return copy

    @property
    def whole(self) -> str:
        """Context and text, as they are judged and embedded."""
        return f"{self.context}\n{self.text}" if self.context else self.text


_FIELDS = tuple(field.name for field in fields(NewMemory))
