"""Bodies of records: the requested change of each kind of write."""

from __future__ import annotations

from collections.abc import Sequence

from mlsdm_grpc.core.model.new_memory import NewMemory
from mlsdm_grpc.core.model.parameters import MoralPolicy, OntologyCategory, SpaceParameters
from mlsdm_grpc.value_classes import value_class

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


@value_class
class CreateSpace:
    """Creates the space unless it exists."""

    parameters: SpaceParameters
    exclusive: bool = False
    """Refuse the record if the space exists; otherwise the record succeeds without a change."""


@value_class
class SpaceChange:
    """New values of some parameters; None and an empty ontology keep the present value."""

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


@value_class
class UpdateSpace:
    """Changes all parameters named in ``change``, or none."""

    etag: str
    """Expected etag of the space; empty accepts any."""
    change: SpaceChange


@value_class
class PutMemories:
    """Stores 1..1,000 memories, all or none."""

    memories: Sequence[NewMemory]
    """A tuple, or a sequence that decodes each memory on access."""
    allow_replace: bool = False


@value_class
class UpdateMemory:
    """Changes labels, pin or expiry of one memory; None keeps the present value."""

    memory_id: str
    etag: str = ""
    """Expected etag of the memory; empty accepts any."""
    add_labels: tuple[str, ...] = ()
    remove_labels: tuple[str, ...] = ()
    """Labels to remove; they are removed before ``add_labels`` are added."""
    pinned: bool | None = None
    expire_time_ns: int | None = None
    """Unix time, nanoseconds; 0 means never."""


@value_class
class DeleteMemory:
    """Removes one memory."""

    memory_id: str
    etag: str = ""
    """Expected etag of the memory; empty accepts any."""


@value_class
class ProcessEvent:
    """Applies the moral filter to one event, advances the rhythm, and stores an accepted event."""

    memory: NewMemory
    moral_value: float
    """Moral score in [0, 1], computed before the record was written."""
    answer: NewMemory | None = None
    """Answer to the event. Both are stored, or neither; the answer changes no trace."""

    @property
    def memories(self) -> tuple[NewMemory, ...]:
        """Memories to store on acceptance: the event, then its answer if there is one."""
        return (self.memory,) if self.answer is None else (self.memory, self.answer)

    def with_memories(self, memories: Sequence[NewMemory]) -> ProcessEvent:
        """Return the event with its :attr:`memories` replaced by the same number of others."""
        return ProcessEvent(memories[0], self.moral_value, *memories[1:])


@value_class
class MergeMember:
    """Memory to merge, with the etag that the writer of the record read."""

    memory_id: str
    etag: str


@value_class
class MergeGroup:
    """Memories with the same content, to be merged into one memory."""

    memory_id: str
    """Id of the merged memory, chosen before the record was written."""
    members: tuple[MergeMember, ...]
    """At least one, newest first. The merged memory keeps the text and vector of the newest."""


@value_class
class Consolidate:
    """Removes expired memories and merges memories with the same content.

    See ``core/mind/consolidation.py``.
    """

    groups: tuple[MergeGroup, ...]
    trigger: int = 0
    """Number of the event that put the space to sleep; 0 for an explicit request. A record whose
    trigger is not above that of an earlier record changes nothing."""
    examined_sequence: int = 0
    """High-water mark of consolidation: memories up to this creation sequence were compared with
    all older ones."""
    move_traces: bool = False
    """Apply one step of decay and transfer to the synaptic traces."""


@value_class
class UpgradeSemantics:
    """Raises the version of the rules of the space by one; see ``core/model/semantics.py``."""

    version: int
    """Target version; the present version and older ones change nothing."""


@value_class
class AcceptLoss:
    """Continues without unreadable records, in a new incarnation.

    Only this record may leave a gap of revisions: its own revision follows the last lost one. It is
    valid under every version of the rules.
    """

    first_lost: int
    """First lost revision; the record applies to the state of the revision before."""
    last_lost: int
    """Last lost revision. ``first_lost - 1`` if none is lost; then only the incarnation changes."""


@value_class
class StreamItem:
    """One item of a stream."""

    sequence: int
    """Position in the stream, from 1."""
    body: NewMemory | ProcessEvent


@value_class
class StreamItems:
    """Applies some items of a stream one by one; items up to the mark of the stream are ignored.

    A sequence in the range without an item also becomes acknowledged: its item was refused before
    the record was written. Such a record has no request id, because the mark of the stream detects
    repeats.
    """

    stream_id: str
    after_sequence: int
    """Last item that the writer knows to be acknowledged; the range of the record starts after it.
    """
    last_sequence: int
    """Last sequence that this record acknowledges, at least ``after_sequence``."""
    items: Sequence[StreamItem]
    """Items in (after_sequence, last_sequence] by rising sequence; a tuple, or a sequence that
    decodes each item on access."""
    allow_replace: bool = False
    finished: bool = False
    """True if the client has sent all items, and this record acknowledges the last of them."""
