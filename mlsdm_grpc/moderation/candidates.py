"""Candidates: memories and events before their record is written, with the decisions on them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mlsdm_grpc.core.mind.compatibility import reduced
from mlsdm_grpc.core.mind.ontology import Ontology
from mlsdm_grpc.core.model.new_memory import NewMemory, Vector
from mlsdm_grpc.core.model.outcome import EventOutcome, PutItem, PutOutcome, PutResult, Rejection
from mlsdm_grpc.core.model.policy import Decision
from mlsdm_grpc.core.model.semantics import newest
from mlsdm_grpc.governance.matching.findings import redact
from mlsdm_grpc.governance.policy.effective_policy import EffectivePolicy
from mlsdm_grpc.governance.policy.verdict import (
    Measurement,
    Verdict,
    enforced,
    moral_verdict,
    to_redact,
)
from mlsdm_grpc.ids import Ids
from mlsdm_grpc.journal.codec.new_memories import packed_memory, unpacked_memory
from mlsdm_grpc.protection.fair_limiter import FEW
from mlsdm_grpc.spaces.checks import parameters_of
from mlsdm_grpc.spaces.space import Space

__all__ = [
    "INLINE_PRODUCTS",
    "Candidate",
    "judged_event",
    "judged_value",
    "redacted_memory",
    "refused_put",
    "settled",
]

# Number of multiplications up to which categories are computed on the event loop, about a
# millisecond; larger computations run in a thread.
INLINE_PRODUCTS = 4_000_000
# Number of memories that are unpacked at once.
_UNPACKED = 32


@dataclass(slots=True, eq=False)
class Candidate:
    """A memory to be stored, or an event that may become one, with the decisions on it."""

    given: NewMemory
    """The memory as received; its vector is empty if the server must provide it."""
    is_event: bool = False
    given_value: float | None = None
    """Moral value of an event that the caller reports; None if it reports none."""
    attested: bool = False
    """True if the caller's moral value replaces that of the scorer."""
    known_vector: Vector | None = None
    """Vector of the text from this server's embedder, if an earlier step has computed it."""
    memory: NewMemory = field(init=False)
    """The memory with id and vector, and with its text after redaction."""
    verdicts: tuple[Verdict, ...] = field(default=(), init=False)
    """Verdicts of the rules that did not allow the text, enforced or in shadow mode."""
    moral_value: float = field(default=0.0, init=False)
    """Moral value of the event, before any refusal by a rule."""
    failed: bool = field(default=False, init=False)
    """True if the text of an event could not be scored."""

    def __post_init__(self) -> None:
        self.memory = self.given
        self._reset()

    def begin(self, ids: Ids) -> None:
        """Assign an id on the first call, and reset earlier decisions."""
        memory_id = self.memory.memory_id or ids.ulid()
        self.memory = self.given
        if not self.given.memory_id:
            self.memory = self.given.with_id(memory_id)
        self._reset()

    def _reset(self) -> None:
        self.verdicts, self.failed = (), False
        self.moral_value = self.given_value or 0.0

    @property
    def bare(self) -> bool:
        """True if the server must provide the vector."""
        return not len(self.given.vector.raw)

    @property
    def to_embed(self) -> bool:
        """True if the text must be embedded."""
        return self.bare and self.known_vector is None

    @property
    def scored(self) -> bool:
        """True if the moral value depends on the text."""
        given = self.attested and self.given_value is not None
        return self.is_event and bool(self.given.text) and not given

    @property
    def refused(self) -> bool:
        """True if an enforced rule refuses to store the candidate."""
        return enforced(self.verdicts) is Decision.REFUSE

    @property
    def effective_value(self) -> float:
        """Moral value written to the record of an event.

        A refused event has the value 0, which the moral filter never accepts. The event then
        advances the rhythm but leaves no trace.
        """
        return 0.0 if self.refused else self.moral_value

    @property
    def recorded(self) -> NewMemory:
        """Memory for the record of an event; a refused one has no text and a placeholder vector."""
        if not self.refused:
            return self.memory
        raw = np.zeros_like(self.memory.vector.raw)
        raw[0] = 1.0
        return NewMemory(self.memory.memory_id, Vector(raw, 1.0))


def redacted_memory(
    memory: NewMemory, measurement: Measurement, found: Iterable[Verdict]
) -> NewMemory:
    """Return a memory in which the findings that an enforced rule redacts are replaced.

    Args:
        memory: Memory whose context and text were measured together.
        measurement: Measurement of the memory.
        found: Verdicts on it.
    """
    places = to_redact(measurement, found)
    if not memory.context:
        return replace(memory, text=redact(memory.text, places))
    border = len(memory.context)
    begin = len(memory.whole) - len(memory.text)
    within = [replace(each, end=min(each.end, border)) for each in places if each.start < border]
    behind = [
        replace(each, start=max(each.start - begin, 0), end=each.end - begin)
        for each in places
        if each.end > begin
    ]
    return replace(memory, context=redact(memory.context, within), text=redact(memory.text, behind))


def refused_put(prepared: Sequence[Candidate], revision: int) -> PutOutcome:
    """Return the outcome of a refused put; ``revision`` is the current one of the space."""
    return PutOutcome(
        items=tuple(
            PutItem(
                each.memory.memory_id,
                PutResult.REFUSED if each.refused else PutResult.SKIPPED,
                confidence=each.memory.confidence,
            )
            for each in prepared
        ),
        revision=revision,
    )


def judged_event(
    prepared: Candidate, outcome: EventOutcome, policy: EffectivePolicy
) -> tuple[Verdict, ...]:
    """Return the verdicts on a processed event.

    Args:
        prepared: The event.
        outcome: Outcome of the event.
        policy: Policy of its tenant.

    An accepted event is not reported as refused: it may be a repeated request, whose first outcome
    holds even if a current rule would refuse it.
    """
    if outcome.accepted:
        return tuple(each for each in prepared.verdicts if each.carried_out is not Decision.REFUSE)
    if prepared.refused or outcome.rejection is not Rejection.MORAL:
        return prepared.verdicts
    moral = moral_verdict(
        policy,
        score=prepared.moral_value,
        threshold=outcome.threshold_applied,
        failed=prepared.failed,
    )
    return tuple(sorted((moral, *prepared.verdicts), key=lambda verdict: verdict.rule_id))


def judged_value(prepared: Candidate, outcome: EventOutcome) -> float:
    """Return the moral value that decided about an event; for an accepted one before refusal."""
    return prepared.moral_value if outcome.accepted else prepared.effective_value


async def settled(
    space: Space, memories: Sequence[NewMemory], *, version: int, now_ns: int
) -> Sequence[NewMemory]:
    """Return memories with the default lifetime and the nearest category of their space.

    Fields that the rules of the space do not support are removed.

    Args:
        space: An existing space.
        memories: Memories with vectors of its dimension.
        version: Version of the rules of their record.
        now_ns: Server time. The lifetime starts then, or at the last update of the space if that
            is later, so that a clock that was set back does not shorten it.
    """
    if version < newest():
        memories = tuple(reduced(memory, version) for memory in memories)
    ttl_ns = parameters_of(space).default_ttl_ns
    if ttl_ns:
        begin_ns = max(now_ns, space.view.update_time_ns if space.view else 0)
        memories = tuple(
            memory if memory.expire_time_ns else replace(memory, expire_time_ns=begin_ns + ttl_ns)
            for memory in memories
        )
    ontology = space.ontology
    if not len(ontology):
        return memories
    if ontology.cost(len(memories)) <= INLINE_PRODUCTS and len(memories) <= FEW:
        return ontology.labelled(memories)
    return await asyncio.to_thread(_labelled, ontology, memories)


def _labelled(ontology: Ontology, memories: Sequence[NewMemory]) -> tuple[NewMemory, ...]:
    """Return memories with categories; packed ones are unpacked a few at a time."""
    done = list[NewMemory]()
    for begin in range(0, len(memories), _UNPACKED):
        some = memories[begin : begin + _UNPACKED]
        labelled = ontology.labelled(tuple(map(unpacked_memory, some)))
        done += (
            packed_memory(after) if before.rest else after
            for before, after in zip(some, labelled, strict=True)
        )
    return tuple(done)
