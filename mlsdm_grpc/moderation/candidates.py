"""Memories and events on their way in, and what is decided of them before their record."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mlsdm_grpc.core.mind.compatibility import reduced
from mlsdm_grpc.core.mind.ontology import Ontology
from mlsdm_grpc.core.model.policy import Decision
from mlsdm_grpc.core.model.record import (
    EventOutcome,
    NewMemory,
    PutItem,
    PutOutcome,
    PutResult,
    Rejection,
    Vector,
)
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
from mlsdm_grpc.journal.codec.records import packed_memory, unpacked_memory
from mlsdm_grpc.protection.fair_limiter import FEW
from mlsdm_grpc.spaces.checks import parameters_of
from mlsdm_grpc.spaces.directory import Space

__all__ = ["Candidate", "judged_event", "judged_value", "redacted_memory", "refused_put", "settled"]

_INLINE_PRODUCTS = 4_000_000
"""Comparing with an ontology on the event loop takes at most about a millisecond."""
_UNPACKED = 32
"""Memories that are unpacked at once."""


@dataclass(slots=True, eq=False)
class Candidate:
    """A memory on its way in, or an event that may become one, and what is decided of it."""

    given: NewMemory
    """As it came; with an empty vector where the server has to provide it."""
    is_event: bool = False
    given_value: float | None = None
    """Moral value of an event, as its caller gives it."""
    attested: bool = False
    """The moral value of the caller holds whatever the text."""
    known_vector: Vector | None = None
    """What this server's embedder made of the text, if it is known already."""
    memory: NewMemory = field(init=False)
    """With its id and vector, and with what policy leaves of its text."""
    verdicts: tuple[Verdict, ...] = field(default=(), init=False)
    """Of the rules that did not allow something, enforced or in shadow."""
    moral_value: float = field(default=0.0, init=False)
    """That an event is judged by, if no rule refuses it."""
    failed: bool = field(default=False, init=False)
    """The text of an event could not be scored."""

    def __post_init__(self) -> None:
        self.memory = self.given
        self._reset()

    def begin(self, ids: Ids) -> None:
        """Give it an id, which it keeps, and forget what was decided of it before."""
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
        """Whether the server makes its vector."""
        return not len(self.given.vector.raw)

    @property
    def to_embed(self) -> bool:
        """Whether its text has to be embedded."""
        return self.bare and self.known_vector is None

    @property
    def scored(self) -> bool:
        """Whether its moral value depends on its text."""
        given = self.attested and self.given_value is not None
        return self.is_event and bool(self.given.text) and not given

    @property
    def refused(self) -> bool:
        """Whether an enforced rule keeps it from being stored."""
        return enforced(self.verdicts) is Decision.REFUSE

    @property
    def effective_value(self) -> float:
        """Moral value that goes into the record of an event.

        A mind takes in nothing at 0, so what a rule refuses steps it and leaves no trace.
        """
        return 0.0 if self.refused else self.moral_value

    @property
    def recorded(self) -> NewMemory:
        """What goes into the record of an event: of a text that a rule refuses nothing does."""
        if not self.refused:
            return self.memory
        raw = np.zeros_like(self.memory.vector.raw)
        raw[0] = 1.0
        return NewMemory(self.memory.memory_id, Vector(raw, 1.0))


def redacted_memory(
    memory: NewMemory, measurement: Measurement, found: Iterable[Verdict]
) -> NewMemory:
    """Return a memory without the places for which an enforced rule wants REDACT.

    Args:
        memory: The memory, as a whole of which the places were found.
        measurement: What was measured of that.
        found: What the rules say.
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
    """Return the outcome of a put that policy refused; ``revision`` is that of the space."""
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
    """Return the verdicts about an event that was processed.

    Args:
        prepared: The event.
        outcome: What became of it.
        policy: What holds for its tenant.

    Of an event that was accepted no rule that holds now has refused anything: it is repeated, and
    its first outcome stands.
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
    """Return the moral value that an event was judged by; one that was accepted was not refused."""
    return prepared.moral_value if outcome.accepted else prepared.effective_value


async def settled(
    space: Space, memories: Sequence[NewMemory], *, version: int, now_ns: int
) -> Sequence[NewMemory]:
    """Return memories with the default life and the nearest category of their space.

    What the server added to them and the space cannot keep is left out.

    Args:
        space: A space that exists.
        memories: With vectors of its dimension.
        version: Of the rules that their record will be under.
        now_ns: The server's clock; a memory lives from then, or from the latest time that the
            space is known to have seen, so that a clock that was set back ends no life at once.
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
    if ontology.cost(len(memories)) <= _INLINE_PRODUCTS and len(memories) <= FEW:
        return ontology.labelled(memories)
    return await asyncio.to_thread(_labelled, ontology, memories)


def _labelled(ontology: Ontology, memories: Sequence[NewMemory]) -> tuple[NewMemory, ...]:
    """Label memories of which some are packed, a few at a time."""
    done = list[NewMemory]()
    for begin in range(0, len(memories), _UNPACKED):
        some = memories[begin : begin + _UNPACKED]
        labelled = ontology.labelled(tuple(map(unpacked_memory, some)))
        done += (
            packed_memory(after) if before.rest else after
            for before, after in zip(some, labelled, strict=True)
        )
    return tuple(done)
