"""Results of the client in the form that programs read: text, score, metadata, step.

Each has the message of the contract too, with all other fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from mlsdm_grpc._gen.mlsdm.v1.cognition_service_pb2 import GetStateResponse, WatchStateResponse
from mlsdm_grpc._gen.mlsdm.v1.event_pb2 import RHYTHM_STATE_SLEEP, CognitiveState
from mlsdm_grpc._gen.mlsdm.v1.governance_pb2 import Verdict
from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import (
    PUT_RESULT_REFUSED,
    Match,
    MatchComponents,
    Memory,
    PutResult,
)
from mlsdm_grpc._gen.mlsdm.v1.memory_put_pb2 import PutMemoryResponse
from mlsdm_grpc._gen.mlsdm.v1.memory_query_pb2 import (
    BatchQueryMemoriesResponse,
    MemoryQueryResult,
    QueryMemoriesResponse,
)
from mlsdm_grpc._gen.mlsdm.v1.memory_service_pb2 import GetMemoryResponse

__all__ = ["FoundMemory", "MemoryRead", "MemoryWrite", "MindState", "QueryAnswer", "QueryAnswers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundMemory:
    """A memory that a query found."""

    memory_id: str
    text: str
    score: float
    """Relevance; higher is closer. Scores of different modes are not comparable."""
    labels: Sequence[str]
    metadata: Mapping[str, str]
    match: Match = field(repr=False)
    """Message of the contract."""

    @property
    def memory(self) -> Memory:
        """The memory with all its fields."""
        return self.match.memory

    @property
    def resonance(self) -> float:
        """Cosine, weighted by phase and trace."""
        return self.match.resonance

    @property
    def components(self) -> MatchComponents:
        """Parts of the score."""
        return self.match.components

    @classmethod
    def of(cls, match: Match) -> Self:
        """Return the result for a message."""
        memory = match.memory
        return cls(
            memory_id=memory.memory_id,
            text=memory.text,
            score=match.score,
            labels=tuple(memory.labels),
            metadata=dict(memory.metadata),
            match=match,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryAnswer:
    """Memories that a query found, best first; iterating yields them."""

    matches: Sequence[FoundMemory]
    revision: int
    """Revision of the space that was searched."""
    message: QueryMemoriesResponse | MemoryQueryResult = field(repr=False)
    """Message of the contract."""

    def __iter__(self) -> Iterator[FoundMemory]:
        return iter(self.matches)

    def __len__(self) -> int:
        return len(self.matches)

    @property
    def phase(self) -> float | None:
        """Centre of the searched band; None if all phases were searched."""
        return self.message.phase if self.message.HasField("phase") else None

    @property
    def outside_phase_count(self) -> int:
        """Number of memories outside the band."""
        return self.message.outside_phase_count

    @property
    def mode(self) -> int:
        """``QueryMode`` that was used."""
        return self.message.mode

    @classmethod
    def of(cls, message: QueryMemoriesResponse | MemoryQueryResult, revision: int) -> Self:
        """Return the result for a message."""
        matches = tuple(map(FoundMemory.of, message.matches))
        return cls(matches=matches, revision=revision, message=message)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryAnswers:
    """Answers to several queries, in order, at one revision; iterating yields them."""

    results: Sequence[QueryAnswer]
    revision: int
    message: BatchQueryMemoriesResponse = field(repr=False)
    """Message of the contract."""

    def __iter__(self) -> Iterator[QueryAnswer]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    @classmethod
    def of(cls, message: BatchQueryMemoriesResponse) -> Self:
        """Return the result for a message."""
        answers = tuple(QueryAnswer.of(each, message.revision) for each in message.results)
        return cls(results=answers, revision=message.revision, message=message)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRead:
    """One memory."""

    memory_id: str
    text: str
    labels: Sequence[str]
    metadata: Mapping[str, str]
    revision: int
    """Revision of the space that was read."""
    memory: Memory = field(repr=False)
    """The memory with all its fields."""

    @classmethod
    def of(cls, message: GetMemoryResponse) -> Self:
        """Return the result for a message."""
        memory = message.memory
        return cls(
            memory_id=memory.memory_id,
            text=memory.text,
            labels=tuple(memory.labels),
            metadata=dict(memory.metadata),
            revision=message.revision,
            memory=memory,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryWrite:
    """Result of a put."""

    memory_id: str
    """Id of the memory; empty if a rule refused it."""
    is_stored: bool
    """False if a rule refused it; ``verdicts`` names the rule."""
    revision: int
    """Revision of the space after the put."""
    message: PutMemoryResponse = field(repr=False)
    """Message of the contract."""

    @property
    def result(self) -> PutResult.ValueType:
        """``PutResult``: created, refreshed, replaced, skipped or refused."""
        return self.message.result

    @property
    def memory(self) -> Memory:
        """Id, etag, times and phase of the memory; not its text and vector."""
        return self.message.memory

    @property
    def verdicts(self) -> Sequence[Verdict]:
        """Verdicts of the rules that did not allow the text."""
        return self.message.verdicts

    @property
    def evicted_memory_ids(self) -> Sequence[str]:
        """Ids of the memories that were evicted for it."""
        return self.message.evicted_memory_ids

    @classmethod
    def of(cls, message: PutMemoryResponse) -> Self:
        """Return the result for a message."""
        return cls(
            memory_id=message.memory.memory_id,
            is_stored=message.result != PUT_RESULT_REFUSED,
            revision=message.revision,
            message=message,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MindState:
    """State of a space."""

    step: int
    """Number of processed events."""
    phase: float
    """Phase of new memories, 0..1."""
    is_asleep: bool
    """True in the sleep part of the rhythm."""
    memory_count: int
    """Number of memories."""
    capacity: int
    """Number of memories from which on the oldest are evicted."""
    moral_threshold: float
    """Moral value below which events are rejected, 0..1."""
    revision: int
    """Revision of the space."""
    state: CognitiveState = field(repr=False)
    """Message of the contract."""

    @classmethod
    def of(cls, message: GetStateResponse | WatchStateResponse) -> Self:
        """Return the result for a message."""
        state = message.state
        return cls(
            step=state.step,
            phase=state.phase,
            is_asleep=state.rhythm_state == RHYTHM_STATE_SLEEP,
            memory_count=state.memory.used,
            capacity=state.memory.capacity,
            moral_threshold=state.moral.threshold,
            revision=message.revision,
            state=state,
        )
