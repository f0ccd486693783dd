"""Write operations: texts are evaluated and embedded, then written to a space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mlsdm_grpc.core.model.bodies import DeleteMemory, ProcessEvent, PutMemories, UpdateMemory
from mlsdm_grpc.core.model.new_memory import NewMemory, Vector
from mlsdm_grpc.core.model.outcome import DeleteOutcome, EventOutcome, Outcome, PutOutcome
from mlsdm_grpc.errors import NotFound
from mlsdm_grpc.governance.policy.verdict import Verdict
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.moderation.candidates import (
    Candidate,
    judged_event,
    judged_value,
    refused_put,
    settled,
)
from mlsdm_grpc.moderation.moderator import Judging
from mlsdm_grpc.moderation.preparation import Preparation
from mlsdm_grpc.protection.lanes import Before, Lane
from mlsdm_grpc.spaces.checks import check_embedded, expect, join, parameters_of
from mlsdm_grpc.spaces.creation import FirstWrites
from mlsdm_grpc.spaces.space import Space
from mlsdm_grpc.spaces.space_client import Access
from mlsdm_grpc.spaces.ticket import Ticket
from mlsdm_grpc.spaces.write_pipeline import Applied

__all__ = ["Exchange", "Intake", "ProcessedEvent", "Put"]


@dataclass(frozen=True, slots=True)
class Put:
    """Result of a put."""

    outcome: PutOutcome
    verdicts: tuple[tuple[Verdict, ...], ...]
    """Verdicts for each memory: of enforced and shadow rules that did not allow its text."""


@dataclass(frozen=True, slots=True)
class ProcessedEvent:
    """Result of an event."""

    outcome: EventOutcome
    synaptic_norms: Sequence[float]
    """Norms of the traces L1, L2 and L3 after the event."""
    moral_value: float
    """Moral value that the decision used."""
    verdicts: tuple[Verdict, ...]
    """Verdicts of enforced and shadow rules that did not allow the text."""
    refused: bool
    """True if an enforced rule refused the text, which sets the moral value to 0."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """Result of storing a prompt together with its answer."""

    outcome: EventOutcome | None
    """Outcome of the write; None if an enforced rule refused a text, so nothing was written."""
    verdicts: tuple[Verdict, ...]
    """Verdicts of enforced and shadow rules that did not allow a text."""


class Intake:
    """Write operations for memories and events.

    Args:
        access: Access to spaces.
        first: First writes, which create spaces.
        judging: Policies of the tenants.
        preparation: Embedding and evaluation of texts.
    """

    def __init__(
        self, access: Access, first: FirstWrites, judging: Judging, preparation: Preparation
    ) -> None:
        self._access = access
        self._directory = access.directory
        self._first = first
        self._judging = judging
        self._preparation = preparation

    def check_batch(self, key: SpaceKey, count: int, deadline_s: float) -> None:
        """Raise an error if there is no capacity for a put of ``count`` memories.

        See :meth:`Access.check_room`.
        """
        if _lane(count) is Lane.BULK:
            self._access.check_room(key, Before.JOURNAL, count, deadline_s)

    async def put(
        self,
        key: SpaceKey,
        body: PutMemories,
        ticket: Ticket,
        *,
        paths: Sequence[str],
        validate_only: bool = False,
    ) -> Put:
        """Store memories, all or none; memories without a vector are embedded from their text.

        Texts are evaluated first: if an enforced rule refuses one, nothing is written.

        Args:
            key: Space; it is created if it does not exist.
            body: Memories to store.
            ticket: Writer, idempotency key and deadline.
            paths: Path of each memory in the request, for violations.
            validate_only: True to return the expected outcome without writing or creating anything.

        Raises:
            MlsdmError: Any error that the contract of PutMemory lists.
        """
        lane = Lane.INTERACTIVE if validate_only else _lane(len(body.memories))
        if lane is not ticket.lane:
            ticket = replace(ticket, lane=lane)
        with self._access.lanes.inside(lane, key.tenant):
            candidates = [Candidate(memory) for memory in body.memories]
            await self._prepare(key, candidates, paths, ticket)
            # The texts are evaluated before the space is created, because a refused put must change
            # nothing.
            outcome = await self._refused(key, candidates, ticket)
            if outcome is None:
                given = body.memories
                memories = tuple([each.memory for each in candidates])
                body = PutMemories(memories, body.allow_replace)
                put = self._foresee_put if validate_only else self._put
                outcome = await put(key, given, body, ticket)
        return Put(outcome, tuple(each.verdicts for each in candidates))

    async def _put(
        self, key: SpaceKey, given: Sequence[NewMemory], body: PutMemories, ticket: Ticket
    ) -> PutOutcome:
        space = await self._first.open_for_write(key, given, body, ticket)
        if isinstance(space, PutOutcome):
            return space
        body = PutMemories(await self._settled(space, body.memories), body.allow_replace)
        return expect((await self._access.write(space, body, ticket)).outcome, PutOutcome)

    async def _foresee_put(
        self, key: SpaceKey, given: Sequence[NewMemory], body: PutMemories, ticket: Ticket
    ) -> PutOutcome:
        try:
            space = await self._directory.existing(key)
        except NotFound:
            return await self._first.preview(key, given, body, ticket)
        self._first.check(key, parameters_of(space), given, body.memories)
        await self._first.check_kept_bytes(space, ticket, body)
        body = PutMemories(await self._settled(space, body.memories), body.allow_replace)
        return expect(await self._access.foresee(space, body, ticket), PutOutcome)

    async def _refused(
        self, key: SpaceKey, candidates: Sequence[Candidate], ticket: Ticket
    ) -> PutOutcome | None:
        """Return the outcome of a put that the policy refuses; None if the policy permits it.

        A repeat of a put that was stored before the policy was set still returns the first result.
        """
        if not any(each.refused for each in candidates):
            return None
        try:
            space = await self._directory.existing(key)
        except NotFound:
            return refused_put(candidates, 0)
        # The preview of an event only detects whether its request id was used before.
        probe = ProcessEvent(candidates[0].memory, 0.0)
        first = await self._access.foresee(space, probe, ticket)
        return first if isinstance(first, PutOutcome) else refused_put(candidates, space.applied)

    async def update(self, key: SpaceKey, body: UpdateMemory, ticket: Ticket) -> PutOutcome:
        """Change labels, pin or expiry of a memory; raises the errors of :meth:`delete`."""
        return expect(await self._change(key, body, ticket), PutOutcome)

    async def delete(self, key: SpaceKey, body: DeleteMemory, ticket: Ticket) -> DeleteOutcome:
        """Delete a memory.

        Raises:
            NotFound: SPACE_NOT_FOUND or MEMORY_NOT_FOUND.
            Conflict: ETAG_MISMATCH.
        """
        return expect(await self._change(key, body, ticket), DeleteOutcome)

    async def _change(
        self, key: SpaceKey, body: UpdateMemory | DeleteMemory, ticket: Ticket
    ) -> Outcome:
        with self._access.lanes.inside(Lane.INTERACTIVE, key.tenant):
            space = await self._directory.existing(key)
            return (await self._access.write(space, body, ticket)).outcome

    async def process_event(
        self, key: SpaceKey, event: Candidate, ticket: Ticket
    ) -> ProcessedEvent:
        """Evaluate an event and store it as a memory if it is accepted.

        Args:
            key: Space; it is created if it does not exist.
            event: Event with a text, a moral value or both.
            ticket: Writer, idempotency key and deadline.

        Raises:
            MlsdmError: Any error that the contract of ProcessEvent lists.
        """
        with self._access.lanes.inside(Lane.INTERACTIVE, key.tenant):
            # The policy at the start of the call applies, even if it changes during the call.
            policy = await self._judging.policy(key.tenant, ticket.deadline_s)
            await self._prepare(key, (event,), ("",), ticket)
            body = ProcessEvent(event.recorded, event.effective_value)
            applied = await self._process(key, (event.given,), body, ticket)
        outcome = expect(applied.outcome, EventOutcome)
        return ProcessedEvent(
            outcome,
            applied.synaptic_norms,
            judged_value(event, outcome),
            judged_event(event, outcome, policy),
            event.refused,
        )

    async def exchange(
        self,
        key: SpaceKey,
        prompt: NewMemory,
        answer: NewMemory,
        *,
        moral_value: float,
        ticket: Ticket,
        prompt_vector: Vector | None = None,
    ) -> Exchange:
        """Process a prompt as an event, and store it with its answer if the event is accepted.

        Args:
            key: Space; it is created if it does not exist.
            prompt: Prompt with a text and without a vector.
            answer: Answer with a text and without a vector.
            moral_value: Moral value of the prompt, in [0, 1].
            ticket: Writer, idempotency key and deadline.
            prompt_vector: Vector of the prompt by the embedder of this server; None if not computed
                yet.

        Raises:
            MlsdmError: Any error that the contract of ProcessEvent lists.
        """
        with self._access.lanes.inside(Lane.INTERACTIVE, key.tenant):
            # Both texts are in one record, so that a crash cannot store the prompt without its
            # answer.
            both = (Candidate(prompt, known_vector=prompt_vector), Candidate(answer))
            await self._prepare(key, both, ("prompt", "answer"), ticket)
            found = tuple(verdict for each in both for verdict in each.verdicts)
            if any(each.refused for each in both):
                return Exchange(None, found)
            body = ProcessEvent(both[0].memory, moral_value, both[1].memory)
            applied = await self._process(key, (prompt, answer), body, ticket)
        return Exchange(expect(applied.outcome, EventOutcome), found)

    async def _process(
        self, key: SpaceKey, given: Sequence[NewMemory], event: ProcessEvent, ticket: Ticket
    ) -> Applied:
        """Write an event to its space; ``given`` are its memories as received."""
        space = await self._first.open_for_write(key, given, event, ticket)
        event = event.with_memories(await self._settled(space, event.memories))
        return await self._access.write(space, event, ticket)

    async def _settled(self, space: Space, memories: Sequence[NewMemory]) -> Sequence[NewMemory]:
        access = self._access
        version = access.version_of(space.key)
        return await settled(space, memories, version=version, now_ns=access.clock.now_ns())

    async def _prepare(
        self,
        key: SpaceKey,
        candidates: Sequence[Candidate],
        paths: Sequence[str],
        ticket: Ticket,
    ) -> None:
        """Set id and vector of each candidate, and evaluate its text."""
        await self._preparation.prepare(candidates, key.tenant, ticket.deadline_s)
        check_embedded(
            {
                join(path, "text"): each.memory.vector
                for path, each in zip(paths, candidates, strict=True)
                if each.bare
            }
        )


def _lane(count: int) -> Lane:
    """Return the lane for a put of ``count`` memories."""
    return Lane.BULK if count > 1 else Lane.INTERACTIVE
