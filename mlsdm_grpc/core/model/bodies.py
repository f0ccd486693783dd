"""Bodies of records: what each kind of write asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlsdm_grpc.core.model.new_memory import NewMemory
from mlsdm_grpc.core.model.parameters import MoralPolicy, OntologyCategory, SpaceParameters

__all__ = [
    "AcceptLoss",
    "Consolidate",
    "CreateSpace",
    "DeleteMemory",
    "MergeGroup",
    "MergeMember",
    "ProcessEvent",
    "PutMemories",
    "SpaceChange",
    "StreamItem",
    "StreamItems",
    "UpdateMemory",
    "UpdateSpace",
    "UpgradeSemantics",
]


@dataclass(frozen=True, slots=True)
class CreateSpace:
    """Create the space unless it exists; the first such record wins."""

    parameters: SpaceParameters
    exclusive: bool = False
    """A space that exists is a refusal, not a success."""


@dataclass(frozen=True, slots=True)
class SpaceChange:
    """New values of some parameters; what is None stays, and so does an empty ontology."""

    dimension: int | None = None
    capacity: int | None = None
    embedder: str | None = None
    min_confidence: float | None = None
    default_ttl_ns: int | None = None
    read_only: bool | None = None
    merge_min_cosine: float | None = None
    recall_in_band: bool | None = None
    moral_policy: MoralPolicy | None = None
    moral_base: float | None = None
    moral_ceiling: float | None = None
    wake_duration: int | None = None
    sleep_duration: int | None = None
    sleep_gate: bool | None = None
    legacy_synapses: bool | None = None
    ontology: tuple[OntologyCategory, ...] = ()


@dataclass(frozen=True, slots=True)
class UpdateSpace:
    """Change parameters of the space, all that are given or none."""

    etag: str
    """Expected etag of the space; empty means any."""
    change: SpaceChange


@dataclass(frozen=True, slots=True)
class PutMemories:
    """Store 1..1,000 memories, all or none."""

    memories: Sequence[NewMemory]
    """A tuple, or what decodes each whenever it is asked for."""
    allow_replace: bool = False


@dataclass(frozen=True, slots=True)
class UpdateMemory:
    """Change labels, pin or expiry of one memory; what is None stays."""

    memory_id: str
    etag: str = ""
    add_labels: tuple[str, ...] = ()
    remove_labels: tuple[str, ...] = ()
    """Taken away before the others are added."""
    pinned: bool | None = None
    expire_time_ns: int | None = None
    """Unix time; 0 means never."""


@dataclass(frozen=True, slots=True)
class DeleteMemory:
    """Remove one memory."""

    memory_id: str
    etag: str = ""


@dataclass(frozen=True, slots=True)
class ProcessEvent:
    """Judge one event, step the rhythm, and remember the event if it is accepted."""

    memory: NewMemory
    moral_value: float
    """In [0, 1]; decided before the record was written."""
    answer: NewMemory | None = None
    """What was answered to the event; remembered with it, both or none. It moves no trace."""

    @property
    def memories(self) -> tuple[NewMemory, ...]:
        """What is remembered if the event is accepted: it, and its answer if there is one."""
        return (self.memory,) if self.answer is None else (self.memory, self.answer)

    def with_memories(self, memories: Sequence[NewMemory]) -> ProcessEvent:
        """Return the event with its :attr:`memories` replaced by others, as many."""
        return ProcessEvent(memories[0], self.moral_value, *memories[1:])


@dataclass(frozen=True, slots=True)
class MergeMember:
    """A memory as the writer of a record saw it."""

    memory_id: str
    etag: str


@dataclass(frozen=True, slots=True)
class MergeGroup:
    """Memories that say the same that become one memory."""

    memory_id: str
    """Of the memory that they become; decided before the record was written."""
    members: tuple[MergeMember, ...]
    """At least one; the newest first, whose text and vector stay."""


@dataclass(frozen=True, slots=True)
class Consolidate:
    """Merge memories that say the same and forget what has expired.

    See ``core/mind/consolidation.py``.
    """

    groups: tuple[MergeGroup, ...]
    trigger: int = 0
    """Event whose step put the space to sleep, the newest wins; 0 when a request asked."""
    examined_sequence: int = 0
    """Memories up to this creation sequence have been compared with all older ones."""
    move_traces: bool = False
    """Let the synaptic traces decay and transfer once."""


@dataclass(frozen=True, slots=True)
class UpgradeSemantics:
    """Go on by the next version of the rules; see ``core/model/semantics.py``."""

    version: int
    """The state's own version and older ones change nothing."""


@dataclass(frozen=True, slots=True)
class AcceptLoss:
    """Go on without records that cannot be read any more, in a new incarnation.

    The one record that need not follow its predecessor: its revision is that after the last lost
    one. Valid under every version of the rules.
    """

    first_lost: int
    """The state to which it applies is of the revision before."""
    last_lost: int
    """At least the revision before the first; then nothing but the incarnation changes."""


@dataclass(frozen=True, slots=True)
class StreamItem:
    """One item of a stream."""

    sequence: int
    """Place in the stream, from 1."""
    body: NewMemory | ProcessEvent


@dataclass(frozen=True, slots=True)
class StreamItems:
    """Carry out some items of a stream, each on its own; those up to its mark are ignored.

    Sequences without an item are settled too: their items were refused before the record. Such a
    record has no request id, because the mark of the stream tells repeats.
    """

    stream_id: str
    after_sequence: int
    """Last item that the writer knows to be settled; the record settles what follows it."""
    last_sequence: int
    """Last item that this record settles, at least ``after_sequence``."""
    items: Sequence[StreamItem]
    """By rising sequence, all in (after_sequence, last_sequence]; a tuple, or what decodes each
    whenever it is asked for."""
    allow_replace: bool = False
    finished: bool = False
    """The client has sent everything, and this record settles the last of it."""
