"""What the state machine applies and what it answers: plain values, no behaviour.

A :class:`Record` is one write of one space. Everything that depends on the outside (time, ids,
embeddings, moral scores, resolved parameters) was decided before the record was written and
travels in it, so that applying the same records gives the same state on any machine.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlsdm_grpc.core.model import semantics
from mlsdm_grpc.core.model.policy import PolicySet, SetPolicy

__all__ = [
    "FIRST_MERGE_MIN_COSINE",
    "MAX_LABELS",
    "MAX_METADATA_BYTES",
    "MAX_PARENTS",
    "MAX_TEXT_BYTES",
    "AcceptLoss",
    "Consolidate",
    "ConsolidateOutcome",
    "CreateSpace",
    "DeleteMemory",
    "DeleteOutcome",
    "EventOutcome",
    "Float32",
    "LossAccepted",
    "MergeGroup",
    "MergeMember",
    "MoralParameters",
    "MoralPolicy",
    "NewMemory",
    "OntologyCategory",
    "Outcome",
    "ProcessEvent",
    "Provenance",
    "PutItem",
    "PutMemories",
    "PutOutcome",
    "PutResult",
    "Record",
    "RecordBody",
    "Refusal",
    "Rejection",
    "RhythmParameters",
    "SemanticsUpgraded",
    "Source",
    "SpaceChange",
    "SpaceChanged",
    "SpaceCreated",
    "SpaceParameters",
    "StreamItem",
    "StreamItems",
    "StreamOutcome",
    "SynapticParameters",
    "UpdateMemory",
    "UpdateSpace",
    "UpgradeSemantics",
    "Vector",
    "etag_of",
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


# Parameters of a space, resolved when it is created.


class MoralPolicy(enum.IntEnum):
    """How the moral threshold moves; see ``core/mind/moral.py``."""

    VIGILANT = 1
    HOMEOSTATIC = 2


@dataclass(frozen=True, slots=True)
class MoralParameters:
    """Parameters of the moral filter; scores and thresholds are in [0, 1]."""

    policy: MoralPolicy = MoralPolicy.VIGILANT
    base: float = 0.50
    """Threshold at rest."""
    ceiling: float = 0.70
    """Highest threshold that ``vigilant`` reaches."""
    always_pass: float = 0.90
    """Scores from here on pass whatever the threshold is."""
    never_pass: float = 0.30
    """Scores below this never pass."""
    alpha: float = 0.1
    """Weight of the newest event in the running average."""
    step: float = 0.05
    """Largest move of the threshold in one event."""

    @classmethod
    def starting_at(cls, base: float) -> MoralParameters:
        """Return the defaults with another threshold at rest, and a ceiling not below it."""
        default = cls()
        return replace(default, base=base, ceiling=max(default.ceiling, base))


@dataclass(frozen=True, slots=True)
class RhythmParameters:
    """Lengths of the two phases, in processed events."""

    wake_duration: int = 8
    sleep_duration: int = 3
    sleep_gate: bool = False
    """Refuse events while asleep, as the original did; the rhythm still steps."""


@dataclass(frozen=True, slots=True)
class SynapticParameters:
    """Decay, thresholds and gates of the three traces; see ``core/mind/synapses.py``."""

    lambda_l1: float = 0.5
    lambda_l2: float = 0.1
    lambda_l3: float = 0.01
    theta_l1: float = 1.2
    theta_l2: float = 2.5
    gating12: float = 0.45
    gating23: float = 0.30
    legacy: bool = False
    """Scaling and signed comparison of the original."""


@dataclass(frozen=True, slots=True)
class OntologyCategory:
    """One category that memories may be labelled with."""

    name: str
    """Also the label."""
    vector: Vector


FIRST_MERGE_MIN_COSINE: Final = 0.98
"""Cosine of a space under the first rules that names none."""


@dataclass(frozen=True, slots=True)
class SpaceParameters:
    """Everything that is fixed or configured for one space."""

    dimension: int = 384
    """Components of every embedding, 1..4096; never changes."""
    capacity: int = 20_000
    """Memories held at most, 1..1,000,000."""
    embedder: str = ""
    """Model that embeds text for this space; empty when callers send vectors. Fixed while there
    are memories."""
    min_confidence: float = 0.5
    """Memories below this confidence are refused at the door."""
    default_ttl_ns: int = 0
    """Life of a memory that names no expiry; 0 means for ever. Writers turn it into an expiry."""
    read_only: bool = False
    """Every record but a change of parameters is refused."""
    merge_min_cosine: float = 1.0 - 1e-6
    """Cosine from which consolidation merges two memories without a text; 1 merges nothing."""
    recall_in_band: bool = False
    """A query that names no phase looks in the band around the current one, not in all phases."""
    ontology: tuple[OntologyCategory, ...] = ()
    """Categories that writers label memories with; names are unique."""
    moral: MoralParameters = field(default_factory=MoralParameters)
    rhythm: RhythmParameters = field(default_factory=RhythmParameters)
    synapses: SynapticParameters = field(default_factory=SynapticParameters)


# Values inside records.


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
    rest: bytes = b""
    """Labels, metadata and parents as a record has them, where those stand for themselves only;
    the fields are empty then. As strings they take up to twenty times as much."""


# Bodies of records.


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


RecordBody: TypeAlias = (
    CreateSpace
    | UpdateSpace
    | PutMemories
    | UpdateMemory
    | DeleteMemory
    | ProcessEvent
    | Consolidate
    | SetPolicy
    | UpgradeSemantics
    | AcceptLoss
    | StreamItems
)


@dataclass(frozen=True, slots=True)
class Record:
    """One write of one space, as it stands in the journal."""

    revision: int
    """Position among the records of its space, from 1; never restarts."""
    incarnation: int
    """Revision of the record that created the space, or that accepted the loss of records since; 0
    in such a record itself."""
    record_id: bytes
    """16 bytes, unique; how a writer recognises its own record."""
    time_ns: int
    """Unix time of the writer."""
    body: RecordBody
    request_id: bytes = b""
    """16 bytes; empty for a record that no request asked for."""
    request_digest: bytes = b""
    """32 bytes over the canonical request."""
    principal: str = ""
    """Who asked for it."""
    semantics_version: int = field(default_factory=semantics.newest)
    """Rules that the writer took the space to be under; see ``core/model/semantics.py``."""
    raw: bytes = b""
    """The encoded record; what the hash chain covers."""


# Outcomes.


def etag_of(revision: int) -> str:
    """Return the etag of what last changed at ``revision``: a memory, a policy, parameters."""
    return f'"{revision}"'


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record was counted, and nothing else changed."""

    reason: str
    """Name of an ``ErrorReason``."""
    message: str
    metadata: tuple[tuple[str, str], ...] = ()
    revision: int = 0


class PutResult(enum.IntEnum):
    """What became of one memory of a put."""

    CREATED = 1
    REFRESHED = 2
    REFUSED = 3
    REPLACED = 4
    SKIPPED = 5


@dataclass(frozen=True, slots=True)
class PutItem:
    """Outcome of one memory of a put; content-free, so that the request window may keep it."""

    memory_id: str
    result: PutResult
    phase: float = 0.0
    confidence: float = 0.0
    pinned: bool = False
    create_time_ns: int = 0
    create_revision: int = 0
    update_time_ns: int = 0
    expire_time_ns: int = 0
    revision: int = 0
    """Revision at which the memory last changed; 0 if nothing was stored."""

    @property
    def etag(self) -> str:
        """Opaque version of the memory."""
        return etag_of(self.revision)


@dataclass(frozen=True, slots=True)
class PutOutcome:
    """Outcome of :class:`PutMemories`, in the order of its memories."""

    items: tuple[PutItem, ...]
    evicted: tuple[str, ...] = ()
    """Ids of the memories that left to make room, oldest first."""
    min_confidence: float = 0.0
    """What a memory's confidence had to reach."""
    revision: int = 0


@dataclass(frozen=True, slots=True)
class DeleteOutcome:
    """The memory is gone."""

    revision: int = 0


@dataclass(frozen=True, slots=True)
class SpaceCreated:
    """The space exists; ``created`` says whether this record made it."""

    created: bool
    revision: int = 0


@dataclass(frozen=True, slots=True)
class SpaceChanged:
    """The space has new parameters from ``revision`` on."""

    revision: int = 0


class Rejection(enum.IntEnum):
    """Why an event was not accepted."""

    NONE = 0
    MORAL = 1
    SLEEP = 2


@dataclass(frozen=True, slots=True)
class EventOutcome:
    """Outcome of :class:`ProcessEvent`."""

    rejection: Rejection
    step: int
    phase: float
    """Phase after the step."""
    moral_threshold: float
    """Threshold after the event."""
    moral_ema: float
    """Running average after the event: hostility (vigilant) or acceptance (homeostatic)."""
    threshold_applied: float
    """Threshold that the event was judged by."""
    used: int
    capacity: int
    awake: bool
    """Whether the space is awake after the step."""
    fell_asleep: bool = False
    """Whether it was this step that put the space to sleep."""
    memory_id: str = ""
    result: PutResult = PutResult.REFUSED
    """What became of its memory."""
    evicted: tuple[str, ...] = ()
    revision: int = 0
    answer_id: str = ""
    """Memory of the answer that came with the event, if it was remembered."""

    @property
    def accepted(self) -> bool:
        """Whether the event passed and entered the traces.

        It is remembered too, unless its confidence is below the least that the space keeps.
        """
        return self.rejection is Rejection.NONE


@dataclass(frozen=True, slots=True)
class ConsolidateOutcome:
    """Outcome of :class:`Consolidate`."""

    merged_count: int = 0
    """Memories that became part of others."""
    purged_count: int = 0
    """Expired memories that were forgotten."""
    used: int = 0
    """Memories held afterwards."""
    revision: int = 0


@dataclass(frozen=True, slots=True)
class SemanticsUpgraded:
    """The space is under the version of the rules that was asked for, or a newer one."""

    upgraded: bool
    """Whether it was this record that changed the version."""
    revision: int = 0


@dataclass(frozen=True, slots=True)
class LossAccepted:
    """The space goes on from what was left of it."""

    revision: int = 0


@dataclass(frozen=True, slots=True)
class StreamOutcome:
    """Outcome of :class:`StreamItems`."""

    acked_sequence: int
    """Mark of the stream afterwards: items up to it are settled."""
    items: tuple[PutOutcome | EventOutcome | Refusal | None, ...] = ()
    """In the order of the record; None for an item that was settled before."""
    revision: int = 0


Outcome: TypeAlias = (
    PutOutcome
    | DeleteOutcome
    | EventOutcome
    | ConsolidateOutcome
    | SpaceCreated
    | SpaceChanged
    | PolicySet
    | SemanticsUpgraded
    | LossAccepted
    | StreamOutcome
    | Refusal
)
